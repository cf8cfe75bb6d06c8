use std::{
    fs, io,
    path::{Path, PathBuf},
};

use bytes::Bytes;
use gridwell_api::{
    ApiError, ErrorCode, FileFetchRequest, FileFreed, FilePinRequest, FilePlaceView, FilePutRequest, FileRequest,
    FileVerified, FileView, FilesPage, FilesRequest, MountRequest, MountView, Request, ShareAddRequest,
    ShareRemoveRequest, ShareReplicateRequest, ShareView, TreeKind,
};
use gridwell_model::format_bytes;
use gridwell_serve::{ByteStream, Client, TreeView};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;
use tokio::io::AsyncWriteExt as _;

use super::End;
use crate::{
    args::{FilesArgs, FilesCommand, GetArgs, MountArgs, ShareArgs, ShareCommand},
    input,
    screen::Screen,
    text,
};

/// Shows a folder to other machines, or no more, or lists what is shown.
pub(super) async fn share(args: ShareArgs, client: &Client, screen: Screen) -> Result<End, ApiError> {
    let request = match args.command {
        ShareCommand::List => Request::Shares,
        ShareCommand::Add(args) => {
            let path = input::full_path(&args.folder)?;
            Request::ShareAdd(ShareAddRequest { path, name: args.name, to: args.to })
        }
        ShareCommand::Replicate(args) => {
            Request::ShareReplicate(ShareReplicateRequest { name: args.name, copies: args.copies })
        }
        ShareCommand::Remove(args) => Request::ShareRemove(ShareRemoveRequest { name: args.name }),
    };
    let shares: Vec<ShareView> = client.ask(&request).await?;
    screen.show(&shares, |shares| text::shares(shares, screen.columns()));
    Ok(End::Done)
}

/// Looks at the tree, or copies something of it here.
pub(super) async fn files(args: FilesArgs, client: &Client, screen: Screen) -> Result<End, ApiError> {
    match args.command {
        FilesCommand::Ls(args) => list(args.path, client, screen).await,
        FilesCommand::Stat(args) => {
            let file: FileView = client.ask(&Request::File(FileRequest { path: args.path.clone() })).await?;
            screen.show(&file, |file| text::file(&args.path, file));
            Ok(End::Done)
        }
        FilesCommand::Get(args) => get(&args, client, screen).await,
        FilesCommand::Put(args) => {
            let from = input::full_path(&args.file)?;
            let request = FilePutRequest { from, to: args.to.clone(), overwrite: args.overwrite };
            let file: FileView = client.ask(&Request::FilePut(request)).await?;
            screen.show(&file, |file| text::put(&args.to, file));
            Ok(End::Done)
        }
        FilesCommand::Pin(args) => pin(args.path, true, client, screen).await,
        FilesCommand::Unpin(args) => pin(args.path, false, client, screen).await,
        FilesCommand::Fetch(args) => {
            let request = FileFetchRequest { path: args.path.clone(), wait: true };
            let file: FileView = client.ask(&Request::FileFetch(request)).await?;
            screen.show(&file, |file| text::file(&args.path, file));
            Ok(End::Done)
        }
        FilesCommand::Free(args) => {
            let freed: FileFreed = client.ask(&Request::FileFree(FileRequest { path: args.path })).await?;
            screen.show(&freed, text::freed);
            Ok(End::Done)
        }
        FilesCommand::Where(args) => {
            let request = Request::FileWhere(FileRequest { path: args.path });
            let places: Vec<FilePlaceView> = client.ask(&request).await?;
            screen.show(&places, |places| text::places(places, screen.columns()));
            Ok(End::Done)
        }
        FilesCommand::Verify(args) => {
            let verified: FileVerified = client.ask(&Request::FileVerify(FileRequest { path: args.path })).await?;
            screen.show(&verified, text::verified);
            Ok(End::Done)
        }
    }
}

async fn pin(path: String, on: bool, client: &Client, screen: Screen) -> Result<End, ApiError> {
    let file: FileView = client.ask(&Request::FilePin(FilePinRequest { path: path.clone(), on })).await?;
    screen.show(&file, |file| text::file(&path, file));
    Ok(End::Done)
}

/// Shows the tree as a folder.
pub(super) async fn mount(args: MountArgs, client: &Client, screen: Screen) -> Result<End, ApiError> {
    let folder = match args.folder {
        Some(folder) => folder,
        None => input::home_folder()?.join("Gridwell"),
    };
    let request = MountRequest { dir: input::full_path(&folder)?, strict: args.strict };
    let view: MountView = client.ask(&Request::Mount(request)).await?;
    screen.show(&view, text::mounted);
    Ok(End::Done)
}

/// Shows it no more.
pub(super) async fn unmount(client: &Client, screen: Screen) -> Result<End, ApiError> {
    let view: MountView = client.ask(&Request::Unmount).await?;
    screen.show(&view, text::mounted);
    Ok(End::Done)
}

/// Lists all pages of a folder. A file is listed as itself.
async fn list(path: String, client: &Client, screen: Screen) -> Result<End, ApiError> {
    let mut whole = FilesPage { path: path.clone(), files: Vec::new(), more: true, online: true };
    while whole.more {
        let after = whole.files.last().map(|file| file.name.clone());
        let page: FilesPage = client.ask(&Request::Files(FilesRequest { path: path.clone(), after })).await?;
        whole.files.extend(page.files);
        (whole.path, whole.more, whole.online) = (page.path, page.more, whole.online && page.online);
    }
    screen.show(&whole, |whole| text::listing(whole, screen.columns()));
    Ok(End::Done)
}

async fn get(args: &GetArgs, client: &Client, screen: Screen) -> Result<End, ApiError> {
    let before: FileView = client.ask(&Request::File(FileRequest { path: args.path.clone() })).await?;
    let wanted = if args.joined { TreeKind::Folder } else { TreeKind::File };
    if before.kind != wanted {
        let lead = before.target.map(|target| format!("it leads to '{target}'")).unwrap_or_default();
        let what = if args.joined { "folder" } else { "file" };
        return Err(ApiError::new(ErrorCode::MissingFile, format!("'{}' is no {what}", args.path)).help(lead));
    }
    let view = match &args.region {
        Some(region) => TreeView::Region(region.clone()),
        None if args.joined => TreeView::Joined,
        None => TreeView::Whole,
    };
    let (size, mut stream) = client.file(&args.path, &view).await?;
    if args.to == Path::new("-") {
        while let Some(bytes) = next(&mut stream, &before, args, client).await? {
            screen.print(&bytes);
        }
        return Ok(End::Done);
    }
    let to = destination(args);
    if !args.overwrite && to.symlink_metadata().is_ok() {
        let message = format!("'{}' is there already", to.display());
        return Err(ApiError::new(ErrorCode::WrongState, message).help("to replace it: --overwrite"));
    }
    let part = to.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    let (file, part) = part_in(part).map_err(|error| failed(&to, &error))?.into_parts();
    let mut file = tokio::fs::File::from_std(file);
    let bar = bar(size, screen);
    while let Some(bytes) = next(&mut stream, &before, args, client).await? {
        file.write_all(&bytes).await.map_err(|error| failed(&to, &error))?;
        bar.inc(bytes.len() as u64);
    }
    bar.finish_and_clear();
    // Nobody ever sees half of it under its name.
    file.sync_all().await.map_err(|error| failed(&to, &error))?;
    let moved = if args.overwrite { part.persist(&to) } else { part.persist_noclobber(&to) };
    moved.map_err(|error| failed(&to, &error.error))?;
    let got = Got { to: to.to_string_lossy().into_owned(), size_bytes: size };
    screen.show(&got, |got| format!("{} ({})", got.to, format_bytes(size)));
    Ok(End::Done)
}

/// What was copied.
#[derive(Serialize)]
struct Got {
    to: String,
    size_bytes: u64,
}

/// The next bytes. When they break off, the file's machine is asked why.
async fn next(
    stream: &mut ByteStream,
    before: &FileView,
    args: &GetArgs,
    client: &Client,
) -> Result<Option<Bytes>, ApiError> {
    let broken = match stream.next().await {
        Ok(bytes) => return Ok(bytes),
        Err(error) => error,
    };
    let now: FileView = client.ask(&Request::File(FileRequest { path: args.path.clone() })).await?;
    let same = (now.size_bytes, now.modified_ms) == (before.size_bytes, before.modified_ms);
    let (code, message) = match same {
        true => (ErrorCode::PeerUnreachable, format!("'{}' did not come to its end: {}", args.path, broken.message)),
        false => (ErrorCode::FileChanged, format!("'{}' has changed while it was read", args.path)),
    };
    Err(ApiError::new(code, message))
}

/// Where the copy goes: into a folder under its own name.
fn destination(args: &GetArgs) -> PathBuf {
    let name = args.path.trim_end_matches('/').rsplit('/').next().unwrap_or(&args.path);
    let name = match &args.region {
        Some(region) => format!("{name} {region}.png"),
        None if args.joined => format!("{name} (joined)"),
        None => name.to_owned(),
    };
    if args.to.is_dir() { args.to.join(name) } else { args.to.clone() }
}

fn part_in(folder: &Path) -> io::Result<tempfile::NamedTempFile> {
    use std::os::unix::fs::PermissionsExt as _;
    // What its owner's mask takes away, it takes away here too.
    let usual = fs::Permissions::from_mode(0o666);
    tempfile::Builder::new().prefix(".gridwell-").suffix(".part").permissions(usual).tempfile_in(folder)
}

fn bar(size: u64, screen: Screen) -> ProgressBar {
    if !screen.is_live() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::with_draw_target(Some(size), ProgressDrawTarget::stderr_with_hz(5));
    if let Ok(style) = ProgressStyle::with_template(
        "{bar:20} {binary_bytes} of {binary_total_bytes}, {binary_bytes_per_sec}, {eta} left",
    ) {
        bar.set_style(style.progress_chars("━━─"));
    }
    bar
}

fn failed(to: &Path, source: &io::Error) -> ApiError {
    let code = match source.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => ErrorCode::DiskFull,
        io::ErrorKind::AlreadyExists => ErrorCode::WrongState,
        _ => ErrorCode::OutputNotWritable,
    };
    ApiError::new(code, format!("cannot write '{}': {source}", to.display()))
}
