use std::{collections::VecDeque, fmt, str::FromStr, sync::Arc};

use gridwell_model::{Incarnation, JobId, PeerId, Stamp, TaskSpan, TaskState};
use serde::{Deserialize, Serialize};

use crate::{
    ApiError, ErrorCode, JobView, LayoutView, LinkAskView, LinkView, MachineActivity, MachineView, MembersView,
    PairingView,
};

/// One numbered fact for listeners.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct Event {
    /// Grows by one from event to event, and by more where newer facts replaced older ones that had not been sent yet; a
    /// snapshot repeats the number of the last event it contains.
    pub seq: u64,
    /// What happened.
    #[serde(flatten)]
    pub body: EventBody,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(tag = "event", content = "data", rename_all = "snake_case")]
pub enum EventBody {
    /// Everything as it is now: first, and again when a listener missed too much.
    Snapshot(Box<Snapshot>),
    /// A job is new or has changed.
    JobChanged(Box<JobView>),
    /// A job was forgotten.
    JobRemoved(JobId),
    /// Neighbouring tasks changed in the same way.
    TasksChanged(TasksChanged),
    /// A machine is new or has changed.
    MachineChanged(Box<MachineView>),
    /// Of a machine that was told of before, only what it does has changed.
    MachineActivity(MachineActivity),
    /// A machine left the grid.
    MachineRemoved(PeerId),
    /// A link is new or has changed.
    LinkChanged(LinkView),
    /// A link is no more.
    LinkRemoved(LinkKey),
    /// Which links the grid is to have, or who looks for better ones, has changed.
    LayoutChanged(Box<LayoutView>),
    /// A machine is being let in, or how far that is has changed.
    PairingChanged(Box<PairingView>),
    /// Something a person should know.
    Notice(Notice),
    /// This machine shows another pairing code, or none any more.
    CodeChanged(CodeShown),
    /// Who belongs to the grid, what somebody may do, or what waits for a second admin has changed.
    MembersChanged(Box<MembersView>),
    /// The owner of a machine asks another one, or how far that is has changed.
    LinkAskChanged(Box<LinkAskView>),
    /// An ask is done, taken back, or over.
    LinkAskRemoved(LinkKey),
}

/// Everything a listener needs to begin.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct Snapshot {
    /// This run of the node; numbers of another run mean nothing in this one.
    pub stream: Incarnation,
    /// Machines, this one first.
    pub machines: Vec<MachineView>,
    /// Links of this machine, and what other machines tell of theirs.
    pub links: Vec<LinkView>,
    /// Jobs, newest first.
    pub jobs: Vec<JobView>,
    /// Machines that are being let in, and the last few that were, or were not.
    pub pairings: Vec<PairingView>,
    /// The pairing code that this machine shows.
    pub code: CodeShown,
    /// What owners of machines ask each other, as far as it concerns this machine.
    pub asks: Vec<LinkAskView>,
}

/// What can be told of a pairing code to everybody who listens here: never the code.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct CodeShown {
    /// Until when one is shown; another code has another time. Absent when none is.
    pub until: Option<Stamp>,
}

/// Neighbouring tasks of one step that changed in the same way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct TasksChanged {
    /// The job.
    pub job: JobId,
    /// Position of the step.
    pub step: u32,
    /// Which tasks.
    pub span: TaskSpan,
    /// Their state now.
    pub state: TaskState,
    /// The machine that holds them or ended them.
    pub machine: Option<PeerId>,
    /// Exit code, when a program ended by itself.
    pub exit_code: Option<i32>,
    /// Why they failed or were lost; may be empty.
    pub reason: String,
    /// When a checkpoint of them was kept, if that is what is new; what was known before stays as it is otherwise.
    pub saved_at: Option<Stamp>,
}

/// Names one link in the eyes of one of its machines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct LinkKey {
    /// The machine that told of it.
    pub from: PeerId,
    /// The other one.
    pub peer: PeerId,
}

/// Something a person should know; kept, see [`crate::Request::Activity`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct Notice {
    /// Grows from notice to notice, also over restarts.
    pub id: u64,
    /// When it happened.
    pub at: Stamp,
    /// What it is about, for filters and notifications.
    pub kind: NoticeKind,
    /// How much it matters.
    pub level: NoticeLevel,
    /// What happened, one sentence.
    pub sentence: String,
    /// The job it is about.
    pub job: Option<JobId>,
    /// The machine it is about.
    pub machine: Option<PeerId>,
}

/// What a notice is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum NoticeKind {
    /// A job was started.
    JobStarted,
    /// A job ended well.
    JobDone,
    /// A job ended with failed tasks.
    JobFailed,
    /// A job was cancelled.
    JobCancelled,
    /// A machine came, came back, or left.
    Machine,
    /// A link was pinned, forbidden or given back to the grid.
    Link,
    /// This machine paused or resumed lending; or began to work for `machine`, when that is another one.
    Lending,
    /// Results wait to be brought home.
    Results,
    /// Anything else.
    Other,
    /// A machine is back of which somebody wanted to be told.
    Back,
}

/// How much a notice matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum NoticeLevel {
    /// Good to know.
    Info,
    /// Unusual, still working.
    Warning,
    /// Needs a person.
    Problem,
}

/// Up to where a listener has heard: `STREAM:SEQ` as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventCursor {
    /// The run of the node, from its snapshot.
    pub stream: Incarnation,
    /// The last number heard.
    pub seq: u64,
}

impl fmt::Display for EventCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.stream, self.seq)
    }
}

impl FromStr for EventCursor {
    type Err = ApiError;

    fn from_str(text: &str) -> Result<Self, ApiError> {
        let parsed = text
            .split_once(':')
            .and_then(|(stream, seq)| Some(Self { stream: stream.parse().ok()?, seq: seq.parse().ok()? }));
        parsed.ok_or_else(|| ApiError::new(ErrorCode::BadRequest, format!("'{text}' is not an event cursor")))
    }
}

/// What a listener gets first.
#[derive(Debug, Clone, PartialEq)]
pub enum Replay {
    /// Exactly what it missed, in order; may be empty.
    Missed(Vec<Arc<Event>>),
    /// It is new, from another run, or missed too much: send it a snapshot made now, numbered so.
    Snapshot {
        /// The snapshot's number: the last event it contains.
        seq: u64,
    },
}

/// The last events of a node, so that short gaps are filled without a snapshot.
#[derive(Debug)]
pub struct EventRing {
    stream: Incarnation,
    last: u64,
    kept: VecDeque<Arc<Event>>,
    capacity: usize,
}

impl EventRing {
    /// Events kept by default: some seconds of a busy grid in about 1 MB.
    pub const CAPACITY: usize = 4_096;

    /// An empty ring for this run of the node.
    #[must_use]
    pub const fn new(stream: Incarnation, capacity: usize) -> Self {
        Self { stream, last: 0, kept: VecDeque::new(), capacity }
    }

    /// This run of the node.
    #[must_use]
    pub const fn stream(&self) -> Incarnation {
        self.stream
    }

    /// The number of the last event; 0 before the first.
    #[must_use]
    pub const fn last(&self) -> u64 {
        self.last
    }

    /// Numbers a fact, keeps it, and returns it for the listeners.
    pub fn push(&mut self, body: EventBody) -> Arc<Event> {
        self.last += 1;
        let event = Arc::new(Event { seq: self.last, body });
        if self.kept.len() >= self.capacity {
            self.kept.pop_front();
        }
        self.kept.push_back(Arc::clone(&event));
        event
    }

    /// Says what a listener who has heard up to `cursor` gets first.
    #[must_use]
    pub fn replay(&self, cursor: Option<EventCursor>) -> Replay {
        let fresh = Replay::Snapshot { seq: self.last };
        let Some(cursor) = cursor.filter(|cursor| cursor.stream == self.stream && cursor.seq <= self.last) else {
            return fresh;
        };
        let missed = usize::try_from(self.last - cursor.seq).unwrap_or(usize::MAX);
        match self.kept.len().checked_sub(missed) {
            Some(from) => Replay::Missed(self.kept.iter().skip(from).cloned().collect()),
            None => fresh,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STREAM: Incarnation = Incarnation([1; 8]);

    fn ring(pushed: u8) -> EventRing {
        let mut ring = EventRing::new(STREAM, 3);
        for number in 0..pushed {
            ring.push(EventBody::JobRemoved(JobId([number; 10])));
        }
        ring
    }

    fn missed(ring: &EventRing, seq: u64) -> Option<Vec<u64>> {
        match ring.replay(Some(EventCursor { stream: STREAM, seq })) {
            Replay::Missed(events) => Some(events.iter().map(|event| event.seq).collect()),
            Replay::Snapshot { .. } => None,
        }
    }

    #[test]
    fn a_short_gap_is_filled_and_a_long_one_gets_a_snapshot() {
        let ring = ring(5);
        assert_eq!(missed(&ring, 5), Some(vec![]));
        assert_eq!(missed(&ring, 4), Some(vec![5]));
        assert_eq!(missed(&ring, 2), Some(vec![3, 4, 5]));
        assert_eq!(missed(&ring, 1), None);
        assert_eq!(ring.replay(None), Replay::Snapshot { seq: 5 });
    }

    #[test]
    fn a_number_from_another_run_or_from_the_future_gets_a_snapshot() {
        let ring = ring(2);
        assert_eq!(missed(&ring, 3), None);
        let other = EventCursor { stream: Incarnation([2; 8]), seq: 2 };
        assert_eq!(ring.replay(Some(other)), Replay::Snapshot { seq: 2 });
    }

    #[test]
    fn an_event_and_a_cursor_survive_their_text_forms() {
        let event = Event { seq: 7, body: EventBody::JobRemoved(JobId([7; 10])) };
        let json = serde_json::to_string(&event).unwrap();
        assert!(json.starts_with(r#"{"seq":7,"event":"job_removed","data":"#), "{json}");
        assert_eq!(serde_json::from_str::<Event>(&json).unwrap(), event);
        let cursor = EventCursor { stream: STREAM, seq: 9 };
        assert_eq!(cursor.to_string().parse(), Ok(cursor));
        assert!("nonsense".parse::<EventCursor>().is_err());
    }
}
