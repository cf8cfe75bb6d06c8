use gridwell_api::{MachineView, MemberView, MembersView, RecoveryWordsView};
use gridwell_model::Role;

use super::{clean, moment, sentence, table::Table};

/// Members as a table, and below it what waits for a confirmation, and who was revoked.
pub(crate) fn members(members: &MembersView, columns: usize) -> String {
    let mut table = Table::new(&["MACHINE", "ROLES", "SINCE", "UNTIL", "ID"]);
    for member in &members.members {
        let name = if member.this { format!("{} (this one)", member.name) } else { member.name.clone() };
        table.row([name, Role::list(&member.roles), moment(member.since), until(member), member.id.short()]);
    }
    let mut text = table.render(columns);
    for proposal in &members.proposals {
        let confirm = clean(&proposal.confirm);
        text.push_str(&format!(
            "{}; another admin confirms it with: {confirm}\n",
            sentence(&clean(&proposal.sentence))
        ));
    }
    for revoked in &members.revoked {
        let by = revoked.by.as_deref().map_or_else(|| "the recovery words".to_owned(), clean);
        let name = clean(&revoked.name);
        text.push_str(&format!("{name} ({}) was revoked by {by}, {}\n", revoked.id.short(), moment(revoked.at)));
    }
    if !members.recovery {
        text.push_str("No recovery words are set: make some with 'gridwell recover set'\n");
    }
    text
}

fn until(member: &MemberView) -> String {
    match (member.expired, member.guest) {
        (true, _) => "over".to_owned(),
        (false, true) => format!("{} (guest)", moment(member.until)),
        (false, false) => moment(member.until),
    }
}

/// What ends when a machine is revoked.
pub(crate) fn before_revoking(machine: &MachineView) -> String {
    let name = clean(&machine.name);
    let goes = if machine.this { "This machine leaves its grid".to_owned() } else { format!("{name} leaves the grid") };
    format!(
        "{goes}: its links end, what it runs now ({} tasks) starts again elsewhere, and its own jobs end on other machines.\n\
         It comes back only if an admin lets it in again. Go on? [y/N]",
        machine.running
    )
}

/// True if a person's text names the machine.
pub(crate) fn is_called(machine: &MachineView, text: &str) -> bool {
    machine.name.eq_ignore_ascii_case(text) || machine.id.to_string().starts_with(text)
}

/// Whether the grid can be recovered.
pub(crate) fn recovery(members: &MembersView) -> String {
    if members.recovery {
        "Recovery words are set. They were shown once, when they were made.".to_owned()
    } else {
        "No recovery words are set: make some with 'gridwell recover set'".to_owned()
    }
}

/// The words, four to a line, and what to do with them.
pub(crate) fn recovery_words(view: &RecoveryWordsView) -> String {
    let words: Vec<_> = view.words.split(' ').collect();
    let lines = words.chunks(4).enumerate().map(|(line, words)| format!("{:>3}  {}", line * 4 + 1, words.join(" ")));
    let lines: Vec<_> = lines.collect();
    let words = lines.join("\n");
    format!(
        "{words}\n\nWrite them on paper: they are not shown again, and whoever has them rules the grid.\n{}",
        sentence(&clean(&view.sentence))
    )
}
