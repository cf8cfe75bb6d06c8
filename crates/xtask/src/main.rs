//! Chores of the Gridwell workspace: `cargo xtask --help`.
//!
//! Not part of the product: nothing here is installed or linked into it.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a chore talks to whoever started it")]

mod bench;
mod bindings;
mod chaos;
mod check;
mod demo;
mod desktop;
mod floors;
mod fuzz;
mod grid;
mod mirror;
mod package;
mod screenshots;
mod setup;
mod shell;
mod sim;
mod ui;

use std::process::ExitCode;

use shell::Failure;

const HELP: &str = "\
Chores of the Gridwell workspace.

  cargo xtask demo            install what is missing, build, start a grid of three peers on this machine, render a
                              sample over them, say where the frames lie and which machine made which
  cargo xtask test            install what is missing, then run every check and test
  cargo xtask setup           install what tests and demo need, or print the line that does
  cargo xtask ui              build the window (ui/dist); the desktop app and the browser door carry it inside
  cargo xtask grids           drive the window in Chromium on real nodes (part of 'test')
  cargo xtask desktop         drive the packaged desktop app on a screen of its own (part of 'test')
  cargo xtask screenshots DIR write pictures of every screen, dark and light, of real peers with real jobs into DIR
  cargo xtask package         build deb and rpm into target/packages
  cargo xtask floors          check that rooms only use rooms below them, and that pure rooms stay pure
  cargo xtask bindings        write the TypeScript forms of what crosses the local door to ui/src/bridge/api.ts
  cargo xtask sim --seeds N   run the simulation with the seeds 0 to N-1 (default 1000)
  cargo xtask chaos           kill real nodes at random moments for 50 rounds; the line that a failure prints repeats it
  cargo xtask fuzz            let a fuzzer loose on every decoder of foreign bytes (part of 'test', for seconds)
  cargo xtask storm --first S --seeds N
                              run grids of twenty simulated machines through all that may happen, with the seeds S to
                              S+N-1 (default 0 and 1000)
  cargo xtask bench           measure, and write docs/benchmarks.md; what was not measured stays there as it was

demo:
  --keep                      leave the peers running until Ctrl-C
  --profile NAME              build under this cargo profile instead of 'demo'; 'dev' shares the build of the tests
screenshots:
  --profile NAME              after DIR: build under this cargo profile instead of 'demo'
package:
  --profile NAME              build under this cargo profile instead of 'shipped'; 'dev' shares the build of the tests
chaos:
  --rounds N                  so many rounds
fuzz:
  NAME...                     only these targets
  --secs N                    for so long each (default 600)
bench:
  --rounds N                  measure each thing N times and take the median (default 5)
  --only NAME                 only this comparison: tasks, start, memory, rest, files, blender, ui, criterion; may be repeated
";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let (chore, options) = words.split_first().map_or(("--help", &[][..]), |(first, rest)| (first.as_str(), rest));
    match carry_out(chore, options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("xtask {chore}: {failure}");
            ExitCode::from(failure.exit_code())
        }
    }
}

fn carry_out(chore: &str, options: &[String]) -> Result<(), Failure> {
    if options.iter().any(|option| option == "--help" || option == "-h") {
        println!("{HELP}");
        return Ok(());
    }
    shell::catch_signals();
    match chore {
        "--help" | "-h" | "help" => {
            println!("{HELP}");
            Ok(())
        }
        "demo" => demo::run(options),
        "test" => none(options).and_then(|()| check::run()),
        "setup" => none(options).and_then(|()| setup::install(&setup::EVERYTHING)).and_then(|()| ui::check_tools()),
        "ui" => none(options).and_then(|()| ui::build()),
        "package" => package::run(options),
        "screenshots" => screenshots::run(options),
        "grids" => none(options).and_then(|()| ui::test_on_grids()),
        "desktop" => none(options).and_then(|()| desktop::test()),
        "bindings" => none(options).and_then(|()| bindings::write()),
        "floors" => none(options).and_then(|()| floors::run()),
        "sim" => sim::run(options),
        "chaos" => chaos::run(options),
        "fuzz" => fuzz::run(options),
        "storm" => sim::storm(options),
        "bench" => bench::run(options),
        other => Err(Failure::Usage { word: other.to_owned() }),
    }
}

fn none(options: &[String]) -> Result<(), Failure> {
    options.first().map_or(Ok(()), |word| Err(Failure::Usage { word: word.clone() }))
}
