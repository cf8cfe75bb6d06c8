use console::style;
use gridwell_api::{
    ChangeView, CopyView, EnergyView, HandedOverView, JobDetail, JobView, MadeBy, TaskCounts, TaskPage, TaskView,
};
use gridwell_model::{Energy, JobId, JobState, TaskState, format_bytes};

use super::{clean, fields, landing, moment, number_of, secs, table::Table, time_left};

/// The letters of an id that people need: more than enough to be unique on one machine.
pub(crate) fn short(id: JobId) -> String {
    id.to_string().chars().take(8).collect()
}

/// Jobs as a table.
pub(crate) fn jobs(jobs: &[JobView], columns: usize) -> String {
    if jobs.is_empty() {
        return "No jobs. Start one with 'gridwell run FILE'.".to_owned();
    }
    let mut table = Table::new(&["ID", "NAME", "STATE", ">DONE", "LEFT", "MACHINES"]);
    for job in jobs {
        let machines = job.made_by.iter().filter(|made| made.done + made.running > 0);
        let machines = machines.map(|made| made.name.as_str()).collect::<Vec<_>>().join(", ");
        let left = time_left(job.time_left_secs).trim_end_matches(" left").to_owned();
        let done = format!("{}/{}", job.counts.done, job.counts.total());
        table.row([short(job.id), job.name.clone(), String::new(), done, left, machines]);
        table.styled(2, job_state(job.state));
    }
    table.render(columns)
}

/// Jobs that are kept for other machines, below those of this one; nothing if there are none.
pub(crate) fn kept(copies: &[CopyView], columns: usize) -> String {
    if copies.is_empty() {
        return String::new();
    }
    format!("\nKept for other machines:\n{}", self::copies(copies, columns))
}

/// The same as a table.
pub(crate) fn copies(copies: &[CopyView], columns: usize) -> String {
    if copies.is_empty() {
        return "This machine keeps no jobs of others.".to_owned();
    }
    let mut table = Table::new(&["ID", "NAME", "STATE", ">DONE", "WITH", "AS OF"]);
    for copy in copies {
        let done = format!("{}/{}", copy.counts.done, copy.counts.total());
        let with = format!("{}{}", copy.steward_name, if copy.steward_online { "" } else { " (offline)" });
        let as_of = match (copy.steward_online, copy.as_of) {
            (true, _) => "now".to_owned(),
            (false, Some(stamp)) => moment(stamp),
            (false, None) => "before the last start".to_owned(),
        };
        table.row([short(copy.id), copy.name.clone(), String::new(), done, with, as_of]);
        table.styled(2, job_state(copy.state));
    }
    table.render(columns)
}

/// Whether the machine that has a job may be switched off; nothing once it has ended.
fn safety(job: &JobView) -> String {
    match job.safe {
        _ if job.state.is_ended() => String::new(),
        true => "yes, another machine would go on".to_owned(),
        false => format!("not yet: {}", clean(&job.unsafe_why)),
    }
}

/// Who goes on with jobs.
pub(crate) fn handed_over(handed: &[HandedOverView]) -> String {
    if handed.is_empty() {
        return "No job was waiting or running here.".to_owned();
    }
    let lines = handed.iter().map(|view| format!("{} goes on with {}", clean(&view.steward_name), view.job));
    lines.collect::<Vec<_>>().join("\n")
}

/// One job in full.
pub(crate) fn job(detail: &JobDetail, columns: usize) -> String {
    let job = &detail.job;
    let priority = if job.priority == 0 { String::new() } else { job.priority.to_string() };
    let inputs = match detail.input_count {
        0 => String::new(),
        count => format!("{}, {}", number_of(count, "file"), format_bytes(detail.input_bytes)),
    };
    let mut text = fields(&[
        ("Job", clean(&job.name)),
        ("Id", job.id.to_string()),
        ("Kind", clean(&job.recipe)),
        ("State", format!("{}  {}", job_state(job.state), standing(job)).trim_end().to_owned()),
        ("Waits for", clean(&job.waits_for)),
        ("Priority", priority),
        ("Reads", inputs),
        ("Results", folders(job)),
        ("Not landed", landing::waiting(job)),
        ("Look at", landing::flaws(&job.landing)),
        ("Made by", made_by(&job.made_by)),
        ("Made before", reused(job)),
        ("Saved", saved(job)),
        ("Energy", energy(&job.energy)),
        ("From", clean(&job.origin_name)),
        ("Kept by", if job.steward == job.origin { String::new() } else { clean(&job.steward_name) }),
        ("Safe to leave", safety(job)),
        ("Submitted", moment(job.submitted)),
        ("Started", job.started.map(moment).unwrap_or_default()),
        ("Ended", job.ended.map(moment).unwrap_or_default()),
    ]);
    if detail.steps.len() > 1 {
        let mut table = Table::new(&["STEP", "TASKS", "AFTER"]);
        for step in &detail.steps {
            table.row([step.name.clone(), counted(&step.counts), step.after.join(", ")]);
        }
        text.push('\n');
        text.push_str(&table.render(columns));
    }
    if !detail.parameters.is_empty() {
        let mut table = Table::new(&["PARAMETER", "VALUE"]);
        for (name, value) in &detail.parameters {
            table.row([name.clone(), value.clone()]);
        }
        text.push('\n');
        text.push_str(&table.render(columns));
    }
    format!("{text}{}", failures(job))
}

/// What its runs took, and how much of that nobody knows; nothing before the first one ended.
fn energy(energy: &EnergyView) -> String {
    let EnergyView { joules, runs, unmeasured, price, unpriced_joules } = *energy;
    if runs == unmeasured {
        return match runs {
            0 => String::new(),
            1 => "unknown: its run was not measured".to_owned(),
            _ => format!("unknown: none of its {runs} runs was measured"),
        };
    }
    let mut text = Energy::from_joules(joules).to_string();
    if let Some(price) = price {
        let price = if price > 0.0 && price < 0.01 { "less than 0.01".to_owned() } else { format!("about {price:.2}") };
        text.push_str(&format!(", {price} at its machines' tariffs"));
        let unpriced = Energy::from_joules(unpriced_joules);
        if unpriced > Energy(0) {
            text.push_str(&format!(" ({unpriced} where nobody said one)"));
        }
    }
    if unmeasured > 0 {
        text.push_str(&format!("; {unmeasured} of {} unmeasured", number_of(runs, "run")));
    }
    text
}

fn reused(job: &JobView) -> String {
    match job.reused {
        0 => String::new(),
        count => format!("{}, by an earlier job (anew: --fresh)", number_of(count, &job.task_word)),
    }
}

/// How much of what is not done would go on from a checkpoint.
fn saved(job: &JobView) -> String {
    let tasks = number_of(job.saved, &job.task_word);
    match (job.saved, job.saved_at) {
        (0, _) => String::new(),
        (_, Some(at)) => format!("{tasks}, last {}", moment(at)),
        (_, None) => tasks,
    }
}

/// A page of tasks as a table.
pub(crate) fn tasks(page: &TaskPage, offset: u64, columns: usize) -> String {
    if page.tasks.is_empty() {
        return "No such tasks.".to_owned();
    }
    let mut table = Table::new(&["TASK", "WHAT", "STATE", "MACHINE", ">TRIES", ">TIME", "NOTE"]);
    for task in &page.tasks {
        let time = task.run_secs.map(|run| secs(Some(run))).unwrap_or_default();
        let (key, tries) = (task.key.to_string(), task.attempts.to_string());
        table.row([key, task.label.clone(), String::new(), task.machine_name.clone(), tries, time, note(task)]);
        table.styled(2, task_state(task.state));
    }
    let mut text = table.render(columns);
    let shown = offset + page.tasks.len() as u64;
    if shown < page.total {
        text.push_str(&format!("{} more; see them with --offset {shown}\n", page.total - shown));
    }
    text
}

fn note(task: &TaskView) -> String {
    let landing = landing::of_task(task);
    if !landing.is_empty() {
        return landing;
    }
    match (&task.progress, task.reason.as_str(), task.status.as_str()) {
        (_, reason, _) if !reason.is_empty() => reason.to_owned(),
        (Some(progress), _, status) => format!("{:.0} % {status}", progress * 100.0).trim_end().to_owned(),
        (None, _, status) if !status.is_empty() => status.to_owned(),
        _ if task.saved && !task.state.is_leased() => match task.saved_at {
            Some(at) => format!("goes on from its checkpoint of {}", moment(at)),
            None => "goes on from its checkpoint".to_owned(),
        },
        _ => task.exit_code.filter(|code| *code != 0).map(|code| format!("exit code {code}")).unwrap_or_default(),
    }
}

/// What a command changed, one sentence.
pub(crate) fn changed(change: &ChangeView, verb: &str) -> String {
    let job = &change.job;
    format!("{verb}: {} ({}), {} changed", clean(&job.name), short(job.id), number_of(change.tasks, &job.task_word))
}

/// How far it is, one line: `37 %, 9 of 24 frames, 1 failed, 3.2/s, 3 min left, mill, forge`; `rate` may be empty.
pub(crate) fn progress(job: &JobView, rate: &str) -> String {
    let busy = job.made_by.iter().filter(|made| made.running > 0).map(|made| clean(&made.name));
    let parts = [
        format!("{:.0} %", job.progress.clamp(0.0, 1.0) * 100.0),
        ended(job),
        rate.to_owned(),
        time_left(job.time_left_secs),
        busy.collect::<Vec<_>>().join(", "),
        clean(&job.waits_for),
    ];
    joined(parts)
}

/// `9 of 24 frames, 1 failed, 3 min left`
fn standing(job: &JobView) -> String {
    joined([ended(job), time_left(job.time_left_secs)])
}

/// `9 of 24 frames, 1 failed`
fn ended(job: &JobView) -> String {
    let counts = &job.counts;
    let mut text = format!("{} of {}", counts.done, number_of(counts.total(), &job.task_word));
    for (number, word) in [(counts.failed, "failed"), (counts.skipped, "skipped"), (counts.cancelled, "cancelled")] {
        if number > 0 {
            text.push_str(&format!(", {number} {word}"));
        }
    }
    text
}

fn joined(parts: impl IntoIterator<Item = String>) -> String {
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ")
}

/// Numbers of tasks by state, only those that are not zero: `3 running, 9 done`.
pub(crate) fn counted(counts: &TaskCounts) -> String {
    let parts = counts.pairs().into_iter().filter(|(_, number)| *number > 0);
    parts.map(|(state, number)| format!("{number} {}", task_word(state))).collect::<Vec<_>>().join(", ")
}

/// How a job ended: what was made, how long it took, where results are, and who made them.
pub(crate) fn outcome(job: &JobView) -> String {
    let took = match (job.started, job.ended) {
        (Some(started), Some(ended)) => {
            format!(" in {}", secs(Some(ended.0.saturating_sub(started.0) as f64 / 1000.0)))
        }
        _ => String::new(),
    };
    let head = format!("{}: {}, {}{took}", clean(&job.name), job_state(job.state), standing(job));
    let rest = fields(&[
        ("Results", folders(job)),
        ("Waiting", landing::waiting(job)),
        ("Look at", landing::flaws(&job.landing)),
        ("Made by", made_by(&job.made_by)),
        ("Energy", if job.energy.runs > job.energy.unmeasured { energy(&job.energy) } else { String::new() }),
    ]);
    format!("{head}\n{rest}{}", failures(job)).trim_end().to_owned()
}

/// Failed tasks by their reason; empty when none failed.
pub(crate) fn failures(job: &JobView) -> String {
    let mut text = String::new();
    for failure in &job.failures {
        let (reason, example) = (clean(&failure.reason), clean(&failure.example_label));
        let look = format!("see 'gridwell logs {}.{}'", short(job.id), failure.example);
        text.push_str(&match failure.count {
            _ if job.counts.total() == 1 => format!("{}\n  {look}\n", super::sentence(&reason)),
            1 => format!("{example} failed: {reason}\n  {look}\n"),
            count => {
                let count = number_of(count, &job.task_word);
                format!("{count} failed: {reason}\n  for example {example}; {look}\n")
            }
        });
    }
    if text.is_empty() { text } else { format!("\n{text}") }
}

fn folders(job: &JobView) -> String {
    job.output_folders.iter().map(|folder| clean(folder)).collect::<Vec<_>>().join("\n         ")
}

/// `mill 10, forge 8`
fn made_by(made: &[MadeBy]) -> String {
    let made = made.iter().filter(|made| made.done > 0);
    made.map(|made| format!("{} {}", clean(&made.name), made.done)).collect::<Vec<_>>().join(", ")
}

fn job_state(state: JobState) -> String {
    let coloured = match state {
        JobState::Waiting => style("waiting").yellow(),
        JobState::Held => style("held").yellow(),
        JobState::Running => style("running").blue(),
        JobState::Done => style("done").green(),
        JobState::Failed => style("failed").red(),
        JobState::Cancelled => style("cancelled").dim(),
    };
    coloured.to_string()
}

fn task_state(state: TaskState) -> String {
    let word = style(task_word(state));
    let coloured = match state {
        TaskState::Waiting | TaskState::Held | TaskState::Ready | TaskState::Frozen => word.yellow(),
        TaskState::Leased | TaskState::Running => word.blue(),
        TaskState::Done => word.green(),
        TaskState::Failed | TaskState::Lost => word.red(),
        TaskState::Skipped | TaskState::Cancelled => word.dim(),
    };
    coloured.to_string()
}

/// The word for a state, the same as in JSON.
pub(crate) const fn task_word(state: TaskState) -> &'static str {
    match state {
        TaskState::Waiting => "waiting",
        TaskState::Held => "held",
        TaskState::Ready => "ready",
        TaskState::Leased => "leased",
        TaskState::Running => "running",
        TaskState::Frozen => "frozen",
        TaskState::Done => "done",
        TaskState::Failed => "failed",
        TaskState::Skipped => "skipped",
        TaskState::Cancelled => "cancelled",
        TaskState::Lost => "lost",
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use console::strip_ansi_codes;
    use gridwell_api::{FailureView, LandingView};
    use gridwell_model::{PeerId, Stamp, TaskKey};

    use super::*;

    fn plain(text: &str) -> String {
        strip_ansi_codes(text).into_owned()
    }

    #[test]
    fn jobs_fit_eighty_columns() {
        let mut job = a_job(JobState::Running);
        job.name = "a film with a name that never ends ".repeat(4);
        job.time_left_secs = Some(700.0);
        let text = plain(&jobs(&[job], 80));
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        assert!(text.contains("running") && text.contains("18/24") && text.contains("12 min"), "{text}");
    }

    #[test]
    fn an_ended_job_says_where_results_are_and_who_made_them() {
        let text = plain(&outcome(&a_job(JobState::Done)));
        assert_eq!(
            text,
            "kitchen: done, 18 of 24 frames in 2 min 10 s\nResults  /home/ana/frames\nMade by  mill 10, forge 8"
        );
    }

    #[test]
    fn progress_is_one_line_from_what_is_known() {
        let mut job = a_job(JobState::Running);
        assert_eq!(progress(&job, ""), "75 %, 18 of 24 frames");
        job.counts.failed = 1;
        job.counts.ready = 5;
        job.time_left_secs = Some(100.0);
        job.made_by[0].running = 2;
        assert_eq!(progress(&job, "3.2/s"), "75 %, 18 of 24 frames, 1 failed, 3.2/s, 2 min left, mill");
    }

    #[test]
    fn failures_are_grouped_and_point_to_a_log() {
        let mut job = a_job(JobState::Failed);
        job.counts.failed = 2;
        job.failures = vec![FailureView {
            reason: "exit code 3".into(),
            count: 2,
            example: TaskKey { step: 0, index: 4 },
            example_label: "frame 5".into(),
        }];
        let text = plain(&outcome(&job));
        assert!(text.contains("2 frames failed: exit code 3"), "{text}");
        assert!(text.contains("gridwell logs a4dqobyh.0.4"), "{text}");
    }

    #[test]
    fn energy_says_what_is_known_and_how_much_is_not() {
        let view = EnergyView { joules: 1_512_000.0, runs: 40, unmeasured: 3, price: Some(0.13), unpriced_joules: 0.0 };
        assert_eq!(energy(&view), "0.42 kWh, about 0.13 at its machines' tariffs; 3 of 40 runs unmeasured");
        let partly = EnergyView { unmeasured: 0, price: Some(0.001), unpriced_joules: 180_000.0, ..view };
        let words = "0.42 kWh, less than 0.01 at its machines' tariffs (50 Wh where nobody said one)";
        assert_eq!(energy(&partly), words);
        assert_eq!(energy(&EnergyView { price: None, unmeasured: 0, ..view }), "0.42 kWh");
        assert_eq!(energy(&EnergyView { runs: 3, ..view }), "unknown: none of its 3 runs was measured");
        assert_eq!(energy(&EnergyView::default()), "");
    }

    #[test]
    fn a_states_word_is_the_one_in_json() {
        for state in TaskState::ALL {
            assert_eq!(serde_json::to_value(state).unwrap(), task_word(state));
        }
    }

    #[test]
    fn counts_leave_out_what_is_zero() {
        let counts = TaskCounts { running: 3, done: 9, ..TaskCounts::default() };
        assert_eq!(counted(&counts), "3 running, 9 done");
    }

    fn a_task(state: TaskState) -> TaskView {
        TaskView {
            key: TaskKey { step: 0, index: 0 },
            label: "frame 1".into(),
            state,
            machine: None,
            machine_name: "mill".into(),
            attempts: 3,
            exit_code: None,
            reason: String::new(),
            run_secs: Some(1.5),
            progress: None,
            status: String::new(),
            held: false,
            saved: false,
            saved_at: None,
            flaws: Vec::new(),
        }
    }

    #[test]
    fn what_is_saved_is_told_with_when() {
        let saved = TaskView { saved: true, saved_at: Some(Stamp(1_000)), ..a_task(TaskState::Held) };
        assert_eq!(note(&saved), format!("goes on from its checkpoint of {}", moment(Stamp(1_000))));
        assert_eq!(note(&TaskView { saved_at: None, ..saved.clone() }), "goes on from its checkpoint");
        assert_eq!(note(&TaskView { state: TaskState::Running, ..saved }), "");
        let job = JobView { saved: 2, saved_at: Some(Stamp(1_000)), ..a_job(JobState::Held) };
        let text = super::saved(&job);
        assert_eq!(text, format!("2 frames, last {}", moment(Stamp(1_000))));
        assert_eq!(super::saved(&JobView { saved_at: None, ..job }), "2 frames");
        assert_eq!(super::saved(&a_job(JobState::Held)), "");
    }

    #[test]
    fn more_tasks_than_shown_are_announced() {
        let task = TaskView { exit_code: Some(3), ..a_task(TaskState::Failed) };
        let page = TaskPage { job: JobId([7; 10]), total: 5, tasks: vec![task] };
        let text = plain(&tasks(&page, 0, 80));
        assert!(text.contains("exit code 3") && text.contains("4 more; see them with --offset 1"), "{text}");
    }

    /// A job of 24 frames, 18 of them done by two machines.
    pub(crate) fn a_job(state: JobState) -> JobView {
        let made =
            |name: &str, done| MadeBy { machine: PeerId([1; 32]), name: name.into(), done, failed: 0, running: 0 };
        JobView {
            id: JobId([7; 10]),
            name: "kitchen".into(),
            recipe: "blender".into(),
            state,
            priority: 0,
            counts: TaskCounts { ready: 6, done: 18, ..TaskCounts::default() },
            reused: 0,
            saved: 0,
            saved_at: None,
            task_word: "frame".into(),
            progress: 0.75,
            time_left_secs: None,
            submitted: Stamp(0),
            started: Some(Stamp(1_000)),
            ended: Some(Stamp(131_000)),
            origin: PeerId([1; 32]),
            origin_name: "mill".into(),
            output_folders: vec!["/home/ana/frames".into()],
            made_by: vec![made("mill", 10), made("forge", 8)],
            failures: Vec::new(),
            waits_for: String::new(),
            steward: PeerId([1; 32]),
            steward_name: "mill".into(),
            safe: true,
            unsafe_why: String::new(),
            landing: LandingView::default(),
            energy: EnergyView::default(),
        }
    }
}
