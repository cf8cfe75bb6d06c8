//! Senses that are files of the kernel.

use std::{
    fs,
    path::{Path, PathBuf},
};

use gridwell_courtesy::Reading;

use super::{Around, Sense, Unavailable};
use crate::bounded::{read, read_number};

/// Entries of a class of devices that are looked at.
const MOST_DEVICES: usize = 256;

/// Entries of a folder, by name, so that the order is the same each time.
pub(super) fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten().take(MOST_DEVICES);
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    paths.sort();
    paths
}

/// Free memory and pressure on it. Source: proc(5); `Documentation/accounting/psi.rst` of Linux.
pub(super) struct Memory(PathBuf);

impl Memory {
    /// `processes` is `/proc`.
    pub(super) fn open(processes: &Path) -> Result<Self, Unavailable> {
        let memory = Self(processes.to_owned());
        memory.reading().map(|_| memory).ok_or(Unavailable::Missing { what: "count of memory" })
    }

    fn reading(&self) -> Option<Reading> {
        let free = free_share(&read(&self.0.join("meminfo"))?)?;
        let pressure = read(&self.0.join("pressure/memory")).and_then(|text| some_pressure(&text));
        Some(Reading::Memory { free, pressure })
    }
}

impl Sense for Memory {
    fn read(&mut self, _around: &Around<'_>) -> Result<Option<Reading>, Unavailable> {
        self.reading().map(Some).ok_or(Unavailable::Missing { what: "count of memory" })
    }
}

fn free_share(meminfo: &str) -> Option<f32> {
    let kilobytes = |name: &str| {
        let line = meminfo.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
        line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok()
    };
    let (total, available) = (kilobytes("MemTotal")?, kilobytes("MemAvailable")?);
    (total > 0).then(|| (available as f64 / total as f64).min(1.0) as f32)
}

/// Share of the last 10 s in which something waited for memory.
fn some_pressure(text: &str) -> Option<f32> {
    let some = text.lines().find_map(|line| line.strip_prefix("some "))?;
    let percent = some.split_ascii_whitespace().find_map(|field| field.strip_prefix("avg10="))?;
    percent.parse::<f32>().ok().filter(|percent| (0.0..=100.0).contains(percent)).map(|percent| percent / 100.0)
}

/// Batteries and mains. Source: `Documentation/ABI/testing/sysfs-class-power` of Linux.
pub(super) struct PowerSupply(PathBuf);

impl PowerSupply {
    /// `class` is `/sys/class/power_supply`.
    pub(super) fn open(class: &Path) -> Result<Self, Unavailable> {
        let supply = Self(class.to_owned());
        supply.reading().map(|_| supply).ok_or(Unavailable::Missing { what: "battery" })
    }

    /// Nothing without a battery: such a machine runs on nothing else than mains.
    fn reading(&self) -> Option<Reading> {
        let mut batteries = Vec::new();
        let mut on_mains = false;
        for supply in entries(&self.0) {
            let word = |file: &str| read(&supply.join(file)).map(|text| text.trim().to_owned()).unwrap_or_default();
            // Batteries of mice and headphones are none of the machine.
            if word("scope") == "Device" {
                continue;
            }
            match word("type").as_str() {
                "Battery" if word("present") != "0" => {
                    let charge = read_number(&supply.join("capacity")).filter(|percent| *percent <= 100);
                    batteries.push((word("status"), charge.map(|percent| percent as u8)));
                }
                "Mains" | "USB" | "Wireless" => on_mains |= word("online") == "1",
                _ => {}
            }
        }
        let charge = batteries.iter().filter_map(|(_, charge)| *charge).max();
        let discharges = batteries.iter().any(|(status, _)| status == "Discharging");
        (!batteries.is_empty()).then_some(Reading::Power { on_battery: discharges && !on_mains, charge })
    }
}

impl Sense for PowerSupply {
    fn read(&mut self, _around: &Around<'_>) -> Result<Option<Reading>, Unavailable> {
        self.reading().map(Some).ok_or(Unavailable::Missing { what: "battery" })
    }
}

/// Drivers and zones that measure processors and graphics; others measure batteries, disks and thin air.
const HOT: [&str; 13] = [
    "acpitz",
    "amdgpu",
    "coretemp",
    "cpu",
    "gpu",
    "k10temp",
    "k8temp",
    "nouveau",
    "radeon",
    "soc",
    "x86_pkg_temp",
    "xe",
    "zenpower",
];

/// What no part of a machine that works is as hot as, in °C: sensors that are not connected read as 127 and more.
const TOO_HOT: f32 = 126.0;

/// The hottest processor or graphics. Source: `Documentation/hwmon/sysfs-interface.rst` and
/// `Documentation/ABI/testing/sysfs-class-thermal` of Linux.
pub(super) struct Temperature(PathBuf);

impl Temperature {
    /// `class` is `/sys/class`.
    pub(super) fn open(class: &Path) -> Result<Self, Unavailable> {
        let temperature = Self(class.to_owned());
        temperature.hottest().map(|_| temperature).ok_or(Unavailable::Missing { what: "thermometer" })
    }

    fn hottest(&self) -> Option<f32> {
        let named = |folder: &Path, file: &str| read(&folder.join(file)).is_some_and(|name| is_hot(name.trim()));
        let zones = entries(&self.0.join("thermal")).into_iter().filter(|zone| named(zone, "type"));
        let zones = zones.map(|zone| zone.join("temp"));
        let monitors = entries(&self.0.join("hwmon")).into_iter().filter(|monitor| named(monitor, "name"));
        let inputs = monitors.flat_map(|monitor| entries(&monitor)).filter(|path| is_input(path));
        zones.chain(inputs).filter_map(|path| celsius(&read(&path)?)).reduce(f32::max)
    }
}

fn is_hot(name: &str) -> bool {
    HOT.iter().any(|hot| name.strip_prefix(hot).is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_lowercase())))
}

fn is_input(path: &Path) -> bool {
    path.file_name()
        .and_then(|name| name.to_str())
        .is_some_and(|name| name.starts_with("temp") && name.ends_with("_input"))
}

fn celsius(text: &str) -> Option<f32> {
    let celsius = text.trim().parse::<i32>().ok()? as f32 / 1_000.0;
    (0.0..TOO_HOT).contains(&celsius).then_some(celsius)
}

impl Sense for Temperature {
    fn read(&mut self, _around: &Around<'_>) -> Result<Option<Reading>, Unavailable> {
        Ok(self.hottest().map(|celsius| Reading::Temperature { celsius }))
    }
}

#[cfg(test)]
mod tests;
