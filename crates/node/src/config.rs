use std::{collections::BTreeMap, ffi::OsString, path::PathBuf, time::Duration};

use gridwell_courtesy::When;

/// Folder in the data folder with what people hand to the node through its door: the one part of it from which files may be shared.
pub const UPLOADS: &str = "uploads";

/// How a node runs on this machine.
#[derive(Debug, Clone)]
pub struct Config {
    /// Its data folder; made when it does not exist.
    pub data: PathBuf,
    /// What people call the machine; the one kept from last time, else the host name, when absent.
    pub name: Option<String>,
    /// Addresses to listen on, each `HOST:PORT`; port 0 picks a free one.
    pub listen: Vec<String>,
    /// Labels set on top of the kept ones.
    pub labels: BTreeMap<String, String>,
    /// When it lends; as it was kept when absent, and [`When::Always`] the first time.
    pub when: Option<When>,
    /// What stays free of the disk, in bytes; as it was kept when absent.
    pub disk_reserve_bytes: Option<u64>,
    /// Logical cores to lend; all when absent.
    pub lend_cpus: Option<f32>,
    /// Whether to find machines nearby and be found by them; as it was kept when absent.
    pub nearby: Option<bool>,
    /// Where the tree is shown as a folder if that is possible, until somebody decides otherwise; nowhere when absent.
    pub mount: Option<PathBuf>,
    /// How long a machine may be gone before others keep the copies of shared files that it kept, at least a second.
    pub copies_grace: Duration,
    /// Folders that programs of jobs may read and change, apart from their own.
    pub open: Vec<PathBuf>,
    /// Where the kernel shows what processors take of energy.
    pub powercap: PathBuf,
    /// Program and arguments that send this machine to sleep; empty where none is known.
    pub sleep: Vec<OsString>,
    /// Program and arguments that start a runner.
    pub runner: Vec<OsString>,
    /// What the program name `gridwell` stands for in jobs.
    pub self_program: PathBuf,
}

impl Config {
    /// Where a node listens unless told otherwise.
    pub const DEFAULT_LISTEN: &str = "0.0.0.0:7766";
    /// Usual [`Config::copies_grace`]: whoever restarts a machine has it back by then.
    pub const COPIES_GRACE: Duration = Duration::from_mins(10);

    /// A node of `data` that listens where usual and lends all it may; sessions run in `program`, which is `gridwell`.
    #[must_use]
    pub fn new(data: PathBuf, program: PathBuf) -> Self {
        Self {
            data,
            name: None,
            listen: vec![Self::DEFAULT_LISTEN.to_owned()],
            labels: BTreeMap::new(),
            when: None,
            disk_reserve_bytes: None,
            lend_cpus: None,
            nearby: None,
            mount: None,
            copies_grace: Self::COPIES_GRACE,
            open: Vec::new(),
            powercap: gridwell_probe::EnergyMeter::SYSFS.into(),
            sleep: gridwell_probe::usual_sleep(),
            runner: vec![program.clone().into_os_string(), "runner".into()],
            self_program: program,
        }
    }
}
