//! The map of links: what this machine tells others of its own, and what they tell of theirs.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use gridwell_api::{EventBody, LinkKey, LinkState, LinkView};
use gridwell_links::{Fault, Input, LinkState as State, Map};
use gridwell_model::{Incarnation, LinkRecord, LinkReport, LinkRule, LinkWish, PeerId, Time};
use gridwell_trust::{Domain, Signature, verify};
use gridwell_wire::{Message, Signed, decode, encode_inner};

use super::Core;
use crate::clock;

/// How long changes gather before anybody hears of them: a grid that starts changes many links at once.
const GATHER: Duration = Duration::from_millis(100);
/// Others hear of links of this machine, and listeners of those of others, at most this often, whatever others say how often.
const TELL_EVERY: Duration = Duration::from_secs(1);
/// Round trips that changed are told this often (network.md §12), and everything is told again after half an hour.
const TELL_ROUND_TRIPS_EVERY: Duration = Duration::from_secs(10);
const TELL_AGAIN: Duration = Duration::from_mins(30);
/// What others told is passed on at most this often, whatever they tell how often.
const PASS_EVERY: Duration = Duration::from_millis(250);
/// A round trip that moved by less than a fifth, or by less than this, is no news.
const RTT_NEWS: Duration = Duration::from_micros(500);

/// What is told to and by other machines.
#[derive(Debug, Default)]
pub(crate) struct LinkMap {
    heard: Map,
    /// What each machine told last, this one included, as it is passed on.
    records: BTreeMap<PeerId, Signed>,
    /// Number of the last record of this machine: grows over restarts, because it begins with the epoch.
    number: u64,
    /// What others were told last.
    last_told: Option<(bool, Vec<LinkReport>, Vec<String>)>,
    /// Number of the record that everybody was told last.
    told_all: u64,
    told: Pace,
    /// Records to be passed on, by whom they are from, with the machine from which they came.
    fresh: BTreeMap<PeerId, PeerId>,
    passed: Pace,
    /// Links of others that listeners have not been told of.
    changed: BTreeSet<(PeerId, PeerId)>,
    listed: Pace,
    /// Round trips that listeners were told, in microseconds.
    shown: BTreeMap<PeerId, u32>,
}

impl LinkMap {
    pub(crate) fn new(epoch: u32) -> Self {
        Self { number: u64::from(epoch) << 32, ..Self::default() }
    }

    pub(crate) fn due(&self) -> Option<Time> {
        let again = self.told.last.map(|last| last + TELL_AGAIN);
        [self.told.due, self.listed.due, self.passed.due, again].into_iter().flatten().min()
    }

    /// Number of the newest record of this machine.
    pub(super) const fn number(&self) -> u64 {
        self.number
    }

    /// What others told of their links.
    pub(super) const fn heard(&self) -> &Map {
        &self.heard
    }

    /// Forgets what machines told that no way leads to any more.
    pub(super) fn forget_lost(&mut self, me: PeerId, up: &BTreeSet<PeerId>, now: Time) {
        for peer in self.heard.out_of_reach(me, up, now) {
            self.forget(peer);
        }
    }

    fn forget(&mut self, peer: PeerId) {
        self.records.remove(&peer);
        self.fresh.remove(&peer);
        let others = self.heard.forget(peer);
        self.mark(peer, others);
    }

    /// Whom a change would leave without a way to `me`.
    pub(crate) fn cut_off(&self, me: PeerId, up: &BTreeSet<PeerId>, lost: PeerId) -> BTreeSet<PeerId> {
        self.heard.cut_off(me, up, lost)
    }

    /// Everything that others tell, by who tells it.
    pub(super) fn reports(&self) -> impl Iterator<Item = (PeerId, &LinkReport)> {
        self.heard.reports()
    }

    /// The link of `me` with `peer` changed.
    pub(super) fn changed_here(&mut self, me: PeerId, peer: PeerId) {
        self.mark_other_end(me, peer);
        self.told.wanted(clock::now(), TELL_EVERY);
    }

    /// What this machine tells of itself changed.
    pub(super) fn changed_itself(&mut self) {
        self.told.wanted(clock::now(), TELL_EVERY);
    }

    fn mark(&mut self, from: PeerId, others: BTreeSet<PeerId>) {
        for other in others {
            self.changed.insert((from, other));
            self.mark_other_end(from, other);
        }
        self.listed.wanted(clock::now(), TELL_EVERY);
    }

    /// What holds on a link depends on what both ends say: the other end's view of it may have changed with this one's.
    fn mark_other_end(&mut self, from: PeerId, other: PeerId) {
        if self.heard.report(other, from).is_some() {
            self.changed.insert((other, from));
            self.listed.wanted(clock::now(), TELL_EVERY);
        }
    }
}

/// When something is done that is done soon after it is wanted, but not too often.
#[derive(Debug, Clone, Copy, Default)]
struct Pace {
    last: Option<Time>,
    due: Option<Time>,
}

impl Pace {
    fn wanted(&mut self, now: Time, every: Duration) {
        let soonest = self.last.map_or(Time::ZERO, |last| last + every);
        let due = (now + GATHER).max(soonest);
        self.due = Some(self.due.map_or(due, |before| before.min(due)));
    }

    /// True if it is to be done now; then it counts as done.
    fn take(&mut self, now: Time) -> bool {
        let is_due = self.due.is_some_and(|due| due <= now);
        if is_due {
            (self.last, self.due) = (Some(now), None);
        }
        is_due
    }
}

impl Core {
    /// Tells one machine all that is known of links: one with which a link has just come up.
    pub(super) fn tell_all_links_to(&mut self, peer: PeerId) {
        self.write_record();
        for record in self.map.records.values() {
            self.send_record(peer, record);
        }
    }

    /// Tells one machine what this one has to say of its links now.
    pub(super) fn tell_links_to(&mut self, peer: PeerId) {
        self.write_record();
        if let Some(record) = self.map.records.get(&self.me) {
            self.send_record(peer, record);
        }
    }

    /// Tells others of the links of this machine, passes on what others told, and tells listeners of the links of others,
    /// where that is due.
    pub(super) fn follow_map(&mut self) {
        let now = clock::now();
        if self.map.told.last.is_some_and(|last| now >= last + TELL_AGAIN) {
            self.map.last_told = None;
            self.map.told.wanted(now, TELL_EVERY);
        }
        if self.map.told.take(now) {
            self.tell_links();
        }
        if self.map.passed.take(now) {
            self.pass_records_on();
        }
        if self.map.listed.take(now) {
            for (from, peer) in std::mem::take(&mut self.map.changed) {
                // The links of this machine it knows better itself.
                if from != self.me {
                    self.tell_link(from, peer, self.told_view(from, peer));
                }
            }
        }
    }

    /// Tells everybody of the links of this machine, if there is news since the last record that went to all.
    fn tell_links(&mut self) {
        self.write_record();
        if let Some(record) = self.map.records.get(&self.me).filter(|_| self.map.told_all != self.map.number) {
            for peer in self.links.up() {
                self.send_record(peer, record);
            }
        }
        self.map.told_all = self.map.number;
    }

    /// Writes down and signs what this machine has to say of its links, if that is news.
    fn write_record(&mut self) {
        let (relays, links) = (self.machines.settings().relay, self.link_reports());
        let addresses: Vec<_> = self.membership.addresses().iter().take(LinkRecord::MAX_ADDRESSES).cloned().collect();
        let known = self.map.records.contains_key(&self.me);
        let same = |(told, reports, listens): &(bool, Vec<LinkReport>, Vec<String>)| {
            *told == relays && *listens == addresses && !is_news(reports, &links)
        };
        if known && self.map.last_told.as_ref().is_some_and(same) {
            return;
        }
        self.map.number += 1;
        let record = LinkRecord {
            grid: self.membership.grid.id(),
            peer: self.me,
            incarnation: self.incarnation,
            number: self.map.number,
            relays,
            links: links.clone(),
            addresses: addresses.clone(),
        };
        match encode_inner(&record) {
            Ok(bytes) => {
                let signature = self.membership.identity.sign(Domain::Links, &bytes).halves();
                self.map.records.insert(self.me, Signed { bytes, signature });
                self.map.last_told = Some((relays, links, addresses));
            }
            Err(error) => tracing::error!(%error, "this machine has too many links to tell of them"),
        }
    }

    fn pass_records_on(&mut self) {
        for (author, from) in std::mem::take(&mut self.map.fresh) {
            let Some(record) = self.map.records.get(&author) else { continue };
            for peer in self.links.up().filter(|peer| *peer != from && *peer != author) {
                self.send_record(peer, record);
            }
        }
    }

    fn send_record(&self, peer: PeerId, record: &Signed) {
        if let Err(error) = self.net.send(peer, &Message::Links(record.clone())) {
            tracing::debug!(%error, "a machine was not told of links");
        }
    }

    /// Links that stand, then those of which somebody ever wanted something.
    fn link_reports(&self) -> Vec<LinkReport> {
        let reports = self.links.views().map(|view| LinkReport {
            peer: view.peer,
            up: matches!(view.state, State::Up { .. }),
            rtt_micros: rtt(&view.state).map(micros),
            since: clock::stamp_of(view.since),
            wish: view.ours,
            rests: view.rests,
        });
        let (up, down): (Vec<_>, Vec<_>) = reports.partition(|report| report.up);
        let wished = down.into_iter().filter(|report| report.wish != LinkWish::default());
        up.into_iter().chain(wished).take(LinkReport::MAX_LINKS).collect()
    }

    /// A machine passes on what one of the grid told of its links.
    pub(super) fn on_links(&mut self, from: PeerId, signed: Signed) {
        let Ok(record) = decode::<LinkRecord>(&signed.bytes) else {
            return self.refuse(from, Fault::Content);
        };
        let (author, number) = (record.peer, record.number);
        let news = if author == self.me { number > self.map.number } else { self.map.heard.is_news(author, number) };
        if !news || !self.membership.grid.is_peer(author, clock::stamp()) {
            return;
        }
        if record.grid != self.membership.grid.id() {
            return self.refuse(from, Fault::OtherGrid);
        }
        if !verify(author, Domain::Links, &signed.bytes, &Signature::of_halves(signed.signature)) {
            return self.refuse(from, Fault::Forged);
        }
        if author == self.me {
            // Said by a run of this node whose data folder is not this one: what is said now counts more.
            self.map.number = number;
            self.map.last_told = None;
            return self.map.changed_itself();
        }
        self.take_record(from, record, signed);
    }

    fn take_record(&mut self, from: PeerId, record: LinkRecord, signed: Signed) {
        let author = record.peer;
        if let Some(report) = record.links.iter().find(|report| report.peer == self.me) {
            self.hear_wish(author, report.wish);
            self.hear_rest(author, report.rests);
        }
        self.learn_run(author, record.number, record.incarnation);
        let addresses = record.addresses.iter().take(LinkRecord::MAX_ADDRESSES).cloned().collect();
        self.links.handle(Input::AddressesLearned { peer: author, addresses }, clock::now());
        self.keep_addresses(author);
        let (me, links) = (self.me, &self.links);
        let changed = self.map.heard.hear(record, |peer| peer == me || links.view(peer).is_some());
        self.map.mark(author, changed);
        self.map.records.insert(author, signed);
        self.map.fresh.insert(author, from);
        self.map.passed.wanted(clock::now(), PASS_EVERY);
        self.passing.map_changed();
    }

    /// A machine is no member any more: what it told says nothing now.
    pub(super) fn forget_links_of(&mut self, peer: PeerId) {
        self.map.forget(peer);
        self.passing.map_changed();
    }

    /// A record of that number is by that run of a machine's node.
    pub(super) fn learn_run(&mut self, peer: PeerId, number: u64, run: Incarnation) {
        self.map.heard.learn_run(peer, number, run);
        // On a link of its own a machine says itself which run it is.
        if let Some((_, newest)) = self.map.heard.run(peer).filter(|_| !self.links.is_up(peer)) {
            self.runs_as(peer, newest);
        }
    }

    /// A ping was answered: listeners and others hear of it when it says something new.
    pub(super) fn on_measured(&mut self, peer: PeerId) {
        let now = self.links.view(peer).and_then(|view| rtt(&view.state)).map(micros);
        if moved(self.map.shown.get(&peer).copied(), now) {
            self.changed.links.insert(peer);
            self.map.mark_other_end(self.me, peer);
            self.map.told.wanted(clock::now(), TELL_ROUND_TRIPS_EVERY);
            self.passing.map_changed();
            self.tell_soon();
        }
    }

    /// Tells listeners of links of this machine that changed.
    pub(super) fn tell_link_changes(&mut self) {
        for peer in std::mem::take(&mut self.changed.links) {
            let view = self.link_view(peer);
            self.map.shown.remove(&peer);
            if let Some(rtt_ms) = view.as_ref().and_then(|view| view.rtt_ms) {
                self.map.shown.insert(peer, (rtt_ms * 1e3) as u32);
            }
            self.tell_link(self.me, peer, view);
        }
    }

    fn tell_link(&mut self, from: PeerId, peer: PeerId, view: Option<LinkView>) {
        self.events.tell(match view {
            Some(view) => EventBody::LinkChanged(view),
            None => EventBody::LinkRemoved(LinkKey { from, peer }),
        });
    }

    /// Links of others, as they tell of them.
    pub(super) fn told_views(&self) -> impl Iterator<Item = LinkView> {
        self.map.heard.reports().filter_map(|(from, report)| self.told_view(from, report.peer))
    }

    fn told_view(&self, from: PeerId, peer: PeerId) -> Option<LinkView> {
        let report = self.map.heard.report(from, peer)?;
        let other = if peer == self.me {
            self.linking.of(from)
        } else {
            self.map.heard.report(peer, from).map(|report| report.wish).unwrap_or_default()
        };
        // A pin that nobody here agreed to does not count.
        let heard = self.links.view(from).filter(|_| peer == self.me).and_then(|view| view.theirs);
        let rule = LinkRule::of((from, heard.unwrap_or(report.wish)), (peer, other));
        Some(LinkView {
            from,
            peer,
            name: self.machines.name(peer),
            state: if report.up { LinkState::Up } else { LinkState::Down },
            policy: rule.policy,
            revision: rule.revision,
            changed: rule.changed,
            address: String::new(),
            rtt_ms: report.rtt_micros.map(|micros| f64::from(micros) / 1e3),
            since: report.since.min(clock::stamp()),
            received_bytes: 0,
            sent_bytes: 0,
            last_error: String::new(),
            ask: None,
            bytes_per_sec: None,
            rests: report.rests && !report.up,
            limit_bytes_per_sec: None,
        })
    }
}

/// The round trip that people are shown.
pub(super) const fn rtt(state: &State) -> Option<Duration> {
    match state {
        State::Up { rtt_ewma: Some(rtt), .. } | State::Up { rtt_min: Some(rtt), .. } => Some(*rtt),
        _ => None,
    }
}

fn micros(rtt: Duration) -> u32 {
    u32::try_from(rtt.as_micros()).unwrap_or(u32::MAX)
}

/// True if a round trip is worth telling again.
fn moved(told: Option<u32>, now: Option<u32>) -> bool {
    match (told, now) {
        (Some(told), Some(now)) => u128::from(told.abs_diff(now)) > (u128::from(told) / 5).max(RTT_NEWS.as_micros()),
        (told, now) => told != now,
    }
}

fn is_news(told: &[LinkReport], now: &[LinkReport]) -> bool {
    let same = |told: &LinkReport, now: &LinkReport| {
        LinkReport { rtt_micros: now.rtt_micros, ..*told } == *now && !moved(told.rtt_micros, now.rtt_micros)
    };
    told.len() != now.len() || told.iter().zip(now).any(|(told, now)| !same(told, now))
}

#[cfg(test)]
mod tests {
    use gridwell_model::Stamp;

    use super::*;

    fn report(rtt_micros: u32) -> LinkReport {
        let wish = LinkWish::default();
        LinkReport {
            peer: PeerId([1; 32]),
            up: true,
            rtt_micros: Some(rtt_micros),
            since: Stamp(5),
            wish,
            rests: false,
        }
    }

    #[test]
    fn what_is_wanted_often_is_done_once_in_a_while() {
        let mut pace = Pace::default();
        let mut done = Vec::new();
        for millis in (0..3_000).step_by(10) {
            let now = Time::from_millis(millis);
            pace.wanted(now, TELL_EVERY);
            if pace.take(now) {
                done.push(millis);
            }
        }
        assert_eq!(done, [100, 1_100, 2_100]);
    }

    #[test]
    fn small_changes_of_round_trips_are_no_news() {
        assert!(!is_news(&[report(300)], &[report(790)]), "less than half a millisecond");
        assert!(!is_news(&[report(40_000)], &[report(47_000)]), "less than a fifth");
        assert!(is_news(&[report(300)], &[report(900)]));
        assert!(is_news(&[report(40_000)], &[report(30_000)]));
        assert!(is_news(&[report(300)], &[LinkReport { rtt_micros: None, ..report(300) }]));
    }

    #[test]
    fn everything_else_is_news() {
        let down = LinkReport { up: false, ..report(300) };
        let wished = LinkReport { wish: LinkWish { revision: 1, ..LinkWish::default() }, ..report(300) };
        for now in [&[][..], &[down], &[wished], &[report(300), report(300)]] {
            assert!(is_news(&[report(300)], now), "{now:?}");
        }
        assert!(!is_news(&[report(300)], &[report(300)]));
    }
}
