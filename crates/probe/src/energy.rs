//! How much energy the processors took: the counters of Linux' power capping framework.
//!
//! Source: `Documentation/power/powercap/powercap.rst` of Linux.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use gridwell_model::Energy;

use crate::bounded::read_number;

/// Most processor packages that are read; more are a fault of the source.
const MAX_PACKAGES: usize = 64;

/// Counters of what all processor packages of the machine took, their cores, caches and graphics included; memory, cards, disks and
/// what the power supply loses are not.
#[derive(Debug)]
pub struct EnergyMeter {
    packages: Vec<Package>,
}

#[derive(Debug)]
struct Package {
    counter: PathBuf,
    /// Where the counter begins anew, in microjoules.
    range: u64,
    last: u64,
    /// Microjoules that made no whole millijoule yet.
    rest: u64,
}

/// Why no energy is measured.
#[derive(Debug, thiserror::Error)]
pub enum NoEnergy {
    /// The kernel shows none: another system, a virtual machine, a processor without counters, or a module that is not loaded.
    #[error("the kernel shows no energy counters of processors in {}", path.display())]
    Missing {
        /// Where they would be.
        path: PathBuf,
    },
    /// The counter is there, and this user may not read it, or it makes no sense.
    #[error("the energy counter {} cannot be read: {source}", path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl EnergyMeter {
    /// Where the kernel shows them.
    pub const SYSFS: &str = "/sys/class/powercap";

    /// Looks for the counters in `class`, which is [`EnergyMeter::SYSFS`], and reads them for the first time.
    ///
    /// # Errors
    ///
    /// [`NoEnergy`]: what is not there or cannot be read is not guessed.
    pub fn open(class: &Path) -> Result<Self, NoEnergy> {
        let entries = fs::read_dir(class).into_iter().flatten().flatten();
        let mut zones: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(|path| is_package(path)).collect();
        zones.sort();
        zones.truncate(MAX_PACKAGES);
        if zones.is_empty() {
            return Err(NoEnergy::Missing { path: class.to_owned() });
        }
        let packages = zones.iter().map(|zone| Package::open(zone)).collect::<Result<_, _>>()?;
        Ok(Self { packages })
    }

    /// Returns what all packages took since the last reading.
    ///
    /// # Errors
    ///
    /// [`NoEnergy::Unreadable`] if any of them cannot be read any more; the next reading that can is since the last that could.
    pub fn read(&mut self) -> Result<Energy, NoEnergy> {
        let now: Vec<u64> = self.packages.iter().map(|package| number(&package.counter)).collect::<Result<_, _>>()?;
        let taken = self.packages.iter_mut().zip(now).map(|(package, now)| package.went_on_to(now));
        Ok(taken.fold(Energy(0), |sum, taken| sum + taken))
    }
}

impl Package {
    fn open(zone: &Path) -> Result<Self, NoEnergy> {
        let counter = zone.join("energy_uj");
        let (last, range) = (number(&counter)?, number(&zone.join("max_energy_range_uj"))?);
        Ok(Self { counter, range, last, rest: 0 })
    }

    fn went_on_to(&mut self, now: u64) -> Energy {
        let last = std::mem::replace(&mut self.last, now);
        let micros = if now >= last { now - last } else { self.range.saturating_sub(last).saturating_add(now) };
        let micros = micros.saturating_add(self.rest);
        self.rest = micros % 1_000;
        Energy(micros / 1_000)
    }
}

/// `intel-rapl:0` whose name begins with `package` (AMD's processors are shown so, too). `intel-rapl:0:0` is a part of it,
/// `intel-rapl-mmio:0` shows the same once more, and `psys` is the whole machine on some of them.
fn is_package(zone: &Path) -> bool {
    let name = zone.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let number = name.strip_prefix("intel-rapl:").unwrap_or_default();
    let is_top = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    is_top && crate::bounded::read(&zone.join("name")).is_some_and(|name| name.starts_with("package"))
}

fn number(path: &Path) -> Result<u64, NoEnergy> {
    let unreadable = |source| NoEnergy::Unreadable { path: path.to_owned(), source };
    read_number(path).ok_or_else(|| {
        // Once more, for the reason.
        let why = fs::File::open(path).err();
        unreadable(why.unwrap_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "it holds no number")))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lay(class: &Path, zone: &str, name: &str, micros: &str) {
        let zone = class.join(zone);
        fs::create_dir_all(&zone).unwrap();
        for (file, text) in [("name", name), ("energy_uj", micros), ("max_energy_range_uj", "1000000\n")] {
            fs::write(zone.join(file), text).unwrap();
        }
    }

    #[test]
    fn what_all_packages_took_is_summed_and_nothing_counts_twice() {
        let temp = tempfile::tempdir().unwrap();
        let class = temp.path();
        lay(class, "intel-rapl:0", "package-0\n", "10000\n");
        lay(class, "intel-rapl:1", "package-1\n", "500000\n");
        lay(class, "intel-rapl:2", "psys\n", "1\n");
        lay(class, "intel-rapl:0:0", "core\n", "1\n");
        lay(class, "intel-rapl-mmio:0", "package-0\n", "1\n");
        lay(class, "intel-rapl", "package-9\n", "1\n");
        let mut meter = EnergyMeter::open(class).unwrap();
        for zone in ["intel-rapl:2", "intel-rapl:0:0", "intel-rapl-mmio:0", "intel-rapl"] {
            fs::write(class.join(zone).join("energy_uj"), "900000").unwrap();
        }
        fs::write(class.join("intel-rapl:0/energy_uj"), "12500").unwrap();
        fs::write(class.join("intel-rapl:1/energy_uj"), "504000").unwrap();
        assert_eq!(meter.read().unwrap(), Energy(6));
        fs::write(class.join("intel-rapl:0/energy_uj"), "13000").unwrap();
        assert_eq!(meter.read().unwrap(), Energy(1), "half a millijoule is not lost");
        assert_eq!(meter.read().unwrap(), Energy(0));
    }

    #[test]
    fn a_counter_that_begins_anew_goes_on() {
        let temp = tempfile::tempdir().unwrap();
        lay(temp.path(), "intel-rapl:0", "package-0", "990000");
        let mut meter = EnergyMeter::open(temp.path()).unwrap();
        fs::write(temp.path().join("intel-rapl:0/energy_uj"), "5000").unwrap();
        assert_eq!(meter.read().unwrap(), Energy(15));
    }

    #[test]
    fn what_is_missing_or_makes_no_sense_is_said() {
        let temp = tempfile::tempdir().unwrap();
        let none = EnergyMeter::open(&temp.path().join("none")).unwrap_err();
        assert!(matches!(&none, NoEnergy::Missing { path } if path.ends_with("none")), "{none}");
        lay(temp.path(), "intel-rapl:0", "package-0", "many");
        let nonsense = EnergyMeter::open(temp.path()).unwrap_err().to_string();
        assert!(nonsense.ends_with("intel-rapl:0/energy_uj cannot be read: it holds no number"), "{nonsense}");
        lay(temp.path(), "intel-rapl:0", "package-0", "1000");
        let mut meter = EnergyMeter::open(temp.path()).unwrap();
        fs::remove_file(temp.path().join("intel-rapl:0/energy_uj")).unwrap();
        assert!(matches!(meter.read(), Err(NoEnergy::Unreadable { .. })));
        lay(temp.path(), "intel-rapl:0", "package-0", "9000");
        assert_eq!(meter.read().unwrap(), Energy(8), "since the last reading that could be had");
    }
}
