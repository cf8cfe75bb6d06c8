//! How busy graphics cards are, and how much of their memory is free.

use std::path::{Path, PathBuf};

use gridwell_courtesy::Reading;
use nvml_wrapper::Nvml;

use super::{Around, Sense, Unavailable, files::entries};
use crate::{bounded::read_number, gpu::MAX_GPUS};

/// AMD's cards, which tell through files, and NVIDIA's, which tell through their driver's library.
pub(super) struct Cards {
    /// Source: `Documentation/gpu/amdgpu/thermal.rst` and `driver-misc.rst` of Linux.
    class: PathBuf,
    /// Nothing where there is no such driver. Source: NVML API Reference, `nvmlDeviceGetUtilizationRates`.
    nvidia: Option<Nvml>,
}

/// What one card says: its busy share, and its free bytes where it tells them.
type Card = (f32, Option<u64>);

impl Cards {
    /// `class` is `/sys/class/drm`.
    pub(super) fn open(class: &Path) -> Result<Self, Unavailable> {
        let cards = Self { class: class.to_owned(), nvidia: Nvml::init().ok() };
        cards.busiest().map(|_| cards).ok_or(Unavailable::Missing { what: "graphics card that tells how busy it is" })
    }

    /// Busy share of the busiest and free bytes of the fullest card.
    fn busiest(&self) -> Option<Card> {
        let all = self.of_files().chain(self.of_nvidia());
        all.reduce(|one, other| (one.0.max(other.0), one.1.into_iter().chain(other.1).min()))
    }

    fn of_files(&self) -> impl Iterator<Item = Card> {
        let devices = entries(&self.class).into_iter().map(|card| card.join("device"));
        devices.filter_map(|device| {
            let total = read_number(&device.join("mem_info_vram_total"));
            let used = read_number(&device.join("mem_info_vram_used"));
            let free = total.zip(used).map(|(total, used)| total.saturating_sub(used));
            Some((share(read_number(&device.join("gpu_busy_percent"))?)?, free))
        })
    }

    fn of_nvidia(&self) -> impl Iterator<Item = Card> {
        self.nvidia.iter().flat_map(|driver| {
            let cards = driver.device_count().unwrap_or(0).min(MAX_GPUS as u32);
            (0..cards).filter_map(move |index| {
                let card = driver.device_by_index(index).ok()?;
                let busy = share(card.utilization_rates().ok()?.gpu.into())?;
                Some((busy, card.memory_info().ok().map(|memory| memory.free)))
            })
        })
    }
}

/// What is said in percent; nonsense is unknown.
fn share(percent: u64) -> Option<f32> {
    (percent <= 100).then_some(percent as f32 / 100.0)
}

impl Sense for Cards {
    fn read(&mut self, around: &Around<'_>) -> Result<Option<Reading>, Unavailable> {
        let reading = self.busiest().map(|(busy, free_bytes)| {
            // While a session of ours uses them, nobody can tell how busy others keep them.
            Reading::Graphics { busy: (!around.uses_graphics).then_some(busy), free_bytes }
        });
        Ok(reading)
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs};

    use super::*;

    #[test]
    fn the_busiest_and_the_fullest_card_count_and_our_own_use_is_not_others() {
        let temp = tempfile::tempdir().unwrap();
        for (path, text) in [
            ("card0/device/gpu_busy_percent", "7\n"),
            ("card0/device/mem_info_vram_total", "1000\n"),
            ("card0/device/mem_info_vram_used", "900\n"),
            ("card1/device/gpu_busy_percent", "55\n"),
            ("card2/device/gpu_busy_percent", "101\n"),
            ("card0-HDMI-A-1/status", "connected\n"),
        ] {
            let path = temp.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        // Cards of the machine that tests would count, too.
        let mut cards = Cards { class: temp.path().to_owned(), nvidia: None };
        let mut read = |uses_graphics| {
            let around = Around { own: &[], programs: &BTreeSet::new(), uses_graphics };
            cards.read(&around).unwrap().unwrap()
        };
        assert_eq!(read(false), Reading::Graphics { busy: Some(0.55), free_bytes: Some(100) });
        assert_eq!(read(true), Reading::Graphics { busy: None, free_bytes: Some(100) });
    }

    #[test]
    fn nonsense_is_unknown() {
        assert_eq!((share(100), share(0), share(101)), (Some(1.0), Some(0.0), None));
        let none = Cards { class: "/no/such/folder".into(), nvidia: None };
        assert_eq!(none.busiest(), None);
    }
}
