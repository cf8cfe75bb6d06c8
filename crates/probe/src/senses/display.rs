//! Senses on the X server.
//!
//! Source: the X11 Screen Saver Extension 1.2; Extended Window Manager Hints 1.5.

use std::{env, time::Duration};

use gridwell_courtesy::{IdleSource, Reading};
use x11rb::{
    connection::{Connection as _, RequestConnection as _},
    errors::ReplyError,
    protocol::{
        screensaver::{self, ConnectionExt as _},
        xproto::{AtomEnum, ConnectionExt as _, Window},
    },
    rust_connection::RustConnection,
};

use super::{Around, Sense, Unavailable};

const SERVER: &str = "the X server";

/// States that a window can have at once; the standard names a dozen.
const MOST_STATES: u32 = 64;

struct Screen {
    server: RustConnection,
    root: Window,
}

impl Screen {
    /// The screen in front of which the owner sits.
    ///
    /// Not one at the other end of an SSH connection. Under Wayland the X server sees only what happens in windows of X
    /// programs, which would look idle while somebody works in another one.
    fn open(display: Option<&str>) -> Result<Self, Unavailable> {
        let display = display.filter(|display| display.starts_with(':') || display.starts_with("unix:"));
        let display = display.ok_or(Unavailable::Missing { what: "X server of this machine" })?;
        let (server, number) = x11rb::connect(Some(display)).map_err(silent)?;
        if server.query_extension(b"XWAYLAND").map_err(silent)?.reply().map_err(silent)?.present {
            return Err(Unavailable::Missing { what: "X server that sees all input" });
        }
        let root = server.setup().roots.get(number).ok_or(Unavailable::Missing { what: "screen" })?.root;
        Ok(Self { server, root })
    }

    fn usual() -> Result<Self, Unavailable> {
        if env::var_os("WAYLAND_DISPLAY").is_some()
            || env::var_os("XDG_SESSION_TYPE").is_some_and(|kind| kind == "wayland")
        {
            return Err(Unavailable::Missing { what: "X server that sees all input" });
        }
        Self::open(env::var("DISPLAY").ok().as_deref())
    }
}

fn silent(source: impl std::error::Error + Send + Sync + 'static) -> Unavailable {
    Unavailable::Silent { whom: SERVER, source: Box::new(source) }
}

/// Idle time of keyboard and mouse.
pub(super) struct X11Idle(Screen);

impl X11Idle {
    pub(super) fn open() -> Result<Self, Unavailable> {
        Self::on(Screen::usual()?)
    }

    fn on(screen: Screen) -> Result<Self, Unavailable> {
        match screen.server.extension_information(screensaver::X11_EXTENSION_NAME).map_err(silent)? {
            Some(_) => Ok(Self(screen)),
            None => Err(Unavailable::Missing { what: "screen saver extension of the X server" }),
        }
    }

    fn idle(&self) -> Result<Duration, ReplyError> {
        let info = self.0.server.screensaver_query_info(self.0.root)?.reply()?;
        Ok(Duration::from_millis(info.ms_since_user_input.into()))
    }
}

impl Sense for X11Idle {
    fn read(&mut self, _around: &Around<'_>) -> Result<Option<Reading>, Unavailable> {
        let idle = self.idle().map_err(silent)?;
        Ok(Some(Reading::Idle { source: IdleSource::X11, idle }))
    }
}

/// Whether the window in front covers the screen.
pub(super) struct FullScreen {
    screen: Screen,
    active: u32,
    states: u32,
    full: u32,
}

impl FullScreen {
    pub(super) fn open() -> Result<Self, Unavailable> {
        Self::on(Screen::usual()?).map_err(silent)
    }

    fn on(screen: Screen) -> Result<Self, ReplyError> {
        let atom = |name: &str| Ok::<_, ReplyError>(screen.server.intern_atom(false, name.as_bytes())?.reply()?.atom);
        let (active, states) = (atom("_NET_ACTIVE_WINDOW")?, atom("_NET_WM_STATE")?);
        let full = atom("_NET_WM_STATE_FULLSCREEN")?;
        Ok(Self { screen, active, states, full })
    }

    fn covers(&self) -> Result<bool, ReplyError> {
        let front = self.values(self.screen.root, self.active, AtomEnum::WINDOW, 1)?.first().copied();
        let Some(front) = front.filter(|window| *window != 0) else { return Ok(false) };
        match self.values(front, self.states, AtomEnum::ATOM, MOST_STATES) {
            Ok(states) => Ok(states.contains(&self.full)),
            // It closed between the two questions.
            Err(ReplyError::X11Error(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn values(&self, window: Window, property: u32, kind: AtomEnum, most: u32) -> Result<Vec<u32>, ReplyError> {
        let reply = self.screen.server.get_property(false, window, property, kind, 0, most)?.reply()?;
        Ok(reply.value32().into_iter().flatten().collect())
    }
}

impl Sense for FullScreen {
    fn read(&mut self, _around: &Around<'_>) -> Result<Option<Reading>, Unavailable> {
        self.covers().map(|covers| Some(Reading::FullScreen(covers))).map_err(silent)
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::{BufRead as _, BufReader},
        process::{Child, Command, Stdio},
    };

    use x11rb::{
        protocol::xproto::{CreateWindowAux, PropMode, WindowClass},
        wrapper::ConnectionExt as _,
    };

    use super::*;

    /// An X server without a screen to look at, which ends with it.
    struct Server {
        process: Child,
        display: String,
    }

    impl Server {
        fn start() -> Self {
            let mut process = Command::new("Xvfb")
                .args(["-displayfd", "1", "-nolisten", "tcp", "-noreset", "-screen", "0", "320x200x24"])
                .stdout(Stdio::piped())
                .stderr(Stdio::null())
                .spawn()
                .expect("Xvfb is installed: cargo xtask setup does it");
            let mut number = String::new();
            BufReader::new(process.stdout.take().unwrap()).read_line(&mut number).unwrap();
            Self { process, display: format!(":{}", number.trim()) }
        }

        fn screen(&self) -> Screen {
            Screen::open(Some(&self.display)).unwrap()
        }

        fn xdotool(&self, words: &[&str]) {
            let done = Command::new("xdotool").args(words).env("DISPLAY", &self.display).status();
            assert!(done.expect("xdotool is installed: cargo xtask setup does it").success());
        }
    }

    impl Drop for Server {
        fn drop(&mut self) {
            let _ = self.process.kill();
            let _ = self.process.wait();
        }
    }

    /// Reads until nobody has touched the machine for `at_least`.
    fn idle_for(sense: &X11Idle, at_least: Duration) -> Duration {
        loop {
            let idle = sense.idle().unwrap();
            if idle >= at_least {
                return idle;
            }
        }
    }

    #[test]
    fn idle_time_grows_until_somebody_moves_the_mouse_or_presses_a_key() {
        let server = Server::start();
        let sense = X11Idle::on(server.screen()).unwrap();
        for touch in [["mousemove_relative", "10", "10"].as_slice(), &["key", "a"]] {
            // On a machine that is very busy the touch may be older than the pause before it: longer pauses tell more.
            let mut pauses = (0..8).map(|doubling| Duration::from_millis(100 << doubling));
            let seen = pauses.any(|pause| {
                let before = idle_for(&sense, pause);
                server.xdotool(touch);
                sense.idle().unwrap() < before
            });
            assert!(seen, "{touch:?}");
        }
    }

    #[test]
    fn a_window_that_covers_the_screen_is_seen_and_one_that_is_gone_is_none() {
        let server = Server::start();
        let sense = FullScreen::on(server.screen()).unwrap();
        assert!(!sense.covers().unwrap(), "no window manager, no window");
        let Screen { server: program, root } = server.screen();
        let window = program.generate_id().unwrap();
        let aux = CreateWindowAux::new();
        program.create_window(24, window, root, 0, 0, 9, 9, 0, WindowClass::INPUT_OUTPUT, 0, &aux).unwrap();
        let set = |window, property, kind, values: &[u32]| {
            program.change_property32(PropMode::REPLACE, window, property, kind, values).unwrap().check().unwrap();
        };
        set(root, sense.active, AtomEnum::WINDOW, &[window]);
        assert!(!sense.covers().unwrap());
        set(window, sense.states, AtomEnum::ATOM, &[sense.states, sense.full]);
        assert!(sense.covers().unwrap());
        program.destroy_window(window).unwrap().check().unwrap();
        assert!(!sense.covers().unwrap());
    }

    #[test]
    fn a_server_that_ends_is_an_error_and_no_idleness() {
        let server = Server::start();
        let mut sense = X11Idle::on(server.screen()).unwrap();
        drop(server);
        let around = Around { own: &[], programs: &std::collections::BTreeSet::new(), uses_graphics: false };
        assert!(matches!(sense.read(&around), Err(Unavailable::Silent { .. })));
    }

    #[test]
    fn a_screen_at_the_other_end_of_a_connection_is_not_the_owners() {
        for display in [None, Some("localhost:10.0"), Some("")] {
            assert!(matches!(Screen::open(display), Err(Unavailable::Missing { .. })), "{display:?}");
        }
    }
}
