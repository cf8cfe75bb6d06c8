//! The desktop app as it is installed, in front of made-up grids, under Xvfb: time, memory and processor.

use super::{Bench, page::Row, window};
use crate::{
    desktop, package,
    shell::{self, Failure},
    ui,
};

/// As people install it.
const PROFILE: &str = "shipped";

pub(super) fn measure(_: &Bench) -> Result<Vec<Row>, Failure> {
    ui::build()?;
    package::build(PROFILE)?;
    let synthetic = window::build()?;
    let mut command = desktop::on_a_screen("measure.py");
    command.arg(shell::target_dir()?.join(PROFILE)).arg(synthetic).arg(ui::folder().join("dist"));
    window::rows_of(&mut command)
}
