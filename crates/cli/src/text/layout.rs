use std::time::Duration;

use gridwell_api::{BehaviourMode, LayoutView, PairView};
use gridwell_model::format_duration;

use super::{clean, fields, moment, table::Table};

/// Links that are named; the rest is counted.
const NAMED: usize = 20;

/// The layout that holds and what is still on its way, or what another one would change.
pub(crate) fn layout(layout: &LayoutView, preview: bool) -> String {
    let (come, go) = if preview { ("Would come", "Would go") } else { ("Still come", "Still go") };
    let changed = layout.changed.map(|(_, at)| format!(", since {}", moment(at))).unwrap_or_default();
    let shape = if preview { layout.kind.to_string() } else { format!("{}{changed}", layout.kind) };
    let mut text = fields(&[("Layout", shape), (come, pairs(&layout.adds)), (go, pairs(&layout.removes))]);
    if preview {
        text.push_str("Nothing has changed. Pinned links stay whatever the layout is.\n");
        return text;
    }
    for change in layout.history.iter().take(NAMED) {
        text.push_str(&format!("{}  {}\n", moment(change.at), clean(&change.sentence)));
    }
    text
}

fn pairs(pairs: &[PairView]) -> String {
    if pairs.is_empty() {
        return "no link".to_owned();
    }
    let named = pairs.iter().take(NAMED).map(|pair| format!("{} – {}", clean(&pair.from_name), clean(&pair.to_name)));
    let rest = pairs.len().saturating_sub(NAMED);
    let rest = (rest > 0).then(|| format!("{rest} more"));
    named.chain(rest).collect::<Vec<_>>().join(", ")
}

/// The behaviours of this machine.
pub(crate) fn behaviours(layout: &LayoutView, columns: usize) -> String {
    let mut table = Table::new(&["BEHAVIOUR", "STATE", ">EVERY", "WHAT IT DOES"]);
    for one in &layout.behaviours {
        let mode = match one.mode {
            BehaviourMode::Off => "off",
            BehaviourMode::Suggest => "suggests",
            BehaviourMode::On => "on",
        };
        let every = format_duration(Duration::from_secs(one.every_secs.into()));
        table.row([one.name.clone(), mode.to_owned(), every, one.about.clone()]);
    }
    let mut text = table.render(columns);
    for one in &layout.behaviours {
        if let Some(suggestion) = &one.suggestion {
            let name = &one.name;
            text.push_str(&format!(
                "{name} suggests: {}\n  gridwell behaviour accept {name}\n",
                clean(&suggestion.sentence)
            ));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use console::strip_ansi_codes;
    use gridwell_api::{BehaviourView, SuggestionReason, SuggestionView};
    use gridwell_model::{LayoutKind, PeerId};

    use super::*;

    fn a_layout() -> LayoutView {
        let pair =
            PairView { from: PeerId([0; 32]), from_name: "mill".into(), to: PeerId([1; 32]), to_name: "forge".into() };
        let nearest = BehaviourView {
            name: "nearest".into(),
            about: "finds better links".into(),
            mode: BehaviourMode::Suggest,
            every_secs: 60,
            looks: 3,
            suggestion: Some(SuggestionView {
                sentence: "link with attic, which may answer in 2.0 ms".into(),
                link_with: Some(PeerId([2; 32])),
                let_go: None,
                why: SuggestionReason::MayBeNearer,
                new_micros: Some(2_000),
                old_micros: None,
                links: None,
            }),
        };
        LayoutView {
            kind: LayoutKind::Chain,
            revision: 1,
            changed: None,
            adds: Vec::new(),
            removes: vec![pair],
            behaviours: vec![nearest],
            history: Vec::new(),
        }
    }

    #[test]
    fn a_preview_says_what_would_go_and_that_nothing_has() {
        let text = layout(&a_layout(), true);
        assert!(text.contains("mill – forge") && text.contains("no link"), "{text}");
        assert!(text.ends_with("Nothing has changed. Pinned links stay whatever the layout is.\n"), "{text}");
    }

    #[test]
    fn a_suggestion_comes_with_the_command_that_accepts_it() {
        let text = strip_ansi_codes(&behaviours(&a_layout(), 80)).into_owned();
        assert!(text.contains("nearest suggests: link with attic"), "{text}");
        assert!(text.contains("gridwell behaviour accept nearest"), "{text}");
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    }
}
