//! Letting machines in, and being let in: carries the engines of `trust` to the net, to the store and to people.

mod entering;
mod hosting;
mod nearby;
mod showing;
mod words;

use std::{collections::BTreeMap, time::Duration};

use gridwell_api::{ApiError, CodeShown, ErrorCode, EventBody, PairState, PairingView, PairingsView};
use gridwell_model::{PeerId, Stamp, Time};
use gridwell_net::Talk;
use gridwell_trust::{Caller, Host, HostEffect, House, Moment, Visit};
use gridwell_wire::PROTOCOL_VERSION;
use tokio::sync::mpsc;

use super::{Core, Fact, facts::Reply};
use crate::clock;
use entering::Entering;
use nearby::Findable;

/// Ended pairings that are still shown, so that whoever looks a moment later sees how they ended.
const ENDED_SHOWN: usize = 8;
/// Letters of a key in a fingerprint: 100 bits, which nobody can meet by trying keys.
const FINGERPRINT: usize = 20;

/// Everything about pairing that does not outlive the node. Who is a member does, and what became of an invite.
#[derive(Debug, Default)]
pub(crate) struct Pairing {
    host: Host,
    lines: BTreeMap<Visit, Line>,
    entering: Option<Entering>,
    views: BTreeMap<Visit, PairingView>,
    /// Who waits for the end of a pairing, having decided about it.
    replies: BTreeMap<Visit, Vec<Reply>>,
    findable: Option<Findable>,
    /// What listeners know of the code that is shown.
    told: CodeShown,
    last: Visit,
}

/// A conversation that is going on.
#[derive(Debug)]
struct Line {
    say: mpsc::Sender<Vec<u8>>,
    address: String,
}

impl Pairing {
    /// When something ends by itself.
    pub(crate) fn due(&self) -> Option<Time> {
        let entering = self.entering.as_ref().map(|entering| entering.deadline);
        let findable = self.findable.as_ref().map(Findable::until);
        [self.host.poll_deadline(), entering, findable].into_iter().flatten().min()
    }

    pub(crate) fn poll_effect(&mut self) -> Option<HostEffect> {
        self.host.poll_effect()
    }

    pub(crate) fn views(&self) -> Vec<PairingView> {
        self.views.values().cloned().collect()
    }

    fn next_visit(&mut self) -> Visit {
        self.last += 1;
        self.last
    }

    fn address(&self, visit: Visit) -> String {
        self.lines.get(&visit).map(|line| line.address.clone()).unwrap_or_default()
    }

    /// Says something, unless the line is cut or the other side reads nothing.
    fn say(&self, visit: Visit, bytes: Vec<u8>) {
        if let Some(line) = self.lines.get(&visit)
            && let Err(error) = line.say.try_send(bytes)
        {
            tracing::debug!(%error, "something about pairing was not said");
        }
    }
}

impl Core {
    pub(crate) fn pairings(&self) -> PairingsView {
        PairingsView {
            nearby: self.machines.settings().nearby,
            code_until: self.code_shown().until,
            pairings: self.pairing.views(),
        }
    }

    /// This machine, as it visits others.
    fn caller(&self) -> Caller<'_> {
        Caller {
            me: self.me,
            grid: self.membership.grid.id(),
            name: &self.machines.settings().name,
            addresses: &self.membership.addresses,
            speaks: PROTOCOL_VERSION,
        }
    }

    /// Listens to a conversation until it ends.
    fn listen_to(&mut self, visit: Visit, address: String, talk: Talk) {
        let Talk { mut heard, say } = talk;
        self.pairing.lines.insert(visit, Line { say, address });
        let facts = self.facts.clone();
        self.beside.spawn(async move {
            while let Some(bytes) = heard.recv().await {
                if facts.send(Fact::PairHeard(visit, Some(bytes))).await.is_err() {
                    return;
                }
            }
            let _stopped = facts.send(Fact::PairHeard(visit, None)).await;
        });
    }

    pub(super) fn on_pair_heard(&mut self, visit: Visit, bytes: Option<Vec<u8>>) {
        let entering = self.pairing.entering.as_ref().is_some_and(|entering| entering.visit == visit);
        match bytes {
            Some(bytes) if entering => self.hear_host(&bytes),
            Some(bytes) => self.hear_guest(visit, &bytes),
            None if entering => self.host_went(),
            None => {
                self.pairing.lines.remove(&visit);
                self.pairing.host.leave(visit);
            }
        }
    }

    pub(crate) fn on_pairing_time(&mut self, now: Time) {
        self.follow_code(now);
        self.pairing.host.handle_deadline(now);
        if self.pairing.entering.as_ref().is_some_and(|entering| entering.deadline <= now) {
            self.host_is_silent();
        }
    }

    /// Shows how a pairing is now, and forgets the oldest that have ended.
    fn show_pairing(&mut self, view: PairingView) {
        self.events.tell(EventBody::PairingChanged(Box::new(view.clone())));
        self.pairing.views.insert(view.id, view);
        let ended = self.pairing.views.values().filter(|view| view.state.is_ended()).map(|view| view.id);
        let mut ended: Vec<_> = ended.collect();
        ended.truncate(ended.len().saturating_sub(ENDED_SHOWN));
        ended.iter().for_each(|visit| {
            self.pairing.views.remove(visit);
        });
    }

    /// The pairing under way that a person's words name.
    fn named_pairing(&self, text: &str) -> Result<Visit, ApiError> {
        let under_way = || self.pairing.views.values().filter(|view| !view.state.is_ended());
        // A number is an id and nothing else: a machine may call itself anything.
        let id: Option<Visit> = text.parse().ok();
        let is_named = |view: &&PairingView| {
            let by_key = |peer: PeerId| text.len() >= 4 && peer.to_string().starts_with(&text.to_lowercase());
            let by_words = || text.is_empty() || view.machine == text || view.peer.is_some_and(by_key);
            id.map_or_else(by_words, |id| view.id == id)
        };
        let named: Vec<_> = under_way().filter(is_named).collect();
        match named.as_slice() {
            [view] => Ok(view.id),
            [] if text.is_empty() => Err(unknown("no machine waits to be let in".to_owned())),
            [] => Err(unknown(format!("no machine '{text}' waits to be let in"))),
            several => {
                let names: Vec<_> = several.iter().map(|view| format!("{} ({})", view.machine, view.id)).collect();
                Err(unknown(format!("several machines wait: {}", names.join(", "))).help("name one by its number"))
            }
        }
    }

    fn house(&self) -> House<'_> {
        House {
            grid: self.membership.grid.id(),
            me: self.me,
            name: &self.machines.settings().name,
            speaks: PROTOCOL_VERSION,
        }
    }
}

fn unknown(message: String) -> ApiError {
    ApiError::new(ErrorCode::UnknownPairing, message).help("see who waits with: gridwell pair list")
}

fn moment() -> Moment {
    Moment { time: clock::now(), stamp: clock::stamp() }
}

/// The wall clock some time from `now`.
fn later(now: Stamp, after: Duration) -> Stamp {
    Stamp(now.0.saturating_add(u64::try_from(after.as_millis()).unwrap_or(u64::MAX)))
}

/// The wall clock at a moment to come.
fn stamp_at(time: Time) -> Stamp {
    later(clock::stamp(), time.since(clock::now()))
}

/// The beginning of a key, in groups of four.
fn fingerprint(peer: PeerId) -> String {
    let letters: Vec<char> = peer.to_string().chars().take(FINGERPRINT).collect();
    letters.chunks(4).map(String::from_iter).collect::<Vec<_>>().join(" ")
}

/// Not under way any more.
fn ended(view: &mut PairingView, state: PairState) {
    view.state = state;
    view.until = None;
}
