//! Idle time from Wayland compositors other than GNOME's.
//!
//! Source: the Wayland protocol ext-idle-notify-v1.

use std::time::{Duration, Instant};

use gridwell_courtesy::{IdleSource, Reading};
use wayland_client::{
    Connection, Dispatch, EventQueue, Proxy as _, QueueHandle,
    backend::WaylandError,
    globals::{GlobalListContents, registry_queue_init},
    protocol::{wl_registry::WlRegistry, wl_seat::WlSeat},
};
use wayland_protocols::ext::idle_notify::v1::client::{
    ext_idle_notification_v1::{Event, ExtIdleNotificationV1},
    ext_idle_notifier_v1::ExtIdleNotifierV1,
};

use super::{Around, Sense, Unavailable};

const COMPOSITOR: &str = "the compositor";

/// After this long without input the compositor says so. Shorter pauses count as input.
const PAUSE: Duration = Duration::from_secs(5);

/// Idle time of keyboard, mouse and touch, whatever inhibits the screen saver.
pub(super) struct Wayland {
    queue: EventQueue<Seat>,
    seat: Seat,
}

/// What the compositor said of the first seat.
struct Seat {
    /// Since when nobody touches it: counted from when we heard of the pause, so never too early.
    since: Option<Instant>,
}

impl Wayland {
    pub(super) fn open() -> Result<Self, Unavailable> {
        let compositor =
            Connection::connect_to_env().map_err(|_| Unavailable::Missing { what: "Wayland compositor" })?;
        Self::on(&compositor)
    }

    fn on(compositor: &Connection) -> Result<Self, Unavailable> {
        let (globals, mut queue) = registry_queue_init::<Seat>(compositor).map_err(silent)?;
        let handle = queue.handle();
        let what = "compositor that tells of idleness";
        let seat: WlSeat = globals.bind(&handle, 1..=1, ()).map_err(|_| Unavailable::Missing { what: "seat" })?;
        let notifier: ExtIdleNotifierV1 =
            globals.bind(&handle, 1..=2, ()).map_err(|_| Unavailable::Missing { what })?;
        let pause = PAUSE.as_millis() as u32;
        if notifier.version() >= 2 {
            notifier.get_input_idle_notification(pause, &seat, &handle, ());
        } else {
            notifier.get_idle_notification(pause, &seat, &handle, ());
        }
        let mut seat = Seat { since: None };
        queue.roundtrip(&mut seat).map_err(silent)?;
        Ok(Self { queue, seat })
    }

    /// Takes in what has come; waits for nothing.
    fn hear(&mut self) -> Result<(), Unavailable> {
        self.queue.dispatch_pending(&mut self.seat).map_err(silent)?;
        self.queue.flush().map_err(silent)?;
        while let Some(guard) = self.queue.prepare_read() {
            match guard.read() {
                Ok(_) => {}
                Err(WaylandError::Io(error)) if error.kind() == std::io::ErrorKind::WouldBlock => break,
                Err(error) => return Err(silent(error)),
            }
            self.queue.dispatch_pending(&mut self.seat).map_err(silent)?;
        }
        Ok(())
    }
}

fn silent(source: impl std::error::Error + Send + Sync + 'static) -> Unavailable {
    Unavailable::Silent { whom: COMPOSITOR, source: Box::new(source) }
}

impl Sense for Wayland {
    fn read(&mut self, _around: &Around<'_>) -> Result<Option<Reading>, Unavailable> {
        self.hear()?;
        let idle = self.seat.since.map_or(Duration::ZERO, |since| PAUSE + since.elapsed());
        Ok(Some(Reading::Idle { source: IdleSource::Wayland, idle }))
    }
}

impl Dispatch<ExtIdleNotificationV1, ()> for Seat {
    fn event(seat: &mut Self, _: &ExtIdleNotificationV1, event: Event, (): &(), _: &Connection, _: &QueueHandle<Self>) {
        match event {
            Event::Idled => seat.since = Some(Instant::now()),
            Event::Resumed => seat.since = None,
            _ => {}
        }
    }
}

wayland_client::delegate_noop!(Seat: ignore WlSeat);
wayland_client::delegate_noop!(Seat: ExtIdleNotifierV1);

impl Dispatch<WlRegistry, GlobalListContents> for Seat {
    fn event(
        _: &mut Self,
        _: &WlRegistry,
        _: wayland_client::protocol::wl_registry::Event,
        _: &GlobalListContents,
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
    }
}

#[cfg(test)]
mod tests {
    use std::{
        os::unix::net::UnixStream,
        sync::{Arc, mpsc},
        thread,
    };

    use wayland_protocols::ext::idle_notify::v1::server::{
        ext_idle_notification_v1::{self, ExtIdleNotificationV1 as Notification},
        ext_idle_notifier_v1::{self, ExtIdleNotifierV1 as Notifier},
    };
    use wayland_server::{
        Client, DataInit, Dispatch as Serve, Display, DisplayHandle, GlobalDispatch, New, Resource as _,
        backend::{ClientData, ClientId, DisconnectReason},
        protocol::wl_seat::{self, WlSeat as ServerSeat},
    };

    use super::*;

    /// A compositor with a seat, and with notifications if it is told so.
    #[derive(Default)]
    struct Desktop {
        notifications: Vec<Notification>,
    }

    struct Nobody;

    impl ClientData for Nobody {
        fn initialized(&self, _: ClientId) {}
        fn disconnected(&self, _: ClientId, _: DisconnectReason) {}
    }

    impl GlobalDispatch<ServerSeat, ()> for Desktop {
        fn bind(
            _: &mut Self,
            _: &DisplayHandle,
            _: &Client,
            seat: New<ServerSeat>,
            (): &(),
            init: &mut DataInit<'_, Self>,
        ) {
            init.init(seat, ());
        }
    }

    impl Serve<ServerSeat, ()> for Desktop {
        fn request(
            _: &mut Self,
            _: &Client,
            _: &ServerSeat,
            _: wl_seat::Request,
            (): &(),
            _: &DisplayHandle,
            _: &mut DataInit<'_, Self>,
        ) {
        }
    }

    impl GlobalDispatch<Notifier, ()> for Desktop {
        fn bind(
            _: &mut Self,
            _: &DisplayHandle,
            _: &Client,
            notifier: New<Notifier>,
            (): &(),
            init: &mut DataInit<'_, Self>,
        ) {
            init.init(notifier, ());
        }
    }

    impl Serve<Notifier, ()> for Desktop {
        fn request(
            desktop: &mut Self,
            _: &Client,
            _: &Notifier,
            request: ext_idle_notifier_v1::Request,
            (): &(),
            _: &DisplayHandle,
            init: &mut DataInit<'_, Self>,
        ) {
            if let ext_idle_notifier_v1::Request::GetInputIdleNotification { id, timeout, .. } = request {
                assert_eq!(timeout, 5_000);
                desktop.notifications.push(init.init(id, ()));
            }
        }
    }

    impl Serve<Notification, ()> for Desktop {
        fn request(
            _: &mut Self,
            _: &Client,
            _: &Notification,
            _: ext_idle_notification_v1::Request,
            (): &(),
            _: &DisplayHandle,
            _: &mut DataInit<'_, Self>,
        ) {
        }
    }

    /// Lets the compositor serve until the sense is open.
    fn open(display: &mut Display<Desktop>, desktop: &mut Desktop) -> Result<Wayland, Unavailable> {
        let (ours, theirs) = UnixStream::pair().unwrap();
        display.handle().insert_client(theirs, Arc::new(Nobody)).unwrap();
        let (tell, told) = mpsc::channel();
        let opening = thread::spawn(move || {
            let opened = Connection::from_socket(ours).map_err(silent).and_then(|compositor| Wayland::on(&compositor));
            tell.send(()).unwrap();
            opened
        });
        while told.try_recv().is_err() {
            display.dispatch_clients(desktop).unwrap();
            display.flush_clients().unwrap();
            thread::yield_now();
        }
        opening.join().unwrap()
    }

    #[test]
    fn a_seat_is_idle_from_when_the_compositor_says_so_until_it_resumes() {
        let mut display = Display::<Desktop>::new().unwrap();
        let mut desktop = Desktop::default();
        display.handle().create_global::<Desktop, ServerSeat, ()>(1, ());
        display.handle().create_global::<Desktop, Notifier, ()>(2, ());
        let mut sense = open(&mut display, &mut desktop).unwrap();
        let around = Around { own: &[], programs: &std::collections::BTreeSet::new(), uses_graphics: false };
        let mut idle = |display: &mut Display<Desktop>| {
            display.flush_clients().unwrap();
            match sense.read(&around).unwrap() {
                Some(Reading::Idle { source: IdleSource::Wayland, idle }) => idle,
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(idle(&mut display), Duration::ZERO);
        desktop.notifications[0].idled();
        assert!(idle(&mut display) >= PAUSE);
        desktop.notifications[0].resumed();
        assert_eq!(idle(&mut display), Duration::ZERO);
        assert!(desktop.notifications[0].is_alive());
        drop(display);
        assert!(sense.read(&around).is_err(), "a compositor that left");
    }

    #[test]
    fn a_compositor_without_such_notifications_is_none() {
        let mut display = Display::<Desktop>::new().unwrap();
        display.handle().create_global::<Desktop, ServerSeat, ()>(1, ());
        let opened = open(&mut display, &mut Desktop::default());
        assert!(matches!(opened, Err(Unavailable::Missing { .. })));
    }
}
