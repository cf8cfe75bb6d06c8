//! How soon work of others makes room for who comes back to a machine, and what looking out for that costs.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use super::{
    Bench,
    node::{Counts, cpu_nanos, growth, of_threads},
    page::Row,
};
use crate::{
    grid::Grid,
    shell::{self, Failure},
};

/// Touches for each round that was asked for.
const TOUCHES: usize = 6;

/// The machine that works for the other one, and what it runs: nothing else is called so.
const GUEST: usize = 1;
const WORK: [&str; 7] = ["exec", "--detach", "--on", "quarry", "--", "sleep", "86399.5"];

/// Somebody is there for a second after each touch; load of others does not count, since this computer has any.
const RULES: [&str; 19] = [
    "lending",
    "set",
    "--when",
    "idle",
    "--after",
    "1s",
    "--on-return",
    "freeze",
    "--ladder",
    "touched=1s",
    "--ladder",
    "gone=1s",
    "--ladder",
    "dwell=1s",
    "--ladder",
    "soften-load=100",
    "--ladder",
    "freeze-load=100",
    "--json",
];

/// What an owner has who changes nothing, but that work goes on beside them.
const USUAL: [&str; 8] = ["lending", "set", "--on-return", "soften", "--ladder", "touched=1m", "--ladder", "gone=5m"];

/// How long the node is watched while its owner works.
const WATCHED: Duration = Duration::from_secs(20);

/// How long a touch may take to have an effect.
const PATIENCE: Duration = Duration::from_secs(20);

pub(super) fn measure(bench: &Bench) -> Result<Vec<Row>, Failure> {
    let desk = Desk::start()?;
    let mut grid = Grid::start_at(&bench.program, &bench.folder, &["mill", "quarry"], &desk.display)?;
    shell::run(grid.command_of(GUEST).args(RULES).stdout(Stdio::null()))?;
    shell::run(grid.command().args(WORK).stdout(Stdio::null()))?;
    grid.wait_until("work", |grid| stands(grid, "working"))?;
    let Some(work) = find(WORK[6]) else {
        return Err(Failure::UnexpectedOutput { command: WORK.join(" "), missing: "a process".into() });
    };
    let (mut soft, mut still) = (Vec::new(), Vec::new());
    for touch in 0..bench.rounds * TOUCHES {
        grid.wait_until("work that goes on", |grid| stands(grid, "working"))?;
        // At any moment between two looks.
        thread::sleep(Duration::from_millis((touch as u64 * 137) % 500));
        let begun = Instant::now();
        desk.touch()?;
        soft.push(until(begun, work, |stat| stat.nice == 19)?);
        still.push(until(begun, work, |stat| stat.state == 'T')?);
        shell::check_interrupted()?;
    }
    let mut rows = vec![
        Row::new(format!("touch → softened, {} touches, p50 · p99", soft.len()), spread(&mut soft), "bar: 1 s"),
        Row::new("touch → standing still, p50 · p99", spread(&mut still), "bar: the promise"),
    ];
    shell::run(grid.command_of(GUEST).args(USUAL).stdout(Stdio::null()))?;
    rows.push(watch(&grid, &desk, "its owner works, and work of others runs with less")?);
    shell::run(grid.command_of(GUEST).args(["lending", "pause", "--how", "end"]).stdout(Stdio::null()))?;
    grid.wait_until("an empty machine", |grid| stands(grid, "paused"))?;
    rows.push(watch(&grid, &desk, "its owner works alone")?);
    Ok(rows)
}

/// The node's processor time and wake-ups while somebody moves the mouse.
fn watch(grid: &Grid, desk: &Desk, what: &str) -> Result<Row, Failure> {
    let pid = grid.pid(GUEST);
    desk.touch()?;
    thread::sleep(Duration::from_secs(2));
    let (cpu, woken, begun) = (cpu_nanos(pid), wake_ups(pid), Instant::now());
    while begun.elapsed() < WATCHED {
        desk.touch()?;
        thread::sleep(Duration::from_millis(250));
        shell::check_interrupted()?;
    }
    let secs = begun.elapsed().as_secs_f64();
    let (cpu, woken) = (growth(&cpu, &cpu_nanos(pid)), growth(&woken, &wake_ups(pid)));
    let (share, each) = (cpu as f64 / 1e7 / secs, woken as f64 / secs);
    Ok(Row::new(format!("node while {what}"), format!("{share:.2} % of a core, {each:.0} wake-ups/s"), "bar: 0.2 %"))
}

/// An X server without a screen to look at, which ends with it.
struct Desk {
    server: Child,
    display: String,
}

impl Desk {
    fn start() -> Result<Self, Failure> {
        let mut command = Command::new("Xvfb");
        command.args(["-displayfd", "1", "-nolisten", "tcp", "-noreset", "-screen", "0", "320x200x24"]);
        let mut server = shell::start(command.stdout(Stdio::piped()).stderr(Stdio::null()))?;
        let mut number = String::new();
        let said = server.stdout.take().map(|out| BufReader::new(out).read_line(&mut number));
        match said {
            Some(Ok(_)) => Ok(Self { server, display: format!(":{}", number.trim()) }),
            _ => Err(Failure::UnexpectedOutput { command: shell::show(&command), missing: "its number".into() }),
        }
    }

    fn touch(&self) -> Result<(), Failure> {
        let words = ["mousemove_relative", "1", "1", "mousemove_relative", "--", "-1", "-1"];
        shell::run(Command::new("xdotool").args(words).env("DISPLAY", &self.display))
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

fn stands(grid: &Grid, standing: &str) -> Result<bool, Failure> {
    Ok(grid.ask_of(GUEST, &["lending"])?["standing"] == standing)
}

/// What proc(5) says of a process.
struct Stat {
    state: char,
    nice: i32,
}

fn stat(pid: u32) -> Option<Stat> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let words: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
    Some(Stat { state: words.first()?.chars().next()?, nice: words.get(16)?.parse().ok()? })
}

/// Milliseconds since `begun` until a process is so.
fn until(begun: Instant, pid: u32, is: impl Fn(&Stat) -> bool) -> Result<f64, Failure> {
    while begun.elapsed() < PATIENCE {
        if stat(pid).is_some_and(|stat| is(&stat)) {
            return Ok(begun.elapsed().as_secs_f64() * 1_000.0);
        }
        thread::sleep(Duration::from_millis(1));
    }
    Err(Failure::UnexpectedOutput { command: "a touch".into(), missing: "an effect".into() })
}

/// The process that was started with that word.
fn find(word: &str) -> Option<u32> {
    let all = fs::read_dir("/proc").ok()?.flatten();
    let mut pids = all.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    pids.find(|pid| {
        let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let words: Vec<&[u8]> = line.split(|byte| *byte == 0).collect();
        words.first().is_some_and(|first| first.ends_with(b"sleep")) && words.contains(&word.as_bytes())
    })
}

/// How often the threads of a process were woken since it began.
fn wake_ups(pid: u32) -> Counts {
    of_threads(pid, "status", |status| {
        let line = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"))?;
        line.trim().parse().ok()
    })
}

/// The middle of the values, and what 99 of 100 do not exceed.
fn spread(millis: &mut [f64]) -> String {
    millis.sort_by(f64::total_cmp);
    let at = |share: f64| millis[((millis.len() - 1) as f64 * share).ceil() as usize];
    format!("{:.0} ms · {:.0} ms", at(0.5), at(0.99))
}
