//! A frame of a film, taken out by ffmpeg. Source: `docs/decisions/0008-preview-starts-ffmpeg.md`.

use std::{
    ffi::OsString,
    io::{self, Cursor, Read as _},
    path::Path,
    process::{Child, Command, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

/// Containers that ffmpeg may open, by its names for them: none of them leads to another file, as playlists do.
const CONTAINERS: &str = "asf,avi,flv,matroska,webm,mov,mp4,m4a,3gp,3g2,mj2,mpeg,mpegts,mpegvideo,mxf,ogg";

/// Most pixels of a frame: 8K, and the wider ones of cinemas.
const MAX_PIXELS: u64 = 8_192 * 4_320;

/// Most bytes of a frame as it is handed over: three for each pixel, and a header.
const FRAME_BYTES: u64 = 3 * MAX_PIXELS + 4_096;

/// Most bytes ffmpeg may allocate at once: a frame of the largest size with deep colours.
const MAX_BLOCK_BYTES: u64 = 1 << 28;

/// Most memory of ffmpeg in bytes, libraries included; many frames of the largest size fit.
#[cfg(target_os = "linux")]
const MEMORY_BYTES: u64 = 1 << 32;

/// How long ffmpeg may work, in seconds of one core: a hundred times what a frame takes.
#[cfg(target_os = "linux")]
const WORK_SECS: u64 = 10;

/// How long a frame is waited for: on a machine that renders on all cores, a background program gets a tenth of one.
const PATIENCE: Duration = Duration::from_secs(30);

/// How often is looked whether somebody still waits for the frame.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Where in the film, in seconds: beginnings are often black. Shorter films give their first frame.
const MOMENTS_SECS: [&str; 2] = ["1", "0"];

/// Takes a frame out of the film at `path`, as a BMP; `None` if the film has none.
///
/// # Errors
///
/// What keeps `ffmpeg` from starting, from ending in time, or from keeping within its output; also if `wanted` says no.
pub(crate) fn frame(ffmpeg: &Path, path: &Path, wanted: &dyn Fn() -> bool) -> io::Result<Option<Cursor<Vec<u8>>>> {
    let path = std::path::absolute(path)?;
    for moment in MOMENTS_SECS {
        let bytes = run(command(ffmpeg, &path, moment), wanted)?;
        if !bytes.is_empty() {
            return Ok(Some(Cursor::new(bytes)));
        }
    }
    Ok(None)
}

fn command(ffmpeg: &Path, path: &Path, moment: &str) -> Command {
    let mut film = OsString::from("file:");
    film.push(path);
    let mut command = Command::new(ffmpeg);
    command
        .args(["-nostdin", "-hide_banner", "-loglevel", "quiet", "-max_alloc", &MAX_BLOCK_BYTES.to_string()])
        .args(["-protocol_whitelist", "file", "-format_whitelist", CONTAINERS])
        .args(["-threads", "1", "-max_pixels", &MAX_PIXELS.to_string(), "-ss", moment, "-i"])
        .arg(film)
        // One picture of the first track that is no cover, and nothing else of the film.
        .args(["-map", "0:V:0", "-map_metadata", "-1", "-frames:v", "1", "-threads", "1"])
        .args(["-pix_fmt", "bgr24", "-c:v", "bmp", "-f", "image2pipe", "pipe:1"])
        // Its environment may ask it to write a report into a file.
        .env_remove("FFREPORT")
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    command
}

/// What the program writes, within all limits; it is dead when this returns.
fn run(mut command: Command, wanted: &dyn Fn() -> bool) -> io::Result<Vec<u8>> {
    let mut running = Running(command.spawn()?);
    limit(&running.0)?;
    let stdout = running.0.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?;
    let (send, receive) = mpsc::sync_channel(1);
    thread::Builder::new().name("preview-film".to_owned()).spawn(move || {
        let mut bytes = Vec::new();
        let read = stdout.take(FRAME_BYTES + 1).read_to_end(&mut bytes);
        // Nobody waits any more for a program that was too slow.
        let _ = send.send(read.map(|_| bytes));
    })?;
    let start = Instant::now();
    loop {
        match receive.recv_timeout(LOOK_EVERY) {
            Ok(Ok(bytes)) if bytes.len() as u64 > FRAME_BYTES => {
                return Err(io::Error::new(io::ErrorKind::FileTooLarge, "the frame is larger than 8K"));
            }
            Ok(read) => return read,
            Err(mpsc::RecvTimeoutError::Timeout) if start.elapsed() > PATIENCE => {
                return Err(io::ErrorKind::TimedOut.into());
            }
            Err(mpsc::RecvTimeoutError::Timeout) if wanted() => {}
            Err(mpsc::RecvTimeoutError::Timeout | mpsc::RecvTimeoutError::Disconnected) => {
                return Err(io::ErrorKind::Interrupted.into());
            }
        }
    }
}

/// A program that does not outlive this value.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself; its number stays taken until it is waited for.
        #[cfg(unix)]
        let _ = rustix::process::kill_process_group(
            rustix::process::Pid::from_child(&self.0),
            rustix::process::Signal::KILL,
        );
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Bounds what the program may use; it has hardly started, and holds nothing of the film yet.
#[cfg(target_os = "linux")]
fn limit(child: &Child) -> io::Result<()> {
    use rustix::process::{Pid, Resource, Rlimit, prlimit};
    let limits = [
        (Resource::As, MEMORY_BYTES),
        (Resource::Cpu, WORK_SECS),
        // It writes into a pipe, and into no file.
        (Resource::Fsize, 0),
        (Resource::Core, 0),
    ];
    for (resource, value) in limits {
        prlimit(Some(Pid::from_child(child)), resource, Rlimit { current: Some(value), maximum: Some(value) })?;
    }
    Ok(())
}

#[cfg(not(target_os = "linux"))]
fn limit(_child: &Child) -> io::Result<()> {
    Ok(())
}

#[cfg(target_os = "linux")]
#[cfg(test)]
mod tests {
    use std::{
        cell::Cell,
        fs::{self, File},
        os::unix::fs::PermissionsExt as _,
        path::PathBuf,
    };

    use rustix::fs::{CWD, FileType, Mode, OFlags, fcntl_setfl, mknodat, open};

    use super::*;

    fn program(folder: &Path, script: &str) -> PathBuf {
        let path = folder.join("ffmpeg");
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    #[test]
    fn an_endless_answer_is_cut() {
        let temp = tempfile::tempdir().unwrap();
        let talks = program(temp.path(), "exec cat /dev/zero");
        let cut = frame(&talks, Path::new("/film.mp4"), &|| true).unwrap_err();
        assert_eq!(cut.kind(), io::ErrorKind::FileTooLarge);
    }

    #[test]
    fn a_frame_that_nobody_waits_for_ends_its_program_and_what_that_started() {
        let temp = tempfile::tempdir().unwrap();
        let pipe = temp.path().join("ffmpeg.pipe");
        mknodat(CWD, &pipe, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        let mut alive = File::from(open(&pipe, OFlags::RDONLY | OFlags::NONBLOCK, Mode::empty()).unwrap());
        let script = "exec 3> \"$0.pipe\"; sleep 1000 & echo started >&3; wait";
        let sleeps = program(temp.path(), script);

        let started = Cell::new(false);
        let wanted = || {
            started.set(started.get() || (&alive).read(&mut [0; 8]).is_ok_and(|read| read > 0));
            !started.get()
        };
        let given_up = frame(&sleeps, Path::new("/film.mp4"), &wanted).unwrap_err();

        assert_eq!(given_up.kind(), io::ErrorKind::Interrupted);
        assert!(started.get());
        // Ends when the last of them is dead, for each holds the other end.
        fcntl_setfl(&alive, OFlags::empty()).unwrap();
        alive.read_to_end(&mut Vec::new()).unwrap();
    }

    #[test]
    fn it_writes_no_file() {
        let temp = tempfile::tempdir().unwrap();
        let writes = "until [ \"$(ulimit -f)\" = 0 ]; do :; done; trap '' XFSZ; echo data > \"$0.out\"; exit 0";
        assert!(frame(&program(temp.path(), writes), Path::new("/film.mp4"), &|| true).unwrap().is_none());
        assert_eq!(fs::read_to_string(temp.path().join("ffmpeg.out")).unwrap(), "");
    }

    #[test]
    fn a_name_is_never_an_option_or_an_address() {
        let command = command(Path::new("ffmpeg"), Path::new("/http://x/-y"), "0");
        let arguments: Vec<_> = command.get_args().map(|argument| argument.to_str().unwrap()).collect();
        let at = arguments.iter().position(|argument| *argument == "-i").unwrap();
        assert_eq!(arguments[at + 1], "file:/http://x/-y");
    }
}
