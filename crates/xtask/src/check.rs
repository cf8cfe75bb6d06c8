use std::{collections::BTreeMap, path::Path, process::Command, time::Instant};

use crate::{
    bindings, desktop, floors, fuzz, setup,
    shell::{self, Failure},
    ui,
};

/// Names the file to which tests write a line for each thing they had to skip.
const SKIPS: &str = "GRIDWELL_TEST_SKIPS";

/// Sets up, then runs every check and test, and sums up. Later steps run even if earlier ones fail.
pub(crate) fn run() -> Result<(), Failure> {
    setup::install(&setup::EVERYTHING)?;
    let skips = shell::target_dir()?.join("skipped-tests.txt");
    std::fs::create_dir_all(skips.with_file_name("")).map_err(|error| Failure::file(&skips, error))?;
    std::fs::write(&skips, "").map_err(|error| Failure::file(&skips, error))?;
    shell::note_last_lines();
    let mut steps = Vec::new();
    for (name, step) in steps_in_order(&skips) {
        println!("\n== {name}");
        let started = Instant::now();
        let result = step();
        if let Err(failure) = &result {
            eprintln!("{name}: {failure}");
        }
        shell::check_interrupted()?;
        // A disk that fills up makes later steps fail for no other reason.
        let free_gib = rustix::fs::statvfs(&skips).map_or(0, |disk| (disk.f_bavail * disk.f_frsize) >> 30);
        let failed = result.err().map(|failure| (failure, shell::last_lines()));
        steps.push(Done { name, failed, seconds: started.elapsed().as_secs(), free_gib });
    }
    sum_up(&steps);
    print_skips(&skips)?;
    let failed: Vec<_> = steps.iter().filter(|step| step.failed.is_some()).map(|step| step.name).collect();
    if failed.is_empty() { Ok(()) } else { Err(Failure::Steps { steps: failed.join(", ") }) }
}

/// A step that was taken.
struct Done {
    name: &'static str,
    /// Why it failed, and the last lines that it printed, if they were noted.
    failed: Option<(Failure, Vec<String>)>,
    seconds: u64,
    free_gib: u64,
}

/// How each step ended. Why one failed stands far above in a log, of which readers often have the end alone: it is said again.
fn sum_up(steps: &[Done]) {
    for Done { name, failed, .. } in steps {
        let Some((failure, lines)) = failed else { continue };
        println!("\n== why {name} failed: {failure}");
        lines.iter().for_each(|line| println!("{line}"));
    }
    println!("\n== summary");
    for Done { name, failed, seconds, free_gib } in steps {
        let how = if failed.is_none() { "ok    " } else { "FAILED" };
        println!("{how} {name} ({seconds} s, {free_gib} GiB left on the disk)");
    }
}

type Step<'skips> = Box<dyn Fn() -> Result<(), Failure> + 'skips>;

fn steps_in_order(skips: &Path) -> Vec<(&'static str, Step<'_>)> {
    vec![
        // First: the desktop app carries it inside.
        ("window", Box::new(|| ui::build().and_then(|()| ui::check()))),
        ("format", Box::new(|| shell::run(shell::cargo().args(["fmt", "--all", "--check"])))),
        (
            "lints",
            Box::new(|| {
                shell::run(shell::cargo().args(["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]))
            }),
        ),
        ("floors", Box::new(floors::run)),
        ("bindings", Box::new(bindings::check)),
        (
            "documentation",
            Box::new(|| {
                shell::run(shell::cargo().args(["doc", "--workspace", "--no-deps"]).env("RUSTDOCFLAGS", "-D warnings"))
            }),
        ),
        ("tests", Box::new(move || shell::run(test_command().env(SKIPS, skips)))),
        ("fuzzing", Box::new(fuzz::test)),
        ("window on grids", Box::new(ui::test_on_grids)),
        ("desktop app", Box::new(desktop::test)),
        ("documentation tests", Box::new(|| shell::run(shell::cargo().args(["test", "--workspace", "--doc"])))),
    ]
}

/// nextest where it is installed, because it runs tests of all rooms side by side; otherwise cargo's own runner.
fn test_command() -> Command {
    let mut command = shell::cargo();
    let has_nextest = shell::find("cargo-nextest").is_some();
    if has_nextest {
        command.args(["nextest", "run", "--workspace", "--no-fail-fast"]);
    } else {
        command.args(["test", "--workspace", "--all-targets", "--no-fail-fast"]);
    }
    command
}

fn print_skips(path: &Path) -> Result<(), Failure> {
    let text = std::fs::read_to_string(path).map_err(|error| Failure::file(path, error))?;
    let mut counts = BTreeMap::<&str, usize>::new();
    for line in text.lines() {
        *counts.entry(line).or_default() += 1;
    }
    println!("skipped because of this machine: {}", counts.values().sum::<usize>());
    for (reason, count) in counts {
        println!("  {count} × {reason}");
    }
    Ok(())
}
