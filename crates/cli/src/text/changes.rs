use gridwell_api::LinkHistoryView;

use super::{moment, sentence, table::Table};

/// What became of links as a table.
pub(crate) fn link_history(history: &LinkHistoryView, columns: usize) -> String {
    if history.changes.is_empty() {
        return "No link was changed so far.\n".to_owned();
    }
    let mut table = Table::new(&[">NUMBER", "WHEN", "MACHINE", "UNDO", "WHAT"]);
    for change in &history.changes {
        let undo = if change.can_undo { "yes" } else { "" };
        let (by, what) = (change.by_name.clone(), sentence(&change.sentence));
        table.row([change.id.to_string(), moment(change.at), by, undo.to_owned(), what]);
    }
    table.render(columns)
}

#[cfg(test)]
mod tests {
    use console::strip_ansi_codes;
    use gridwell_api::LinkChangeView;
    use gridwell_model::{PeerId, Stamp};

    use super::*;

    #[test]
    fn a_change_says_who_made_it_and_whether_there_is_a_way_back() {
        let change = LinkChangeView {
            id: 7,
            at: Stamp(0),
            by: PeerId([1; 32]),
            by_name: "attic".into(),
            peer: None,
            sentence: "the link to mill is pinned".into(),
            wanted: None,
            can_undo: true,
        };
        let text = link_history(&LinkHistoryView { changes: vec![change] }, 200);
        assert!(strip_ansi_codes(&text).contains("attic    yes   The link to mill is pinned"), "{text}");
        assert_eq!(link_history(&LinkHistoryView::default(), 80), "No link was changed so far.\n");
    }
}
