//! Why this machine does not lend, or work here makes room, in words that fit after its name: "mill: somebody uses it".

use gridwell_courtesy::{Reason, Resource};
use gridwell_model::format_duration;

use super::words::about;
use crate::clock;

/// One sentence without an end mark; the same as long as the reason is, so that it need not be told each second.
pub(super) fn sentence(reason: &Reason) -> String {
    let plain = match reason {
        Reason::Paused | Reason::Drained => "its owner paused lending",
        Reason::PausedUntil(_) => "its owner paused lending for a while",
        Reason::Snoozed(Resource::Graphics, _) => "its owner keeps the graphics back for a while",
        Reason::Snoozed(Resource::Network, _) => "its owner keeps the network back for a while",
        Reason::OutsideHours => "it is outside the hours in which it lends",
        Reason::HoursEnd { .. } => "the hours in which it lends end soon",
        Reason::NoClock => "it does not know yet what time it is",
        Reason::InUse { .. } => "somebody uses it",
        Reason::NotIdleYet { after, .. } => {
            return format!("somebody used it just now: it lends after {} without anybody", format_duration(*after));
        }
        Reason::IdleUnknown => "it cannot tell now whether somebody uses it",
        Reason::NoIdleSource => "it has nothing that tells whether somebody uses it",
        Reason::Inhibited => "a film or a talk keeps it awake",
        Reason::FullScreen => "a program covers its screen",
        Reason::Load { .. } => "other programs keep it busy",
        Reason::MemoryPressure { .. } => "programs on it wait for memory",
        Reason::MemoryNeeded { .. } => "it has hardly any memory left",
        Reason::Program(name) => return format!("{name} runs on it"),
        Reason::Battery { .. } => "it runs on its battery",
        Reason::Hot { .. } => "it is hotter than its owner likes",
        Reason::Metered => "its network costs by the byte",
        Reason::GraphicsBusy { .. } => "others keep its graphics busy",
        Reason::GraphicsNeeded { .. } => "it has hardly any graphics memory left",
        Reason::DiskFull { .. } => "it has too little free space",
        Reason::FrozenLong => "it stood still for as long as it may",
        Reason::HeartbeatDue => "somebody waits for a sign of it",
        Reason::JustBegun => "it had only begun, and its graphics are wanted",
        Reason::GraceOver => "its time to write what it had is over",
        Reason::LeaseLost => "others do its tasks now",
    };
    plain.to_owned()
}

/// The figures behind a sentence; empty if there are none.
pub(super) fn figures(reason: &Reason) -> String {
    let percent = |share: f32| format!("{:.0} %", share * 100.0);
    let until = |time| format!("{} more", about(clock::until(time)));
    match reason {
        Reason::PausedUntil(time) | Reason::Snoozed(_, time) => until(*time),
        Reason::HoursEnd { left } => format!("in {}", about(*left)),
        Reason::InUse { idle, .. } | Reason::NotIdleYet { idle, .. } => format!("{} ago", about(*idle)),
        Reason::Load { share } | Reason::GraphicsBusy { share } => percent(*share),
        Reason::MemoryPressure { share } => format!("{} of the time", percent(*share)),
        Reason::MemoryNeeded { free } => format!("{} free", percent(*free)),
        Reason::Battery { charge: Some(charge) } => format!("{charge} %"),
        Reason::Hot { celsius } => format!("{celsius:.0} °C"),
        Reason::GraphicsNeeded { free_bytes } | Reason::DiskFull { free_bytes } => {
            format!("{} free", gridwell_model::format_bytes(*free_bytes))
        }
        _ => String::new(),
    }
}
