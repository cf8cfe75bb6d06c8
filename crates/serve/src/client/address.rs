use std::fmt::Write as _;

use gridwell_api::{JobsRequest, LogsRequest, PictureRequest, Request, TasksRequest};
use hyper::Method;
use serde::Serialize;

use gridwell_node::TreeView;

use super::LogFormat;
use crate::openapi::PrioritySetting;

/// Where a request goes: the mirror of `routes`.
#[derive(Debug)]
pub(super) struct Address {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) body: Vec<u8>,
}

impl Address {
    pub(super) fn of(request: &Request) -> Self {
        match request {
            Request::Status => get("/v1/status".into()),
            Request::Doctor => get("/v1/doctor".into()),
            Request::Machines => get("/v1/machines".into()),
            Request::Links => get("/v1/links".into()),
            Request::Inspect(submit) => with(Method::POST, "/v1/inspect".into(), submit),
            Request::Submit(submit) => with(Method::POST, "/v1/jobs".into(), submit),
            Request::Jobs(JobsRequest { active, limit }) => get(format!("/v1/jobs?active={active}&limit={limit}")),
            Request::Job(job) => get(target(&job.job, "")),
            Request::Tasks(request) => get(tasks(request)),
            Request::Why(why) => get(target(&why.target, "/why")),
            Request::Cancel(it) => with(Method::POST, target(&it.target, "/cancel"), &()),
            Request::Retry(it) => with(Method::POST, target(&it.target, "/retry"), &()),
            Request::Hold(it) => with(Method::POST, target(&it.target, &format!("/hold?now={}", it.now)), &()),
            Request::Release(it) => with(Method::POST, target(&it.target, "/release"), &()),
            Request::Priority(it) => {
                with(Method::PUT, target(&it.job, "/priority"), &PrioritySetting { priority: it.priority })
            }
            Request::Invite(invite) => with(Method::POST, "/v1/invites".into(), invite),
            Request::Join(join) => with(Method::POST, "/v1/join".into(), join),
            Request::Set(set) => with(Method::PATCH, "/v1/machines/this".into(), set),
            Request::PairShow(_)
            | Request::PairHide
            | Request::PairCode(_)
            | Request::PairEnter(_)
            | Request::PairAnswer(_)
            | Request::Pairings
            | Request::Nearby
            | Request::Members
            | Request::Role(_)
            | Request::Revoke(_)
            | Request::RecoverSet
            | Request::RecoverConfirm
            | Request::Recover(_)
            | Request::Link(_)
            | Request::LinkLimit(_)
            | Request::Layout(_)
            | Request::Behaviour(_)
            | Request::Copies
            | Request::Wake(_)
            | Request::HandOver(_)
            | Request::Land(_)
            | Request::Forgive(_)
            | Request::Limit(_)
            | Request::Lending(_)
            | Request::Shares
            | Request::ShareAdd(_)
            | Request::ShareRemove(_)
            | Request::ShareReplicate(_)
            | Request::Files(_)
            | Request::File(_)
            | Request::FilePin(_)
            | Request::FileFetch(_)
            | Request::FileFree(_)
            | Request::FileWhere(_)
            | Request::FilePut(_)
            | Request::FileVerify(_)
            | Request::Mount(_)
            | Request::Unmount
            | Request::Mounted
            | Request::Results(_)
            | Request::Log(_)
            | Request::Timeline(_)
            | Request::Activity(_)
            | Request::LinkAsks
            | Request::DoctorOf(_)
            | Request::LinkAnswer(_)
            | Request::LinkHistory
            | Request::LinkUndo(_)
            | Request::History(_) => with(Method::POST, "/v1/ask".into(), request),
        }
    }

    pub(super) fn of_window() -> Self {
        with(Method::POST, "/v1/ui-tokens".into(), &())
    }

    pub(super) fn of_logs(request: &LogsRequest, format: LogFormat) -> Self {
        let LogsRequest { target: named, follow, after, tail } = request;
        let format = match format {
            LogFormat::Text => "text",
            LogFormat::Lines => "lines",
        };
        get(target(named, &format!("/logs?follow={follow}&after={after}&tail={tail}&format={format}")))
    }

    /// Content of a file of the tree.
    pub(super) fn of_file(path: &str, view: &TreeView) -> Self {
        let parts: Vec<_> = path.trim_matches('/').split('/').map(encoded).collect();
        let query = match view {
            TreeView::Whole => String::new(),
            TreeView::Joined => "?joined=true".to_owned(),
            TreeView::Region(region) => format!("?region={}", encoded(region)),
        };
        get(format!("/v1/tree/{}{query}", parts.join("/")))
    }

    pub(super) fn of_picture(request: &PictureRequest) -> Self {
        let named = [("target", &request.target), ("path", &request.path), ("file", &request.file)];
        let words = named.into_iter().filter_map(|(name, value)| Some((name, value.as_ref()?)));
        let words: String = words.map(|(name, value)| format!("&{name}={}", encoded(value))).collect();
        get(format!("/v1/picture?size={}{words}", request.size))
    }
}

fn get(path: String) -> Address {
    Address { method: Method::GET, path, body: Vec::new() }
}

fn with(method: Method, path: String, body: &impl Serialize) -> Address {
    // Plain data with text keys always has a JSON form.
    Address { method, path, body: serde_json::to_vec(body).unwrap_or_default() }
}

fn target(named: &str, rest: &str) -> String {
    format!("/v1/jobs/{}{rest}", encoded(named))
}

fn tasks(request: &TasksRequest) -> String {
    let words = request.states.iter().filter_map(|state| serde_json::to_value(state).ok());
    let states: Vec<String> = words.filter_map(|word| word.as_str().map(str::to_owned)).collect();
    let (states, offset, limit) = (states.join(","), request.offset, request.limit);
    target(&request.target, &format!("/tasks?states={states}&offset={offset}&limit={limit}"))
}

/// Percent-encodes what people typed, so that it stays one part of the address. Source: RFC 3986, unreserved characters.
pub(crate) fn encoded(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'~' | b'.' => out.push(char::from(byte)),
            _ => {
                let _ = write!(out, "%{byte:02X}");
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use gridwell_api::JobRequest;

    use super::*;

    #[test]
    fn what_people_type_stays_one_part_of_the_path() {
        let address = Address::of(&Request::Job(JobRequest { job: "../a b?x=é".into() }));
        assert_eq!(address.path, "/v1/jobs/..%2Fa%20b%3Fx%3D%C3%A9");
    }
}
