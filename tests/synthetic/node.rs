//! The made-up grid as whoever answers at the door.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::future::BoxFuture;
use gridwell_api::{
    ActivityPage, ApiError, CodeShown, ErrorCode, Event, EventBody, EventCursor, EventRing, JobDetail, LogPiece,
    LogsRequest, Picture, PictureRequest, Replay, Request, Response, ResultsPage, Snapshot, StatusView, StepView,
};
use gridwell_model::{GridId, Incarnation, Needs};
use gridwell_serve::{Backend, Content, TreeView};
use tokio::sync::mpsc;

use crate::{made::peer, world::World};

/// Events that may wait for one listener, as in the node.
const LISTENER_EVENTS: usize = 1_024;
/// The one run of this node.
const STREAM: Incarnation = Incarnation([5; 8]);

#[derive(Debug)]
pub(crate) struct Synthetic {
    inside: Mutex<Inside>,
}

#[derive(Debug)]
struct Inside {
    world: World,
    ring: EventRing,
    listeners: Vec<mpsc::Sender<Arc<Event>>>,
}

impl Synthetic {
    pub(crate) fn new(world: World) -> Self {
        let ring = EventRing::new(STREAM, EventRing::CAPACITY);
        Self { inside: Mutex::new(Inside { world, ring, listeners: Vec::new() }) }
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the world, and tells what `change` returns.
    pub(crate) fn tell(&self, change: impl FnOnce(&mut World) -> Vec<EventBody>) {
        let mut inside = self.inside();
        let bodies = change(&mut inside.world);
        for body in bodies {
            let event = inside.ring.push(body);
            inside.listeners.retain(|listener| listener.try_send(Arc::clone(&event)).is_ok());
        }
    }

    fn answer(&self, request: &Request) -> Result<Response, ApiError> {
        let inside = self.inside();
        let world = &inside.world;
        let find = |named: &str| {
            let wanted = named.split('.').next().unwrap_or_default();
            world.jobs.iter().find(|job| job.id.to_string().starts_with(wanted)).ok_or_else(|| unknown(named))
        };
        Ok(match request {
            Request::Status => Response::Status(status(world)),
            Request::Machines => Response::Machines(world.machines.clone()),
            Request::Links => Response::Links(world.links.clone()),
            Request::Jobs(_) => Response::Jobs(world.jobs.clone()),
            Request::Job(wanted) => {
                let job = find(&wanted.job)?.clone();
                let step = StepView {
                    name: "Render".into(),
                    counts: job.counts,
                    after: Vec::new(),
                    needs: Needs::default(),
                    prefers: Vec::new(),
                };
                Response::Job(Box::new(JobDetail {
                    job,
                    steps: vec![step],
                    parameters: Vec::new(),
                    input_count: 14,
                    input_bytes: 2_100_000_000,
                }))
            }
            Request::Tasks(wanted) => Response::Tasks(world.page(find(&wanted.target)?.id, wanted)),
            Request::Activity(_) => Response::Activity(ActivityPage::default()),
            Request::Timeline(_) => Response::Timeline(world.bars()),
            Request::History(_) => Response::History(world.history()),
            Request::Results(wanted) => Response::Results(ResultsPage {
                job: find(&wanted.target)?.id,
                total: 0,
                total_bytes: 0,
                full: false,
                files: Vec::new(),
            }),
            _ => return Err(ApiError::new(ErrorCode::WrongState, "a made-up grid does only what is measured")),
        })
    }
}

impl Backend for Synthetic {
    fn call(&self, request: Request) -> BoxFuture<'_, Result<Response, ApiError>> {
        let answer = self.answer(&request);
        Box::pin(async { answer })
    }

    fn events(&self, since: Option<EventCursor>) -> BoxFuture<'_, Result<mpsc::Receiver<Arc<Event>>, ApiError>> {
        let mut inside = self.inside();
        let first = match inside.ring.replay(since) {
            Replay::Missed(events) => events,
            Replay::Snapshot { seq } => {
                let World { machines, links, jobs, .. } = &inside.world;
                let (machines, links, jobs) = (machines.clone(), links.clone(), jobs.clone());
                let code = CodeShown::default();
                let snapshot = Snapshot { stream: STREAM, machines, links, jobs, pairings: vec![], code, asks: vec![] };
                vec![Arc::new(Event { seq, body: EventBody::Snapshot(Box::new(snapshot)) })]
            }
        };
        let (sender, stream) = mpsc::channel(LISTENER_EVENTS.max(first.len() + 1));
        for event in first {
            let _fits = sender.try_send(event);
        }
        inside.listeners.push(sender);
        Box::pin(async { Ok(stream) })
    }

    fn logs(&self, _: LogsRequest) -> BoxFuture<'_, Result<mpsc::Receiver<LogPiece>, ApiError>> {
        let (_, stream) = mpsc::channel(1);
        Box::pin(async { Ok(stream) })
    }

    fn open<'a>(&'a self, path: &'a str, _: TreeView) -> BoxFuture<'a, Result<Content, ApiError>> {
        Box::pin(async move { Err(ApiError::new(ErrorCode::MissingFile, format!("there is nothing at '{path}'"))) })
    }

    fn picture(&self, _: PictureRequest) -> BoxFuture<'_, Result<Picture, ApiError>> {
        Box::pin(async { Err(ApiError::new(ErrorCode::NotAPicture, "a made-up grid renders nothing")) })
    }
}

fn unknown(named: &str) -> ApiError {
    ApiError::new(ErrorCode::UnknownJob, format!("no job '{named}' on this machine"))
}

fn status(world: &World) -> StatusView {
    StatusView {
        version: env!("CARGO_PKG_VERSION").into(),
        peer: peer(0),
        name: world.machines[0].name.clone(),
        grid: GridId([1; 16]),
        addresses: Vec::new(),
        data: String::new(),
        pid: std::process::id(),
        uptime_secs: 60.0,
        machines: world.machines.len() as u32,
        machines_online: world.machines.iter().filter(|machine| machine.online).count() as u32,
        active_jobs: 1,
        running: 1,
        accepts: true,
        why_not: String::new(),
        safe_to_close: true,
        close_why: Vec::new(),
    }
}
