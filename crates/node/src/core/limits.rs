//! Counted licences: those that this machine keeps, and those that programs here and jobs of this machine take.

use std::collections::BTreeMap;

use gridwell_api::{ApiError, ErrorCode, LimitHolderView, LimitRequest, LimitView, Response};
use gridwell_ledger::{LimitFlaw, Limits};
use gridwell_model::{LeaseId, LicenceAsk, LimitMessage, LimitNeed, LimitReport, PeerId, Time};
use gridwell_sched::{Input as SchedInput, LimitView as SchedView};
use gridwell_store::StoreError;
use gridwell_wire::Message;
use gridwell_worker::Input as WorkerInput;

use super::{Core, door::storage, facts::Reply, words::names};
use crate::clock;

/// The limits of the grid, as far as they are known here.
#[derive(Debug)]
pub(crate) struct Limiting {
    kept: Limits,
    /// What other machines keep, as they last told.
    told: BTreeMap<PeerId, Vec<LimitReport>>,
}

impl Limiting {
    /// Limits that were kept here before this start.
    pub(crate) fn new(caps: &BTreeMap<String, u32>) -> Self {
        Self { kept: Limits::new(caps, clock::now()), told: BTreeMap::new() }
    }

    pub(crate) fn due(&self) -> Option<Time> {
        self.kept.poll_deadline()
    }
}

impl Core {
    /// Licences of which nothing was heard are free again.
    pub(crate) fn follow_licences(&mut self) {
        self.limiting.kept.handle_deadline(clock::now());
        self.follow_kept_limits();
    }

    /// Everything machines tell each other about licences.
    pub(super) fn on_limit_message(&mut self, from: PeerId, message: LimitMessage) {
        match message {
            LimitMessage::Kept(mut reports) => {
                reports.retain(|report| LimitNeed::is_name(&report.name));
                self.limiting.told.insert(from, reports);
                self.limits_changed();
            }
            LimitMessage::Ask(ask) => {
                let granted = self.grant_licence(from, &ask);
                let LicenceAsk { lease, need, asked_micros, .. } = ask;
                self.tell_of_licence(from, LimitMessage::Answer { lease, name: need.name, asked_micros, granted });
            }
            LimitMessage::Answer { lease, name, asked_micros, granted } => {
                let asked = Time(asked_micros);
                self.worker.handle(WorkerInput::LicenceAnswered { lease, name, asked, granted }, clock::now());
            }
            LimitMessage::Return { lease, name } => {
                self.limiting.kept.give_back(from, lease, &name);
                self.follow_kept_limits();
            }
        }
    }

    fn grant_licence(&mut self, machine: PeerId, ask: &LicenceAsk) -> bool {
        let granted = self.limiting.kept.ask(machine, ask, clock::now());
        self.follow_kept_limits();
        granted
    }

    /// The worker asks for a licence. Nobody to ask: it asks again, and gives up in the end.
    pub(super) fn ask_licence(&mut self, ask: LicenceAsk) {
        if let Some(keeper) = self.keeper_of(&ask.need.name) {
            self.tell_of_licence(keeper, LimitMessage::Ask(ask));
        }
    }

    /// The worker needs a licence no longer. Should that be lost, it is free again by itself.
    pub(super) fn return_licence(&mut self, lease: LeaseId, name: String) {
        if let Some(keeper) = self.keeper_of(&name) {
            self.tell_of_licence(keeper, LimitMessage::Return { lease, name });
        }
    }

    fn tell_of_licence(&mut self, peer: PeerId, message: LimitMessage) {
        if peer == self.me {
            self.on_limit_message(self.me, message);
        } else if let Err(error) = self.send(peer, &Message::Limit(Box::new(message))) {
            tracing::debug!(%error, "a word about a licence was not sent");
        }
    }

    /// What this machine keeps may have changed: its own scheduler hears it now, others soon.
    fn follow_kept_limits(&mut self) {
        if self.limiting.kept.reports_changed() {
            self.limits_changed();
            self.changed.limits = true;
            self.tell_soon();
        }
    }

    /// Tells every machine that can be reached which limits this one keeps.
    pub(super) fn tell_limits(&mut self) {
        let others = self.machines.others().iter().filter(|(_, machine)| machine.online);
        let online: Vec<_> = others.map(|(peer, _)| *peer).collect();
        online.into_iter().for_each(|peer| self.tell_limits_to(peer));
    }

    pub(super) fn tell_limits_to(&mut self, peer: PeerId) {
        let reports = self.limiting.kept.reports(clock::now());
        self.tell_of_licence(peer, LimitMessage::Kept(reports));
    }

    /// The scheduler hears which licences are free, as far as is known here.
    pub(super) fn limits_changed(&mut self) {
        let known = self.known_limits().into_iter().rev();
        // Of several machines that keep limits of one name, all look to the one with the lowest id.
        let limits = known.map(|(_, report)| {
            let others = report.holders.iter().filter(|holder| holder.steward != self.me);
            let others = others.map(|holder| holder.count).fold(0, u32::saturating_add);
            (report.name, SchedView { cap: report.cap, others, settling: report.settling })
        });
        let limits = limits.collect();
        self.sched.handle(SchedInput::LimitsChanged { limits }, clock::now());
    }

    /// Every limit of a machine that can be reached, by who keeps it.
    fn known_limits(&self) -> Vec<(PeerId, LimitReport)> {
        let is_online = |peer: &PeerId| self.machines.others().get(peer).is_some_and(|machine| machine.online);
        let told = self.limiting.told.iter().filter(|(peer, _)| is_online(peer));
        let told = told.flat_map(|(peer, reports)| reports.iter().map(|report| (*peer, report.clone())));
        let kept = self.limiting.kept.reports(clock::now());
        let mut all: Vec<_> = kept.into_iter().map(|report| (self.me, report)).chain(told).collect();
        all.sort_by_key(|(keeper, _)| *keeper);
        all
    }

    fn limit_named(&self, name: &str) -> Option<(PeerId, LimitReport)> {
        self.known_limits().into_iter().find(|(_, report)| report.name == name)
    }

    fn keeper_of(&self, name: &str) -> Option<PeerId> {
        self.limit_named(name).map(|(keeper, _)| keeper)
    }

    /// What a job waits for that takes licences which are not free.
    pub(super) fn waits_for_licences(&self, lacking: &[LimitNeed]) -> Option<String> {
        let need = lacking.first()?;
        let LimitNeed { name, count } = need;
        let Some((keeper, report)) = self.limit_named(name) else {
            return Some(format!("waits for a licence of {name}: no machine in reach keeps such a limit"));
        };
        let cap = report.cap;
        let which = format!("waits for {count} of {cap} licences of {name}");
        let why = if *count > cap {
            return Some(format!("waits for {count} licences of {name}, and there are {cap}"));
        } else if report.settling {
            format!(": {} has just started and asks who uses them", self.machines.name(keeper))
        } else if report.holders.is_empty() {
            String::new()
        } else {
            let mut by_machine: BTreeMap<PeerId, u32> = BTreeMap::new();
            report.holders.iter().for_each(|holder| *by_machine.entry(holder.machine).or_default() += holder.count);
            let words = |(machine, count): (PeerId, u32)| match count {
                1 => self.machines.name(machine),
                _ => format!("{} ({count})", self.machines.name(machine)),
            };
            format!(", held by {}", names(&by_machine.into_iter().map(words).collect::<Vec<_>>()))
        };
        Some(which + &why)
    }

    /// Shows the limits of the grid, or changes one of this machine; the answer goes back once that is kept.
    pub(super) fn limit(&mut self, request: &LimitRequest, reply: Reply) {
        let changed = self.change_limit(request);
        let changes = match changed {
            Ok(changes) => changes,
            Err(error) => {
                let _gone = reply.send(Err(error));
                return;
            }
        };
        let views = self.limit_views();
        if !changes {
            let _gone = reply.send(Ok(Response::Limits(views)));
            return;
        }
        self.machines.settings_mut().limits = self.limiting.kept.caps();
        let kept = self.keep_settings();
        self.follow_kept_limits();
        self.beside.spawn(async move {
            let kept = kept.await.unwrap_or(Err(StoreError::Closed));
            let _gone = reply.send(kept.map(|()| Response::Limits(views)).map_err(|error| storage(&error)));
        });
    }

    /// Returns true if anything changed.
    fn change_limit(&mut self, request: &LimitRequest) -> Result<bool, ApiError> {
        let Some(name) = &request.name else { return Ok(false) };
        if let Some((keeper, _)) = self.limit_named(name).filter(|(keeper, _)| *keeper != self.me) {
            let keeper = self.machines.name(keeper);
            let message = format!("{keeper} keeps the limit '{name}'");
            return Err(ApiError::new(ErrorCode::BadValue, message).help("change it on that machine"));
        }
        let changed = match request.cap {
            Some(cap) => self.limiting.kept.set(name, cap),
            None => self.limiting.kept.remove(name, clock::now()),
        };
        changed.map(|()| true).map_err(|flaw| {
            let code = match flaw {
                LimitFlaw::InUse { .. } | LimitFlaw::Settling { .. } => ErrorCode::WrongState,
                LimitFlaw::Name { .. } | LimitFlaw::TooMany { .. } | LimitFlaw::Unknown { .. } => ErrorCode::BadValue,
            };
            ApiError::new(code, flaw.to_string())
        })
    }

    fn limit_views(&self) -> Vec<LimitView> {
        let mut views: Vec<_> = self.known_limits().into_iter().map(|limit| self.limit_view(limit)).collect();
        views.sort_by(|left, right| left.name.cmp(&right.name));
        views
    }

    fn limit_view(&self, (keeper, report): (PeerId, LimitReport)) -> LimitView {
        let holders = report.holders.iter().map(|holder| LimitHolderView {
            machine: holder.machine,
            name: self.machines.name(holder.machine),
            job: holder.job,
            count: holder.count,
        });
        LimitView {
            keeper,
            keeper_name: self.machines.name(keeper),
            cap: report.cap,
            in_use: report.in_use(),
            settling: report.settling,
            holders: holders.collect(),
            name: report.name,
        }
    }
}
