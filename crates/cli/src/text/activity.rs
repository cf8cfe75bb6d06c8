use console::style;
use gridwell_api::{ActivityPage, Notice, NoticeLevel};

use super::{clean, moment};

/// What happened, newest first, one line each.
pub(crate) fn activity(page: &ActivityPage) -> String {
    if page.notices.is_empty() {
        return "Nothing happened yet.".to_owned();
    }
    page.notices.iter().map(line).collect()
}

fn line(notice: &Notice) -> String {
    let said = clean(&notice.sentence);
    let said = match notice.level {
        NoticeLevel::Info => style(said),
        NoticeLevel::Warning => style(said).yellow(),
        NoticeLevel::Problem => style(said).red(),
    };
    format!("{}  {said}\n", moment(notice.at))
}

#[cfg(test)]
mod tests {
    use gridwell_api::NoticeKind;
    use gridwell_model::Stamp;

    use super::*;

    #[test]
    fn each_notice_is_a_line_with_its_time() {
        let notice = |sentence: &str| Notice {
            id: 1,
            at: Stamp(0),
            kind: NoticeKind::Machine,
            level: NoticeLevel::Warning,
            sentence: sentence.to_owned(),
            job: None,
            machine: None,
        };
        let notices = vec![notice("mill\nis offline"), notice("inn is offline")];
        let text = console::strip_ansi_codes(&activity(&ActivityPage { notices, more: false })).into_owned();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 2);
        assert!(lines[0].ends_with("  mill\\nis offline"), "{text}");
    }
}
