use gridwell_api::NoticeLevel;
use gridwell_model::{PeerId, Stamp};

use super::*;

const THIS: PeerId = PeerId([1; 32]);
const OTHER: PeerId = PeerId([2; 32]);

fn a_notice(kind: NoticeKind, level: NoticeLevel, sentence: &str) -> Notice {
    let job = Some(JobId([7; 10]));
    Notice { id: 1, at: Stamp(0), kind, level, sentence: sentence.into(), job, machine: None }
}

fn done() -> Notice {
    a_notice(NoticeKind::JobDone, NoticeLevel::Info, "kitchen is done")
}

fn failed() -> Notice {
    a_notice(NoticeKind::JobFailed, NoticeLevel::Problem, "attic has failed tasks")
}

fn lending(machine: PeerId) -> Notice {
    let told = a_notice(NoticeKind::Lending, NoticeLevel::Info, "this machine works for mill");
    Notice { job: None, machine: Some(machine), ..told }
}

/// Adds what the desktop is to hear of, and takes every message up to the end.
fn told(notices: impl IntoIterator<Item = (Duration, Notice)>) -> Vec<Message> {
    let start = Instant::now();
    let mut gathered = Gathered::default();
    let mut messages = Vec::new();
    for (after, notice) in notices {
        while gathered.due().is_some_and(|due| due <= start + after) {
            let due = gathered.due().expect("something is due");
            messages.extend(gathered.take(due));
        }
        if let Some(about) = About::of(&notice, Some(THIS)) {
            gathered.add(about, notice, Some("/home/ana/kitchen".into()), start + after);
        }
    }
    while let Some(due) = gathered.due() {
        messages.extend(gathered.take(due));
    }
    messages
}

fn at_once(notices: impl IntoIterator<Item = Notice>) -> Vec<Message> {
    told(notices.into_iter().map(|notice| (Duration::ZERO, notice)))
}

#[test]
fn five_thousand_done_and_five_hundred_failed_give_one_message() {
    let notices = (0..5_500).map(|at| if at % 11 == 0 { failed() } else { done() });
    let messages = at_once(notices);
    assert_eq!(messages.len(), 1, "{messages:?}");
    assert_eq!(messages[0].title, "5500 jobs have ended, 500 of them with failures");
    assert_eq!(messages[0].body.lines().count(), MOST_LINES + 1);
    assert!(messages[0].body.ends_with("and 5492 more"));
    assert_eq!(messages[0].button, Some(("Show problem", Deed::show_job(JobId([7; 10])))));
}

#[test]
fn what_follows_within_half_a_minute_waits_for_one_second_message() {
    let notices = (0..29).map(|secs| (Duration::from_secs(secs), done()));
    let counts: Vec<_> = told(notices).into_iter().map(|message| message.title).collect();
    assert_eq!(counts, ["kitchen is done", "28 jobs are done"]);
}

#[test]
fn a_done_job_opens_its_folder_and_a_failed_one_shows_its_problem() {
    let [done] = at_once([done()]).try_into().unwrap();
    assert_eq!(done.button, Some(("Open folder", Deed::OpenFolder("/home/ana/kitchen".into()))));
    assert_eq!(done.click, Deed::show_job(JobId([7; 10])));
    let [failed] = at_once([failed()]).try_into().unwrap();
    assert_eq!(failed.button, Some(("Show problem", Deed::show_job(JobId([7; 10])))));
}

#[test]
fn only_work_for_others_is_lending() {
    let [message] = at_once([lending(OTHER), lending(THIS)]).try_into().unwrap();
    assert_eq!(message.title, "Your machine started lending");
    assert_eq!(message.body, "this machine works for mill");
    assert_eq!(message.button, Some(("Pause 1 h", Deed::PauseFor(3_600))));
}

#[test]
fn problems_need_a_person_and_news_do_not() {
    let results = |level| a_notice(NoticeKind::Results, level, "results of kitchen did not land");
    let [message] = at_once([results(NoticeLevel::Problem), results(NoticeLevel::Info)]).try_into().unwrap();
    assert_eq!((message.about, message.button.unwrap().0), (About::NeedsYou, "Show"));
}

#[test]
fn names_are_one_line_of_text() {
    let [message] = at_once([a_notice(NoticeKind::JobDone, NoticeLevel::Info, "a\n\u{1b}[2Jb")]).try_into().unwrap();
    assert_eq!(message.title, "a  [2Jb");
}

#[test]
fn a_machine_that_was_waited_for_is_shown() {
    let told = a_notice(NoticeKind::Back, NoticeLevel::Info, "old-imac is back");
    let [back] = at_once([Notice { job: None, machine: Some(OTHER), ..told }]).try_into().unwrap();
    assert_eq!(back.title, "old-imac is back");
    assert_eq!(back.button, Some(("Show", Deed::ShowScreen(format!("#/machines/{OTHER}")))));
}
