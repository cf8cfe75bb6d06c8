use std::{
    env,
    io::IsTerminal as _,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use gridwell_api::{ApiError, ErrorCode, JoinRequest, Request, StatusView};
use gridwell_node::{Config, Node, NodeHandle, When};
use gridwell_serve::{DataFolder, Door, Entrances, WindowEntrance};
use serde::Serialize;
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    time::Instant,
};
use tracing_subscriber::EnvFilter;

use super::End;
use crate::{
    args::{LogStyle, NodeArgs, Switch},
    input,
    screen::Screen,
    text, window,
};

/// What is logged unless asked otherwise: changes a person would notice, and what needs a look; of libraries the latter.
const DEFAULT_LOG: &str = "warn,gridwell=info";
/// How long the ready line waits for the node's addresses.
const ADDRESSES_KNOWN: Duration = Duration::from_secs(2);

/// Runs a node in the foreground until it is told to stop.
pub(super) fn run(args: NodeArgs, data: &Path, screen: Screen) -> Result<End, ApiError> {
    start_log(&args)?;
    let folder = DataFolder::lock(data)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| ApiError::bug(format!("cannot start: {error}")))?;
    runtime.block_on(live(args, &folder, screen))
}

/// Opens the node, then its door, and closes them in reverse.
async fn live(args: NodeArgs, folder: &DataFolder, screen: Screen) -> Result<End, ApiError> {
    // First of all, so that a signal during the start is not lost.
    let mut signals = Signals::new()?;
    let window = args.ui.map(|address| WindowEntrance { address, pages: window::PAGES });
    let (entrances, join) = (Entrances { http: args.http, window }, args.join.clone());
    let mut node = Node::start(config(args, folder)?).await?;
    let opened = match Door::open(folder, entrances, Arc::new(node.handle())).await {
        Ok(door) => match welcome(&node, &door, join, screen).await {
            Ok(()) => Ok(door),
            Err(error) => {
                door.close().await;
                Err(error)
            }
        },
        Err(error) => Err(error),
    };
    let ended = match opened {
        Ok(door) => {
            let ended = tokio::select! {
                _ = signals.next() => Ok(End::Done),
                why = node.evicted() => Err(why),
            };
            door.close().await;
            ended
        }
        Err(error) => Err(error),
    };
    node.stop().await;
    ended
}

/// Joins if asked to, and says that the node is ready.
async fn welcome(node: &Node, door: &Door, join: Option<String>, screen: Screen) -> Result<(), ApiError> {
    let handle = node.handle();
    if let Some(link) = join {
        match handle.call(Request::Join(JoinRequest { link })).await {
            Ok(_) => {}
            // A service starts with the same words every time: the first time it joined.
            Err(error) if error.code == ErrorCode::AlreadyMember => {
                tracing::info!("this machine is a member already");
            }
            Err(error) => return Err(error),
        }
    }
    let status = listening(&handle).await?;
    let socket = door.socket().display().to_string();
    let http = door.http().map(|address| format!("http://{address}"));
    let ui = door.window()?.map(|window| window.url);
    if screen.json() {
        // One line: whoever starts a node reads until the first line end.
        let mut line = serde_json::to_vec(&Ready { ready: true, socket, http, ui, status }).unwrap_or_default();
        line.push(b'\n');
        screen.print(&line);
    } else {
        screen.print(ready_line(&status, &socket, http.as_deref()).as_bytes());
        if let Some(ui) = ui {
            screen.print(format!("gridwell: the window is at {ui}\n").as_bytes());
        }
    }
    Ok(())
}

/// The node's status once it knows its addresses, which listeners report a moment after the start.
async fn listening(handle: &NodeHandle) -> Result<StatusView, ApiError> {
    let began = Instant::now();
    loop {
        let status = StatusView::try_from(handle.call(Request::Status).await?)?;
        if !status.addresses.is_empty() || began.elapsed() > ADDRESSES_KNOWN {
            return Ok(status);
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// The ready line with `--json`.
#[derive(Debug, Serialize)]
struct Ready {
    ready: bool,
    socket: String,
    http: Option<String>,
    ui: Option<String>,
    #[serde(flatten)]
    status: StatusView,
}

fn ready_line(status: &StatusView, socket: &str, http: Option<&str>) -> String {
    let http = http.map(|http| format!(" · door also on {http}")).unwrap_or_default();
    let listening = status.addresses.join(", ");
    let name = text::clean(&status.name);
    format!("gridwell: {name} is up · socket {} · listening on {listening}{http}\n", text::clean(socket))
}

fn config(args: NodeArgs, folder: &DataFolder) -> Result<Config, ApiError> {
    let program = env::current_exe()
        .map_err(|error| ApiError::bug(format!("this program's own path cannot be found: {error}")))?;
    let usual = Config::new(folder.path().to_owned(), program);
    Ok(Config {
        mount: usual_mount(folder.path()),
        name: args.name,
        listen: if args.listen.is_empty() { usual.listen } else { args.listen },
        labels: args.label.into_iter().collect(),
        when: args.dedicated.then_some(When::Dedicated),
        open: args.open.clone(),
        disk_reserve_bytes: args.disk_reserve,
        lend_cpus: args.lend_cores,
        nearby: args.nearby.map(|nearby| nearby == Switch::On),
        powercap: args.powercap.unwrap_or(usual.powercap),
        sleep: args.sleep_program.map_or(usual.sleep, |program| vec![program.into_os_string()]),
        copies_grace: args.copies_grace.unwrap_or(usual.copies_grace),
        ..usual
    })
}

/// Where the tree is shown unless somebody decides otherwise: one folder for each account, so only for the node that it has usually.
fn usual_mount(data: &Path) -> Option<PathBuf> {
    let is_usual = input::usual_data_folder().is_some_and(|usual| usual == data);
    let home = input::home_folder().ok().filter(|_| is_usual);
    home.map(|home| home.join("Gridwell"))
}

fn start_log(args: &NodeArgs) -> Result<(), ApiError> {
    let named = args.log.clone().or_else(|| env::var("GRIDWELL_LOG").ok().filter(|value| !value.is_empty()));
    let named = named.unwrap_or_else(|| DEFAULT_LOG.to_owned());
    let filter = EnvFilter::try_new(&named)
        .map_err(|error| ApiError::new(ErrorCode::BadValue, format!("'{named}' is not a log filter: {error}")))?;
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // A second logger in one process is the first one's business.
    let _ = match args.log_format {
        LogStyle::Json => log.json().try_init(),
        LogStyle::Text => {
            let colours = std::io::stderr().is_terminal() && env::var_os("NO_COLOR").is_none();
            log.with_ansi(colours).try_init()
        }
    };
    Ok(())
}

/// What tells a node to stop.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new() -> Result<Self, ApiError> {
        let listen = |kind| signal(kind).map_err(|error| ApiError::bug(format!("cannot listen for signals: {error}")));
        Ok(Self { terminate: listen(SignalKind::terminate())?, interrupt: listen(SignalKind::interrupt())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => tracing::info!("asked to stop"),
            _ = self.interrupt.recv() => tracing::info!("interrupted"),
        }
    }
}
