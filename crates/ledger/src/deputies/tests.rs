use super::*;

const JOB: JobId = JobId([1; 10]);
const SECOND: Duration = Duration::from_secs(1);

fn id(at: usize) -> PeerId {
    PeerId([at as u8 + 1; 32])
}

/// A few peers whose words arrive at once, unless they are cut off; each remembers the number of the last entry it has.
struct Grid {
    engines: Vec<Deputies>,
    numbers: Vec<u64>,
    /// Who is steward, as each engine was told.
    stewards: Vec<Option<Claim>>,
    cut: Vec<bool>,
    merges: Vec<(usize, PeerId)>,
    forgot: Vec<usize>,
    /// What each noted for its next run.
    ends: Vec<BTreeMap<JobId, u64>>,
    wholes: usize,
    now: Time,
}

impl Grid {
    fn of(count: usize) -> Self {
        let mut grid = Self {
            engines: (0..count).map(|at| Deputies::new(id(at), 1)).collect(),
            numbers: vec![0; count],
            stewards: vec![None; count],
            cut: vec![false; count],
            merges: Vec::new(),
            forgot: Vec::new(),
            ends: vec![BTreeMap::new(); count],
            wholes: 0,
            now: Time::from_secs(1),
        };
        for at in 0..count {
            for other in (0..count).filter(|other| *other != at) {
                grid.tell(at, DeputyInput::PeerCame { peer: id(other) });
                grid.tell(at, DeputyInput::PeerRated { peer: id(other), lends: true });
            }
        }
        grid
    }

    fn tell(&mut self, at: usize, input: DeputyInput) {
        self.engines[at].handle(input, self.now);
        self.carry();
    }

    fn claim(term: u32, steward: usize) -> Claim {
        Claim { job: JOB, term, steward: id(steward), origin: id(0) }
    }

    fn submit(&mut self) {
        self.numbers[0] = 1;
        self.stewards[0] = Some(Self::claim(1, 0));
        self.tell(0, DeputyInput::JobOpened { claim: Self::claim(1, 0), number: 1, ended: false });
    }

    fn write(&mut self, at: usize, bytes: usize) {
        self.numbers[at] += 1;
        let (job, first) = (JOB, self.numbers[at]);
        self.tell(at, DeputyInput::Written { job, first, entries: vec![vec![0; bytes]] });
    }

    /// Lets links of a peer break, or be made again.
    fn set_cut(&mut self, at: usize, cut: bool) {
        self.cut[at] = cut;
        for other in (0..self.engines.len()).filter(|other| *other != at) {
            if self.cut[other] {
                continue;
            }
            for (here, peer) in [(at, id(other)), (other, id(at))] {
                let input = if cut { DeputyInput::PeerLeft { peer } } else { DeputyInput::PeerCame { peer } };
                self.engines[here].handle(input, self.now);
                if !cut {
                    self.engines[here].handle(DeputyInput::PeerRated { peer, lends: true }, self.now);
                }
            }
        }
        self.carry();
    }

    /// What was lost on the way to a peer, unnoticed, is lost; it is reached another way now.
    fn find_another_way(&mut self, at: usize) {
        self.cut[at] = false;
        for other in (0..self.engines.len()).filter(|other| *other != at) {
            self.tell(at, DeputyInput::PeerMoved { peer: id(other) });
            self.tell(other, DeputyInput::PeerMoved { peer: id(at) });
        }
    }

    /// Starts a peer without jobs and copies again.
    fn restart(&mut self, at: usize) {
        self.set_cut(at, true);
        self.engines[at] = Deputies::new(id(at), 2);
        for (job, number) in self.ends[at].clone() {
            self.tell(at, DeputyInput::EndFound { job, number });
        }
        self.set_cut(at, false);
    }

    fn pass(&mut self, seconds: u32) {
        for _ in 0..seconds {
            self.now = self.now + SECOND;
            for engine in &mut self.engines {
                if engine.poll_deadline().is_some_and(|due| due <= self.now) {
                    engine.handle_deadline(self.now);
                }
            }
            self.carry();
        }
    }

    fn carry(&mut self) {
        while let Some((at, effect)) =
            (0..self.engines.len()).find_map(|at| self.engines[at].poll_effect().map(|effect| (at, effect)))
        {
            self.carry_one(at, effect);
        }
    }

    fn carry_one(&mut self, at: usize, effect: DeputyEffect) {
        match effect {
            DeputyEffect::Tell { to, message } => self.deliver(at, to, message),
            DeputyEffect::SendWhole { to, claim, stream, rank } => {
                self.wholes += 1;
                let number = self.numbers[at];
                let body = Body::Here(Vec::new());
                self.deliver(at, to, DeputyMessage::Whole { claim, stream, rank, number, body });
            }
            DeputyEffect::KeepWhole { claim, stream, number, .. } => {
                self.numbers[at] = number;
                self.engines[at].handle(DeputyInput::PartKept { job: claim.job, stream, number }, self.now);
            }
            DeputyEffect::KeepEntries { job, stream, number, entries } => {
                assert_eq!(number, self.numbers[at] + entries.len() as u64, "no entry is left out");
                self.numbers[at] = number;
                self.engines[at].handle(DeputyInput::PartKept { job, stream, number }, self.now);
            }
            DeputyEffect::Forget { job } => {
                self.forgot.push(at);
                self.engines[at].handle(DeputyInput::Forgotten { job }, self.now);
            }
            DeputyEffect::NoteEnd { job, number } => _ = self.ends[at].insert(job, number),
            DeputyEffect::ForgetEnd { job } => _ = self.ends[at].remove(&job),
            DeputyEffect::TakeOver { claim } => {
                self.numbers[at] += 1;
                self.stewards[at] = Some(claim);
                let number = self.numbers[at];
                self.engines[at].handle(DeputyInput::JobOpened { claim, number, ended: false }, self.now);
            }
            DeputyEffect::StepDown { .. } => self.stewards[at] = None,
            DeputyEffect::SendMerge { to, job } => {
                self.deliver(at, to, DeputyMessage::Merge { job, body: Body::Here(Vec::new()) });
            }
            DeputyEffect::TakeIn { from, job, .. } => {
                self.merges.push((at, from));
                self.engines[at].handle(DeputyInput::TakenIn { job, from }, self.now);
            }
            DeputyEffect::Follow { .. } | DeputyEffect::SafetyChanged { .. } => {}
        }
    }

    fn deliver(&mut self, from: usize, to: PeerId, message: DeputyMessage) {
        let at = (0..self.engines.len()).find(|at| id(*at) == to).expect("a peer of this grid");
        if !self.cut[from] && !self.cut[at] {
            self.engines[at].handle(DeputyInput::Heard { from: id(from), message }, self.now);
        }
    }

    fn who(&self) -> Vec<usize> {
        (0..self.stewards.len()).filter(|at| self.stewards[*at].is_some()).collect()
    }
}

#[test]
fn a_deputy_that_missed_the_end_begins_again_only_where_nobody_knows_it() {
    let mut grid = Grid::of(4);
    grid.submit();
    grid.set_cut(2, true);
    grid.write(0, 10);
    grid.tell(0, DeputyInput::JobMoved { job: JOB, ended: true });

    // The deputy that missed it is back, the steward is not.
    grid.set_cut(0, true);
    grid.set_cut(2, false);
    grid.pass(300);
    assert_ne!(grid.stewards[2], Some(Grid::claim(2, 2)), "the others know the end");

    // Now nobody knows anything: the job may have been lost.
    grid.set_cut(1, true);
    grid.set_cut(3, true);
    grid.pass(100);
    assert_eq!(grid.stewards[2], Some(Grid::claim(2, 2)));
}

#[test]
fn an_end_is_still_known_after_a_restart_and_forgotten_when_the_job_goes_on() {
    let mut grid = Grid::of(3);
    grid.submit();
    grid.set_cut(2, true);
    grid.tell(0, DeputyInput::JobMoved { job: JOB, ended: true });
    grid.restart(1);

    grid.set_cut(0, true);
    grid.set_cut(2, false);
    grid.pass(300);
    assert_eq!(grid.stewards[2], None, "the restarted one knows the end");

    grid.set_cut(0, false);
    grid.tell(0, DeputyInput::JobMoved { job: JOB, ended: false });
    assert_eq!(grid.ends[1], BTreeMap::new());
}

#[test]
fn the_ends_that_were_learned_first_are_forgotten_first() {
    let mut engine = Deputies::new(id(1), 1);
    let now = Time::from_secs(1);
    let job = |number: u32| JobId([number.to_be_bytes().as_slice(), &[0; 6]].concat().try_into().expect("ten bytes"));
    let end = |number| DeputyMessage::Over(vec![(job(number), 7)]);
    let mut noted = BTreeSet::new();
    for number in (0..5_000).chain([4_999, 4_998]) {
        engine.handle(DeputyInput::Heard { from: id(0), message: end(number) }, now);
        while let Some(effect) = engine.poll_effect() {
            match effect {
                DeputyEffect::NoteEnd { job, number: 7 } => assert!(noted.insert(job), "noted once"),
                DeputyEffect::ForgetEnd { job } => assert!(noted.remove(&job), "it was noted"),
                other => panic!("{other:?}"),
            }
        }
    }
    assert_eq!(noted, (5_000 - 4_096..5_000).map(job).collect());
}

#[test]
fn entries_that_were_on_a_way_that_broke_come_another_way() {
    let mut grid = Grid::of(3);
    grid.submit();
    grid.cut[1] = true;
    grid.write(0, 10);
    grid.find_another_way(1);
    grid.pass(3);
    assert_eq!(grid.numbers, [2, 2, 2]);

    let wholes = grid.wholes;
    grid.find_another_way(1);
    grid.pass(3);
    assert_eq!(grid.wholes, wholes, "who has it all is sent nothing");
}

#[test]
fn a_deputy_that_starts_again_before_anybody_misses_it_follows_again() {
    let mut grid = Grid::of(3);
    grid.submit();
    grid.engines[1] = Deputies::new(id(1), 2);
    grid.tell(1, DeputyInput::CopyFound { claim: Grid::claim(1, 0), number: grid.numbers[1] });
    for other in [0, 2] {
        grid.tell(1, DeputyInput::PeerCame { peer: id(other) });
    }
    grid.find_another_way(1);

    grid.write(0, 10);
    grid.pass(3);

    assert_eq!(grid.numbers, [2, 2, 2]);
}

#[test]
fn what_a_former_steward_knew_is_said_again_when_its_way_broke() {
    let mut grid = Grid::of(3);
    grid.submit();
    grid.set_cut(0, true);
    grid.pass(60);
    assert_eq!(grid.who(), [0, 1]);

    // The former steward hears of its successor, and what it answers is lost.
    let claims = DeputyMessage::Claims(vec![Grid::claim(2, 1)]);
    grid.tell(0, DeputyInput::PeerCame { peer: id(1) });
    grid.tell(1, DeputyInput::PeerCame { peer: id(0) });
    grid.tell(0, DeputyInput::Heard { from: id(1), message: claims });
    assert_eq!((grid.who(), grid.merges.len()), (vec![1], 0));

    grid.find_another_way(0);
    grid.pass(3);

    assert_eq!(grid.merges.first(), Some(&(1, id(0))));
    assert_eq!(grid.who(), [0], "its origin has it back");
}

#[test]
fn a_steward_that_said_goodbye_is_followed_at_once() {
    let mut grid = Grid::of(3);
    grid.submit();
    grid.pass(60);
    for at in [1, 2] {
        for input in [DeputyInput::PeerLeft { peer: id(0) }, DeputyInput::PeerGone { peer: id(0) }] {
            grid.engines[at].handle(input, grid.now);
        }
    }

    grid.pass(4);

    assert_eq!(grid.stewards[1], Some(Grid::claim(2, 1)));
    grid.pass(60);
    assert_eq!(grid.stewards[2], None, "one is enough");
}

#[test]
fn nobody_goes_on_with_a_job_of_a_peer_that_was_revoked() {
    let mut grid = Grid::of(3);
    grid.submit();
    for at in [1, 2] {
        grid.tell(at, DeputyInput::PeerRevoked { peer: id(0) });
    }

    grid.pass(300);

    assert_eq!(grid.stewards[1..], [None, None]);
    assert_eq!(grid.forgot, [1, 2]);
}

#[test]
fn an_end_before_what_a_copy_knows_is_an_old_one() {
    for (end, takes_over) in [(1, true), (2, false)] {
        let mut grid = Grid::of(3);
        grid.submit();
        grid.write(0, 10);
        grid.set_cut(0, true);
        grid.pass(31);

        grid.tell(1, DeputyInput::Heard { from: id(2), message: DeputyMessage::Over(vec![(JOB, end)]) });
        grid.pass(2);

        assert_eq!(grid.stewards[1].is_some(), takes_over, "entry {end}");
    }
}

#[test]
fn a_job_has_two_deputies_and_they_follow_its_journal() {
    let mut grid = Grid::of(4);
    grid.submit();
    grid.write(0, 10);

    assert_eq!(grid.engines[0].of(JOB), [id(1), id(2)]);
    assert_eq!(grid.engines[0].kept_by(JOB, 2), [id(1), id(2)]);
    assert_eq!(grid.numbers, [2, 2, 2, 0]);
}

#[test]
fn who_lends_nothing_keeps_no_copies() {
    let mut grid = Grid::of(3);
    grid.tell(0, DeputyInput::PeerRated { peer: id(1), lends: false });
    grid.submit();
    assert_eq!(grid.engines[0].of(JOB), [id(2)]);
}

#[test]
fn a_lost_deputy_is_replaced_and_its_copy_dropped_when_it_is_back() {
    let mut grid = Grid::of(4);
    grid.submit();
    grid.set_cut(1, true);
    assert_eq!(grid.engines[0].of(JOB), [id(2), id(3)]);

    grid.set_cut(1, false);
    assert_eq!(grid.forgot, [1]);
    assert_eq!(grid.engines[0].kept_by(JOB, 1), [id(2), id(3)]);
}

#[test]
fn the_first_deputy_follows_a_silent_steward_after_thirty_seconds() {
    let mut grid = Grid::of(3);
    grid.submit();
    grid.set_cut(0, true);

    grid.pass(29);
    assert_eq!(grid.who(), [0]);
    grid.pass(5);
    assert_eq!(grid.stewards[1], Some(Grid::claim(2, 1)));
    assert_eq!(grid.stewards[2], None);
    assert_eq!(grid.engines[2].steward_of(JOB), Some(id(1)));
    assert_eq!(grid.engines[1].kept_by(JOB, grid.numbers[1]), [id(2)], "the next one is ready");
}

#[test]
fn the_second_deputy_follows_when_the_first_is_gone_too() {
    let mut grid = Grid::of(4);
    grid.submit();
    grid.set_cut(0, true);
    grid.set_cut(1, true);

    grid.pass(59);
    assert!(grid.stewards[2].is_none());
    grid.pass(5);
    assert_eq!(grid.stewards[2], Some(Grid::claim(2, 2)));
}

#[test]
fn nobody_takes_over_while_somebody_hears_the_steward() {
    let mut grid = Grid::of(4);
    grid.submit();
    for (at, peer) in [(0, id(1)), (1, id(0))] {
        grid.tell(at, DeputyInput::PeerLeft { peer });
    }
    grid.pass(300);
    assert_eq!(grid.who(), [0]);
}

#[test]
fn a_steward_that_returns_says_what_it_knows_and_has_its_job_back() {
    let mut grid = Grid::of(3);
    grid.submit();
    grid.set_cut(0, true);
    grid.write(0, 10);
    grid.pass(40);
    assert_eq!(grid.who(), [0, 1]);

    grid.set_cut(0, false);
    grid.pass(5);

    assert_eq!(grid.who(), [0]);
    assert_eq!(grid.stewards[0], Some(Grid::claim(3, 0)));
    assert_eq!(grid.merges, [(1, id(0)), (0, id(1))], "both know what the other one knew");
    assert_eq!(grid.engines[0].kept_by(JOB, grid.numbers[0]).len(), 2);
}

#[test]
fn of_two_that_took_over_at_the_same_time_one_gives_up() {
    let mut grid = Grid::of(3);
    grid.submit();
    grid.set_cut(0, true);
    grid.set_cut(1, true);
    grid.pass(70);
    assert_eq!(grid.who(), [0, 1, 2], "each for itself");

    grid.set_cut(1, false);
    grid.pass(3);
    assert_eq!(grid.who(), [0, 2]);
    assert_eq!(grid.merges, [(2, id(1))]);
}

#[test]
fn a_job_that_is_handed_over_stays_there_until_its_origin_was_away() {
    let mut grid = Grid::of(3);
    grid.submit();
    grid.tell(0, DeputyInput::HandOver { job: JOB, to: Some(id(2)) });
    grid.pass(10);
    assert_eq!(grid.stewards, [None, None, Some(Grid::claim(2, 2))]);
    assert_eq!(grid.merges, [(2, id(0))]);

    grid.set_cut(0, true);
    grid.pass(5);
    grid.set_cut(0, false);
    grid.pass(5);
    assert_eq!(grid.stewards[0], Some(Grid::claim(3, 0)));
}

#[test]
fn a_job_that_was_handed_over_goes_home_when_it_has_ended() {
    let mut grid = Grid::of(3);
    grid.submit();
    grid.tell(0, DeputyInput::HandOver { job: JOB, to: Some(id(2)) });
    assert_eq!(grid.who(), [2]);

    grid.tell(2, DeputyInput::JobMoved { job: JOB, ended: true });
    grid.write(2, 10);

    assert_eq!(grid.stewards[0], Some(Grid::claim(3, 0)));
    assert_eq!(grid.who(), [0]);
}

#[test]
fn a_deputy_that_falls_behind_begins_again() {
    let mut grid = Grid::of(2);
    grid.submit();
    grid.pass(3);
    let wholes = grid.wholes;
    grid.write(0, DeputyMessage::MAX_INLINE_BYTES + 1);
    grid.pass(3);

    assert_eq!(grid.wholes, wholes + 1);
    assert_eq!(grid.engines[0].kept_by(JOB, 2), [id(1)]);
}

#[test]
fn copies_go_when_a_job_has_ended_or_is_removed() {
    for input in [DeputyInput::JobMoved { job: JOB, ended: true }, DeputyInput::JobRemoved { job: JOB }] {
        let mut grid = Grid::of(3);
        grid.submit();
        grid.tell(0, input);
        grid.forgot.sort_unstable();
        assert_eq!(grid.forgot, [1, 2]);
        grid.set_cut(0, true);
        grid.pass(100);
        assert_eq!(grid.who(), [0]);
    }
}

#[test]
fn an_entry_out_of_order_is_asked_for_again() {
    let mut engine = Deputies::new(id(1), 1);
    let now = Time::from_secs(1);
    engine.handle(DeputyInput::PeerCame { peer: id(0) }, now);
    let body = Body::Here(Vec::new());
    let whole = DeputyMessage::Whole { claim: Grid::claim(1, 0), stream: 7, rank: 0, number: 1, body };
    engine.handle(DeputyInput::Heard { from: id(0), message: whole }, now);
    engine.handle(DeputyInput::PartKept { job: JOB, stream: 7, number: 1 }, now);
    while engine.poll_effect().is_some() {}

    let entries = DeputyMessage::Entries { job: JOB, stream: 7, rank: 0, first: 4, entries: vec![vec![1]] };
    engine.handle(DeputyInput::Heard { from: id(0), message: entries }, now);

    let message = DeputyMessage::Missed { job: JOB, stream: 7 };
    assert_eq!(engine.poll_effect(), Some(DeputyEffect::Tell { to: id(0), message }));
}

#[test]
fn writes_of_a_job_reach_the_disk_one_after_the_other() {
    let mut engine = Deputies::new(id(1), 1);
    let now = Time::from_secs(1);
    let hear = |engine: &mut Deputies, message| engine.handle(DeputyInput::Heard { from: id(0), message }, now);
    let whole = |stream| {
        let body = Body::Here(Vec::new());
        DeputyMessage::Whole { claim: Grid::claim(1, 0), stream, rank: 0, number: 1, body }
    };
    hear(&mut engine, whole(7));
    assert!(matches!(engine.poll_effect(), Some(DeputyEffect::KeepWhole { stream: 7, .. })));
    hear(&mut engine, whole(8));
    hear(&mut engine, DeputyMessage::Drop { job: JOB });
    assert_eq!(engine.poll_effect(), None, "the disk is busy");

    engine.handle(DeputyInput::PartKept { job: JOB, stream: 7, number: 1 }, now);
    assert_eq!(engine.poll_effect(), Some(DeputyEffect::Forget { job: JOB }));
    hear(&mut engine, whole(9));
    assert_eq!(engine.poll_effect(), None, "it is being deleted");
    engine.handle(DeputyInput::Forgotten { job: JOB }, now);
    assert!(matches!(engine.poll_effect(), Some(DeputyEffect::KeepWhole { stream: 9, .. })));
}

#[test]
fn a_claim_counts_only_from_who_makes_it() {
    let mut grid = Grid::of(3);
    grid.submit();
    let message = DeputyMessage::Claims(vec![Grid::claim(9, 2)]);
    grid.tell(0, DeputyInput::Heard { from: id(1), message });
    assert_eq!(grid.who(), [0]);
}
