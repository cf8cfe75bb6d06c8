//! What this machine's processors take of energy, and how much of that runs had.

use std::{path::Path, time::Duration};

use gridwell_api::{EnergyView, Finding};
use gridwell_ledger::JobSummary;
use gridwell_model::{Energy, PeerId, Power, Time};
use gridwell_probe::{EnergyMeter, NoEnergy};
use gridwell_worker::{EnergyShares, SessionId};

use super::Core;
use crate::clock;

/// The counters, if there are any, and who has what of them.
pub(crate) struct Metering {
    meter: Result<EnergyMeter, NoEnergy>,
    shares: EnergyShares,
}

impl Metering {
    /// Looks for the counters in `class`: see [`EnergyMeter::SYSFS`].
    pub(crate) fn open(class: &Path) -> Self {
        Self { meter: EnergyMeter::open(class), shares: EnergyShares::default() }
    }
}

impl Core {
    /// What is known of the energy that this machine takes.
    pub(super) fn power(&self) -> Power {
        let settings = self.machines.settings();
        Power { watts: settings.watts, tariff: settings.tariff, measured: self.metering.meter.is_ok() }
    }

    fn power_of(&self, peer: PeerId) -> Power {
        if peer == self.me {
            return self.power();
        }
        let announced = self.machines.others().get(&peer).and_then(|machine| machine.announced.as_ref());
        announced.map(|announced| announced.power).unwrap_or_default()
    }

    /// A program begins in a session.
    pub(super) fn run_began(&mut self, session: SessionId, cpus: f32) {
        if self.metering.meter.is_ok() {
            let now = self.read_energy();
            self.metering.shares.started(session, cpus, now);
        }
    }

    /// What a session runs stands still, or goes on.
    pub(super) fn run_stands_still(&mut self, session: SessionId, still: bool) {
        self.metering.shares.stands_still(session, still, clock::now());
    }

    /// What a program took that ran for `took` on so many cores: as measured, else by what its owner says that the machine draws.
    pub(super) fn run_took(&mut self, session: SessionId, cpus: f32, took: Duration) -> Option<Energy> {
        if self.metering.shares.is_busy() {
            self.read_energy();
        }
        let measured = self.metering.shares.ended(session);
        let cores = self.machines.hardware().cpu_count;
        let said = self.machines.settings().watts.map(|watts| watts.energy(took, cpus.into(), cores));
        measured.or(said)
    }

    /// Nothing of a session runs any more; what it took nobody asks.
    pub(super) fn run_is_gone(&mut self, session: SessionId) {
        self.metering.shares.ended(session);
    }

    /// Once in a while: counters begin anew, and what others use changes.
    pub(super) fn look_at_energy(&mut self) {
        if self.metering.shares.is_busy() {
            self.read_energy();
        }
    }

    /// Takes a moment far below a millisecond; returns when.
    fn read_energy(&mut self) -> Time {
        let (now, foreign) = (clock::now(), self.machines.load().foreign_cpu);
        if let Ok(meter) = &mut self.metering.meter {
            let taken = meter.read();
            if let Err(error) = &taken {
                tracing::debug!(%error, "what processors took is unknown for now");
            }
            self.metering.shares.read(taken.ok(), foreign, now);
        }
        now
    }

    /// What runs of a job took, and what that cost by what owners of machines say now.
    pub(super) fn energy_view(&self, summary: &JobSummary) -> EnergyView {
        let mut view = EnergyView::default();
        for share in &summary.shares {
            view.joules += share.energy.joules();
            view.runs += u64::from(share.runs);
            view.unmeasured += u64::from(share.unmeasured);
            match self.power_of(share.peer).tariff {
                Some(tariff) if share.runs > share.unmeasured => {
                    view.price = Some(view.price.unwrap_or(0.0) + tariff.price(share.energy));
                }
                Some(_) => {}
                None => view.unpriced_joules += share.energy.joules(),
            }
        }
        view
    }

    pub(super) fn energy_finding(&self) -> Finding {
        let watts = self.machines.settings().watts.map(|watts| format!("{watts} W at full work, as its owner says"));
        let say = "say what the machine draws at work, if you like: gridwell set watts=WATTS".to_owned();
        let (sentence, next_step) = match (&self.metering.meter, watts) {
            (Ok(_), _) => ("what processors here take is measured".to_owned(), String::new()),
            (Err(why), Some(watts)) => (format!("{watts}; nothing is measured: {why}"), String::new()),
            (Err(why), None) => (format!("what runs here take is unknown: {why}"), say),
        };
        Finding { what: "energy".into(), ok: true, sentence, next_step }
    }
}
