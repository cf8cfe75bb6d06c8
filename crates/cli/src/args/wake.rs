use clap::Args;

/// `gridwell wake`
#[derive(Debug, Args)]
pub struct WakeArgs {
    /// The machine: its name, or the first letters of its id
    #[arg(value_name = "MACHINE")]
    pub machine: String,
}
