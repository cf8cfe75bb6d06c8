use std::{collections::BTreeMap, sync::Arc};

use gridwell_api::{Event, EventBody, EventCursor, EventRing, MachineView, Replay, Snapshot};
use gridwell_model::{Incarnation, PeerId};
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
    /// Machines as they were told last.
    machines: BTreeMap<PeerId, MachineView>,
}

impl EventHub {
    pub(crate) const fn new(stream: Incarnation) -> Self {
        Self { ring: EventRing::new(stream, EventRing::CAPACITY), listeners: Vec::new(), machines: BTreeMap::new() }
    }

    /// Tells everybody.
    pub(crate) fn tell(&mut self, body: EventBody) {
        let event = self.ring.push(body);
        self.listeners.retain(|listener| listener.try_send(Arc::clone(&event)).is_ok());
    }

    /// Tells what is new on a machine, and nothing when nothing is.
    pub(crate) fn tell_machine(&mut self, view: MachineView) {
        let activity = match self.machines.get(&view.id) {
            Some(told) if *told == view => return,
            Some(told) => view.activity_since(told),
            None => None,
        };
        self.machines.insert(view.id, view.clone());
        self.tell(activity.map_or_else(|| EventBody::MachineChanged(Box::new(view)), EventBody::MachineActivity));
    }

    /// A machine is no member any more.
    pub(crate) fn tell_gone(&mut self, peer: PeerId) {
        self.machines.remove(&peer);
        self.tell(EventBody::MachineRemoved(peer));
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
            Replay::Snapshot { seq } => {
                // This one knows machines as they are now, the others as they were told: from here on all is told anew.
                self.machines.clear();
                vec![Arc::new(Event { seq, body: EventBody::Snapshot(Box::new(make())) })]
            }
        };
        let (sender, stream) = mpsc::channel(LISTENER_EVENTS.max(first.len() + 1));
        for event in first {
            let _fits = sender.try_send(event);
        }
        self.listeners.push(sender);
        stream
    }
}

#[cfg(test)]
mod tests {
    use gridwell_api::{CodeShown, MachineState, Share};
    use gridwell_model::{Hardware, Load, Tuning};

    use super::*;

    const STREAM: Incarnation = Incarnation([1; 8]);

    fn machine(running: u32, name: &str) -> MachineView {
        MachineView {
            id: PeerId([7; 32]),
            name: name.into(),
            this: true,
            online: true,
            state: MachineState::Ready,
            hardware: Hardware::default(),
            labels: BTreeMap::new(),
            load: Load::default(),
            lends: Share::default(),
            free: Share::default(),
            accepts: true,
            why_not: String::new(),
            running,
            made: 0,
            standing: gridwell_model::Standing::default(),
            paused_until: None,
            version: String::new(),
            last_seen: None,
            tuning: Tuning::default(),
            power: gridwell_model::Power::default(),
            leaning: None,
            awaited: false,
            wakes_for_work: false,
            isolated_since: None,
            confinement: None,
            via: Vec::new(),
            sick: Vec::new(),
        }
    }

    fn listen(hub: &mut EventHub, now: &MachineView) -> EventStream {
        hub.listen(None, || Snapshot {
            stream: STREAM,
            machines: vec![now.clone()],
            links: vec![],
            jobs: vec![],
            pairings: vec![],
            code: CodeShown::default(),
            asks: vec![],
        })
    }

    /// What a listener makes of what it heard.
    fn heard(stream: &mut EventStream) -> (Vec<&'static str>, Option<MachineView>) {
        let (mut kinds, mut known) = (Vec::new(), None::<MachineView>);
        while let Ok(event) = stream.try_recv() {
            match &event.body {
                EventBody::Snapshot(snapshot) => {
                    kinds.push("snapshot");
                    known = snapshot.machines.first().cloned();
                }
                EventBody::MachineChanged(view) => {
                    kinds.push("all");
                    known = Some((**view).clone());
                }
                EventBody::MachineActivity(activity) => {
                    kinds.push("activity");
                    if let Some(known) = &mut known {
                        known.apply(activity);
                    }
                }
                _ => kinds.push("other"),
            }
        }
        (kinds, known)
    }

    #[test]
    fn what_changes_often_is_told_without_the_rest() {
        let mut hub = EventHub::new(STREAM);
        let mut stream = listen(&mut hub, &machine(0, "mill"));
        for view in [machine(1, "mill"), machine(1, "mill"), machine(2, "mill"), machine(2, "forge")] {
            hub.tell_machine(view);
        }
        let (kinds, known) = heard(&mut stream);
        assert_eq!(kinds, ["snapshot", "all", "activity", "all"]);
        assert_eq!(known, Some(machine(2, "forge")));
    }

    #[test]
    fn a_listener_that_came_between_two_changes_hears_of_the_way_back() {
        let mut hub = EventHub::new(STREAM);
        let mut first = listen(&mut hub, &machine(0, "mill"));
        hub.tell_machine(machine(0, "mill"));
        // The machine was renamed, which nobody was told yet, and then renamed back.
        let mut second = listen(&mut hub, &machine(0, "forge"));
        hub.tell_machine(machine(0, "mill"));
        assert_eq!(heard(&mut first).1, Some(machine(0, "mill")));
        assert_eq!(heard(&mut second).1, Some(machine(0, "mill")));
    }
}
