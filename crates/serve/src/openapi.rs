use gridwell_api::{
    ActivityPage, Event, HistoryView, InvitationView, LogPage, LogPiece, NearbyView, PairingsView, Request,
    ResultsPage, TimelineView,
};
use serde::{Deserialize, Serialize};
use utoipa::OpenApi as _;

use crate::{files, pictures, routes, streams, uploads, window};

/// The new priority of a job.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PrioritySetting {
    /// −100 … 100.
    pub(crate) priority: i32,
}

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Gridwell local door",
        description = "What a person's programs may ask the node of this machine. Over the Unix socket in the data folder, or over loopback TCP with the token that lies there. Errors are ApiError with a stable code.",
        license(name = "Apache-2.0")
    ),
    paths(
        routes::ask,
        routes::status,
        routes::doctor,
        routes::inspect,
        routes::submit,
        routes::jobs,
        routes::job,
        routes::tasks,
        routes::why,
        routes::cancel,
        routes::retry,
        routes::hold,
        routes::release,
        routes::priority,
        routes::machines,
        routes::set,
        routes::links,
        routes::invite,
        routes::join,
        files::file,
        pictures::picture,
        streams::events,
        streams::logs,
        uploads::upload,
        window::open,
        window::token,
    ),
    components(schemas(
        ActivityPage,
        Event,
        HistoryView,
        InvitationView,
        LogPage,
        LogPiece,
        NearbyView,
        PairingsView,
        Request,
        ResultsPage,
        TimelineView
    ))
)]
struct Document;

/// The OpenAPI 3.1 description of the door.
#[must_use]
pub fn openapi() -> utoipa::openapi::OpenApi {
    Document::openapi()
}
