//! From the start to the end of the program.

use std::{fs, io, path::Path, process::ExitCode};

use tauri::{AppHandle, Manager as _, RunEvent, WindowEvent};
use tauri_plugin_autostart::MacosLauncher;
use tauri_plugin_deep_link::DeepLinkExt as _;
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

use crate::{
    args::Args,
    commands,
    house::House,
    kept::Kept,
    memory::Memory,
    notices,
    opening::{self, Waiting},
    own::{Own, chosen},
    pictures, platform, quitting,
    streams::Streams,
    telling, tray, window,
};

/// What is logged unless `GRIDWELL_LOG` asks otherwise.
const DEFAULT_LOG: &str = "warn,gridwell=info";
/// The log of the last run is kept beside this one's; a larger one is cut at the start.
const LOG_BYTES: u64 = 4 * 1024 * 1024;

/// Cancelled when the program ends.
struct Ending(CancellationToken);

/// Runs the app until it is quit.
pub(crate) fn run(args: Args) -> ExitCode {
    let data = args.data_folder();
    if let Err(error) = start_log(&data) {
        return failed(&format!("{} cannot be used: {error}", data.display()));
    }
    platform::before_toolkit();
    let own = Own::load(data.join("desktop.json"));
    let memory = Kept::<Memory>::load(data.join("desktop-memory.json"));
    let house = House::new(data);
    let builder = tauri::Builder::default()
        // First, so that a second start does nothing but hand over what it was started with.
        .plugin(tauri_plugin_single_instance::init(|app, words, folder| {
            let opened = Args::read(words.into_iter().skip(1).map(Into::into)).unwrap_or_default().opened;
            let wishes = opening::wishes(&opened, Path::new(&folder));
            for wish in wishes {
                app.state::<Waiting>().push(wish);
            }
            window::show(app, None);
        }))
        .plugin(tauri_plugin_deep_link::init())
        .plugin(tauri_plugin_window_state::Builder::default().build())
        .plugin(tauri_plugin_dialog::init())
        .plugin(tauri_plugin_opener::init())
        .plugin(tauri_plugin_autostart::init(MacosLauncher::LaunchAgent, Some(vec!["--hidden"])))
        .manage(house)
        .manage(own)
        .manage(memory)
        .manage(Streams::default())
        .manage(Waiting::default())
        .manage(window::Drawn::default())
        .manage(Ending(CancellationToken::new()))
        .register_asynchronous_uri_scheme_protocol("gwthumb", |context, request, responder| {
            pictures::answer(context.app_handle(), request.uri().path(), responder);
        })
        .invoke_handler(tauri::generate_handler![
            commands::ask,
            commands::listen,
            commands::unlisten,
            commands::start,
            commands::appearance,
            commands::own_settings,
            commands::set_own_settings,
            commands::ready,
            commands::open_results,
            commands::sample,
            commands::save_copy,
            commands::painted,
            commands::quit,
        ])
        .setup(move |app| {
            begin(app.handle(), &args);
            Ok(())
        });
    match notices::plug(builder).build(tauri::generate_context!()) {
        Ok(app) => {
            app.run(on_event);
            ExitCode::SUCCESS
        }
        Err(error) => failed(&format!("the desktop app did not start: {error}")),
    }
}

/// Opens node, tray and window.
fn begin(app: &AppHandle, args: &Args) {
    if let Err(error) = tray::make(app) {
        tracing::warn!(%error, "this desktop shows no tray icon");
    }
    let folder = std::env::current_dir().unwrap_or_default();
    for wish in opening::wishes(&args.opened, &folder) {
        app.state::<Waiting>().push(wish);
    }
    let links = app.clone();
    app.deep_link().on_open_url(move |event| {
        for link in event.urls() {
            links.state::<Waiting>().push(opening::Wish::Pair { link: link.into() });
        }
        window::show(&links, None);
    });
    let node = app.clone();
    tauri::async_runtime::spawn(async move {
        // The window says that no node runs, and offers to start one.
        if let Err(error) = node.state::<House>().open().await {
            tracing::error!(%error, "no node was started");
        }
    });
    tauri::async_runtime::spawn(telling::follow(app.clone(), app.state::<Ending>().0.clone()));
    if !args.hidden {
        window::show(app, None);
    }
}

fn on_event(app: &AppHandle, event: RunEvent) {
    match event {
        RunEvent::WindowEvent { event: WindowEvent::CloseRequested { api, .. }, .. } if quitting::asks_first(app) => {
            api.prevent_close();
        }
        // The last window was closed; tray and node stay, unless a person wants it otherwise.
        RunEvent::ExitRequested { code: None, api, .. } if chosen(app).keep_running => api.prevent_exit(),
        RunEvent::WindowEvent { event: WindowEvent::Destroyed, .. } => window::gone(app),
        RunEvent::WindowEvent { event: WindowEvent::ThemeChanged(_), .. } => window::tell_appearance(app),
        RunEvent::Exit => {
            app.state::<Ending>().0.cancel();
            tauri::async_runtime::block_on(app.state::<House>().close());
        }
        _ => {}
    }
}

/// Logs into a file of the data folder: an app has no terminal.
fn start_log(data: &Path) -> io::Result<()> {
    make_private(data)?;
    let path = data.join("desktop.log");
    if fs::metadata(&path).is_ok_and(|file| file.len() > LOG_BYTES) {
        fs::rename(&path, data.join("desktop.log.old"))?;
    }
    let file = fs::File::options().create(true).append(true).open(path)?;
    let wanted = std::env::var("GRIDWELL_LOG").unwrap_or_default();
    let filter = EnvFilter::try_new(if wanted.is_empty() { DEFAULT_LOG } else { &wanted })
        .unwrap_or_else(|_| EnvFilter::new(DEFAULT_LOG));
    // A second logger in one process is the first one's business.
    let _ = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(false).with_writer(file).try_init();
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        tracing::error!(%panic, "the app made a mistake");
        usual(panic);
    }));
    Ok(())
}

/// The data folder is its owner's alone, from the first moment on.
fn make_private(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

#[expect(clippy::print_stderr, reason = "there is no window that could say it")]
fn failed(why: &str) -> ExitCode {
    eprintln!("gridwell-desktop: {why}");
    ExitCode::FAILURE
}
