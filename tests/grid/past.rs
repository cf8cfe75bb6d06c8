//! What happened is kept: files that landed, runs, notices.

use std::{collections::BTreeSet, fs};

use serde_json::{Value, json};

use crate::support::{Grid, Peer, lines, until};

#[test]
fn results_are_listed_by_task_also_after_a_restart() {
    let mut grid = Grid::of(&["mill", "quarry"]);
    let output = grid.path("home");
    let to = output.to_str().expect("text").to_owned();
    let script = "for n in 1 2 3; do echo {} > {}-$n.png; done; mkdir deep; echo {} > 'deep/{} ä.txt'";
    let options = ["exec", "--detach", "--array", "4", "--outputs", "*.png", "--outputs", "deep/*", "--output", &to];
    let mill = &mut grid.peers[0];
    let job = mill.start_job(options.into_iter().chain(["--", "sh", "-c", script]));
    mill.done(&job);

    mill.kill();
    mill.boot();

    let page = mill.json(["results", &job]);
    assert_eq!((page["total"].as_u64(), page["job"].as_str()), (Some(16), Some(job.as_str())), "{page:#}");
    let files = page["files"].as_array().expect("files");
    let listed: Vec<String> = files.iter().map(|file| file["path"].as_str().expect("a path").to_owned()).collect();
    let expected: Vec<String> = (0..4)
        .flat_map(|task| {
            let pictures = (1..=3).map(move |n| format!("{task}-{n}.png"));
            pictures.chain([format!("deep/{task} ä.txt")])
        })
        .map(|name| format!("{to}/{name}"))
        .collect();
    assert_eq!(listed, expected);
    for (at, file) in files.iter().enumerate() {
        assert_eq!(file["task"]["index"].as_u64(), Some(at as u64 / 4));
        assert_eq!(file["kind"], if at % 4 == 3 { "other" } else { "picture" });
        assert_eq!(file["size_bytes"].as_u64(), fs::metadata(&listed[at]).ok().map(|meta| meta.len()));
        assert!(file["landed"].as_u64() > Some(0));
    }
    let one: Value = mill.json(["results", &format!("{job}.2")]);
    assert_eq!((one["total"].as_u64(), one["total_bytes"].as_u64()), (Some(4), Some(8)));
    assert_eq!(mill.ok(["results", &format!("{job}.3")]).lines().count(), 4);
}

#[test]
fn thousands_of_files_of_one_task_are_listed_on_pages() {
    let grid = Grid::of(&["mill", "quarry"]);
    let output = grid.path("home");
    let to = output.to_str().expect("text");
    let script = "seq -w 2500 | while read n; do echo $n > $n.out; done";
    let options = ["exec", "--detach", "--on", "quarry", "--outputs", "*.out", "--output", to];
    let mill = &grid.peers[0];
    let job = mill.start_job(options.into_iter().chain(["--", "sh", "-c", script]));
    mill.done(&job);

    let paths = mill.ok(["results", &job]);

    let expected: String = (1..=2_500).map(|n| format!("{to}/{n:04}.out\n")).collect();
    assert_eq!(paths, expected);
}

#[test]
fn the_timeline_of_a_job_names_every_machine_also_after_a_restart() {
    let mut grid = Grid::of(&["mill", "quarry", "smithy"]);
    let (begun, gate) = (grid.path("begun"), grid.path("gate"));
    let script =
        format!("echo {{}} >> '{}'; while [ ! -e '{}' ]; do sleep 0.05; done", begun.display(), gate.display());
    let mill = &mut grid.peers[0];
    let machines = mill.json(["machines"]);
    let ids: BTreeSet<String> = machines.as_array().expect("machines").iter().map(|one| text(&one["id"])).collect();
    // More tasks than two machines have cores: every machine gets some.
    let cores: u64 =
        machines.as_array().expect("machines").iter().filter_map(|one| one["lends"]["cpus"].as_f64()).sum::<f64>()
            as u64;
    let count = cores.to_string();
    let job = mill.start_job(["exec", "--detach", "--array", &count, "--", "sh", "-c", &script]);
    until("all tasks to run", || (lines(&begun).len() as u64 == cores).then_some(()));
    mill.until_counts(&job, "running", cores);

    let running = timeline(mill, &job);
    assert_eq!((running.len() as u64, machines_of(&running)), (cores, ids.clone()), "{running:#?}");
    assert!(running.iter().all(|bar| bar["state"] == "running" && bar["ended"].is_null()), "{running:#?}");
    fs::write(&gate, "").expect("the gate opens");
    mill.done(&job);
    let ended = timeline(mill, &job);
    assert_eq!((ended.len() as u64, machines_of(&ended)), (cores, ids), "{ended:#?}");
    for bar in &ended {
        assert_eq!(bar["state"], "done");
        let (started, ended) = (bar["started"].as_u64().expect("a time"), bar["ended"].as_u64().expect("a time"));
        assert!(started < ended, "{bar:#}");
    }

    mill.kill();
    mill.boot();

    assert_eq!(timeline(mill, &job), ended);
    let all = mill.ask(&json!({"ask": "timeline", "from": 0, "limit": 1}));
    assert_eq!((all["bars"].as_array().map(Vec::len), &all["truncated"]), (Some(1), &Value::Bool(true)));
    let later = mill.ask(&json!({"ask": "timeline", "job": job, "from": u64::MAX / 4}));
    assert_eq!(later, json!({"bars": [], "truncated": false}));
}

#[test]
fn a_run_that_its_machine_took_along_is_shown_as_lost() {
    let mut grid = Grid::of(&["mill", "quarry"]);
    let (begun, gate) = (grid.path("begun"), grid.path("gate"));
    let script = format!("echo x >> '{}'; while [ ! -e '{}' ]; do sleep 0.05; done", begun.display(), gate.display());
    let options = ["exec", "--detach", "--prefers", "machine = quarry * 5", "--", "sh", "-c", &script];
    let job = grid.peers[0].start_job(options);
    grid.peers[0].until_counts(&job, "running", 1);

    grid.peers[1].kill();
    grid.peers[1].boot();
    until("a second attempt", || (lines(&begun).len() >= 2).then_some(()));
    fs::write(&gate, "").expect("the gate opens");
    grid.peers[0].done(&job);

    let states: Vec<String> = timeline(&grid.peers[0], &job).iter().map(|bar| text(&bar["state"])).collect();
    assert_eq!(states, ["lost", "done"]);
}

/// Bars of a job, as the local door tells them.
fn timeline(peer: &Peer, job: &str) -> Vec<Value> {
    let view = peer.ask(&json!({"ask": "timeline", "job": job}));
    assert_eq!(view["truncated"], false);
    view["bars"].as_array().expect("bars").clone()
}

fn machines_of(bars: &[Value]) -> BTreeSet<String> {
    bars.iter().map(|bar| text(&bar["machine"])).collect()
}

fn text(value: &Value) -> String {
    value.as_str().expect("text").to_owned()
}

#[test]
fn a_job_makes_one_notice_at_its_end_however_many_tasks_it_has() {
    let mut grid = Grid::of_one();
    let mill = &mut grid.peers[0];
    let script = "case {} in *0) exit 1;; esac";
    let options =
        ["exec", "--detach", "--name", "sieve", "--attempts", "1", "--array", "200", "--", "sh", "-c", script];
    let job = mill.start_job(options);
    assert_eq!(mill.end_of(&job)["state"], "failed");

    let told = notices(mill, &["--job", &job]);

    assert_eq!(kinds(&told), ["job_failed", "job_started"], "{told:#?}");
    let end = text(&told[0]["sentence"]);
    assert!(end.starts_with("sieve has failed tasks: 20 of 200 tasks failed, 180 done in "), "{end}");
    assert_eq!(
        (text(&told[0]["level"]), text(&told[1]["sentence"])),
        ("problem".into(), "sieve was started: 200 tasks".into())
    );
    mill.kill();
    mill.boot();
    assert_eq!(notices(mill, &["--job", &job]), told);
    let other = mill.start_job(["exec", "--detach", "--", "true"]);
    mill.done(&other);
    let all = notices(mill, &[]);
    assert!(all.windows(2).all(|two| two[0]["id"].as_u64() > two[1]["id"].as_u64()), "{all:#?}");
    assert_eq!(all[0]["job"], other.as_str());
    assert_eq!(notices(mill, &["-n", "1"]), all[..1]);
}

#[test]
fn machines_that_join_are_told_of_everywhere() {
    let grid = Grid::of(&["mill", "quarry", "smithy"]);
    let said = |peer: usize| -> Vec<String> {
        notices(&grid.peers[peer], &[]).iter().rev().map(|notice| text(&notice["sentence"])).collect()
    };
    assert_eq!(said(0), ["quarry joined the grid", "smithy joined the grid"]);
    assert_eq!(said(1), ["joined the grid of mill: 2 machines", "smithy joined the grid"]);
    assert_eq!(said(2), ["joined the grid of mill: 3 machines"]);
}

/// Notices, newest first.
fn notices(peer: &Peer, options: &[&str]) -> Vec<Value> {
    let page = peer.json(["activity"].iter().chain(options));
    page["notices"].as_array().expect("notices").clone()
}

fn kinds(notices: &[Value]) -> Vec<String> {
    notices.iter().map(|notice| text(&notice["kind"])).collect()
}

#[test]
fn any_part_of_a_log_is_read_by_its_place() {
    let grid = Grid::of(&["mill", "quarry"]);
    let mill = &grid.peers[0];
    let script = "seq -w 50000; printf 'größer\\n'; exit $(( {} == 0 ))";
    let options = ["exec", "--detach", "--on", "quarry", "--attempts", "2", "--array", "2", "--", "sh", "-c", script];
    let job = mill.start_job(options);
    assert_eq!(mill.end_of(&job)["state"], "failed");
    let page = |wish: Value| {
        let mut wish = wish;
        wish["ask"] = "log".into();
        mill.ask(&wish)
    };

    let last = page(json!({"target": format!("{job}.0"), "limit": 20}));
    assert_eq!((last["attempts"].clone(), &last["attempt"]), (json!([1, 2]), &json!(2)));
    let total = 50_000 * 6 + "größer\n".len() as u64;
    assert_eq!((last["total_bytes"].as_u64(), last["next"].as_u64()), (Some(total), Some(total)));
    assert_eq!(last["text"], "9999\n50000\ngrößer\n");
    let middle = page(json!({"target": format!("{job}.0"), "attempt": 1, "from": 6 * 24_999, "limit": 12}));
    assert_eq!((middle["text"].as_str(), middle["from"].as_u64()), (Some("25000\n25001\n"), Some(6 * 24_999)));
    assert_eq!(middle["next"].as_u64(), Some(6 * 25_001));
    let ended = page(json!({"target": format!("{job}.1"), "from": total}));
    assert_eq!((ended["text"].as_str(), ended["from"].as_u64()), (Some(""), Some(total)));
}

#[test]
fn the_history_has_a_place_for_every_minute() {
    let grid = Grid::of_one();
    let view = grid.peers[0].ask(&json!({"ask": "history", "secs": 3600}));
    assert_eq!((view["every_secs"].as_u64(), view["tasks_done"].as_array().map(Vec::len)), (Some(60), Some(60)));
    let day = grid.peers[0].ask(&json!({"ask": "history"}));
    assert_eq!(day["tasks_done"].as_array().map(Vec::len), Some(24 * 60));
}
