use std::{fs, time::Duration};

use gridwell_exec::{Means, SessionEvent, Stop, Which, Yield};
use gridwell_model::{ActionEnd, ActionPlan, CancelPlan};
use rustix::process::{Pid, Signal, kill_process};

use crate::{
    harness::{ALONE, Grid, Group, SESSION, Watched, ended, environment, has_namespaces, output, runner_of, sh},
    tree::{Seen, burn, look_until, programs, seen},
};

/// Works without end in three processes: in its own group, twice forked, and in a session of its own.
const BUSY: &str =
    "busy() { while :; do :; done; }; (busy &); (setsid sh -c 'while :; do :; done' &); echo ready; busy";

/// How a session is run, as far as it matters for freezing it.
struct Way {
    group: Option<Group>,
    /// In namespaces of its own.
    alone: bool,
}

impl Way {
    fn grid(&self) -> Grid {
        let mut grid = Grid::through(&[], self.group.as_ref().map(|group| group.0.clone()));
        grid.access = self.alone.then_some(ALONE);
        grid
    }
}

/// With signals, with a freezer where there is one, and both in namespaces where there are some.
fn ways() -> Vec<(Way, Means)> {
    let mut ways = vec![(Way { group: None, alone: false }, Means::Signals)];
    let frozen = |alone| Group::new().map(|group| (Way { group: Some(group), alone }, Means::Freezer));
    ways.extend(frozen(false));
    if has_namespaces() {
        ways.push((Way { group: None, alone: true }, Means::Signals));
        ways.extend(frozen(true));
    }
    ways
}

async fn opened(way: &Way) -> Grid {
    let mut grid = way.grid();
    grid.open(vec![]);
    grid.until(|event| matches!(event, SessionEvent::Opened)).await;
    grid
}

async fn start(grid: &mut Grid, script: &str) {
    grid.exec.run(SESSION, vec![(1, sh(script))]).unwrap();
    ready(grid).await;
}

async fn ready(grid: &mut Grid) {
    grid.until(|event| matches!(event, SessionEvent::Output { .. })).await;
}

/// Asks and waits for the answer: means, processes, missed.
async fn ask(grid: &mut Grid, wish: Yield) -> (Vec<Means>, u32, u32) {
    grid.exec.ask(SESSION, wish).unwrap();
    answer(&grid.until(|event| matches!(event, SessionEvent::Yielded { .. })).await, wish)
}

fn answer(events: &[SessionEvent], expected: Yield) -> (Vec<Means>, u32, u32) {
    let answers = events.iter().filter_map(|event| match event {
        SessionEvent::Yielded { wish, means, processes, missed, .. } => {
            Some((*wish, (means.clone(), *processes, *missed)))
        }
        _ => None,
    });
    let [(wish, answer)] = &answers.collect::<Vec<_>>()[..] else { panic!("{events:?}") };
    assert_eq!(*wish, expected);
    answer.clone()
}

/// That nothing of the session runs, nor does while others work. One that waits for its child to become a program (`D`)
/// stands still with the child.
fn stands_still(grid: &Grid, means: Means) {
    let before = programs(grid);
    let running = before.iter().find(|program| means == Means::Signals && !["T", "D"].contains(&&*program.state));
    assert!(running.is_none(), "{running:?}");
    burn(10);
    let after = programs(grid);
    let used = |all: &[Seen]| all.iter().map(|one| (one.pid, one.ticks)).collect::<Vec<_>>();
    assert_eq!(used(&before), used(&after));
}

fn goes_on(grid: &Grid) {
    for program in programs(grid) {
        look_until("a thawed program works", || seen(program.pid).is_some_and(|now| now.ticks > program.ticks));
    }
}

async fn cancel(grid: &mut Grid, notice_limit: Option<Duration>) -> Vec<SessionEvent> {
    grid.exec.cancel(SESSION, Stop { which: Which::All, notice_limit }).unwrap();
    let seen = grid.until(SessionEvent::is_last).await;
    grid.exec.shutdown().await;
    seen
}

#[tokio::test]
async fn a_frozen_session_stands_still_and_goes_on_when_thawed() {
    for (way, means) in ways() {
        let mut grid = opened(&way).await;
        start(&mut grid, BUSY).await;
        look_until("all three are there", || programs(&grid).len() == 3);
        for _ in 0..3 {
            assert_eq!(ask(&mut grid, Yield::Freeze).await, (vec![means], 3, 0));
            stands_still(&grid, means);
            assert_eq!(ask(&mut grid, Yield::Thaw).await, (vec![means], 3, 0));
            goes_on(&grid);
        }
        cancel(&mut grid, None).await;
    }
}

#[tokio::test]
async fn who_ignores_every_signal_and_hears_of_going_on_is_frozen_all_the_same() {
    for (way, means) in ways() {
        let mut grid = opened(&way).await;
        let script = "trap '' TERM TSTP HUP TTIN TTOU; trap 'kill -CONT $other' CONT; \
                      (trap '' CONT TSTP; while :; do :; done) & other=$!; echo ready; while :; do kill -CONT $other; done";
        start(&mut grid, script).await;
        let (_, processes, missed) = ask(&mut grid, Yield::Freeze).await;
        assert_eq!((processes, missed), (2, 0));
        stands_still(&grid, means);
        ask(&mut grid, Yield::Thaw).await;
        goes_on(&grid);
        cancel(&mut grid, None).await;
    }
}

#[tokio::test]
async fn a_bomb_that_goes_off_while_it_is_frozen_is_caught() {
    // Twice 127 processes; each half's in sessions of their own.
    let script = "f() { echo x; [ $1 = 0 ] || { f $(($1-1)) & f $(($1-1)) & }; exec sleep 1000; }; f 6 & \
                  cat > bomb <<'END'\n[ $1 = 0 ] || { setsid sh bomb $(($1-1)) & setsid sh bomb $(($1-1)) & }\nexec sleep 1000\nEND\nsh bomb 6";
    for (way, means) in ways() {
        let mut grid = opened(&way).await;
        start(&mut grid, script).await;
        let (_, processes, missed) = ask(&mut grid, Yield::Freeze).await;
        assert_eq!(missed, 0, "of {processes}");
        stands_still(&grid, means);
        assert_eq!(programs(&grid).len(), processes as usize);
        ask(&mut grid, Yield::Thaw).await;
        look_until("it goes off", || programs(&grid).len() >= 254);
        ask(&mut grid, Yield::Freeze).await;
        stands_still(&grid, means);
        let seen = cancel(&mut grid, None).await;
        assert_eq!(ended(&seen), [(1, ActionEnd::Cancelled)]);
    }
}

#[tokio::test]
async fn who_forks_and_ends_in_turn_does_not_slip_away() {
    let script = "printf 'echo $1 > at; [ $1 = 0 ] || setsid sh comet $(($1-1)) &' > comet; \
                  sh comet 2000; echo ready; sleep 1000";
    for (way, means) in ways() {
        let mut grid = opened(&way).await;
        start(&mut grid, script).await;
        let at = grid.folder().join("at");
        let place = || fs::read_to_string(&at).unwrap();
        let (_, processes, missed) = ask(&mut grid, Yield::Freeze).await;
        assert!(processes >= 2 && missed == 0, "{missed} of {processes}");
        let caught = place();
        stands_still(&grid, means);
        assert_eq!(place(), caught);
        ask(&mut grid, Yield::Thaw).await;
        look_until("it flies on", || place() != caught);
        cancel(&mut grid, None).await;
    }
}

#[tokio::test]
async fn nothing_starts_in_a_frozen_session_and_closing_thaws_it() {
    for (way, _) in ways() {
        let mut grid = way.grid();
        grid.open(vec![environment("e", ":", "echo left")]);
        grid.until(|event| matches!(event, SessionEvent::Opened)).await;
        let (_, processes, missed) = ask(&mut grid, Yield::Freeze).await;
        assert_eq!((processes, missed), (0, 0));
        grid.exec.run(SESSION, vec![(1, sh("echo ran"))]).unwrap();
        burn(10);
        grid.exec.ask(SESSION, Yield::Thaw).unwrap();
        let seen = grid.until(|event| matches!(event, SessionEvent::Ended { .. })).await;
        assert!(matches!(seen[0], SessionEvent::Yielded { wish: Yield::Thaw, .. }), "{seen:?}");
        assert_eq!(output(&seen), b"ran\n");
        ask(&mut grid, Yield::Freeze).await;
        assert_eq!(output(&grid.close().await), b"left\n");
        grid.exec.shutdown().await;
    }
}

#[tokio::test]
async fn time_limits_wait_while_a_session_is_frozen() {
    for (way, _) in ways() {
        let mut grid = opened(&way).await;
        let script = "echo ready; while [ ! -e go ]; do sleep 0.01; done";
        let plan = ActionPlan { timeout: Some(Duration::from_secs(1)), ..sh(script) };
        grid.exec.run(SESSION, vec![(1, plan)]).unwrap();
        ready(&mut grid).await;
        ask(&mut grid, Yield::Freeze).await;
        // At least as many seconds as this process can have worked.
        burn(110);
        fs::write(grid.folder().join("go"), "").unwrap();
        grid.exec.ask(SESSION, Yield::Thaw).unwrap();
        let seen = grid.until(|event| matches!(event, SessionEvent::Ended { .. })).await;
        assert_eq!(ended(&seen), [(1, ActionEnd::Exited { code: 0 })]);
        let Some(SessionEvent::Ended { run_micros, .. }) = seen.last() else { panic!("{seen:?}") };
        assert!(*run_micros < 1_000_000, "{run_micros}");
        grid.exec.shutdown().await;
    }
}

#[tokio::test]
async fn a_frozen_program_that_is_cancelled_is_thawed_for_its_notice() {
    for (way, means) in ways() {
        let mut grid = opened(&way).await;
        let plan = ActionPlan {
            cancel: CancelPlan::Notify { notice: Duration::from_secs(600) },
            ..sh("trap 'echo packed; exit 0' TERM; echo ready; while :; do sleep 0.01; done")
        };
        grid.exec.run(SESSION, vec![(1, plan)]).unwrap();
        ready(&mut grid).await;
        ask(&mut grid, Yield::Freeze).await;
        let seen = cancel(&mut grid, None).await;
        assert_eq!(answer(&seen, Yield::Thaw).0, [means]);
        assert_eq!(ended(&seen), [(1, ActionEnd::Cancelled)]);
        assert!(String::from_utf8(output(&seen)).unwrap().contains("packed"));
    }
}

#[tokio::test]
async fn a_freeze_does_not_stretch_a_notice() {
    for (way, _) in ways() {
        let mut grid = opened(&way).await;
        let plan = ActionPlan {
            cancel: CancelPlan::Notify { notice: Duration::from_millis(50) },
            ..sh("trap '' TERM; echo ready; while :; do sleep 1; done")
        };
        grid.exec.run(SESSION, vec![(1, plan)]).unwrap();
        ready(&mut grid).await;
        grid.exec.cancel(SESSION, Stop { which: Which::All, notice_limit: None }).unwrap();
        grid.exec.ask(SESSION, Yield::Freeze).unwrap();
        let seen = grid.until(SessionEvent::is_last).await;
        assert_eq!(ended(&seen), [(1, ActionEnd::Cancelled)]);
        grid.exec.shutdown().await;
    }
}

#[tokio::test]
async fn threads_that_outlive_their_first_are_frozen_too() {
    if !std::path::Path::new("/usr/bin/python3").exists() {
        eprintln!("skipped: needs python3");
        return;
    }
    let script = "import ctypes, threading\ndef work():\n  while True: pass\n\
                  for _ in range(3): threading.Thread(target=work).start()\n\
                  print('ready', flush=True)\nctypes.CDLL(None).syscall(60, 0)";
    // Linux moves no such process into a group, so it is stopped by signals everywhere. In namespaces its id is another one.
    for (way, _) in ways().into_iter().filter(|(way, _)| !way.alone) {
        let mut grid = opened(&way).await;
        let args = vec!["-c".into(), script.into()];
        grid.exec.run(SESSION, vec![(1, ActionPlan { program: "python3".into(), args, ..sh("") })]).unwrap();
        let pid = grid.until(|event| matches!(event, SessionEvent::Output { .. })).await;
        let Some(SessionEvent::Started { pid, .. }) = pid.first() else { panic!("{pid:?}") };
        look_until("its first thread ends", || seen(*pid).unwrap().state == "Z");
        let (answer, _, missed) = ask(&mut grid, Yield::Freeze).await;
        assert_eq!((answer, missed), (vec![Means::Signals], 0));
        assert_eq!(ask(&mut grid, Yield::Freeze).await.0, [Means::Signals]);
        let used = seen(*pid).unwrap().ticks;
        burn(10);
        assert_eq!(seen(*pid).unwrap().ticks, used);
        ask(&mut grid, Yield::Thaw).await;
        look_until("the others work", || seen(*pid).unwrap().ticks > used);
        cancel(&mut grid, None).await;
    }
}

#[tokio::test]
async fn a_frozen_session_that_is_killed_leaves_nothing_behind() {
    for (way, _) in ways() {
        let mut grid = opened(&way).await;
        start(&mut grid, BUSY).await;
        look_until("all three are there", || programs(&grid).len() == 3);
        ask(&mut grid, Yield::Freeze).await;
        let left: Vec<_> = programs(&grid).iter().map(|program| Watched::new(program.pid)).collect();
        let seen = cancel(&mut grid, Some(Duration::ZERO)).await;
        assert_eq!(ended(&seen), [(1, ActionEnd::Cancelled)]);
        left.iter().for_each(Watched::dies);
        assert!(!grid.folder().exists());
    }
}

#[tokio::test]
async fn a_runner_that_is_killed_while_its_session_is_frozen_leaves_nothing_stopped() {
    for (way, _) in ways() {
        let mut grid = opened(&way).await;
        start(&mut grid, BUSY).await;
        look_until("all three are there", || programs(&grid).len() == 3);
        ask(&mut grid, Yield::Freeze).await;
        let left: Vec<_> = programs(&grid).iter().map(|program| Watched::new(program.pid)).collect();
        let runner = Pid::from_raw(runner_of(&grid.folder()).cast_signed()).unwrap();
        kill_process(runner, Signal::KILL).unwrap();
        let seen = grid.until(SessionEvent::is_last).await;
        assert!(matches!(seen.last(), Some(SessionEvent::Lost { running: Some(1), .. })), "{seen:?}");
        left.iter().for_each(Watched::dies);
        assert!(!grid.folder().exists());
        grid.exec.shutdown().await;
    }
}

#[tokio::test]
async fn a_node_that_goes_while_its_session_is_frozen_leaves_nothing_stopped() {
    for (way, _) in ways() {
        let mut grid = opened(&way).await;
        start(&mut grid, BUSY).await;
        look_until("all three are there", || programs(&grid).len() == 3);
        ask(&mut grid, Yield::Freeze).await;
        let left: Vec<_> = programs(&grid).iter().map(|program| Watched::new(program.pid)).collect();
        grid.exec.shutdown().await;
        left.iter().for_each(Watched::dies);
        assert!(!grid.folder().exists());
    }
}
