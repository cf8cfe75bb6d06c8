//! What happened is kept: files that landed, runs, notices.

use std::fs;

use serde_json::Value;

use crate::support::Grid;

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
