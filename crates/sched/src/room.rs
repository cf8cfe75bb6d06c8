use gridwell_model::Reserve;

/// A [`Reserve`] in whole numbers, so that a million additions and subtractions leave nothing behind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Room {
    pub(crate) milli_cpus: i64,
    pub(crate) memory_mib: i64,
    pub(crate) gpus: i64,
    pub(crate) disk_mib: i64,
}

impl Room {
    /// Most slots counted on one peer: a step that reserves next to nothing must not flood it.
    const MOST_SLOTS: i64 = 1_024;

    pub(crate) fn of(reserve: &Reserve) -> Self {
        Self {
            milli_cpus: (f64::from(reserve.cpus) * 1_000.0).round() as i64,
            memory_mib: i64::try_from(reserve.memory_mib).unwrap_or(i64::MAX / 2),
            gpus: i64::from(reserve.gpus),
            disk_mib: i64::try_from(reserve.disk_mib).unwrap_or(i64::MAX / 2),
        }
    }

    pub(crate) const fn holds(&self, other: &Self) -> bool {
        other.milli_cpus <= self.milli_cpus
            && other.memory_mib <= self.memory_mib
            && other.gpus <= self.gpus
            && other.disk_mib <= self.disk_mib
    }

    pub(crate) fn plus(&self, other: &Self) -> Self {
        self.each(other, |left, right| left.saturating_add(right))
    }

    /// The difference, which may be negative: more is in use than is lent.
    pub(crate) fn minus(&self, other: &Self) -> Self {
        self.each(other, |left, right| left.saturating_sub(right))
    }

    pub(crate) fn max(&self, other: &Self) -> Self {
        self.each(other, i64::max)
    }

    /// How many slots of size `slot` it has.
    pub(crate) fn slots(&self, slot: &Self) -> u32 {
        let fits = |have: i64, need: i64| if need > 0 { have.max(0) / need } else { Self::MOST_SLOTS };
        let least = fits(self.milli_cpus, slot.milli_cpus)
            .min(fits(self.memory_mib, slot.memory_mib))
            .min(fits(self.gpus, slot.gpus))
            .min(fits(self.disk_mib, slot.disk_mib));
        least.clamp(0, Self::MOST_SLOTS) as u32
    }

    fn each(&self, other: &Self, with: impl Fn(i64, i64) -> i64) -> Self {
        Self {
            milli_cpus: with(self.milli_cpus, other.milli_cpus),
            memory_mib: with(self.memory_mib, other.memory_mib),
            gpus: with(self.gpus, other.gpus),
            disk_mib: with(self.disk_mib, other.disk_mib),
        }
    }
}
