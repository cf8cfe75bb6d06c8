//! Small pictures for people, made by the machine whose window shows them.

use std::{path::Path, process::Command};

use image::RgbaImage;
use serde_json::Value;

use crate::support::{Grid, Peer};

const SAMPLE: &str = "\
gridwell_sample = 1
title = \"Test\"
width = 40
height = 30
frames = \"1-4\"
";

#[test]
fn frames_made_elsewhere_are_shown_by_task_by_job_and_by_path() {
    let mut grid = Grid::of(&["mill", "quarry"]);
    let scene = grid.write("ball.gridwell-sample", SAMPLE);
    let output = grid.path("frames ä");
    let mill = &mut grid.peers[0];
    let options = ["submit", "--on", "quarry", "--frames", "1-3", "--output", text(&output)];
    let job = mill.start_job(options.into_iter().chain([text(&scene)]));
    mill.done(&job);
    mill.kill();
    mill.boot();

    for (index, frame) in [1, 2, 3].into_iter().enumerate() {
        let path = output.join(format!("frame_{frame:04}.png"));
        let rendered = image::open(&path).expect("a frame").into_rgba8();
        assert!(shown(mill, &format!("target={job}.{index}")) == rendered, "frame {frame} differs");
        assert!(shown(mill, &format!("path={}", encoded(&path))) == rendered, "frame {frame} differs by its path");
    }
    assert_eq!(shown(mill, &format!("target={}", &job[..6])).dimensions(), (40, 30));
    assert!(mill.data.join("previews").is_dir());
}

#[test]
fn a_film_and_a_large_picture_become_small() {
    let grid = Grid::of_one();
    let film = grid.path("film.mp4");
    let arguments = ["-v", "error", "-f", "lavfi", "-i", "testsrc=s=640x360:r=10:d=2", "-pix_fmt", "yuv420p"];
    assert!(Command::new("ffmpeg").args(arguments).arg(&film).status().expect("ffmpeg is there").success());
    assert_eq!(shown(&grid.peers[0], &format!("path={}&size=300", encoded(&film))).dimensions(), (320, 180));

    let large = grid.path("large.tif");
    RgbaImage::from_fn(2_000, 1_000, |x, y| image::Rgba([x as u8, y as u8, (x ^ y) as u8, 255]))
        .save(&large)
        .expect("saved");
    assert_eq!(shown(&grid.peers[0], &format!("path={}&size=1", encoded(&large))).dimensions(), (64, 32));
}

#[test]
fn what_is_called_a_picture_and_is_none_is_not_shown() {
    let grid = Grid::of(&["mill", "quarry"]);
    let output = grid.path("home");
    let script = "echo '<svg onload=\"alert(1)\"/>' > evil.png; mkfifo pipe.png; ln -s /etc/passwd link.png";
    let options = ["exec", "--detach", "--on", "quarry", "--outputs", "*.png", "--output", text(&output)];
    let mill = &grid.peers[0];
    let job = mill.start_job(options.into_iter().chain(["--", "sh", "-c", script]));
    mill.done(&job);
    let none = mill.start_job(["exec", "--detach", "--", "true"]);
    mill.done(&none);

    let passwd = "path=/etc/passwd".to_owned();
    for (query, status, code) in [
        (format!("target={job}"), 422, "not_a_picture"),
        (format!("target={job}.0"), 422, "not_a_picture"),
        (format!("target={none}"), 422, "not_a_picture"),
        (passwd, 422, "not_a_picture"),
        ("path=/missing.png".to_owned(), 422, "missing_file"),
        ("path=relative.png".to_owned(), 400, "bad_request"),
        (format!("target={job}&path=/a.png"), 400, "bad_request"),
        ("size=64".to_owned(), 400, "bad_request"),
        (format!("target={job}.7"), 404, "unknown_task"),
        ("target=zzzz".to_owned(), 404, "unknown_job"),
    ] {
        let (head, body) = mill.get(&format!("/v1/picture?{query}"));
        assert!(head.starts_with(&format!("HTTP/1.1 {status}")), "{query}: {head}");
        let error: Value = serde_json::from_slice(&body).expect("an error in JSON");
        assert_eq!(error["code"], code, "{query}: {error:#}");
    }
}

/// A picture that the door shows, decoded.
fn shown(peer: &Peer, query: &str) -> RgbaImage {
    let (head, body) = peer.get(&format!("/v1/picture?{query}"));
    assert!(head.starts_with("HTTP/1.1 200"), "{query}: {head}\n{}", String::from_utf8_lossy(&body));
    assert!(head.contains("x-content-type-options: nosniff"), "{head}");
    assert!(body.len() <= 40_000, "{query}: {} bytes", body.len());
    image::load_from_memory(&body).expect("a picture").into_rgba8()
}

fn encoded(path: &Path) -> String {
    text(path).bytes().map(|byte| format!("%{byte:02x}")).collect()
}

fn text(path: &Path) -> &str {
    path.to_str().expect("text")
}
