use gridwell_api::{LinkAskState, LinkAskView, LinkAsksView};

use super::{clean, moment, table::Table};

/// What owners ask each other as a table, and below it whose asks are answered unseen.
pub(crate) fn link_asks(asks: &LinkAsksView, columns: usize) -> String {
    let mut text = if asks.asks.is_empty() {
        "Nobody asks for anything.\n".to_owned()
    } else {
        let mut table = Table::new(&["FROM", "TO", "ASKS FOR", "STATE", "SINCE", "UNTIL"]);
        for ask in &asks.asks {
            let until = ask.until.map(moment).unwrap_or_default();
            let (from, to) = (ask.from_name.clone(), ask.name.clone());
            table.row([from, to, "a pinned link".to_owned(), state(ask).to_owned(), moment(ask.asked), until]);
        }
        table.render(columns)
    };
    for always in &asks.always {
        let answer = if always.allow { "allowed" } else { "declined" };
        text.push_str(&format!("What {} asks is always {answer}\n", clean(&always.name)));
    }
    text
}

const fn state(ask: &LinkAskView) -> &'static str {
    match ask.state {
        LinkAskState::Sending => "waits until the machine is reached",
        LinkAskState::Waiting => "waits for an answer",
        LinkAskState::Allowed => "allowed",
        LinkAskState::Declined => "declined",
    }
}

/// How far an ask is that a person has just made.
pub(crate) const fn asked(state: LinkAskState) -> &'static str {
    match state {
        LinkAskState::Sending => "the other machine is asked as soon as it can be reached",
        LinkAskState::Waiting | LinkAskState::Allowed => "the owner of the other machine is asked to allow a pin",
        LinkAskState::Declined => "the owner of the other machine does not allow a pin",
    }
}

#[cfg(test)]
mod tests {
    use console::strip_ansi_codes;
    use gridwell_api::AlwaysView;
    use gridwell_model::{PeerId, Stamp};

    use super::*;

    #[test]
    fn what_is_asked_says_by_whom_and_how_far_it_is() {
        let ask = LinkAskView {
            from: PeerId([1; 32]),
            from_name: "attic".into(),
            peer: PeerId([2; 32]),
            name: "mill".into(),
            state: LinkAskState::Waiting,
            asked: Stamp(0),
            until: None,
        };
        let always = AlwaysView { machine: PeerId([3; 32]), name: "forge".into(), allow: true };
        let text = link_asks(&LinkAsksView { asks: vec![ask], always: vec![always] }, 200);
        let text = strip_ansi_codes(&text);
        assert!(text.contains("attic  mill  a pinned link  waits for an answer"), "{text}");
        assert!(text.ends_with("What forge asks is always allowed\n"), "{text}");
        assert_eq!(link_asks(&LinkAsksView::default(), 80), "Nobody asks for anything.\n");
    }
}
