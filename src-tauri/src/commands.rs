//! What the page may call. Each parses, forwards, and maps the error.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
};

use gridwell_api::{ApiError, ErrorCode, JobView, JobsRequest, MountView, Request, ShareView};
use serde_json::Value;
use tauri::{AppHandle, State, Window, ipc::Channel};
use tauri_plugin_opener::OpenerExt as _;

use crate::{
    house::House,
    memory::Quitting,
    opening::Waiting,
    own::{Own, OwnSettings},
    platform::{self, Appearance},
    quitting, saving,
    streams::{Streams, Told, Topic},
    window,
};

/// One wish, one answer.
#[tauri::command]
pub(crate) async fn ask(house: State<'_, House>, request: Request) -> Result<Value, ApiError> {
    house.client().ask(&request).await
}

/// Starts a subscription; returns its number.
#[tauri::command]
pub(crate) fn listen(app: AppHandle, streams: State<'_, Streams>, topic: Topic, channel: Channel<Told>) -> u32 {
    streams.start(&app, topic, channel)
}

/// Ends a subscription; one that has ended already is no error.
#[tauri::command]
pub(crate) fn unlisten(streams: State<'_, Streams>, id: u32) {
    streams.stop(id);
}

/// Starts a node where none runs.
#[tauri::command]
pub(crate) async fn start(house: State<'_, House>) -> Result<(), ApiError> {
    house.open().await
}

/// The page listens: what waits for it is handed over.
#[tauri::command]
pub(crate) fn ready(app: AppHandle, waiting: State<'_, Waiting>) {
    waiting.set_listens(true);
    window::hand_over(&app);
}

/// Something of the page was seen on the screen.
#[tauri::command]
pub(crate) fn painted(app: AppHandle) {
    window::painted(&app);
}

/// A person chose how to quit.
#[tauri::command]
pub(crate) fn quit(app: AppHandle, how: Quitting) {
    quitting::chose(&app, how);
}

/// Light or dark, and the accent, as the desktop says.
#[tauri::command]
pub(crate) async fn appearance() -> Appearance {
    platform::appearance().await
}

/// A scene for the renderer that is part of every node.
const SAMPLE: &str = include_str!("../../ui/src/bridge/welcome.gridwell-sample");

/// Puts the sample scene among this person's documents, where its pictures will land beside it; returns its path.
#[tauri::command]
pub(crate) fn sample() -> Result<PathBuf, ApiError> {
    let people = directories::UserDirs::new()
        .ok_or_else(|| ApiError::new(ErrorCode::Unreadable, "this person has no home folder"))?;
    let folder = people.document_dir().unwrap_or(people.home_dir()).join("Gridwell sample");
    let scene = folder.join("welcome.gridwell-sample");
    let fault = |error: std::io::Error| ApiError::new(ErrorCode::Unreadable, format!("{}: {error}", scene.display()));
    std::fs::create_dir_all(&folder).map_err(fault)?;
    match std::fs::File::create_new(&scene).and_then(|mut file| file.write_all(SAMPLE.as_bytes())) {
        // What a person has made of it stays.
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => Err(fault(error)),
        _ => Ok(scene),
    }
}

/// True for what a desktop might run instead of showing it.
fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    let starts = path
        .extension()
        .is_some_and(|end| ["desktop", "appimage", "jar", "sh"].iter().any(|known| end.eq_ignore_ascii_case(known)));
    starts || path.metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

/// Opens something of a job's results, of this machine's shares or of the mount with the program the desktop has for it; nothing
/// else.
#[tauri::command]
pub(crate) async fn open_results(app: AppHandle, house: State<'_, House>, path: PathBuf) -> Result<(), ApiError> {
    let client = house.client();
    let jobs: Vec<JobView> = client.ask(&Request::Jobs(JobsRequest::default())).await?;
    let shares: Vec<ShareView> = client.ask(&Request::Shares).await?;
    let mount: MountView = client.ask(&Request::Mounted).await?;
    let wanted = std::fs::canonicalize(&path)
        .map_err(|error| ApiError::new(ErrorCode::MissingFile, format!("{}: {error}", path.display())))?;
    let is_theirs = mount.dir.as_ref().is_some_and(|dir| wanted.starts_with(dir));
    if is_theirs && is_program(&wanted) {
        let message = format!("{} is a program of another machine: copy it here first", path.display());
        return Err(ApiError::new(ErrorCode::Forbidden, message));
    }
    let results = jobs.into_iter().flat_map(|job| job.output_folders);
    let folders = results.chain(shares.into_iter().filter_map(|share| share.path)).chain(mount.dir);
    let mut known = folders.filter_map(|folder| std::fs::canonicalize(folder).ok());
    if !known.any(|folder| wanted.starts_with(folder)) {
        let message = format!("{} holds neither results of a job nor shared files", path.display());
        return Err(ApiError::new(ErrorCode::Forbidden, message));
    }
    app.opener()
        .open_path(wanted.to_string_lossy(), None::<&str>)
        .map_err(|error| ApiError::new(ErrorCode::Unreadable, format!("{}: {error}", path.display())))
}

/// Copies a file of the tree, or the files of a folder as one, to where the person says; returns that place.
#[tauri::command]
pub(crate) async fn save_copy(
    app: AppHandle,
    window: Window,
    house: State<'_, House>,
    path: String,
    joined: bool,
) -> Result<Option<String>, ApiError> {
    saving::save(&app, &window, &house, &path, joined).await
}

/// What a person chose for the app on this machine.
#[tauri::command]
pub(crate) fn own_settings(own: State<'_, Own>) -> OwnSettings {
    own.get()
}

/// Keeps what a person chose for the app.
#[tauri::command]
pub(crate) fn set_own_settings(app: AppHandle, own: State<'_, Own>, settings: OwnSettings) -> Result<(), ApiError> {
    own.set(&app, settings)
}
