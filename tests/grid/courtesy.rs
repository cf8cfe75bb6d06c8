//! A good guest: what runs for others makes room when somebody comes back, and nothing is lost.

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
};

use serde_json::Value;

use crate::{
    renders::{blender, pixels},
    shares::text,
    support::{Grid, Peer, Place, makers, until},
};

/// A program of the machine's owner, which ends with it.
struct Running(Child);

impl Running {
    fn start(command: &mut Command) -> Self {
        Self(command.spawn().expect("it runs"))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// An X server without a screen to look at.
struct Desk {
    #[expect(dead_code, reason = "it ends with the desk")]
    server: Running,
    display: String,
}

impl Desk {
    fn new() -> Self {
        let words = ["-displayfd", "1", "-nolisten", "tcp", "-noreset", "-screen", "0", "320x200x24"];
        let mut server = Running::start(Command::new("Xvfb").args(words).stdout(Stdio::piped()).stderr(Stdio::null()));
        let mut number = String::new();
        let out = server.0.stdout.take().expect("stdout is a pipe");
        BufReader::new(out).read_line(&mut number).expect("the server says its number");
        Self { server, display: format!(":{}", number.trim()) }
    }

    /// Where a machine with this desk runs.
    fn place(&self) -> Place {
        Place { launcher: vec!["env".to_owned(), format!("DISPLAY={}", self.display)], ..Place::default() }
    }

    /// Somebody moves the mouse.
    fn touch(&self) {
        let moved = Command::new("xdotool")
            .args(["mousemove_relative", "1", "1", "mousemove_relative", "--", "-1", "-1"])
            .env("DISPLAY", &self.display)
            .status();
        assert!(moved.expect("xdotool is installed: cargo xtask setup does it").success());
    }
}

/// One frame for which Blender needs some seconds.
const SCENE: &str = "\
import bpy, sys
scene = bpy.context.scene
scene.frame_start, scene.frame_end = 1, 2
scene.render.engine = 'CYCLES'
scene.cycles.samples, scene.cycles.use_denoising, scene.cycles.use_adaptive_sampling = 1200, False, False
scene.render.resolution_x, scene.render.resolution_y, scene.render.resolution_percentage = 160, 120, 100
scene.render.image_settings.file_format = 'PNG'
bpy.ops.wm.save_as_mainfile(filepath=sys.argv[-1])
";

/// Somebody is there for two seconds after each touch; others' load does not count. Work then goes on for a moment, stands
/// still, and goes back.
const RULES: [&str; 26] = [
    "lending",
    "set",
    "--when",
    "idle",
    "--after",
    "2s",
    "--on-return",
    "finish",
    "--within",
    "2s",
    "--ladder",
    "touched=2s",
    "--ladder",
    "gone=2s",
    "--ladder",
    "dwell=1s",
    "--ladder",
    "pack-after=12s",
    "--ladder",
    "nearly=0s",
    "--ladder",
    "soften-after=1s",
    "--ladder",
    "soften-load=100",
    "--ladder",
    "freeze-load=100",
];

fn standing(peer: &Peer) -> String {
    let view: Value = peer.json(["lending"]);
    view["standing"].as_str().expect("a standing").to_owned()
}

#[test]
fn a_render_makes_room_for_who_comes_back_goes_on_elsewhere_and_its_pictures_are_the_same() {
    let desk = Desk::new();
    let mut grid = Grid::of(&["mill"]);
    grid.add_at("quarry", &[], desk.place());
    let (mill, quarry) = (&grid.peers[0], &grid.peers[1]);
    let scene = grid.path("shot.blend");
    let name = |path: &std::path::Path| path.to_str().expect("plain paths").to_owned();
    blender(&["--factory-startup", "--python-exit-code", "1", "--python-expr", SCENE, "--", &name(&scene)]);
    let (alone, together) = (grid.path("alone"), grid.path("together"));
    blender(&[&name(&scene), "-o", &name(&alone.join("frame_####")), "-F", "PNG", "-x", "1", "-a"]);

    quarry.ok(RULES);
    mill.ok(["drain"]);
    quarry.until("an empty desk", &["lending"], |view| (view["why_not"] == "").then_some(()));
    let job = mill.start_job(["submit".as_ref(), scene.as_os_str(), "--output".as_ref(), together.as_os_str()]);
    quarry.until("work", &["lending"], |view| (view["standing"] == "working").then_some(()));

    // Somebody comes back: less at once, then nothing; the job's steward sees it.
    desk.touch();
    until("less work", || {
        desk.touch();
        matches!(standing(quarry).as_str(), "softened" | "frozen").then_some(())
    });
    mill.until("frozen tasks", &["tasks", &job], |page| {
        desk.touch();
        page["tasks"].as_array()?.iter().any(|task| task["state"] == "frozen").then_some(())
    });
    // Nobody any more: it goes on.
    quarry.until("work that goes on", &["lending"], |view| (view["standing"] == "working").then_some(()));
    // Somebody stays: it goes back, and on elsewhere.
    until("work that goes back", || {
        desk.touch();
        matches!(standing(quarry).as_str(), "packing" | "yours").then_some(())
    });
    quarry.ok(["drain"]);
    mill.ok(["resume"]);
    let done = mill.done(&job);

    assert_eq!(makers(&done), ["mill"]);
    for frame in ["frame_0001.png", "frame_0002.png"] {
        assert!(pixels(&together.join(frame)) == pixels(&alone.join(frame)), "{frame} differs");
    }
    let said = quarry.json(["activity", "-n", "50"]);
    let said: Vec<_> = said["notices"].as_array().expect("notices").iter().map(|notice| &notice["sentence"]).collect();
    let tells = |words: &str| said.iter().any(|sentence| sentence.as_str().is_some_and(|text| text.starts_with(words)));
    assert!(tells("work here stands still: somebody uses it"), "{said:#?}");
    assert!(tells("work here goes back") && tells("work here goes on as before"), "{said:#?}");
    // What it took is the promise from now on.
    let programs = &quarry.json(["lending"])["programs"];
    let steps = programs[0]["steps"].as_array().expect("steps");
    assert!(steps.iter().any(|step| step["step"] == "freeze"), "{programs:#}");
    assert!(programs[0]["frozen_secs"].as_f64() > Some(0.0) && programs[0]["lost_secs"].as_f64() > Some(0.0));
}

#[test]
fn rules_are_kept_say_what_they_mean_and_contradictions_are_refused() {
    let mut grid = Grid::of_one();
    let mill = &grid.peers[0];
    let hours = "mon-sun 0-12, mon-sun 12-24";
    mill.ok(["lending", "set", "--when", "within", "--hours", hours, "--never", "resolve", "--cores-in-use", "25%"]);
    mill.ok(["lending", "pause", "2h", "--only", "graphics"]);
    let before = mill.json(["lending"]);
    assert_eq!(before["rules"]["when"]["kind"], "within");
    assert!(before["graphics_until"].as_u64().is_some(), "{before:#}");
    assert_eq!(before["why_not"], "", "the rest is lent: {before:#}");

    for (words, says) in [
        (&["--memory", "0"][..], "never lends: nothing of its memory is lent"),
        (&["--when", "idle", "--after", "2d"], "hardly ever lends"),
        (&["--never", "a/b"], "not the name of a program"),
        (&["--ladder", "soften-load=90"], "would freeze what load of 0.9 only softens"),
        (&["--cores", "100000"], "it cannot lend 100000"),
        (&["--not-hotter", "20"], "would never or always hold"),
    ] {
        let said = mill.refused(2, [&["lending", "set"], words].concat());
        assert!(said.contains(says), "{words:?}: {said}");
    }
    let said = mill.refused(2, ["lending", "set", "--hours", "mon 22-6"]);
    assert!(said.contains("two spans"), "{said}");
    assert_eq!(mill.json(["lending"])["rules"], before["rules"], "what is refused changes nothing");

    grid.peers[0].kill();
    grid.peers[0].boot();
    let after = grid.peers[0].json(["lending"]);
    assert_eq!((&after["rules"], &after["graphics_until"]), (&before["rules"], &before["graphics_until"]));
    grid.peers[0].ok(["lending", "resume", "--only", "graphics"]);
    assert_eq!(grid.peers[0].json(["lending"])["graphics_until"], Value::Null);
    let explained = grid.peers[0].ok(["lending", "explain"]);
    assert!(explained.contains("Known by: "), "{explained}");
}

#[test]
fn a_busy_machine_lets_work_of_others_stand_still_and_a_program_that_its_owner_named_too() {
    let grid = Grid::of(&["mill", "quarry"]);
    let (mill, quarry) = (&grid.peers[0], &grid.peers[1]);
    let always = ["lending", "set", "--when", "always", "--ladder", "dwell=1s", "--ladder", "soften-load=100"];
    quarry.ok([&always[..], &["--ladder", "freeze-load=100"]].concat());
    // Programs with names that nothing else on this machine has.
    let sleeper = |name: &str| {
        let program = grid.path(name);
        std::fs::copy("/bin/sleep", &program).expect("a program");
        program
    };
    let own = format!("ours{}", std::process::id());
    let sleeps = sleeper(&own);
    let job = mill.start_job(["exec", "--detach", "--on", "quarry", "--", text(&sleeps), "600"]);
    quarry.until("work", &["lending"], |view| (view["standing"] == "working").then_some(()));

    // Programs of jobs do not count, whatever they are called; this one is its owner's.
    quarry.ok(["lending", "set", "--never", &own]);
    assert_eq!(standing(quarry), "working");
    let program = sleeper("resolve");
    let named = Running::start(Command::new(&program).arg("600"));
    quarry.ok(["lending", "set", "--never", "resolve"]);
    quarry.until("work that stands still", &["lending"], |view| (view["standing"] == "frozen").then_some(()));
    assert_eq!(quarry.json(["lending"])["why_not"], "resolve runs on it");
    // Whose job it is sees it, and why.
    mill.until("a task that stands still", &["tasks", &job], |page| {
        let task = &page["tasks"][0];
        (task["state"] == "frozen" && task["reason"] == "resolve runs on it").then_some(())
    });
    let waits = mill.json(["job", &job])["waits_for"].clone();
    assert_eq!(waits, "work stands still on quarry (resolve runs on it)");
    mill.until("people who hear of it", &["activity"], |page| {
        let told = page["notices"].as_array()?;
        told.iter().find(|notice| notice["sentence"] == "quarry: work stands still (resolve runs on it)").map(drop)
    });
    drop(named);
    quarry.until("work that goes on", &["lending"], |view| (view["standing"] == "working").then_some(()));

    // Load of others that lasts.
    let hogs: Vec<_> = (0..std::thread::available_parallelism().map_or(2, usize::from))
        .map(|_| Running::start(Command::new("sh").args(["-c", "while :; do :; done"])))
        .collect();
    let steps = ["soften-load=20", "soften-after=1s", "freeze-load=40", "freeze-after=1s"];
    let steps: Vec<_> = steps.iter().flat_map(|step| ["--ladder", step]).collect();
    quarry.ok([&["lending", "set"], &steps[..]].concat());
    quarry.until("a busy machine", &["lending"], |view| {
        (view["standing"] == "frozen" && view["why_not"] == "other programs keep it busy").then_some(())
    });
    drop(hogs);
    mill.ok(["cancel", &job]);
    assert_eq!(mill.end_of(&job)["state"], "cancelled", "also what stands still ends");
}

#[test]
fn who_owes_somebody_a_heartbeat_goes_back_before_that_is_missed() {
    let grid = Grid::of(&["mill", "quarry"]);
    let (mill, quarry) = (&grid.peers[0], &grid.peers[1]);
    let template = "\
specificationVersion: jobtemplate-2023-09
name: Watch
steps:
- name: Watch
  script: {actions: {onRun: {command: sleep, args: ['600']}}}
";
    grid.write("watch/template.yaml", template);
    grid.write("watch/gridwell.yaml", "session: {heartbeat_seconds: 16}\n");
    let loads = ["--ladder", "soften-load=100", "--ladder", "freeze-load=100"];
    quarry.ok([&["lending", "set", "--when", "always", "--never", "resolve"], &loads[..]].concat());
    mill.ok(["drain"]);
    let bundle = grid.path("watch");
    let job = mill.start_job(["submit".as_ref(), bundle.as_os_str()]);
    quarry.until("work", &["lending"], |view| (view["standing"] == "working").then_some(()));

    let program = grid.path("resolve");
    std::fs::copy("/bin/sleep", &program).expect("a program");
    let named = Running::start(Command::new(&program).arg("600"));
    quarry.until("work that stands still", &["lending"], |view| (view["standing"] == "frozen").then_some(()));
    // Else it would stand still for ten minutes.
    mill.until_counts(&job, "ready", 1);
    drop(named);
    mill.ok(["cancel", &job]);
}
