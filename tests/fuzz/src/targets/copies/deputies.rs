//! What other machines say about who keeps which job.

use gridwell_ledger::{Deputies, DeputyEffect, DeputyInput};
use gridwell_model::{Claim, DeputyMessage, PeerId, Time};
use gridwell_wire::{Message, decode, encode};

use super::{ANN, BOB, JOB};
use crate::pieces::{pieces, together};

const CAT: PeerId = PeerId([3; 32]);
/// Effects of one input: two machines that answer each other for ever would be found by this.
const MOST_EFFECTS: usize = 10_000;

/// Each piece is a byte (who, and how much later), and a message.
pub(in crate::targets) fn run(bytes: &[u8]) {
    let mut engine = Deputies::new(ANN, 1);
    let mut now = Time::from_secs(1);
    for peer in [BOB, CAT] {
        engine.handle(DeputyInput::PeerCame { peer }, now);
        engine.handle(DeputyInput::PeerRated { peer, lends: true }, now);
    }
    engine.handle(DeputyInput::JobOpened { claim: claim(ANN), number: 3, ended: false }, now);
    for piece in pieces(bytes) {
        let Some((turn, message)) = piece.split_first() else { continue };
        now = now + std::time::Duration::from_secs(u64::from(turn / 2));
        let from = if turn & 1 == 0 { BOB } else { CAT };
        if let Ok(Message::Deputy(message)) = decode(message) {
            engine.handle(DeputyInput::Heard { from, message: *message }, now);
        }
        engine.handle_deadline(now);
        carry_out(&mut engine, now);
    }
}

/// Does what is wished, as a node does whose disk is good.
fn carry_out(engine: &mut Deputies, now: Time) {
    for _ in 0..MOST_EFFECTS {
        let Some(effect) = engine.poll_effect() else { return };
        let done = match effect {
            DeputyEffect::KeepWhole { claim, stream, number, .. } => {
                DeputyInput::PartKept { job: claim.job, stream, number }
            }
            DeputyEffect::KeepEntries { job, stream, number, .. } => DeputyInput::PartKept { job, stream, number },
            DeputyEffect::Forget { job } => DeputyInput::Forgotten { job },
            DeputyEffect::TakeOver { claim } => DeputyInput::JobOpened { claim, number: 1, ended: false },
            DeputyEffect::TakeIn { from, job, .. } => DeputyInput::TakenIn { job, from },
            _ => continue,
        };
        engine.handle(done, now);
    }
    panic!("the engine never comes to rest");
}

fn claim(steward: PeerId) -> Claim {
    Claim { job: JOB, term: 1, steward, origin: ANN }
}

pub(in crate::targets) fn seeds() -> Vec<Vec<u8>> {
    let say = |turn: u8, message: DeputyMessage| {
        let frame = encode(&Message::Deputy(Box::new(message))).expect("a small message");
        [&[turn][..], &frame[4..]].concat()
    };
    let words = vec![
        say(0, DeputyMessage::Kept { job: JOB, stream: 1 << 32, number: 3 }),
        say(3, DeputyMessage::Missed { job: JOB, stream: 0 }),
        say(1, DeputyMessage::Claims(vec![Claim { term: 2, ..claim(BOB) }])),
        say(200, DeputyMessage::AskHeard { steward: BOB }),
        say(2, DeputyMessage::Heard { steward: CAT }),
        say(1, DeputyMessage::Drop { job: JOB }),
    ];
    let mut seeds: Vec<_> = words.iter().map(|word| together([word])).collect();
    seeds.push(together(&words));
    seeds
}
