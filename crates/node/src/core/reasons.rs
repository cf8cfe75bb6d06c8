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

/// A reason in one word, as programs have it.
pub(super) const fn word(reason: &Reason) -> &'static str {
    match reason {
        Reason::Paused => "paused",
        Reason::PausedUntil(_) => "paused_until",
        Reason::Drained => "drained",
        Reason::Snoozed(Resource::Graphics, _) => "graphics_kept_back",
        Reason::Snoozed(Resource::Network, _) => "network_kept_back",
        Reason::OutsideHours => "outside_hours",
        Reason::HoursEnd { .. } => "hours_end",
        Reason::NoClock => "no_clock",
        Reason::InUse { .. } => "in_use",
        Reason::NotIdleYet { .. } => "not_idle_yet",
        Reason::IdleUnknown => "idle_unknown",
        Reason::NoIdleSource => "no_idle_source",
        Reason::Inhibited => "inhibited",
        Reason::FullScreen => "full_screen",
        Reason::Load { .. } => "load",
        Reason::MemoryPressure { .. } => "memory_pressure",
        Reason::MemoryNeeded { .. } => "memory_needed",
        Reason::Program(_) => "program",
        Reason::Battery { .. } => "battery",
        Reason::Hot { .. } => "hot",
        Reason::Metered => "metered",
        Reason::GraphicsBusy { .. } => "graphics_busy",
        Reason::GraphicsNeeded { .. } => "graphics_needed",
        Reason::DiskFull { .. } => "disk_full",
        Reason::FrozenLong => "frozen_long",
        Reason::HeartbeatDue => "heartbeat_due",
        Reason::JustBegun => "just_begun",
        Reason::GraceOver => "grace_over",
        Reason::LeaseLost => "lease_lost",
    }
}

/// The one figure of a reason, in the unit of its word; see [`gridwell_api::ObjectionView::value`].
pub(super) fn value(reason: &Reason) -> Option<f64> {
    match *reason {
        Reason::HoursEnd { left } => Some(left.as_secs_f64()),
        Reason::InUse { idle, .. } | Reason::NotIdleYet { idle, .. } => Some(idle.as_secs_f64()),
        Reason::Load { share } | Reason::MemoryPressure { share } | Reason::GraphicsBusy { share } => {
            Some(share.into())
        }
        Reason::MemoryNeeded { free } => Some(free.into()),
        Reason::Battery { charge } => charge.map(f64::from),
        Reason::Hot { celsius } => Some(celsius.into()),
        Reason::GraphicsNeeded { free_bytes } | Reason::DiskFull { free_bytes } => Some(free_bytes as f64),
        _ => None,
    }
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
