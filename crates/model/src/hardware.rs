use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::need::Capabilities;

/// Operating system family, in Open Job Description's words.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum OsFamily {
    /// Linux.
    #[default]
    Linux,
    /// Windows.
    Windows,
    /// macOS.
    Macos,
}

impl OsFamily {
    /// The attribute value of `attr.worker.os.family`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Linux => "linux",
            Self::Windows => "windows",
            Self::Macos => "macos",
        }
    }
}

/// A graphics card that programs can compute on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct Gpu {
    /// As its driver calls it.
    pub name: String,
    /// `nvidia`, `amd`, `intel` or `other`.
    pub vendor: String,
    /// Its own memory in bytes; 0 when unknown.
    pub memory_bytes: u64,
}

/// A program found on a machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct Tool {
    /// Its short name: `blender`, `ffmpeg`, `povray`, `python3`.
    pub name: String,
    /// As it reports itself, digits and dots: `3.4.1`; empty when it would not say.
    pub version: String,
    /// Where it lies on that machine.
    pub path: String,
    /// What tells builds of one version apart, as it reports itself: a hash, or the distribution's own version; empty when it
    /// does not say.
    #[serde(default)]
    #[cfg_attr(feature = "ts", ts(optional, as = "Option<String>"))]
    pub build: String,
}

impl Tool {
    /// What pictures of it look like: two machines make the same with tools of the same look.
    #[must_use]
    pub fn look(&self) -> String {
        match (self.version.as_str(), self.build.as_str()) {
            (version, "") => version.to_owned(),
            (version, build) => format!("{version} ({build})"),
        }
    }

    /// The version as one number for range checks: `major + minor / 100`, so that 3.4 < 3.10 < 4.2.
    #[must_use]
    pub fn version_number(&self) -> Option<f64> {
        version_number(&self.version)
    }
}

/// Reads `4.2.1` as 4.02: `major + minor / 100`; `None` unless it starts with a number.
pub(crate) fn version_number(version: &str) -> Option<f64> {
    let mut parts = version.split('.');
    let major: u32 = parts.next()?.trim().parse().ok()?;
    let digits = |part: &str| part.chars().take_while(char::is_ascii_digit).collect::<String>();
    let minor: u32 = parts.next().and_then(|part| digits(part).parse().ok()).unwrap_or(0);
    Some(f64::from(major) + f64::from(minor.min(99)) / 100.0)
}

/// What a machine is; measured at start and when devices change.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct Hardware {
    /// Short host name, lower case; empty when the machine has none worth a label.
    pub hostname: String,
    /// Operating system family.
    pub os: OsFamily,
    /// Operating system in its own words: `Debian GNU/Linux 12`.
    pub os_name: String,
    /// `x86_64`, `arm64` or the name Rust uses.
    pub arch: String,
    /// Processor name.
    pub cpu_model: String,
    /// Logical cores this process may use.
    pub cpu_count: u32,
    /// Memory in bytes, the cgroup's limit if that is lower.
    pub memory_bytes: u64,
    /// Size of the file system that holds the data folder, in bytes.
    pub disk_bytes: u64,
    /// Graphics cards.
    pub gpus: Vec<Gpu>,
    /// Installed programs that recipes know.
    pub tools: Vec<Tool>,
    /// Benchmark score: how many times the reference core's work all cores do per second; 0.0 until measured.
    pub score: f64,
}

impl Hardware {
    /// Version and build of its tools, by name.
    #[must_use]
    pub fn looks(&self) -> BTreeMap<String, String> {
        self.tools.iter().map(|tool| (tool.name.clone(), tool.look())).collect()
    }

    /// Everything a requirement can be checked against: the standard names of Open Job Description, tools as
    /// `attr.worker.tool` and `amount.tool.NAME` (version as major + minor / 100), and `labels` as `attr.label.KEY`.
    ///
    /// `platform`, `arch` and `hostname` labels are added unless `labels` sets them (configuration beats detection).
    #[must_use]
    pub fn capabilities(&self, labels: &BTreeMap<String, String>) -> Capabilities {
        let mut all = Capabilities::default();
        all.amount("amount.worker.vcpu", f64::from(self.cpu_count));
        all.amount("amount.worker.memory", self.memory_bytes as f64 / 1_048_576.0);
        all.amount("amount.worker.disk.scratch", self.disk_bytes as f64 / 1_073_741_824.0);
        all.amount("amount.worker.gpu", self.gpus.len() as f64);
        let least = self.gpus.iter().map(|gpu| gpu.memory_bytes).min().unwrap_or(0);
        all.amount("amount.worker.gpu.memory", least as f64 / 1_048_576.0);
        all.attribute("attr.worker.os.family", self.os.as_str());
        all.attribute("attr.worker.cpu.arch", &self.arch);
        for gpu in &self.gpus {
            all.attribute("attr.worker.gpu.vendor", &gpu.vendor);
        }
        for tool in &self.tools {
            all.attribute("attr.worker.tool", &tool.name);
            if let Some(version) = tool.version_number() {
                all.amount(&format!("amount.tool.{}", tool.name), version);
            }
        }
        if !labels.contains_key("platform") {
            all.attribute("attr.label.platform", self.os.as_str());
        }
        if !labels.contains_key("arch") && !self.arch.is_empty() {
            all.attribute("attr.label.arch", &self.arch);
        }
        if !labels.contains_key("hostname") && !self.hostname.is_empty() {
            all.attribute("attr.label.hostname", &self.hostname);
        }
        for (key, value) in labels {
            all.attribute(&format!("attr.label.{key}"), value);
        }
        all
    }

    /// Turns what the system calls itself into a host label: first part, lower case; `None` for names that say nothing.
    #[must_use]
    pub fn host_label(raw: &str) -> Option<String> {
        let name = raw.trim().to_lowercase();
        let first = name.split('.').next().unwrap_or_default();
        (!first.is_empty() && first != "localhost").then(|| first.to_owned())
    }
}

/// How busy a machine is; refreshed every few seconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct Load {
    /// Cores busy with other people's work (the machine's load minus our own sessions), in cores.
    pub foreign_cpu: f32,
    /// Memory that could be given to a program, in bytes.
    pub memory_free_bytes: u64,
    /// Free space where the data folder lies, in bytes.
    pub disk_free_bytes: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_names_become_short_labels_or_none() {
        for raw in ["Mac-Studio.local", "mac-studio.example.ts.net", "  MAC-STUDIO  "] {
            assert_eq!(Hardware::host_label(raw).as_deref(), Some("mac-studio"));
        }
        for raw in ["", "localhost", "localhost.localdomain", ".example.com"] {
            assert_eq!(Hardware::host_label(raw), None, "{raw}");
        }
    }

    #[test]
    fn a_configured_host_label_beats_detection() {
        let hardware = Hardware { hostname: "found".into(), ..Hardware::default() };
        let labels = BTreeMap::from([("hostname".to_owned(), "set".to_owned())]);
        let all = hardware.capabilities(&labels);
        assert_eq!(all.attributes["attr.label.hostname"].iter().collect::<Vec<_>>(), ["set"]);
    }

    #[test]
    fn versions_compare_as_people_expect() {
        assert!(version_number("3.4.1") < version_number("3.10"));
        assert!(version_number("3.10") < version_number("4.2"));
        assert_eq!(version_number("n/a"), None);
    }
}
