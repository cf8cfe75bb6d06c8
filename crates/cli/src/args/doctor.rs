use clap::Args;

/// `gridwell doctor`
#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// Say why this machine is seen from here or not: its name, or the first letters of its id
    #[arg(value_name = "MACHINE")]
    pub machine: Option<String>,
    /// Print what a person can send to somebody who helps, without colours
    #[arg(long)]
    pub report: bool,
}
