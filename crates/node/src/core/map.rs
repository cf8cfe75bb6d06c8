//! The map of links: what this machine tells others of its own, and what they tell of theirs.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use gridwell_api::{EventBody, LinkKey, LinkState, LinkView};
use gridwell_links::{LinkState as State, Map};
use gridwell_model::{LinkReport, LinkRule, LinkWish, PeerId, Time};
use gridwell_wire::Message;

use super::Core;
use crate::clock;

/// How long changes gather before anybody hears of them: a grid that starts changes many links at once.
const GATHER: Duration = Duration::from_millis(100);
/// Others hear of links of this machine, and listeners of those of others, at most this often, whatever others say how often.
const TELL_EVERY: Duration = Duration::from_secs(1);
/// A round trip that moved by less than a fifth, or by less than this, is no news.
const RTT_NEWS: Duration = Duration::from_micros(500);

/// What is told to and by other machines.
#[derive(Debug, Default)]
pub(crate) struct LinkMap {
    heard: Map,
    /// What others were told last.
    last_told: Vec<LinkReport>,
    told: Pace,
    /// Links of others that listeners have not been told of.
    changed: BTreeSet<(PeerId, PeerId)>,
    listed: Pace,
    /// Round trips that listeners were told, in microseconds.
    shown: BTreeMap<PeerId, u32>,
}

impl LinkMap {
    pub(crate) fn due(&self) -> Option<Time> {
        [self.told.due, self.listed.due].into_iter().flatten().min()
    }

    /// Whom a change would leave without a way to `me`.
    pub(crate) fn cut_off(&self, me: PeerId, up: &BTreeSet<PeerId>, lost: PeerId) -> BTreeSet<PeerId> {
        self.heard.cut_off(me, up, lost)
    }

    /// The link of `me` with `peer` changed.
    pub(super) fn changed_here(&mut self, me: PeerId, peer: PeerId) {
        self.mark_other_end(me, peer);
        self.told.wanted(clock::now());
    }

    fn mark(&mut self, from: PeerId, others: BTreeSet<PeerId>) {
        for other in others {
            self.changed.insert((from, other));
            self.mark_other_end(from, other);
        }
        self.listed.wanted(clock::now());
    }

    /// What holds on a link depends on what both ends say: the other end's view of it may have changed with this one's.
    fn mark_other_end(&mut self, from: PeerId, other: PeerId) {
        if self.heard.report(other, from).is_some() {
            self.changed.insert((other, from));
            self.listed.wanted(clock::now());
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
    fn wanted(&mut self, now: Time) {
        let soonest = self.last.map_or(Time::ZERO, |last| last + TELL_EVERY);
        self.due.get_or_insert_with(|| (now + GATHER).max(soonest));
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
    /// Tells one machine, with which a link has just come up, of all links of this one.
    pub(super) fn tell_links_to(&self, peer: PeerId) {
        self.send_links(peer, &Message::Links(self.link_reports()));
    }

    /// Tells others of the links of this machine, and listeners of the links of others, where that is due.
    pub(super) fn follow_map(&mut self) {
        let now = clock::now();
        if self.map.told.take(now) {
            self.tell_links();
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

    /// Tells everybody of the links of this machine, if that is news.
    fn tell_links(&mut self) {
        let reports = self.link_reports();
        if !is_news(&self.map.last_told, &reports) {
            return;
        }
        let message = Message::Links(reports.clone());
        self.map.last_told = reports;
        for peer in self.links.up() {
            self.send_links(peer, &message);
        }
    }

    fn send_links(&self, peer: PeerId, message: &Message) {
        if let Err(error) = self.net.send(peer, message) {
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
        });
        let (up, down): (Vec<_>, Vec<_>) = reports.partition(|report| report.up);
        let wished = down.into_iter().filter(|report| report.wish != LinkWish::default());
        up.into_iter().chain(wished).take(LinkReport::MAX_LINKS).collect()
    }

    /// A machine told of its links.
    pub(super) fn on_links(&mut self, from: PeerId, reports: Vec<LinkReport>) {
        let ours = reports.iter().find(|report| report.peer == self.me).map(|report| report.wish);
        if let Some(theirs) = ours {
            self.hear_wish(from, theirs);
        }
        let (me, links) = (self.me, &self.links);
        let changed = self.map.heard.hear(from, reports, |peer| peer == me || links.view(peer).is_some());
        self.map.mark(from, changed);
    }

    /// A machine cannot be heard any more: what it told says nothing now.
    pub(super) fn forget_links_of(&mut self, peer: PeerId) {
        let others = self.map.heard.forget(peer);
        self.map.mark(peer, others);
    }

    /// A ping was answered: listeners and others hear of it when it says something new.
    pub(super) fn on_measured(&mut self, peer: PeerId) {
        let now = self.links.view(peer).and_then(|view| rtt(&view.state)).map(micros);
        if moved(self.map.shown.get(&peer).copied(), now) {
            self.changed.links.insert(peer);
            self.map.changed_here(self.me, peer);
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
        let rule = LinkRule::of((from, report.wish), (peer, other));
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
        LinkReport { peer: PeerId([1; 32]), up: true, rtt_micros: Some(rtt_micros), since: Stamp(5), wish }
    }

    #[test]
    fn what_is_wanted_often_is_done_once_in_a_while() {
        let mut pace = Pace::default();
        let mut done = Vec::new();
        for millis in (0..3_000).step_by(10) {
            let now = Time::from_millis(millis);
            pace.wanted(now);
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
