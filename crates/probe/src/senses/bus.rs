//! Senses on the message bus of the desktop and of the system.

use std::{
    error::Error,
    time::{Duration, SystemTime},
};

use gridwell_courtesy::{IdleSource, Reading};
use zbus::{
    blocking::{Connection, connection::Builder},
    zvariant::{DynamicType, OwnedValue, Type},
};

use super::{Around, Sense, Unavailable};

/// Nobody on a bus of this machine takes longer, unless it hangs.
const PATIENCE: Duration = Duration::from_secs(2);

/// Somebody who is asked on a bus.
#[derive(Debug, Clone, Copy)]
struct Whom {
    name: &'static str,
    path: &'static str,
    interface: &'static str,
}

fn session() -> Result<Connection, Unavailable> {
    connect(Builder::session(), "session bus")
}

fn system() -> Result<Connection, Unavailable> {
    connect(Builder::system(), "system bus")
}

fn connect(builder: zbus::Result<Builder<'_>>, what: &'static str) -> Result<Connection, Unavailable> {
    let bus = builder.and_then(|builder| builder.method_timeout(PATIENCE).build());
    bus.map_err(|_| Unavailable::Missing { what })
}

impl Whom {
    fn ask<B, A>(&self, bus: &Connection, method: &str, body: &B) -> Result<A, Unavailable>
    where
        B: serde::Serialize + DynamicType,
        A: serde::de::DeserializeOwned + Type,
    {
        let answer = bus.call_method(Some(self.name), self.path, Some(self.interface), method, body);
        answer.and_then(|answer| answer.body().deserialize()).map_err(|error| self.silent(error))
    }

    fn property<A>(&self, bus: &Connection, name: &str) -> Result<A, Unavailable>
    where
        A: TryFrom<OwnedValue>,
        A::Error: Error + Send + Sync + 'static,
    {
        let properties = Self { interface: "org.freedesktop.DBus.Properties", ..*self };
        let value: OwnedValue = properties.ask(bus, "Get", &(self.interface, name))?;
        A::try_from(value).map_err(|error| self.silent(error))
    }

    fn silent(&self, source: impl Error + Send + Sync + 'static) -> Unavailable {
        Unavailable::Silent { whom: self.name, source: Box::new(source) }
    }
}

/// Source: `org.gnome.Mutter.IdleMonitor.xml` in Mutter; milliseconds.
const MUTTER: Whom = Whom {
    name: "org.gnome.Mutter.IdleMonitor",
    path: "/org/gnome/Mutter/IdleMonitor/Core",
    interface: "org.gnome.Mutter.IdleMonitor",
};

/// GNOME's compositor, under X11 and Wayland.
pub(super) struct Mutter(Connection);

impl Mutter {
    pub(super) fn open() -> Result<Self, Unavailable> {
        Self::on(session()?)
    }

    fn on(bus: Connection) -> Result<Self, Unavailable> {
        let mutter = Self(bus);
        mutter.idle().map(|_| mutter)
    }

    fn idle(&self) -> Result<Duration, Unavailable> {
        MUTTER.ask(&self.0, "GetIdletime", &()).map(Duration::from_millis)
    }
}

impl Sense for Mutter {
    fn read(&mut self, _around: &Around<'_>) -> Result<Option<Reading>, Unavailable> {
        Ok(Some(Reading::Idle { source: IdleSource::Mutter, idle: self.idle()? }))
    }
}

/// Source: org.freedesktop.login1(5).
const LOGIND: Whom = Whom {
    name: "org.freedesktop.login1",
    path: "/org/freedesktop/login1",
    interface: "org.freedesktop.login1.Manager",
};

/// Logind's hint: it tells when the hint last changed, and somebody was there then, or just before. Desktops that never set
/// it say nothing here.
pub(super) struct Logind(Connection);

impl Logind {
    pub(super) fn open() -> Result<Self, Unavailable> {
        let bus = system()?;
        LOGIND.property::<u64>(&bus, "IdleSinceHint").map(|_| Self(bus))
    }
}

impl Sense for Logind {
    fn read(&mut self, _around: &Around<'_>) -> Result<Option<Reading>, Unavailable> {
        let since: u64 = LOGIND.property(&self.0, "IdleSinceHint")?;
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Ok(hinted(since, now).map(|idle| Reading::Idle { source: IdleSource::Logind, idle }))
    }
}

/// `since` is in microseconds since 1970, 0 if the hint was never set.
fn hinted(since: u64, now: Duration) -> Option<Duration> {
    (since != 0).then(|| now.saturating_sub(Duration::from_micros(since)))
}

/// Source: `org.gnome.SessionManager.xml` in gnome-session: 8 is "inhibit the session being marked as idle".
const GNOME: Whom =
    Whom { name: "org.gnome.SessionManager", path: "/org/gnome/SessionManager", interface: "org.gnome.SessionManager" };
const GNOME_IDLE: u32 = 8;

/// KDE, Xfce and others. Source: freedesktop's draft of a power management interface.
const POWER: Whom = Whom {
    name: "org.freedesktop.PowerManagement.Inhibit",
    path: "/org/freedesktop/PowerManagement/Inhibit",
    interface: "org.freedesktop.PowerManagement.Inhibit",
};

/// Whether a program keeps the screen awake, as far as anybody tells.
pub(super) struct Inhibitors {
    session: Option<Connection>,
    system: Option<Connection>,
}

impl Inhibitors {
    pub(super) fn open() -> Result<Self, Unavailable> {
        let inhibitors = Self { session: session().ok(), system: system().ok() };
        inhibitors.inhibited().map(|_| inhibitors)
    }

    /// True if any of those who answer says so.
    fn inhibited(&self) -> Result<bool, Unavailable> {
        let on_session = self
            .session
            .iter()
            .flat_map(|bus| [GNOME.ask(bus, "IsInhibited", &GNOME_IDLE), POWER.ask(bus, "HasInhibit", &())]);
        let on_system = self.system.iter().map(|bus| {
            let blocked: String = LOGIND.property(bus, "BlockInhibited")?;
            Ok(blocks_idle(&blocked))
        });
        let answers: Vec<bool> = on_session.chain(on_system).filter_map(Result::ok).collect();
        let nobody = Unavailable::Missing { what: "desktop that tells of inhibitors" };
        if answers.is_empty() { Err(nobody) } else { Ok(answers.contains(&true)) }
    }
}

impl Sense for Inhibitors {
    fn read(&mut self, _around: &Around<'_>) -> Result<Option<Reading>, Unavailable> {
        Ok(Some(Reading::Inhibited(self.inhibited()?)))
    }
}

/// Logind lists what is blocked: `sleep:idle`.
fn blocks_idle(blocked: &str) -> bool {
    blocked.split(':').any(|what| what == "idle")
}

/// Source: `NMMetered` of NetworkManager: 1 is yes, 3 a guess of yes.
const NETWORK: Whom = Whom {
    name: "org.freedesktop.NetworkManager",
    path: "/org/freedesktop/NetworkManager",
    interface: "org.freedesktop.NetworkManager",
};

/// Whether the network costs by the byte, as NetworkManager sees it.
pub(super) struct Metered(Connection);

impl Metered {
    pub(super) fn open() -> Result<Self, Unavailable> {
        let metered = Self(system()?);
        metered.value().map(|_| metered)
    }

    fn value(&self) -> Result<u32, Unavailable> {
        NETWORK.property(&self.0, "Metered")
    }
}

impl Sense for Metered {
    fn read(&mut self, _around: &Around<'_>) -> Result<Option<Reading>, Unavailable> {
        Ok(Some(Reading::Metered(matches!(self.value()?, 1 | 3))))
    }
}

#[cfg(test)]
mod tests;
