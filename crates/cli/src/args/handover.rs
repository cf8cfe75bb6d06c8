use clap::Args;

/// `gridwell handover`
#[derive(Debug, Args)]
pub struct HandOverArgs {
    /// The job: the first letters of its id
    #[arg(required_unless_present = "all", conflicts_with = "all")]
    pub job: Option<String>,
    /// Every job that has not ended
    #[arg(long)]
    pub all: bool,
    /// The machine that goes on; one that has a copy when absent
    #[arg(long, value_name = "MACHINE")]
    pub to: Option<String>,
}
