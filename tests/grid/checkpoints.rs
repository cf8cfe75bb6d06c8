//! What is stopped goes on from what it had, on any machine.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::{Grid, Peer, lines, names, until};

/// Adds the numbers up to 100 and notes each where it adds it. At 50 and at 60 it waits for a file; it goes on from what it has saved,
/// and saves when it is asked to stop and at 50.
const SUM: &str = r#"
state="$GRIDWELL_CHECKPOINT/state"
n=0 sum=0
if [ -e "$state" ]; then read n sum < "$state"; fi
save() {
    echo "$n $sum" > "$state.part"
    mv "$state.part" "$state"
    echo gridwell_checkpoint
}
trap 'save; exit 1' TERM
echo "from $n" >> "$1/trace"
while [ $n -lt 100 ]; do
    n=$((n + 1)) sum=$((sum + n))
    echo $n >> "$1/trace"
    if [ $n = 50 ] && [ -e "$1/saves" ]; then save; fi
    while [ $n = 50 ] && [ ! -e "$1/past 50" ]; do sleep 0.02; done
    while [ $n = 60 ] && [ ! -e "$1/past 60" ]; do sleep 0.02; done
done
echo $sum > sum.txt
"#;

/// What every run of it makes.
const RESULT: &str = "5050";

/// A sum that runs on `quarry`, away from its steward `mill`, and has added up to 50.
struct Sum {
    grid: Grid,
    job: String,
    folder: PathBuf,
}

impl Sum {
    /// In a grid of these machines besides the two.
    fn at_half(others: &[&str], files: &[&str]) -> Self {
        let grid = Grid::of(&[&["mill", "quarry"], others].concat());
        let script = grid.write("sum.sh", SUM);
        let folder = grid.path("notes");
        std::fs::create_dir(&folder).expect("a folder");
        let idle = grid.peers.iter().filter(|peer| peer.name != "quarry");
        idle.for_each(|peer| _ = peer.ok(["drain"]));
        let sum = Self { job: String::new(), folder, grid };
        files.iter().for_each(|file| sum.put(file));
        let name = |path: &PathBuf| path.to_str().expect("plain paths").to_owned();
        let (script, notes, home) = (name(&script), name(&sum.folder), name(&sum.grid.path("home")));
        let words = ["exec", "--detach", "--checkpoint", "--outputs", "sum.txt", "--output", &home, "--", "sh"];
        let job = sum.mill().start_job([&words[..], &[&script, &notes]].concat());
        Self { job, ..sum }.until_added(50)
    }

    fn mill(&self) -> &Peer {
        &self.grid.peers[0]
    }

    fn quarry(&self) -> &Peer {
        &self.grid.peers[1]
    }

    fn put(&self, file: &str) {
        std::fs::write(self.folder.join(file), "").expect("a file");
    }

    fn trace(&self) -> Vec<String> {
        lines(&self.folder.join("trace"))
    }

    fn until_added(self, number: u32) -> Self {
        let number = number.to_string();
        until("a sum on its way", || self.trace().contains(&number).then_some(()));
        self
    }

    fn until_saved(&self, state: &str) {
        self.mill().until("a checkpoint at its steward", &["tasks", &self.job], |page| {
            let task = &page["tasks"][0];
            (task["saved"] == true && task["state"] == state).then_some(())
        });
        let task = &self.mill().tasks(&self.job)[0];
        let job = self.mill().json(["job", &self.job]);
        assert!(task["saved_at"].is_u64(), "and when: {task:#}");
        assert_eq!((&job["saved"], &job["saved_at"]), (&1.into(), &task["saved_at"]));
    }

    /// It goes on where nothing of it ran, and makes what it makes when nobody stops it.
    fn goes_on_at_mill(&self) {
        self.mill().ok(["resume"]);
        self.put("past 50");
        self.put("past 60");
        self.mill().done(&self.job);
        let home = self.grid.path("home");
        assert_eq!(names(&home), ["sum.txt"]);
        assert_eq!(lines(&home.join("sum.txt")), [RESULT]);
        let task = &self.mill().tasks(&self.job)[0];
        assert_eq!(
            (&task["saved"], &task["saved_at"]),
            (&false.into(), &Value::Null),
            "nobody goes on from it any more"
        );
    }
}

fn expected(parts: &[(u32, u32)]) -> Vec<String> {
    let part = |(from, to): &(u32, u32)| {
        let numbers = (from + 1..=*to).map(|number| number.to_string());
        std::iter::once(format!("from {from}")).chain(numbers).collect::<Vec<_>>()
    };
    parts.iter().flat_map(part).collect()
}

#[test]
fn a_job_suspended_at_half_is_moved_to_another_machine_and_its_result_is_the_same() {
    let mut sum = Sum::at_half(&[], &[]);
    sum.mill().ok(["hold", &sum.job, "--now"]);
    sum.until_saved("held");
    sum.grid.peers[1].kill();
    sum.mill().ok(["release", &sum.job]);
    sum.goes_on_at_mill();
    assert_eq!(sum.trace(), expected(&[(0, 50), (50, 100)]), "nothing was added twice");
}

#[test]
fn what_an_owner_sends_away_goes_on_elsewhere_from_where_it_was() {
    let sum = Sum::at_half(&[], &[]);
    sum.quarry().ok(["lending", "pause", "1h", "--how", "pack"]);
    sum.until_saved("ready");
    sum.goes_on_at_mill();
    assert_eq!(sum.trace(), expected(&[(0, 50), (50, 100)]), "nothing was added twice");
    let programs = &sum.quarry().json(["lending"])["programs"];
    assert!(programs[0]["lost_secs"].as_f64() < Some(1.0), "what it left is not lost: {programs:#}");
}

#[test]
fn a_machine_that_dies_loses_what_came_after_its_last_checkpoint() {
    let mut sum = Sum::at_half(&[], &["saves", "past 50"]).until_added(60);
    sum.until_saved("running");
    sum.grid.peers[1].kill();
    sum.goes_on_at_mill();
    assert_eq!(sum.trace(), expected(&[(0, 60), (50, 100)]));
}

#[test]
fn a_checkpoint_outlives_its_steward() {
    let mut sum = Sum::at_half(&["attic"], &[]);
    sum.mill().ok(["hold", &sum.job, "--now"]);
    sum.until_saved("held");
    let attic = &sum.grid.peers[2];
    until("a copy of the checkpoint", || holds(&attic.data.join("blobs"), b"50 1275\n").then_some(()));
    sum.mill().ok(["handover", &sum.job, "--to", "attic"]);
    sum.grid.peers[0].kill();
    sum.grid.peers[1].kill();

    let attic = &sum.grid.peers[2];
    attic.ok(["resume"]);
    sum.put("past 50");
    sum.put("past 60");
    attic.ok(["release", &sum.job]);
    attic.done(&sum.job);
    assert_eq!(sum.trace(), expected(&[(0, 50), (50, 100)]), "nothing was added twice");
}

/// True if some file below a folder ends with these bytes.
fn holds(folder: &Path, end: &[u8]) -> bool {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.into_iter().any(|entry| match entry.file_type() {
        Ok(kind) if kind.is_dir() => holds(&entry.path(), end),
        _ => std::fs::read(entry.path()).is_ok_and(|bytes| bytes.ends_with(end)),
    })
}
