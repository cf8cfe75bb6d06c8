//! What shared files are measured against: sshfs and rclone on an SSH server of our own, TLS by openssl, and a FUSE mount of memory.

use std::{
    fs,
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use super::seconds;
use crate::shell::{self, Failure};

/// How long a server or a mount may take to come.
const PATIENCE: Duration = Duration::from_secs(30);

/// An SSH server on loopback with keys of its own; it ends when dropped.
pub(super) struct Server {
    folder: PathBuf,
    port: u16,
    process: Child,
}

impl Server {
    pub(super) fn start(folder: &Path) -> Result<Self, Failure> {
        let folder = folder.join("ssh");
        made(&folder)?;
        for key in ["host", "user"] {
            let mut command = Command::new("ssh-keygen");
            shell::run(command.args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(folder.join(key)))?;
        }
        // Its helper without rights wants an empty folder, which a running system makes.
        if rustix::process::geteuid().is_root() {
            made(Path::new("/run/sshd"))?;
        }
        let port = free_port()?;
        let at = folder.display();
        let settings = format!(
            "Port {port}\nListenAddress 127.0.0.1\nHostKey \"{at}/host\"\nAuthorizedKeysFile \"{at}/user.pub\"\nPidFile none\n\
             StrictModes no\nUsePAM no\nPasswordAuthentication no\nPermitRootLogin prohibit-password\n\
             Subsystem sftp internal-sftp\n"
        );
        let config = folder.join("sshd_config");
        fs::write(&config, settings).map_err(|error| Failure::file(&config, error))?;
        // It starts itself anew for each connection, by its full path.
        let program = shell::find("sshd").unwrap_or_else(|| "/usr/sbin/sshd".into());
        let mut command = Command::new(program);
        let process = shell::start(command.args(["-D", "-e", "-f"]).arg(config).stderr(Stdio::null()))?;
        let server = Self { folder, port, process };
        wait("the SSH server", || TcpStream::connect(("127.0.0.1", port)).is_ok())?;
        Ok(server)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        end(&mut self.process);
    }
}

/// A folder of the server as a mounted one, by a program that ends when this is dropped.
pub(super) struct Mounted {
    pub(super) dir: PathBuf,
    process: Child,
}

impl Mounted {
    pub(super) fn sshfs(server: &Server, folder: &Path) -> Result<Self, Failure> {
        let mut command = Command::new("sshfs");
        command.args(["-f", "-p", &server.port.to_string()]);
        for option in ["StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "LogLevel=ERROR", "ro"] {
            command.args(["-o", option]);
        }
        command.arg("-o").arg(format!("IdentityFile={}", server.folder.join("user").display()));
        command.arg(format!("{}@127.0.0.1:{}", user(), folder.display()));
        Self::by(command, server.folder.join("sshfs"))
    }

    pub(super) fn rclone(server: &Server, folder: &Path) -> Result<Self, Failure> {
        let mut command = Command::new("rclone");
        let key = server.folder.join("user");
        let remote = format!(
            ":sftp,host=127.0.0.1,port={},user={},key_file='{}':{}",
            server.port,
            user(),
            key.display(),
            folder.display()
        );
        command.args(["mount", "--config", "/dev/null", "--read-only", "--log-level", "ERROR"]).arg(remote);
        Self::by(command, server.folder.join("rclone"))
    }

    fn by(mut command: Command, dir: PathBuf) -> Result<Self, Failure> {
        made(&dir)?;
        let process = shell::start(command.arg(&dir).stdin(Stdio::null()).stdout(Stdio::null()))?;
        let mounted = Self { dir, process };
        wait("a mount", || is_mounted(&mounted.dir))?;
        Ok(mounted)
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ended = Command::new("fusermount3").args(["-u", "-z"]).arg(&self.dir).status();
        end(&mut self.process);
    }
}

/// Seconds that openssl takes to send a file to itself over TLS 1.3.
pub(super) fn tls_stream(folder: &Path, file: &Path) -> Result<f64, Failure> {
    let (key, certificate, port) = (folder.join("tls.key"), folder.join("tls.pem"), free_port()?);
    if !certificate.exists() {
        let mut command = Command::new("openssl");
        command.args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-subj",
            "/CN=bench",
        ]);
        shell::run(command.arg("-keyout").arg(&key).arg("-out").arg(&certificate).stderr(Stdio::null()))?;
    }
    let content = fs::File::open(file).map_err(|error| Failure::file(file, error))?;
    let mut command = Command::new("openssl");
    command.args(["s_server", "-quiet", "-naccept", "1", "-accept", &format!("127.0.0.1:{port}"), "-key"]).arg(&key);
    command.arg("-cert").arg(&certificate).stdin(content).stdout(Stdio::null()).stderr(Stdio::null());
    let mut server = shell::start(&mut command)?;
    // It serves one connection: looking for it by another one would take that.
    wait("the TLS server", || listens(port))?;
    let mut client = Command::new("openssl");
    client.args(["s_client", "-quiet", "-connect", &format!("127.0.0.1:{port}")]);
    client.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    let took = seconds(|| shell::run(&mut client));
    end(&mut server);
    took
}

/// Seconds that `work` takes on a gibibyte of memory behind our own mount, without a node.
pub(super) fn bare_fuse(folder: &Path, work: impl Fn(&Path) -> Result<(), Failure>) -> Result<f64, Failure> {
    let dir = folder.join("bare");
    made(&dir)?;
    let mut command = shell::cargo();
    command.args(["run", "--quiet", "--release", "--package", "gridwell-mount", "--example", "memory", "--"]).arg(&dir);
    // The example ends with its input.
    let mut process = shell::start(command.stdin(Stdio::piped()).stdout(Stdio::null()))?;
    let input = process.stdin.take();
    let file = dir.join("1GiB");
    while !file.exists() {
        shell::pause()?;
    }
    let took = seconds(|| work(&file));
    drop(input);
    shell::wait(&mut process)?;
    took
}

fn wait(what: &str, mut happened: impl FnMut() -> bool) -> Result<(), Failure> {
    let started = Instant::now();
    while !happened() {
        if started.elapsed() > PATIENCE {
            return Err(Failure::TimedOut { what: what.to_owned(), seconds: PATIENCE.as_secs() });
        }
        shell::pause()?;
    }
    Ok(())
}

fn made(folder: &Path) -> Result<(), Failure> {
    fs::create_dir_all(folder).map_err(|error| Failure::file(folder, error))
}

fn end(process: &mut Child) {
    // An error means that it has ended meanwhile.
    let _ = process.kill();
    let _ = process.wait();
}

/// A port that nobody uses at the moment.
fn free_port() -> Result<u16, Failure> {
    let bound = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    bound.map(|address| address.port()).map_err(|error| Failure::file(Path::new("127.0.0.1"), error))
}

/// True if somebody listens at a port of IPv4. Source: proc(5), `net/tcp`: addresses in hexadecimal, and 0A for listening.
fn listens(port: u16) -> bool {
    let table = fs::read_to_string("/proc/net/tcp").unwrap_or_default();
    let end = format!(":{port:04X}");
    table
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>())
        .any(|line| line.get(1).is_some_and(|address| address.ends_with(&end)) && line.get(3) == Some(&"0A"))
}

fn is_mounted(dir: &Path) -> bool {
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    // A space is written as four characters there.
    let dir = dir.display().to_string().replace(' ', "\\040");
    mounts.lines().any(|line| line.split(' ').nth(1) == Some(&dir))
}

fn user() -> String {
    let said = Command::new("id").arg("-un").output();
    said.map(|said| String::from_utf8_lossy(&said.stdout).trim().to_owned()).unwrap_or_default()
}
