use std::sync::Arc;

use gridwell_api::{Event, EventBody, EventCursor, EventRing, Replay, Snapshot};
use gridwell_model::Incarnation;
use tokio::sync::mpsc;

/// Events that may wait for one listener; a slower one is cut off and starts again from its cursor.
const LISTENER_EVENTS: usize = 1_024;

/// Events in order, from a snapshot or a cursor on; ends when the listener was too slow or the node stops.
pub type EventStream = mpsc::Receiver<Arc<Event>>;

/// Numbers events and hands them to whoever listens.
#[derive(Debug)]
pub(crate) struct EventHub {
    ring: EventRing,
    listeners: Vec<mpsc::Sender<Arc<Event>>>,
}

impl EventHub {
    pub(crate) const fn new(stream: Incarnation) -> Self {
        Self { ring: EventRing::new(stream, EventRing::CAPACITY), listeners: Vec::new() }
    }

    /// Tells everybody.
    pub(crate) fn tell(&mut self, body: EventBody) {
        let event = self.ring.push(body);
        self.listeners.retain(|listener| listener.try_send(Arc::clone(&event)).is_ok());
    }

    /// True if anybody listens.
    pub(crate) fn is_heard(&mut self) -> bool {
        self.listeners.retain(|listener| !listener.is_closed());
        !self.listeners.is_empty()
    }

    /// Adds a listener: first what it missed, or the snapshot that `make` builds, then everything as it happens.
    pub(crate) fn listen(&mut self, cursor: Option<EventCursor>, make: impl FnOnce() -> Snapshot) -> EventStream {
        let first = match self.ring.replay(cursor) {
            Replay::Missed(events) => events,
            Replay::Snapshot { seq } => vec![Arc::new(Event { seq, body: EventBody::Snapshot(Box::new(make())) })],
        };
        let (sender, stream) = mpsc::channel(LISTENER_EVENTS.max(first.len() + 1));
        for event in first {
            let _fits = sender.try_send(event);
        }
        self.listeners.push(sender);
        stream
    }
}
