use gridwell_api::{ChangeView, Flaw, JobView, LandingView, TaskView};

use super::{clean, jobs::short, number_of};

/// Which results wait, why, and what to do; empty when none does.
pub(crate) fn waiting(job: &JobView) -> String {
    let LandingView { held, held_path, away, waits, .. } = &job.landing;
    let mut parts = Vec::new();
    if *held > 0 {
        let (was, it) = match held - 1 {
            0 => (" was".to_owned(), "it"),
            others => (format!(" and {others} more were"), "them"),
        };
        let (files, path, id) = (number_of(*held, "file"), clean(held_path), short(job.id));
        parts.push(format!(
            "{files}: '{path}'{was} not put there by the grid, or changed since; \
             move {it} away, or: gridwell land {id} --overwrite (or --beside)"
        ));
    } else if !waits.is_empty() {
        parts.push(clean(waits));
    }
    if *away > 0 {
        parts.push(format!(
            "results of {}, kept by another machine until they come home",
            number_of(*away, &job.task_word)
        ));
    }
    parts.join("; ")
}

/// What is wrong with files that landed: `2 all black (frame 3), 1 cut off (frame 9)`.
pub(crate) fn flaws(landing: &LandingView) -> String {
    let flaws = landing.flaws.iter();
    let flaws = flaws.map(|view| format!("{} {} ({})", view.count, flaw_word(view.flaw), clean(&view.example_label)));
    flaws.collect::<Vec<_>>().join(", ")
}

/// The same of one task.
pub(crate) fn of_task(task: &TaskView) -> String {
    let held = task.held.then_some("results wait: a file is in the way");
    let flaws = task.flaws.iter().map(|flaw| flaw_word(*flaw));
    held.into_iter().chain(flaws).collect::<Vec<_>>().join(", ")
}

const fn flaw_word(flaw: Flaw) -> &'static str {
    match flaw {
        Flaw::Black => "all black",
        Flaw::Nan => "with values that are no numbers",
        Flaw::Truncated => "cut off",
        Flaw::Undecodable => "unreadable",
    }
}

/// What is tried again.
pub(crate) fn landing_again(change: &ChangeView) -> String {
    let job = &change.job;
    let name = clean(&job.name);
    match change.tasks {
        0 => format!("No results of {name} wait here."),
        tasks => format!("Landing again: {name} ({}), results of {}", short(job.id), number_of(tasks, &job.task_word)),
    }
}

#[cfg(test)]
mod tests {
    use gridwell_api::FlawView;
    use gridwell_model::{JobState, TaskKey};

    use super::*;
    use crate::text::a_job;

    #[test]
    fn what_waits_says_which_file_is_in_the_way_and_what_to_do() {
        let landing = LandingView { held: 3, held_path: "/out/a\u{1b}.png".into(), ..LandingView::default() };
        let text = waiting(&JobView { landing, ..a_job(JobState::Done) });
        assert!(text.starts_with("3 files: '/out/a\\u{1b}.png' and 2 more"), "{text}");
        assert!(text.contains("--overwrite"), "{text}");
        assert_eq!(waiting(&a_job(JobState::Done)), "");
    }

    #[test]
    fn what_is_wrong_is_counted_by_kind_with_an_example() {
        let view = |flaw, count| FlawView {
            flaw,
            count,
            example: TaskKey { step: 0, index: 2 },
            example_label: "frame 3".into(),
            path: "/out/3.png".into(),
            tasks: Vec::new(),
        };
        let landing =
            LandingView { flaws: vec![view(Flaw::Black, 2), view(Flaw::Truncated, 1)], ..LandingView::default() };
        assert_eq!(flaws(&landing), "2 all black (frame 3), 1 cut off (frame 3)");
    }
}
