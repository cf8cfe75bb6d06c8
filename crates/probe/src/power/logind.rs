//! systemd's login manager on the system bus.
//!
//! Source: org.freedesktop.login1(5); <https://systemd.io/INHIBITOR_LOCKS/>.

use std::{os::fd::OwnedFd, time::Duration};

use futures::{StreamExt as _, future::BoxFuture};
use zbus::{Connection, Message, Proxy, proxy::SignalStream, zvariant};

use super::{Departure, Hold, Power, PowerNews};

/// How long logind waits where it does not say: its own default, `InhibitDelayMaxSec`.
const USUAL_LIMIT: Duration = Duration::from_secs(5);

/// What is kept from happening, by whom, why and how, as `systemd-inhibit --list` shows it.
type Inhibitor = (&'static str, &'static str, &'static str, &'static str);
const DELAY: Inhibitor = ("sleep:shutdown", "Gridwell", "other machines take over the jobs of this one", "delay");
const BLOCK: Inhibitor = ("sleep", "Gridwell", "it works for the grid", "block");

pub(super) struct Logind {
    manager: Proxy<'static>,
    signals: SignalStream<'static>,
    inhibitor: Option<OwnedFd>,
    limit: Duration,
}

impl Logind {
    pub(super) async fn open() -> zbus::Result<Self> {
        let manager = manager().await?;
        // First of all: a signal between the two would be missed.
        let signals = manager.receive_all_signals().await?;
        let limit = manager.get_property::<u64>("InhibitDelayMaxUSec").await.map_or(USUAL_LIMIT, Duration::from_micros);
        let inhibitor = inhibit(&manager, DELAY).await?;
        Ok(Self { manager, signals, inhibitor: Some(inhibitor), limit })
    }

    async fn read(&mut self, signal: &Message) -> Option<PowerNews> {
        let departure = match signal.header().member()?.as_str() {
            "PrepareForSleep" => Departure::Sleep,
            "PrepareForShutdown" => Departure::Shutdown,
            _ => return None,
        };
        if signal.body().deserialize::<bool>().ok()? {
            let hold = Hold { limit: self.limit, _inhibitor: self.inhibitor.take() };
            return Some(PowerNews::Leaving(departure, hold));
        }
        match inhibit(&self.manager, DELAY).await {
            Ok(inhibitor) => self.inhibitor = Some(inhibitor),
            Err(error) => tracing::warn!(%error, "the next sleep of this machine will not wait for it"),
        }
        Some(PowerNews::Back)
    }
}

impl Power for Logind {
    fn next(&mut self) -> BoxFuture<'_, Option<PowerNews>> {
        Box::pin(async {
            loop {
                let signal = self.signals.next().await?;
                if let Some(news) = self.read(&signal).await {
                    return Some(news);
                }
            }
        })
    }
}

/// Keeps the machine from falling asleep until the descriptor is closed.
pub(super) async fn keep_awake() -> zbus::Result<OwnedFd> {
    inhibit(&manager().await?, BLOCK).await
}

async fn manager() -> zbus::Result<Proxy<'static>> {
    let bus = Connection::system().await?;
    let (name, path) = ("org.freedesktop.login1", "/org/freedesktop/login1");
    Proxy::new(&bus, name, path, "org.freedesktop.login1.Manager").await
}

async fn inhibit(manager: &Proxy<'static>, how: Inhibitor) -> zbus::Result<OwnedFd> {
    let inhibitor: zvariant::OwnedFd = manager.call("Inhibit", &how).await?;
    Ok(inhibitor.into())
}
