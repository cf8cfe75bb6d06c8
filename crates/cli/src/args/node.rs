use std::{net::SocketAddr, path::PathBuf, time::Duration};

use clap::{Args, ValueEnum};

use super::values::{key_value, machine_name};

/// `gridwell node`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  gridwell node
  gridwell node --name mill --listen 0.0.0.0:7766
  gridwell node --data ~/second --listen 127.0.0.1:0 --join 'gridwell:…'
  gridwell node --ui 127.0.0.1:0

Stops cleanly on SIGTERM and Ctrl-C; running jobs continue when it starts again.")]
pub struct NodeArgs {
    /// What people call this machine
    #[arg(long, value_name = "NAME", value_parser = machine_name)]
    pub name: Option<String>,
    /// Address for other machines; port 0 picks a free one; may be repeated
    #[arg(long, value_name = "HOST:PORT")]
    pub listen: Vec<String>,
    /// Join the grid of this invite link first
    #[arg(long, value_name = "LINK")]
    pub join: Option<String>,
    /// Whether to find machines nearby, and to be found by them while a code is shown; on unless it was switched off before
    #[arg(long, value_enum, value_name = "ON|OFF")]
    pub nearby: Option<Switch>,
    /// Label of this machine; may be repeated
    #[arg(long, value_name = "KEY=VALUE", value_parser = key_value)]
    pub label: Vec<(String, String)>,
    /// Lend whoever uses this machine and whatever else runs on it; kept, see 'gridwell lending'
    #[arg(long)]
    pub dedicated: bool,
    /// Free space with less of which nothing new starts; kept, see 'gridwell lending'
    #[arg(long, value_name = "SIZE", value_parser = gridwell_model::parse_bytes)]
    pub disk_reserve: Option<u64>,
    /// Cores to lend; all when absent
    #[arg(long, value_name = "CORES", allow_negative_numbers = true, value_parser = cores)]
    pub lend_cores: Option<f32>,
    /// Folder that programs of jobs may read and change besides their own; may be repeated
    #[arg(long, value_name = "FOLDER")]
    pub open: Vec<PathBuf>,
    /// Also open the local door on 127.0.0.1:PORT, for whoever shows the token in the data folder
    #[arg(long, value_name = "PORT")]
    pub http: Option<u16>,
    /// Also show the window in browsers of this machine, at this loopback address; port 0 picks a free one
    #[arg(long, value_name = "HOST:PORT", value_parser = loopback)]
    pub ui: Option<SocketAddr>,
    /// How long a machine may be gone before others keep the copies of shared files that it kept
    #[arg(long, hide = true, value_name = "TIME", value_parser = grace)]
    pub copies_grace: Option<Duration>,
    /// Where the kernel shows what processors take of energy
    #[arg(long, hide = true, value_name = "FOLDER")]
    pub powercap: Option<PathBuf>,
    /// Program that sends this machine to sleep
    #[arg(long, hide = true, value_name = "PROGRAM")]
    pub sleep_program: Option<PathBuf>,
    /// What to log: a level, or filters such as 'info,gridwell_net=debug' [env: GRIDWELL_LOG]
    #[arg(long, value_name = "FILTER")]
    pub log: Option<String>,
    /// How to log
    #[arg(long, value_enum, default_value_t)]
    pub log_format: LogStyle,
}

/// On or off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Switch {
    /// Yes
    On,
    /// No
    Off,
}

/// How the node logs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum LogStyle {
    /// Lines for people
    #[default]
    Text,
    /// A JSON object a line
    Json,
}

/// Reads a time of a second or more.
fn grace(text: &str) -> Result<Duration, String> {
    let time = gridwell_model::parse_duration(text).map_err(|error| error.to_string())?;
    if time < Duration::from_secs(1) { Err("write a second or more".to_owned()) } else { Ok(time) }
}

/// Reads a number of cores, whole or not.
fn cores(text: &str) -> Result<f32, String> {
    match text.parse::<f32>() {
        Ok(cores) if cores.is_finite() && cores > 0.0 => Ok(cores),
        _ => Err("write a number above 0, such as 4 or 1.5".to_owned()),
    }
}

/// Reads an address that only programs of this machine reach.
fn loopback(text: &str) -> Result<SocketAddr, String> {
    match text.parse::<SocketAddr>() {
        Ok(address) if address.ip().is_loopback() => Ok(address),
        Ok(_) => Err("other machines would reach it; write 127.0.0.1:PORT and use 'ssh -L' from elsewhere".to_owned()),
        Err(_) => Err("write 127.0.0.1:PORT, or port 0 for any free one".to_owned()),
    }
}
