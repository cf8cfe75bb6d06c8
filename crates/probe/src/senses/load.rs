use std::time::{Duration, Instant};

use gridwell_courtesy::Reading;

use super::{Around, Sense, Unavailable};
use crate::{host, sample, usage};

/// Counters tick a hundred times a second: over less than this a share of a core is noise.
const SHORTEST: Duration = Duration::from_millis(500);

/// How busy others keep the machine: everybody's time less that of our own trees.
pub(super) struct ForeignLoad {
    cores: u32,
    before: Option<(Instant, usage::Usage)>,
    share: Option<f32>,
}

impl ForeignLoad {
    pub(super) fn open() -> Result<Self, Unavailable> {
        usage::read(&[])
            .map(|_| Self { cores: host::cores(), before: None, share: None })
            .ok_or(Unavailable::Missing { what: "count of work" })
    }
}

impl Sense for ForeignLoad {
    fn read(&mut self, around: &Around<'_>) -> Result<Option<Reading>, Unavailable> {
        let now = Instant::now();
        let elapsed = self.before.as_ref().map(|(then, _)| now.duration_since(*then));
        if elapsed.is_none_or(|elapsed| elapsed >= SHORTEST) {
            let usage = usage::read(around.own).ok_or(Unavailable::Missing { what: "count of work" })?;
            if let Some((elapsed, (_, before))) = elapsed.zip(self.before.as_ref()) {
                self.share = Some(sample::foreign(before, &usage, elapsed, self.cores) / self.cores as f32);
            }
            self.before = Some((now, usage));
        }
        Ok(self.share.map(|share| Reading::Load { share }))
    }
}
