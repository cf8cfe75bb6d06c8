//! Measures the whole system against its yardsticks, in one run on one machine, and writes it down.

mod app;
mod blender;
mod confinement;
mod files;
mod grid;
mod guest;
mod machine;
mod node;
mod others;
mod page;
mod reads;
mod tasks;
mod unequal;
mod window;

use std::{path::PathBuf, time::Instant};

use crate::{
    demo, setup,
    shell::{self, Failure},
};

use self::page::Row;

/// Rounds of each comparison unless told otherwise: enough for a median.
const DEFAULT_ROUNDS: usize = 5;

/// What every comparison needs.
struct Bench {
    program: PathBuf,
    folder: PathBuf,
    rounds: usize,
}

pub(crate) fn run(options: &[String]) -> Result<(), Failure> {
    let rounds = shell::number(options, "--rounds", DEFAULT_ROUNDS)?.max(1);
    let only = only(options);
    setup::install(&setup::EVERYTHING)?;
    setup::install(&setup::COMPARISONS)?;
    let program = demo::build("release")?;
    let folder = shell::target_dir()?.join("bench-grid");
    let bench = Bench { program, folder, rounds };
    let path = shell::workspace().join("docs/benchmarks.md");
    let order: Vec<&str> = COMPARISONS.iter().map(|comparison| comparison.title).collect();
    for Comparison { name, title, measure } in COMPARISONS {
        if only.is_empty() || only.contains(name) {
            println!("\n== {name}");
            bench.clear()?;
            let text = measure(&bench)?;
            let machine = machine::describe();
            page::renew(&path, &order, title, &format!("{rounds} rounds on {machine}.\n\n{text}"))?;
        }
    }
    println!("\nwritten to {}", path.display());
    Ok(())
}

/// A section of the page.
struct Comparison {
    /// As `--only` names it.
    name: &'static str,
    title: &'static str,
    /// Measures, and returns the section's text.
    measure: fn(&Bench) -> Result<String, Failure>,
}

const COMPARISONS: &[Comparison] = &[
    Comparison { name: "tasks", title: "Tasks", measure: |bench| tasks::compare(bench).map(table) },
    Comparison { name: "task", title: "One task", measure: |bench| confinement::measure(bench).map(table) },
    Comparison { name: "start", title: "Time to start", measure: |bench| node::time_to_start(bench).map(table) },
    Comparison {
        name: "memory",
        title: "A million tasks",
        measure: |bench| node::memory_of_a_million(bench).map(table),
    },
    Comparison { name: "rest", title: "At rest", measure: |bench| node::at_rest(bench).map(table) },
    Comparison { name: "unequal", title: "Unequal machines", measure: |bench| unequal::compare(bench).map(table) },
    Comparison { name: "files", title: "Shared files", measure: |bench| files::measure(bench).map(table) },
    Comparison { name: "grid", title: "The grid", measure: |bench| grid::measure(bench).map(table) },
    Comparison { name: "guest", title: "A good guest", measure: |bench| guest::measure(bench).map(table) },
    Comparison { name: "blender", title: "A real render", measure: |bench| blender::compare(bench).map(table) },
    Comparison { name: "ui", title: "The window", measure: |bench| window::measure(bench).map(table) },
    Comparison { name: "app", title: "The desktop app", measure: |bench| app::measure(bench).map(table) },
    Comparison { name: "criterion", title: "Engines and hands", measure: |_| criterion() },
];

#[expect(clippy::needless_pass_by_value, reason = "rows are measured for this alone")]
fn table(rows: Vec<Row>) -> String {
    page::table(&rows)
}

impl Bench {
    /// Begins with an empty folder.
    fn clear(&self) -> Result<(), Failure> {
        match std::fs::remove_dir_all(&self.folder) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(Failure::file(&self.folder, error));
            }
            _ => {}
        }
        std::fs::create_dir_all(&self.folder).map_err(|error| Failure::file(&self.folder, error))
    }
}

fn only(options: &[String]) -> Vec<&str> {
    let pairs = options.iter().zip(options.iter().skip(1));
    pairs.filter(|(option, _)| *option == "--only").map(|(_, name)| name.as_str()).collect()
}

/// Runs every criterion benchmark; returns its result lines.
fn criterion() -> Result<String, Failure> {
    let text = shell::output(shell::cargo().args(["bench", "--workspace", "--bench", "*", "--", "--quiet"]))?;
    let lines: Vec<_> = text.lines().filter(|line| line.contains("time:") || line.contains("thrpt:")).collect();
    Ok(format!("By criterion: lower bound, estimate, upper bound.\n\n```\n{}\n```", lines.join("\n")))
}

/// Seconds that `work` takes.
fn seconds(work: impl FnOnce() -> Result<(), Failure>) -> Result<f64, Failure> {
    let started = Instant::now();
    work()?;
    Ok(started.elapsed().as_secs_f64())
}

/// The middle value; of an even number, the mean of the two in the middle.
fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => f64::NAN,
        count if count % 2 == 1 => sorted[middle],
        _ => f64::midpoint(sorted[middle - 1], sorted[middle]),
    }
}

/// The median of values that were rounded to whole numbers: those that equal the middle one are taken to lie evenly over
/// the width that rounds to it. Source: the median of grouped data in any textbook of statistics.
fn median_of_rounded(values: &[f64]) -> f64 {
    let middle = median(values).floor();
    let below = values.iter().filter(|value| **value < middle).count() as f64;
    let here = values.iter().filter(|value| (**value - middle).abs() < 0.5).count() as f64;
    middle - 0.5 + (values.len() as f64 / 2.0 - below) / here
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle() {
        assert!((median(&[3.0, 1.0, 2.0]) - 2.0).abs() < 1e-12);
        assert!((median(&[4.0, 1.0, 2.0, 3.0]) - 2.5).abs() < 1e-12);
    }

    #[test]
    fn the_median_of_rounded_values_lies_where_half_of_them_do() {
        assert!((median_of_rounded(&[4.0, 5.0, 5.0, 6.0]) - 5.0).abs() < 1e-12);
        assert!((median_of_rounded(&[4.0, 4.0, 4.0, 5.0, 5.0]) - (3.5 + 2.5 / 3.0)).abs() < 1e-12);
        assert!((median_of_rounded(&[4.0, 4.0, 5.0, 5.0]) - 4.5).abs() < 1e-12);
        assert!(median_of_rounded(&[]).is_nan());
    }

    #[test]
    fn only_may_be_repeated() {
        let words: Vec<String> = ["--only", "tasks", "--rounds", "3", "--only", "rest"].map(String::from).into();
        assert_eq!(only(&words), ["tasks", "rest"]);
    }
}
