//! Bytes of strangers under libFuzzer, on a stable compiler: the flags are those that `cargo fuzz` sets.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::shell::{self, Failure};

/// What a target takes in at most, in bytes: the largest frame and a little.
const MOST_BYTES: &str = "-max_len=70000";
/// Memory for one target, in MiB: far above what it needs, far below what a length of 32 bits can ask for.
const MOST_MEMORY: &str = "-rss_limit_mb=1024";
/// Seconds for one input: more is a hang.
const PATIENCE: &str = "-timeout=20";
/// Seconds for each target in `cargo xtask test`.
const IN_TESTS: usize = 5;
/// Seconds for each target unless said otherwise.
const USUAL: usize = 600;
/// Instruments every branch and comparison. Source: the Rust Fuzz Book; LLVM's SanitizerCoverage.
const FLAGS: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares -Cllvm-args=-simplifycfg-branch-fold-threshold=0 -Ccodegen-units=1";

/// Runs the targets that are named, or all, one after the other, for `--secs N` each.
pub(crate) fn run(options: &[String]) -> Result<(), Failure> {
    let seconds = shell::number(options, "--secs", USUAL)?;
    let after_secs = |at: usize| at.checked_sub(1).is_some_and(|before| options[before] == "--secs");
    let names = options.iter().enumerate().filter(|(at, word)| *word != "--secs" && !after_secs(*at));
    fuzz(&names.map(|(_, word)| word.as_str()).collect::<Vec<_>>(), seconds)
}

/// A few seconds for each target.
pub(crate) fn test() -> Result<(), Failure> {
    fuzz(&[], IN_TESTS)
}

fn fuzz(named: &[&str], seconds: usize) -> Result<(), Failure> {
    let folder = shell::target_dir()?.join("fuzz");
    let program = build(&folder)?;
    let all = shell::output(Command::new(&program).env("GRIDWELL_FUZZ_LIST", "1"))?;
    if let Some(unknown) = named.iter().find(|name| !all.lines().any(|target| target == **name)) {
        return Err(Failure::Usage { word: (*unknown).to_owned() });
    }
    for name in all.lines().filter(|target| named.is_empty() || named.contains(target)) {
        println!("\n-- {name}");
        let corpus = folder.join("corpus").join(name);
        let crashes = folder.join("crashes").join(name);
        for folder in [&corpus, &crashes] {
            fs::create_dir_all(folder).map_err(|error| Failure::file(folder, error))?;
        }
        let mut command = Command::new(&program);
        command.env("GRIDWELL_FUZZ", name).env("GRIDWELL_FUZZ_SEEDS", &corpus);
        command.args([MOST_BYTES, MOST_MEMORY, PATIENCE, "-print_final_stats=1", "-verbosity=0"]);
        command.arg(format!("-max_total_time={seconds}"));
        command.arg(format!("-artifact_prefix={}/", crashes.display()));
        shell::run(command.arg(&corpus))?;
    }
    Ok(())
}

/// Only what runs on this machine's target is instrumented, not what builds it: hence a target that is named.
fn build(folder: &Path) -> Result<PathBuf, Failure> {
    let target = shell::output(Command::new("rustc").args(["--print", "host-tuple"]))?;
    let target = target.trim();
    shell::run(
        shell::cargo()
            .args(["build", "--package", "gridwell-fuzz", "--features", "fuzzer", "--profile", "fuzz", "--target"])
            .arg(target)
            .arg("--target-dir")
            .arg(folder)
            .env("RUSTFLAGS", FLAGS),
    )?;
    Ok(folder.join(target).join("fuzz/gridwell-fuzz"))
}
