use std::{path::PathBuf, sync::Arc};

use axum::{
    Json, Router,
    extract::{DefaultBodyLimit, Path, State},
    routing::{any, get, patch, post, put},
};
use gridwell_api::{
    ApiError, ChangeView, DoctorView, DraftView, ErrorCode, HoldRequest, InviteRequest, InviteView, JobDetail,
    JobRequest, JobView, JobsRequest, JoinRequest, JoinedView, LinkView, MachineView, PriorityRequest, Request,
    Response, SetRequest, StatusView, SubmitRequest, SubmittedView, TargetRequest, TaskPage, TasksRequest, WhyView,
};
use gridwell_model::TaskState;
use serde::Deserialize;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    Backend, dav, files, openapi,
    openapi::PrioritySetting,
    pictures,
    reply::{Asked, BODY_BYTES, Body, Refusal},
    streams, uploads,
};

/// What every handler has at hand.
#[derive(Clone)]
pub(crate) struct Inside {
    pub(crate) backend: Arc<dyn Backend>,
    /// Where files lie that were sent.
    pub(crate) uploads: PathBuf,
    /// Cancelled when the door closes: streams end then.
    pub(crate) closing: CancellationToken,
    /// What the door waits for when it closes.
    pub(crate) connections: TaskTracker,
}

type Answer = Result<Json<Response>, Refusal>;

impl Inside {
    async fn ask(&self, request: Request) -> Answer {
        Ok(Json(self.backend.call(request).await?))
    }
}

pub(crate) fn router(inside: Inside) -> Router {
    Router::new()
        .route("/v1/ask", post(ask))
        .route("/v1/status", get(status))
        .route("/v1/doctor", get(doctor))
        .route("/v1/inspect", post(inspect))
        .route("/v1/jobs", get(jobs).post(submit))
        .route("/v1/jobs/{target}", get(job))
        .route("/v1/jobs/{target}/tasks", get(tasks))
        .route("/v1/jobs/{target}/logs", get(streams::logs))
        .route("/v1/jobs/{target}/why", get(why))
        .route("/v1/jobs/{target}/cancel", post(cancel))
        .route("/v1/jobs/{target}/retry", post(retry))
        .route("/v1/jobs/{target}/hold", post(hold))
        .route("/v1/jobs/{target}/release", post(release))
        .route("/v1/jobs/{target}/priority", put(priority))
        .route("/v1/machines", get(machines))
        .route("/v1/machines/this", patch(set))
        .route("/v1/links", get(links))
        .route("/v1/invites", post(invite))
        .route("/v1/join", post(join))
        .route("/v1/tree/{*path}", get(files::file))
        .route(dav::ROOT, any(dav::top))
        .route(&format!("{}/", dav::ROOT), any(dav::top))
        .route(&format!("{}/{{*path}}", dav::ROOT), any(dav::below))
        .route("/v1/picture", get(pictures::picture))
        .route("/v1/uploads", post(uploads::upload))
        .route("/v1/events", get(streams::events))
        .route("/v1/openapi.json", get(async || Json(openapi())))
        .fallback(async || refuse(ErrorCode::NotFound, "the door has no such path"))
        .method_not_allowed_fallback(async || refuse(ErrorCode::NotAllowed, "that path has no such method"))
        .layer(DefaultBodyLimit::max(BODY_BYTES))
        .with_state(inside)
}

fn refuse(code: ErrorCode, message: &str) -> Refusal {
    Refusal(ApiError::new(code, message).help("GET /v1/openapi.json describes every path."))
}

/// Any wish, named by its field `ask`; the answer's shape follows from it.
#[utoipa::path(post, path = "/v1/ask", request_body = Request,
    responses((status = 200, body = Object), (status = "default", body = ApiError)))]
async fn ask(State(inside): State<Inside>, Body(request): Body<Request>) -> Answer {
    inside.ask(request).await
}

/// The node itself.
#[utoipa::path(get, path = "/v1/status", responses((status = 200, body = StatusView), (status = "default", body = ApiError)))]
async fn status(State(inside): State<Inside>) -> Answer {
    inside.ask(Request::Status).await
}

/// What the node finds when it checks itself.
#[utoipa::path(get, path = "/v1/doctor", responses((status = 200, body = DoctorView), (status = "default", body = ApiError)))]
async fn doctor(State(inside): State<Inside>) -> Answer {
    inside.ask(Request::Doctor).await
}

/// What a submission would become; starts nothing.
#[utoipa::path(post, path = "/v1/inspect", request_body = SubmitRequest,
    responses((status = 200, body = Vec<DraftView>), (status = "default", body = ApiError)))]
async fn inspect(State(inside): State<Inside>, Body(submit): Body<SubmitRequest>) -> Answer {
    inside.ask(Request::Inspect(submit)).await
}

/// Starts jobs.
#[utoipa::path(post, path = "/v1/jobs", request_body = SubmitRequest,
    responses((status = 200, body = SubmittedView), (status = "default", body = ApiError)))]
async fn submit(State(inside): State<Inside>, Body(submit): Body<SubmitRequest>) -> Answer {
    inside.ask(Request::Submit(submit)).await
}

/// Jobs, newest first.
#[utoipa::path(get, path = "/v1/jobs",
    params(("active" = Option<bool>, Query, description = "leave out jobs that have ended"),
           ("limit" = Option<u32>, Query, description = "most jobs to list; 0 means all")),
    responses((status = 200, body = Vec<JobView>), (status = "default", body = ApiError)))]
async fn jobs(State(inside): State<Inside>, Asked(query): Asked<JobsRequest>) -> Answer {
    inside.ask(Request::Jobs(query)).await
}

/// One job in full.
#[utoipa::path(get, path = "/v1/jobs/{target}", params(("target" = String, Path, description = "job id or unique prefix")),
    responses((status = 200, body = JobDetail), (status = "default", body = ApiError)))]
async fn job(State(inside): State<Inside>, Path(job): Path<String>) -> Answer {
    inside.ask(Request::Job(JobRequest { job })).await
}

/// Which tasks to send.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct TaskQuery {
    states: String,
    offset: u64,
    limit: u32,
}

/// A page of tasks.
#[utoipa::path(get, path = "/v1/jobs/{target}/tasks",
    params(("target" = String, Path, description = "JOB, JOB.INDEX or JOB.STEP.INDEX"),
           ("states" = Option<String>, Query, description = "only tasks in these states, comma-separated"),
           ("offset" = Option<u64>, Query, description = "matching tasks to skip"),
           ("limit" = Option<u32>, Query, description = "most tasks to send; at most 1000")),
    responses((status = 200, body = TaskPage), (status = "default", body = ApiError)))]
async fn tasks(State(inside): State<Inside>, Path(target): Path<String>, Asked(query): Asked<TaskQuery>) -> Answer {
    let states = query.states.split(',').filter(|word| !word.is_empty()).map(task_state).collect::<Result<_, _>>()?;
    let limit = query.limit.min(TasksRequest::MAX_LIMIT);
    inside.ask(Request::Tasks(TasksRequest { target, states, offset: query.offset, limit })).await
}

fn task_state(word: &str) -> Result<TaskState, ApiError> {
    serde_json::from_value(serde_json::Value::String(word.to_owned()))
        .map_err(|_| ApiError::new(ErrorCode::BadRequest, format!("'{word}' is not a task state")))
}

/// Why a job or task runs where it runs, or does not run.
#[utoipa::path(get, path = "/v1/jobs/{target}/why", params(("target" = String, Path, description = "JOB, JOB.INDEX or JOB.STEP.INDEX")),
    responses((status = 200, body = WhyView), (status = "default", body = ApiError)))]
async fn why(State(inside): State<Inside>, Path(target): Path<String>) -> Answer {
    inside.ask(Request::Why(TargetRequest { target })).await
}

/// Stops a job or task for good.
#[utoipa::path(post, path = "/v1/jobs/{target}/cancel", params(("target" = String, Path, description = "JOB, JOB.INDEX or JOB.STEP.INDEX")),
    responses((status = 200, body = ChangeView), (status = "default", body = ApiError)))]
async fn cancel(State(inside): State<Inside>, Path(target): Path<String>) -> Answer {
    inside.ask(Request::Cancel(TargetRequest { target })).await
}

/// Puts what ended badly back in the queue.
#[utoipa::path(post, path = "/v1/jobs/{target}/retry", params(("target" = String, Path, description = "JOB, JOB.INDEX or JOB.STEP.INDEX")),
    responses((status = 200, body = ChangeView), (status = "default", body = ApiError)))]
async fn retry(State(inside): State<Inside>, Path(target): Path<String>) -> Answer {
    inside.ask(Request::Retry(TargetRequest { target })).await
}

/// What else than starting is held.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct HoldQuery {
    now: bool,
}

/// Starts nothing new of a job or task.
#[utoipa::path(post, path = "/v1/jobs/{target}/hold",
    params(("target" = String, Path, description = "JOB, JOB.INDEX or JOB.STEP.INDEX"),
           ("now" = Option<bool>, Query, description = "stop also what runs")),
    responses((status = 200, body = ChangeView), (status = "default", body = ApiError)))]
async fn hold(State(inside): State<Inside>, Path(target): Path<String>, Asked(query): Asked<HoldQuery>) -> Answer {
    inside.ask(Request::Hold(HoldRequest { target, now: query.now })).await
}

/// Ends a hold.
#[utoipa::path(post, path = "/v1/jobs/{target}/release", params(("target" = String, Path, description = "JOB, JOB.INDEX or JOB.STEP.INDEX")),
    responses((status = 200, body = ChangeView), (status = "default", body = ApiError)))]
async fn release(State(inside): State<Inside>, Path(target): Path<String>) -> Answer {
    inside.ask(Request::Release(TargetRequest { target })).await
}

/// Changes a job's priority.
#[utoipa::path(put, path = "/v1/jobs/{target}/priority", request_body = PrioritySetting,
    params(("target" = String, Path, description = "job id or unique prefix")),
    responses((status = 200, body = ChangeView), (status = "default", body = ApiError)))]
async fn priority(
    State(inside): State<Inside>,
    Path(job): Path<String>,
    Body(setting): Body<PrioritySetting>,
) -> Answer {
    inside.ask(Request::Priority(PriorityRequest { job, priority: setting.priority })).await
}

/// Machines of the grid, this one first.
#[utoipa::path(get, path = "/v1/machines", responses((status = 200, body = Vec<MachineView>), (status = "default", body = ApiError)))]
async fn machines(State(inside): State<Inside>) -> Answer {
    inside.ask(Request::Machines).await
}

/// Changes how this machine lends.
#[utoipa::path(patch, path = "/v1/machines/this", request_body = SetRequest,
    responses((status = 200, body = MachineView), (status = "default", body = ApiError)))]
async fn set(State(inside): State<Inside>, Body(set): Body<SetRequest>) -> Answer {
    inside.ask(Request::Set(set)).await
}

/// Links of this machine.
#[utoipa::path(get, path = "/v1/links", responses((status = 200, body = Vec<LinkView>), (status = "default", body = ApiError)))]
async fn links(State(inside): State<Inside>) -> Answer {
    inside.ask(Request::Links).await
}

/// Makes an invite link.
#[utoipa::path(post, path = "/v1/invites", request_body = InviteRequest,
    responses((status = 200, body = InviteView), (status = "default", body = ApiError)))]
async fn invite(State(inside): State<Inside>, Body(invite): Body<InviteRequest>) -> Answer {
    inside.ask(Request::Invite(invite)).await
}

/// Joins the grid that a link names.
#[utoipa::path(post, path = "/v1/join", request_body = JoinRequest,
    responses((status = 200, body = JoinedView), (status = "default", body = ApiError)))]
async fn join(State(inside): State<Inside>, Body(join): Body<JoinRequest>) -> Answer {
    inside.ask(Request::Join(join)).await
}
