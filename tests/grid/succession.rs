//! No machine is the only one: a job outlives the machine it came from, and its results come home when that one is back.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::support::{Grid, Peer, names, until};

/// Row 56 of the seeds: any machine may start a job, and whoever started it may die.
#[test]
fn another_machine_finishes_and_serves_a_job_whose_submitter_died() {
    let mut grid = Grid::of(&["mill", "quarry", "attic"]);
    let (gate, home) = (grid.path("gate"), grid.path("home"));
    let text = grid.write("text/words.txt", "one two three four five six\n");
    let job = start(&grid.peers[0], &text, &gate, &home);
    grid.peers[0].until("a safe job", &["job", &job], |view| (view["safe"] == true).then_some(()));

    grid.peers[0].kill();
    fs::write(&gate, "").expect("the gate opens");

    let heir = until("another steward", || grid.peers[1..].iter().find(|peer| knows(peer, &job)));
    let view = heir.done(&job);
    assert_eq!(view["counts"]["done"], TASKS);
    assert_eq!(view["steward_name"], heir.name.as_str());
    assert_eq!(view["origin_name"], "mill");
    let results = heir.json(["results", &job]);
    let files = results["files"].as_array().expect("a list of files");
    assert_eq!(files.len() as u64, TASKS);
    for file in files {
        assert_eq!(fs::read_to_string(file["path"].as_str().expect("a path")).expect("a result").trim(), "6");
    }
    let away = heir.data.join("away");
    assert_eq!(names(&away).len(), 1);
    assert!(names(&home).is_empty(), "nobody is at home");

    // The submitter comes back: it has its job again, counted once, and the results.
    grid.peers[0].boot();
    let mill = &grid.peers[0];
    mill.until("the job at home", &["jobs"], |jobs| {
        jobs.as_array()?.iter().any(|view| view["id"] == job.as_str() && view["state"] == "done").then_some(())
    });
    until("the results at home", || (names(&home).len() as u64 == TASKS).then_some(()));
    assert_eq!(mill.json(["job", &job])["counts"]["done"], TASKS);
    // What ran at home when its node was killed may have come to its end, too: that was another attempt.
    until("what the programs wrote at home", || {
        let log = mill.ok(["logs", &job]);
        (0..TASKS).all(|task| log.contains(&format!("counted {task}"))).then_some(())
    });
    until("nothing left elsewhere", || names(&away).is_empty().then_some(()));
}

#[test]
fn a_job_that_is_handed_over_goes_on_without_its_origin() {
    let mut grid = Grid::of(&["mill", "quarry"]);
    let (gate, home) = (grid.path("gate"), grid.path("home"));
    let text = grid.write("text/words.txt", "one two three four five six\n");
    let job = start(&grid.peers[0], &text, &gate, &home);
    grid.peers[0].until("a safe job", &["job", &job], |view| (view["safe"] == true).then_some(()));

    let kept = grid.peers[1].json(["jobs", "--kept"]);
    assert_eq!((&kept[0]["id"], &kept[0]["steward_name"]), (&job.as_str().into(), &"mill".into()), "{kept:#}");
    assert_eq!((&kept[0]["steward_online"], &kept[0]["counts"]["done"]), (&true.into(), &0.into()), "{kept:#}");
    assert!(grid.peers[1].ok(["jobs"]).contains("Kept for other machines"));
    assert_eq!(grid.peers[0].json(["status"])["safe_to_close"], true);

    let handed = grid.peers[0].json(["handover", "--all", "--to", "quarry"]);
    assert_eq!(handed[0]["steward_name"], "quarry");
    assert!(!knows(&grid.peers[0], &job));
    grid.peers[0].stop();
    fs::write(&gate, "").expect("the gate opens");

    assert_eq!(grid.peers[1].done(&job)["counts"]["done"], TASKS);
    grid.peers[0].boot();
    until("the results at home", || (names(&home).len() as u64 == TASKS).then_some(()));
}

#[test]
fn a_deputy_that_takes_over_without_the_files_fetches_them_from_another_one() {
    const TEXT: &str = "one two three four five six\n";
    let mut grid = Grid::steady(&["mill", "quarry", "attic"]);
    let (gate, home) = (grid.path("gate"), grid.path("home"));
    let text = grid.write("text/words.txt", TEXT);
    let job = start(&grid.peers[0], &text, &gate, &home);
    let stores: Vec<_> = grid.peers[1..].iter().map(|peer| peer.data.join("blobs")).collect();
    until("the file at both deputies", || stores.iter().all(|store| !holding(store, TEXT).is_empty()).then_some(()));

    // Everything stops, and one deputy loses what it has copied.
    for peer in &mut grid.peers {
        peer.kill();
    }
    for file in holding(&stores[0], TEXT) {
        fs::remove_file(file).expect("the disk forgets");
    }
    fs::write(&gate, "").expect("the gate opens");
    grid.peers[1].boot();
    let waits = grid.peers[1].until("quarry as steward", &["jobs"], |jobs| {
        jobs.as_array()?.iter().find(|view| view["id"] == job.as_str())?["waits_for"].as_str().map(ToOwned::to_owned)
    });
    assert!(waits.contains("files") && waits.contains("mill"), "{waits}");

    grid.peers[2].boot();

    let view = grid.peers[1].done(&job);
    assert_eq!((&view["counts"]["done"], &view["steward_name"]), (&TASKS.into(), &"quarry".into()));
}

#[test]
fn a_job_stays_when_nobody_can_have_it() {
    let grid = Grid::of_one();
    let mill = &grid.peers[0];
    let gate = grid.path("gate");
    let script = format!("while [ ! -e '{}' ]; do sleep 0.05; done", gate.display());
    let job = mill.start_job(["exec", "--detach", "--", "sh", "-c", &script]);

    let view = mill.json(["job", &job]);
    assert_eq!((&view["safe"], view["unsafe_why"].as_str().map(str::is_empty)), (&false.into(), Some(false)));
    let status = mill.json(["status"]);
    assert_eq!(status["safe_to_close"], false);
    assert!(status["close_why"][0].as_str().is_some_and(|why| why.contains("no other machine")), "{status:#}");
    assert!(mill.ok(["status"]).contains("not yet: "));
    assert!(mill.refused(2, ["handover", &job, "--to", "nobody"]).contains("nobody"));

    fs::write(&gate, "").expect("the gate opens");
    mill.done(&job);
}

/// Tasks of a job.
const TASKS: u64 = 4;

/// Starts a job whose tasks count the words of a file once the gate is open.
fn start(peer: &Peer, text: &Path, gate: &Path, home: &Path) -> String {
    let script = format!(
        "while [ ! -e '{}' ]; do sleep 0.05; done; wc -w < \"$1\" > {{}}.out; echo counted {{}}",
        gate.display()
    );
    let (tasks, home) = (TASKS.to_string(), home.to_str().expect("text"));
    let options = ["exec", "--detach", "--array", &tasks, "--outputs", "*.out", "--output", home];
    let input = text.to_str().expect("text");
    peer.start_job(options.into_iter().chain(["--", "sh", "-c", &script, "sh", input]))
}

/// Files below a folder with this content.
fn holding(folder: &Path, content: &str) -> Vec<PathBuf> {
    let below = |name: String| {
        let path = folder.join(name);
        if path.is_dir() {
            return holding(&path, content);
        }
        let holds = fs::read(&path).is_ok_and(|bytes| bytes == content.as_bytes());
        if holds { vec![path] } else { Vec::new() }
    };
    names(folder).into_iter().flat_map(below).collect()
}

/// True if the peer lists the job as its own.
fn knows(peer: &Peer, job: &str) -> bool {
    peer.json(["jobs"]).as_array().is_some_and(|jobs| jobs.iter().any(|view| view["id"] == job))
}
