use gridwell_api::{WhyMachine, WhyView, WhyWish};

use super::{clean, jobs::short, table::Table};

/// Why here and why not there: the sentence, every machine with its terms in seconds or all its reasons, and the smallest
/// change that would help.
pub(crate) fn why(why: &WhyView, columns: usize) -> String {
    let mut text = format!("{} ({}.{}): {}\n", clean(&why.label), short(why.job), why.task, clean(&why.sentence));
    let fitting: Vec<_> = why.machines.iter().filter(|machine| machine.terms.is_some()).collect();
    if !fitting.is_empty() {
        text.push('\n');
        text.push_str(&terms(why, &fitting, columns));
        text.extend(fitting.iter().filter_map(|machine| wishes(machine)));
    }
    for machine in why.machines.iter().filter(|machine| !machine.reasons.is_empty()) {
        let word = if machine.fits { "takes nothing now" } else { "does not fit" };
        let reasons: Vec<_> = machine.reasons.iter().map(|reason| clean(reason)).collect();
        text.push_str(&format!("\n{} {word}: {}", clean(&machine.name), reasons.join("; ")));
    }
    if !text.ends_with('\n') {
        text.push('\n');
    }
    if !why.decisive.is_empty() {
        text.push_str(&format!("\nWhat decided: {}", term_word(&why.decisive)));
    }
    if !why.smallest_change.is_empty() {
        text.push_str(&format!("\nWhat would change it: {}", clean(&why.smallest_change)));
    }
    text
}

fn terms(why: &WhyView, machines: &[&WhyMachine], columns: usize) -> String {
    let heads = ["MACHINE", ">WAIT", ">FILES", ">RUN", ">PATH", ">= SECONDS", ">WISHES", ">STRATEGY", ">CHANCE"];
    let mut table = Table::new(&heads);
    for machine in machines {
        let Some(terms) = machine.terms else { continue };
        let mark = if why.placed_on == Some(machine.machine) { " ←" } else { "" };
        let seconds = |value: f64| format!("{value:.2}");
        table.row([
            format!("{}{mark}", machine.name),
            seconds(terms.wait_secs),
            seconds(terms.fetch_secs),
            seconds(terms.run_secs),
            seconds(terms.path_secs),
            seconds(terms.cost_secs()),
            pull(terms.prefer),
            pull(terms.strategy),
            format!("{:.0} %", machine.chance * 100.0),
        ]);
    }
    table.render(columns)
}

/// What the job's wishes count for a machine, one by one; nothing if none counts.
fn wishes(machine: &WhyMachine) -> Option<String> {
    let told = machine.wishes.iter().filter(|wish| wish.unsaid || wish.pull != 0.0);
    let words: Vec<String> = told.map(wish).collect();
    (!words.is_empty()).then(|| format!("{}: {}\n", clean(&machine.name), words.join(", ")))
}

fn wish(wish: &WhyWish) -> String {
    let words = clean(&wish.words);
    match wish.counted {
        _ if wish.unsaid => format!("{words} counts nothing, as nobody said a figure there"),
        Some(counted) => format!("{words} counts {:+.2} ({counted} there)", wish.pull),
        None => format!("{words} counts {:+.0}", wish.pull),
    }
}

/// `+2.0`, `-0.5`, and `0` for what neither pulls nor pushes (also when rounding would write `-0.0`).
fn pull(value: f64) -> String {
    if value.abs() < 0.05 { "0".to_owned() } else { format!("{value:+.1}") }
}

/// The names of the terms as the table heads have them.
fn term_word(term: &str) -> String {
    match term {
        "wait" => "the time until a place is free".to_owned(),
        "fetch" => "the files it would have to fetch".to_owned(),
        "run" => "the time it takes to run there".to_owned(),
        "path" => "the way there".to_owned(),
        "prefer" => "the job's wishes".to_owned(),
        "strategy" => "the machine's strategy".to_owned(),
        other => clean(other),
    }
}

#[cfg(test)]
mod tests {
    use gridwell_api::Terms;
    use gridwell_model::{JobId, PeerId, TaskKey, TaskState};

    use super::*;

    fn machine(number: u8, name: &str) -> WhyMachine {
        WhyMachine {
            machine: PeerId([number; 32]),
            name: name.into(),
            fits: false,
            reasons: Vec::new(),
            terms: None,
            wishes: Vec::new(),
            gravity: 0.0,
            chance: 0.0,
        }
    }

    #[test]
    fn every_machine_is_named_with_its_seconds_or_all_its_reasons() {
        let terms =
            Terms { wait_secs: 1.0, fetch_secs: 2.0, run_secs: 3.5, path_secs: 0.25, prefer: 2.0, strategy: -0.01 };
        let wish = |words: &str, pull, counted, unsaid| WhyWish { words: words.into(), pull, counted, unsaid };
        let wishes = vec![
            wish("gpu * 3", 3.0, None, false),
            wish("tier = fast * 2", 0.0, None, false),
            wish("watts * -0.1", -1.8, Some(18.0), false),
            wish("tariff * -2", 0.0, None, true),
        ];
        let view = WhyView {
            job: JobId([7; 10]),
            task: TaskKey { step: 0, index: 4 },
            label: "frame 5".into(),
            state: TaskState::Running,
            sentence: "mill pulls most".into(),
            placed_on: Some(PeerId([1; 32])),
            machines: vec![
                WhyMachine { fits: true, terms: Some(terms), wishes, chance: 0.62, ..machine(1, "mill") },
                WhyMachine {
                    reasons: vec!["needs ram ≥ 64 GB, has 17 GB".into(), "needs gpu".into()],
                    ..machine(2, "lab-mini")
                },
            ],
            decisive: "fetch".into(),
            smallest_change: "lab-mini would do if ram ≥ 16 GB were enough".into(),
        };
        let text = console::strip_ansi_codes(&why(&view, 80)).into_owned();
        assert!(text.starts_with("frame 5 (a4dqobyh.0.4): mill pulls most\n"), "{text}");
        assert!(text.contains("+2.0") && !text.contains("-0.0"), "{text}");
        assert!(text.contains("6.75") && text.contains("62 %") && text.contains("mill ←"), "{text}");
        let counts = "mill: gpu * 3 counts +3, watts * -0.1 counts -1.80 (18 there), tariff * -2 counts nothing, as nobody \
                      said a figure there\n";
        assert!(text.contains(counts), "{text}");
        assert!(text.contains("lab-mini does not fit: needs ram ≥ 64 GB, has 17 GB; needs gpu"), "{text}");
        assert!(text.contains("What decided: the files it would have to fetch"), "{text}");
        assert!(text.ends_with("What would change it: lab-mini would do if ram ≥ 16 GB were enough"), "{text}");
        let widest = text.lines().take_while(|line| !line.starts_with("mill: ")).map(|line| line.chars().count()).max();
        assert!(widest.is_some_and(|width| width <= 80), "{text}");
    }
}
