//! Keeps this machine from falling asleep while it works, if its owner wants that.

use std::time::Duration;

use gridwell_api::Finding;
use gridwell_model::Time;
use gridwell_probe::Awake;

use super::{Core, Fact};
use crate::clock;

/// How long is waited after the system refused it.
const AGAIN: Duration = Duration::from_mins(5);

/// Whether the machine may fall asleep now, as far as this node is asked.
#[derive(Debug, Default)]
pub(crate) enum Wakefulness {
    #[default]
    MayRest,
    /// The system is being asked.
    Asked,
    /// Until this is dropped.
    Kept {
        _lock: Awake,
    },
    Refused {
        why: String,
        at: Time,
    },
}

impl Core {
    /// Keeps the machine awake while programs run here, or tasks of its jobs are with machines; never to wait for some. Looked at
    /// whenever the load is: between two tasks nobody need ask the system.
    pub(super) fn follow_wakefulness(&mut self) {
        let is_wanted = self.machines.settings().policy.keep_awake;
        let works = is_wanted && (self.manners.engine.keeps_awake() || !self.live.is_empty());
        match &self.wakefulness {
            // Its answer is on the way.
            Wakefulness::Asked => {}
            Wakefulness::Refused { at, .. } if works && clock::now().since(*at) < AGAIN => {}
            Wakefulness::Kept { .. } if works => {}
            Wakefulness::MayRest | Wakefulness::Refused { .. } if works => {
                self.wakefulness = Wakefulness::Asked;
                self.spawn(async { Fact::KeptAwake(gridwell_probe::keep_awake().await) });
            }
            Wakefulness::Kept { .. } => {
                tracing::info!("this machine may fall asleep again");
                self.wakefulness = Wakefulness::MayRest;
            }
            Wakefulness::MayRest => {}
            // Told for as long as it is wanted.
            Wakefulness::Refused { .. } if is_wanted => {}
            Wakefulness::Refused { .. } => self.wakefulness = Wakefulness::MayRest,
        }
    }

    pub(crate) fn on_kept_awake(&mut self, kept: Result<Awake, String>) {
        self.wakefulness = match kept {
            Ok(awake) => {
                tracing::info!("this machine is kept awake while it works");
                Wakefulness::Kept { _lock: awake }
            }
            Err(why) => {
                tracing::warn!(why, "this machine may fall asleep while it works");
                Wakefulness::Refused { why, at: clock::now() }
            }
        };
        self.follow_wakefulness();
    }

    pub(super) fn awake_finding(&self) -> Finding {
        let is_wanted = self.machines.settings().policy.keep_awake;
        let (ok, sentence, next_step) = match &self.wakefulness {
            Wakefulness::Kept { .. } => (true, "it works, and is kept awake by systemd's login manager".to_owned(), ""),
            Wakefulness::Refused { why, .. } if is_wanted => (
                false,
                format!("it may fall asleep while it works: {why}"),
                "keep it awake in the system's settings, or: gridwell lending set --keep-awake off",
            ),
            _ if is_wanted => (true, "it is kept awake while it works".to_owned(), ""),
            _ => (
                true,
                "it may fall asleep while it works, by its owner's wish".to_owned(),
                "gridwell lending set --keep-awake on",
            ),
        };
        Finding { what: "awake".into(), ok, sentence, next_step: next_step.into() }
    }
}
