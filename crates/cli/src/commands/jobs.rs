use gridwell_api::{
    ActivityPage, ActivityRequest, ApiError, ChangeView, CopyView, DraftView, ErrorCode, HoldRequest, InTheWay,
    JobDetail, JobRequest, JobView, JobsRequest, LandRequest, LogsRequest, PriorityRequest, Request, ResultsPage,
    ResultsRequest, SubmitRequest, SubmittedView, TargetRequest, TaskPage, TasksRequest, WhyView,
};
use gridwell_serve::{Client, LogFormat};

use super::{
    End,
    follow::{Following, follow, follow_one},
};
use crate::{
    args::{
        ActivityArgs, ExecArgs, JobArgs, JobsArgs, LandArgs, LogsArgs, PriorityArgs, ResultsArgs, SubmitArgs,
        TargetArgs, TasksArgs, WaitArgs, WhyArgs,
    },
    input,
    screen::Screen,
    text,
};

pub(super) async fn submit(args: SubmitArgs, client: &Client, screen: Screen) -> Result<End, ApiError> {
    let submitted = start(input::submission(args)?, client, screen).await?;
    screen.show(&submitted, ids);
    Ok(End::Done)
}

pub(super) async fn run(args: SubmitArgs, client: &Client, screen: Screen) -> Result<End, ApiError> {
    let submitted = start(input::submission(args)?, client, screen).await?;
    follow(submitted.jobs, Following::Started, client, screen).await
}

/// A single command behaves like a local one: its output on standard output, its end as the exit code.
pub(super) async fn exec(args: ExecArgs, client: &Client, screen: Screen) -> Result<End, ApiError> {
    let detach = args.detach;
    let submitted = start(input::command(args)?, client, screen).await?;
    if detach {
        screen.show(&submitted, ids);
        return Ok(End::Done);
    }
    match submitted.jobs.as_slice() {
        [job] if job.counts.total() == 1 && !screen.json() => follow_one(job.clone(), client, screen).await,
        _ => follow(submitted.jobs, Following::Started, client, screen).await,
    }
}

async fn start(request: SubmitRequest, client: &Client, screen: Screen) -> Result<SubmittedView, ApiError> {
    let submitted: SubmittedView = client.ask(&Request::Submit(request)).await?;
    for warning in &submitted.warnings {
        screen.note(&format!("Note: {}", text::clean(warning)));
    }
    Ok(submitted)
}

/// The full ids alone, one a line, for scripts.
fn ids(submitted: &SubmittedView) -> String {
    submitted.jobs.iter().map(|job| format!("{}\n", job.id)).collect()
}

/// Names the newest job where a person typed `last` or `last.TASK`; everything else is the node's to understand.
pub(super) async fn named(target: String, client: &Client) -> Result<String, ApiError> {
    if target.trim().is_empty() {
        return Err(ApiError::new(ErrorCode::BadReference, "'' is not a job id"));
    }
    let rest = match target.strip_prefix("last") {
        Some(rest) if rest.is_empty() || rest.starts_with('.') => rest,
        _ => return Ok(target),
    };
    let jobs: Vec<JobView> = client.ask(&Request::Jobs(JobsRequest { active: false, limit: 1 })).await?;
    match jobs.first() {
        Some(job) => Ok(format!("{}{rest}", job.id)),
        None => Err(ApiError::new(ErrorCode::UnknownJob, "there is no last job: none was started here")),
    }
}

pub(super) async fn inspect(args: SubmitArgs, client: &Client, screen: Screen) -> Result<End, ApiError> {
    let request = SubmitRequest { ask_tool: true, ..input::submission(args)? };
    let drafts: Vec<DraftView> = client.ask(&Request::Inspect(request)).await?;
    screen.show(&drafts, |drafts| text::drafts(drafts, screen.columns()));
    Ok(End::Done)
}

pub(super) async fn jobs(args: &JobsArgs, client: &Client, screen: Screen) -> Result<End, ApiError> {
    if args.kept {
        let copies: Vec<CopyView> = client.ask(&Request::Copies).await?;
        screen.show(&copies, |copies| text::copies(copies, screen.columns()));
        return Ok(End::Done);
    }
    let request = JobsRequest { active: args.active, limit: args.limit };
    let jobs: Vec<JobView> = client.ask(&Request::Jobs(request)).await?;
    // Programs read one list or the other.
    let copies: Vec<CopyView> = if screen.json() { Vec::new() } else { client.ask(&Request::Copies).await? };
    screen.show(&jobs, |jobs| [text::jobs(jobs, screen.columns()), text::kept(&copies, screen.columns())].concat());
    Ok(End::Done)
}

pub(super) async fn job(args: JobArgs, client: &Client, screen: Screen) -> Result<End, ApiError> {
    let detail: JobDetail = client.ask(&Request::Job(JobRequest { job: named(args.job, client).await? })).await?;
    screen.show(&detail, |detail| text::job(detail, screen.columns()));
    Ok(End::Done)
}

/// Reads as many pages as it takes.
pub(super) async fn tasks(args: TasksArgs, client: &Client, screen: Screen) -> Result<End, ApiError> {
    let target = named(args.target, client).await?;
    let wanted = if args.limit == 0 { u64::MAX } else { args.limit };
    let mut all: Option<TaskPage> = None;
    loop {
        let have = all.as_ref().map_or(0, |page| page.tasks.len() as u64);
        let limit = u32::try_from(wanted - have).unwrap_or(u32::MAX).min(TasksRequest::MAX_LIMIT);
        let (target, states) = (target.clone(), args.state.clone());
        let request = Request::Tasks(TasksRequest { target, states, offset: args.offset + have, limit });
        let page: TaskPage = client.ask(&request).await?;
        let empty = page.tasks.is_empty();
        let page = match all.take() {
            Some(mut first) => {
                first.total = page.total;
                first.tasks.extend(page.tasks);
                first
            }
            None => page,
        };
        let have = page.tasks.len() as u64;
        if empty || have >= wanted || args.offset + have >= page.total {
            screen.show(&page, |page| text::tasks(page, args.offset, screen.columns()));
            return Ok(End::Done);
        }
        all = Some(page);
    }
}

pub(super) async fn logs(args: LogsArgs, client: &Client, screen: Screen) -> Result<End, ApiError> {
    let format = if screen.json() { LogFormat::Lines } else { LogFormat::Text };
    let request = LogsRequest {
        target: named(args.target, client).await?,
        follow: args.follow,
        after: 0,
        tail: args.tail.unwrap_or(0),
    };
    let mut stream = client.logs(&request, format).await?;
    while let Some(bytes) = stream.next().await? {
        screen.print(&bytes);
    }
    Ok(End::Done)
}

/// Shows each page as it comes, unless JSON asks for one piece.
pub(super) async fn results(args: ResultsArgs, client: &Client, screen: Screen) -> Result<End, ApiError> {
    let target = named(args.target, client).await?;
    let mut all: Option<ResultsPage> = None;
    let mut offset = 0;
    loop {
        let request = Request::Results(ResultsRequest { target: target.clone(), offset, limit: 0 });
        let page: ResultsPage = client.ask(&request).await?;
        offset += page.files.len() as u64;
        let last = page.files.is_empty() || offset >= page.total;
        if screen.json() {
            match &mut all {
                Some(all) => all.files.extend(page.files),
                None => all = Some(page),
            }
        } else {
            screen.print(text::paths(&page.files, screen.is_terminal()).as_bytes());
        }
        if last {
            all.iter().for_each(|all| screen.show_json(all));
            return Ok(End::Done);
        }
    }
}

/// What waits for other files to make way is tried again; whether it lands is seen at the job.
pub(super) async fn land(args: LandArgs, client: &Client, screen: Screen) -> Result<End, ApiError> {
    let in_the_way = match (args.overwrite, args.beside) {
        (true, _) => InTheWay::Replace,
        (_, true) => InTheWay::Beside,
        _ => InTheWay::Keep,
    };
    let request = LandRequest { job: named(args.job, client).await?, in_the_way };
    let change: ChangeView = client.ask(&Request::Land(request)).await?;
    screen.show(&change, text::landing_again);
    Ok(End::Done)
}

/// Reads as many pages as it takes.
pub(super) async fn activity(args: ActivityArgs, client: &Client, screen: Screen) -> Result<End, ApiError> {
    let job = match args.job {
        Some(job) => Some(named(job, client).await?),
        None => None,
    };
    let mut all = ActivityPage { more: true, ..ActivityPage::default() };
    while all.more && (all.notices.len() as u32) < args.limit {
        let limit = (args.limit - all.notices.len() as u32).min(ActivityRequest::MAX_LIMIT);
        let before = all.notices.last().map(|notice| notice.id);
        let request = Request::Activity(ActivityRequest { before, limit, job: job.clone() });
        let page: ActivityPage = client.ask(&request).await?;
        all.notices.extend(page.notices);
        all.more = page.more;
    }
    screen.show(&all, text::activity);
    Ok(End::Done)
}

pub(super) async fn wait(args: WaitArgs, client: &Client, screen: Screen) -> Result<End, ApiError> {
    let mut jobs = Vec::new();
    for job in args.jobs {
        let job = named(job, client).await?;
        let detail: JobDetail = client.ask(&Request::Job(JobRequest { job })).await?;
        jobs.push(detail.job);
    }
    follow(jobs, Following::Known, client, screen).await
}

/// What a person may do to a job or task.
#[derive(Debug, Clone, Copy)]
pub(super) enum Change {
    Cancel,
    Retry,
    Hold { now: bool },
    Release,
}

impl Change {
    fn request(self, target: String) -> Request {
        match self {
            Self::Cancel => Request::Cancel(TargetRequest { target }),
            Self::Retry => Request::Retry(TargetRequest { target }),
            Self::Hold { now } => Request::Hold(HoldRequest { target, now }),
            Self::Release => Request::Release(TargetRequest { target }),
        }
    }

    const fn word(self) -> &'static str {
        match self {
            Self::Cancel => "Cancelled",
            Self::Retry => "Trying again",
            Self::Hold { now: false } => "Held",
            Self::Hold { now: true } => "Stopped and held",
            Self::Release => "Released",
        }
    }
}

pub(super) async fn change(change: Change, args: TargetArgs, client: &Client, screen: Screen) -> Result<End, ApiError> {
    let mut changes: Vec<ChangeView> = Vec::new();
    for target in args.targets {
        changes.push(client.ask(&change.request(named(target, client).await?)).await?);
    }
    screen.show(&changes, |changes| {
        changes.iter().map(|it| text::changed(it, change.word())).collect::<Vec<_>>().join("\n")
    });
    Ok(End::Done)
}

pub(super) async fn priority(args: PriorityArgs, client: &Client, screen: Screen) -> Result<End, ApiError> {
    let request = PriorityRequest { job: named(args.job, client).await?, priority: args.priority };
    let change: ChangeView = client.ask(&Request::Priority(request)).await?;
    screen.show(&change, |change| format!("Priority {} for {}", change.job.priority, text::clean(&change.job.name)));
    Ok(End::Done)
}

pub(super) async fn why(args: WhyArgs, client: &Client, screen: Screen) -> Result<End, ApiError> {
    let why: WhyView = client.ask(&Request::Why(TargetRequest { target: named(args.target, client).await? })).await?;
    screen.show(&why, |why| text::why(why, screen.columns()));
    Ok(End::Done)
}
