use console::style;
use gridwell_api::{InvitationView, NearbyView, PairSide, PairState, PairingView, PairingsView};
use qrcode::{EcLevel, QrCode, render::unicode::Dense1x2};

use super::{clean, fields, moment, table::Table};

/// A code and a link, with a QR code above them where there is room for one.
pub(crate) fn invitation(invitation: &InvitationView, qr: Option<&str>) -> String {
    let code = clean(&invitation.code);
    let addresses: Vec<_> = invitation.addresses.iter().map(|address| clean(address)).collect();
    let at = addresses.first().map(|address| format!(" --at {address}")).unwrap_or_default();
    let shown = fields(&[
        ("Code", style(&code).bold().to_string()),
        ("Good until", format!("{}, for one machine and one guess", moment(invitation.expires))),
        ("There", format!("gridwell pair code {code}{at}")),
        ("Addresses", addresses.join("\n            ")),
        ("Link", clean(&invitation.link)),
    ]);
    format!("{}{shown}", qr.unwrap_or_default())
}

/// A QR code for a terminal of so many columns, or nothing where it does not fit.
pub(crate) fn qr(text: &str, columns: usize) -> Option<String> {
    let code = QrCode::with_error_correction_level(text, EcLevel::L).ok()?;
    let drawn = code.render::<Dense1x2>().build();
    // Black on white whatever the terminal's colours are: many cameras read nothing else.
    let line = |line: &str| format!("{}\n", style(line).color256(16).on_color256(231));
    let fits = drawn.lines().all(|line| line.chars().count() <= columns);
    fits.then(|| drawn.lines().map(line).collect())
}

/// What the machine that wants in is told while it waits.
pub(crate) fn asking(pairing: &PairingView) -> String {
    let machine = clean(&pairing.machine);
    let words = style(pairing.words.join(" ")).bold();
    format!("Waiting for a person at {machine} ({}). It must show the same words:\n\n  {words}\n", pairing.fingerprint)
}

/// What a person at the other machine is asked.
pub(crate) fn question(guest: &PairingView) -> String {
    format!("\n{}\nDo both machines show these words? Let {} in? [y/N]", details(guest), clean(&guest.machine))
}

/// True for what people type who mean yes; the window speaks German, too.
pub(crate) fn is_yes(typed: &str) -> bool {
    matches!(typed.trim().to_lowercase().as_str(), "y" | "yes" | "j" | "ja")
}

/// Who waits, and how the last ones ended.
pub(crate) fn pairings(pairings: &PairingsView) -> String {
    let mut text = match pairings.code_until {
        Some(until) => format!("A code is shown until {}.\n", moment(until)),
        None => String::new(),
    };
    for pairing in &pairings.pairings {
        if pairing.state.is_ended() {
            text.push_str(&format!("{}  {}\n", moment(pairing.since), clean(&pairing.sentence)));
        } else {
            text.push_str(&format!("\n{}", details(pairing)));
        }
    }
    if text.is_empty() { "No machine waits to be let in.".to_owned() } else { text }
}

/// Machines that show a code.
pub(crate) fn nearby(found: &[NearbyView], columns: usize) -> String {
    if found.is_empty() {
        return "No machine nearby shows a code. Show one there with: gridwell pair show".to_owned();
    }
    let mut table = Table::new(&["MACHINE", "ADDRESS", "FINGERPRINT"]);
    for one in found {
        table.row([one.machine.clone(), one.addresses.join(", "), one.fingerprint.clone()]);
    }
    table.render(columns)
}

/// Whether machines are found.
pub(crate) fn nearby_is(pairings: &PairingsView) -> String {
    let is = if pairings.nearby {
        "This machine finds others nearby, and is found while it shows a code."
    } else {
        "This machine neither looks for others nearby nor is found by them."
    };
    is.to_owned()
}

fn details(pairing: &PairingView) -> String {
    let what = match (pairing.side, pairing.state) {
        (PairSide::Host, PairState::Waiting) => "asks to be let in".to_owned(),
        _ => clean(&pairing.sentence),
    };
    fields(&[
        ("Machine", format!("{} {what}", clean(&pairing.machine))),
        ("Words", style(pairing.words.join(" ")).bold().to_string()),
        ("Fingerprint", pairing.fingerprint.clone()),
        ("Address", clean(&pairing.address)),
        ("Until", pairing.until.map(moment).unwrap_or_default()),
        ("Number", pairing.id.to_string()),
    ])
}

#[cfg(test)]
mod tests {
    use console::strip_ansi_codes;
    use gridwell_api::PairMethod;
    use gridwell_model::Stamp;

    use super::*;

    fn a_guest() -> PairingView {
        PairingView {
            id: 3,
            side: PairSide::Host,
            method: PairMethod::Code,
            machine: "attic\u{1b}[2J".into(),
            peer: None,
            fingerprint: "abcd efgh".into(),
            address: "10.0.0.2:7766".into(),
            words: ["acid", "ocean", "tiger", "wool"].map(str::to_owned).into(),
            state: PairState::Waiting,
            sentence: String::new(),
            error: None,
            since: Stamp(1),
            until: None,
        }
    }

    #[test]
    fn a_person_is_asked_with_everything_there_is_to_compare() {
        let text = strip_ansi_codes(&question(&a_guest())).into_owned();
        for part in ["acid ocean tiger wool", "abcd efgh", "10.0.0.2:7766", "[y/N]"] {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert!(!text.contains('\u{1b}'), "{text}");
    }

    #[test]
    fn only_a_clear_yes_is_a_yes() {
        assert!(["y\n", "Yes", " j ", "ja"].into_iter().all(is_yes));
        assert!(!["", "\n", "n", "yess", "no", "yes no"].into_iter().any(is_yes));
    }

    #[test]
    fn a_qr_code_is_drawn_only_where_it_fits() {
        let link = format!("gridwell://pair/{}", "Ab9-_".repeat(40));
        assert_eq!(qr(&link, 40), None);
        let drawn = qr(&link, 120).unwrap();
        let lines: Vec<_> = drawn.lines().map(|line| strip_ansi_codes(line).chars().count()).collect();
        assert!(lines.iter().all(|count| *count == lines[0] && *count <= 120), "{lines:?}");
        assert_eq!(lines.len(), lines[0].div_ceil(2), "two rows a line");
    }
}
