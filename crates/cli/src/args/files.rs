use std::path::PathBuf;

use clap::{Args, Subcommand};

/// `gridwell share`
#[derive(Debug, Args)]
pub struct ShareArgs {
    /// What to do
    #[command(subcommand)]
    pub command: ShareCommand,
}

/// Every command of `gridwell share`.
#[derive(Debug, Subcommand)]
pub enum ShareCommand {
    /// Show a folder of this machine to others, to be read
    #[command(after_help = "\
Examples:
  gridwell share add ~/projects
  gridwell share add ~/shots/kitchen --name kitchen --to attic --to mill

It is there at once, however much it holds: what is read is fetched when it is read. Nothing outside it can be seen,
wherever links in it lead. Others never write to it.")]
    Add(ShareAddArgs),
    /// Have so many machines keep each of its files, this one counted
    #[command(after_help = "\
Examples:
  gridwell share replicate kitchen 3    this machine and two others; when one is lost, another one takes its place
  gridwell share replicate kitchen 1    this machine only, as usual

Machines that see the share keep them by themselves, each in a part of its free disk (there: gridwell set
share-copies=100GiB), also while this one sleeps or is lost: its files are read from them then. They follow within a
minute what changes here; what is deleted here goes there, too. How many there are: gridwell share list")]
    Replicate(ShareReplicateArgs),
    /// List the folders that machines show each other
    #[command(after_help = "Examples:\n  gridwell share list\n  gridwell share list --json")]
    List,
    /// Show a folder no more; the folder itself stays as it is
    #[command(after_help = "Example:\n  gridwell share remove kitchen")]
    Remove(ShareRemoveArgs),
}

/// `gridwell share add`
#[derive(Debug, Args)]
pub struct ShareAddArgs {
    /// The folder
    pub folder: PathBuf,
    /// What it is called; the folder's own name if not given
    #[arg(long)]
    pub name: Option<String>,
    /// A machine that sees it (repeatable); all that may see shared files if not given
    #[arg(long, value_name = "MACHINE")]
    pub to: Vec<String>,
}

/// `gridwell share replicate`
#[derive(Debug, Args)]
pub struct ShareReplicateArgs {
    /// What it is called
    pub name: String,
    /// On how many machines each file is to be
    pub copies: u32,
}

/// `gridwell share remove`
#[derive(Debug, Args)]
pub struct ShareRemoveArgs {
    /// What it is called
    pub name: String,
}

/// `gridwell mount`
#[derive(Debug, Args)]
pub struct MountArgs {
    /// An empty folder; it is made if it is not there [default: Gridwell in your home]
    pub folder: Option<PathBuf>,
    /// Move exactly the bytes that programs read
    #[arg(long)]
    pub strict: bool,
}

/// `gridwell files`
#[derive(Debug, Args)]
pub struct FilesArgs {
    /// What to do
    #[command(subcommand)]
    pub command: FilesCommand,
}

/// Every command of `gridwell files`.
#[derive(Debug, Subcommand)]
pub enum FilesCommand {
    /// List a folder; no content moves
    #[command(after_help = "Examples:\n  gridwell files ls\n  gridwell files ls /mill/projects/kitchen")]
    Ls(ListArgs),
    /// Show what is known of one file or folder; no content moves
    #[command(after_help = "Example:\n  gridwell files stat /mill/projects/kitchen.blend")]
    Stat(PathArgs),
    /// Copy a file here
    #[command(after_help = "\
Examples:
  gridwell files get /mill/projects/kitchen.blend
  gridwell files get /mill/projects/kitchen.blend ~/kitchen.blend
  gridwell files get /mill/notes/todo.txt - | less
  gridwell files get /mill/logs/render --joined render.log
  gridwell files get /mill/shots/plate.exr --region 1200,400,640,360 face.png

--joined copies the files of a folder as one, in the order of their names, as `cat FOLDER/*` does. --region copies a part
of an OpenEXR or TIFF picture, as a PNG; only the blocks of the file that hold it are read.")]
    Get(GetArgs),
    /// Copy a file of this machine into a folder that it shares
    #[command(after_help = "\
Examples:
  gridwell files put kitchen.blend /mill/projects
  gridwell files put oak.png /mill/projects/textures/oak_02.png

It is there whole or not at all, and never in the place of another file unless --overwrite says so. Folders on the way are
made. Only the machine that shares a folder writes to it.")]
    Put(PutArgs),
    /// Keep a file or folder here: fetch all of it, and what comes to it later
    #[command(after_help = "Examples:
  gridwell files pin /mill/projects/kitchen
  gridwell files pin /mill/projects/kitchen.blend --json

What is kept never makes room for anything else. It comes beside whatever else happens; `gridwell files where` says how
much of it is here.")]
    Pin(PathArgs),
    /// Keep a file or folder here no more; it stays until something else needs the room
    #[command(after_help = "Example:\n  gridwell files unpin /mill/projects/kitchen")]
    Unpin(PathArgs),
    /// Fetch a file or folder now, without keeping it
    #[command(after_help = "Example:\n  gridwell files fetch /mill/projects/kitchen")]
    Fetch(PathArgs),
    /// Make room: what is here of a file or folder goes
    #[command(after_help = "Example:
  gridwell files free /mill/projects/kitchen

What is kept stays, and so does what may be the last copy: if its machine is offline, or has another version now.")]
    Free(PathArgs),
    /// Show which machines have a file or folder
    #[command(after_help = "Example:\n  gridwell files where /mill/projects/kitchen.blend")]
    Where(PathArgs),
    /// Check what is here against its hash; what is wrong goes, and comes anew when it is read
    #[command(after_help = "Example:\n  gridwell files verify /mill/projects")]
    Verify(PathArgs),
}

/// `gridwell files ls`
#[derive(Debug, Args)]
pub struct ListArgs {
    /// The folder: /MACHINE/SHARE/…; all machines if not given
    #[arg(default_value = "/")]
    pub path: String,
}

/// `gridwell files stat`
#[derive(Debug, Args)]
pub struct PathArgs {
    /// The file or folder: /MACHINE/SHARE/…
    pub path: String,
}

/// `gridwell files put`
#[derive(Debug, Args)]
pub struct PutArgs {
    /// The file
    pub file: PathBuf,
    /// A folder of a share of this machine, or a name in one: /MACHINE/SHARE/…
    #[arg(value_name = "TO")]
    pub to: String,
    /// Replace another file that lies there
    #[arg(long)]
    pub overwrite: bool,
}

/// `gridwell files get`
#[derive(Debug, Args)]
pub struct GetArgs {
    /// The file: /MACHINE/SHARE/…
    pub path: String,
    /// Where the copy goes: a file, a folder, or - for standard output; this folder if not given
    #[arg(default_value = ".", value_name = "TO")]
    pub to: PathBuf,
    /// Replace a file that lies there
    #[arg(long)]
    pub overwrite: bool,
    /// Copy the files of a folder as one
    #[arg(long)]
    pub joined: bool,
    /// Copy a part of a picture: pixels from its upper left corner
    #[arg(long, value_name = "X,Y,WIDTH,HEIGHT", conflicts_with = "joined")]
    pub region: Option<String>,
}
