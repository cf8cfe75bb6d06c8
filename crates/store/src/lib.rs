//! What a node keeps on disk: its journal and small values, program logs, run history, blobs, results coming home, and what
//! happened, for people.
//!
//! Floor 2, a hand. The only room that names SQLite. It decides nothing: it keeps what it is told, says when it is kept,
//! and hands it back after a restart. What entries mean is the ledger's business, what is fetched from where is the
//! node's.
//!
//! - [`Store`] owns a data folder: one node at a time, one writer thread per database, many writes per transaction.
//! - [`Blobs`] keeps files named by their hash, or remembers where they lie.
//! - [`SharedFolder`] is a folder of the user that others see: listed and read where it lies, and nothing outside it.
//! - [`Objects`] keeps verified pieces of blobs, and proves them to others.
//! - [`KnownFiles`] remembers other machines' files of which something was read, and what is to be kept of them.
//! - [`Blobs::land`] brings a result home so that no half file is ever visible under its name.
//!
//! Methods are `async` and return when the work is done; file work runs on tokio's blocking threads. Nothing here is
//! undone by dropping a future: what was queued is written.

mod blobs;
mod database;
mod disk;
mod ends;
mod history;
mod journal;
mod known;
mod landed;
mod landing;
mod lock;
mod log_part;
mod logs;
mod made;
mod meta;
mod notices;
mod objects;
mod open;
mod past;
mod proof;
mod reader;
mod results;
mod runs;
mod samples;
mod schema;
mod secret;
mod shares;
mod store;
mod writer;

pub use blobs::{BlobError, BlobFile, BlobHold, BlobLimits, BlobUsage, BlobWriter, Blobs};
pub use database::StoreError;
pub use ends::EndNote;
pub use history::{RunHistory, RunRecord};
pub use journal::{Durability, KEPT_KEYS, StoredJob, SubmitKey};
pub use known::{KnownFile, KnownFiles, Spot};
pub use landing::{LandError, LandSource, Overwrite, PutError, check_folder};
pub use log_part::{LogPart, LogPartQuery};
pub use logs::{KeptLine, LogLimits, LogLine, LogPage, LogQuery};
pub use notices::{Notice, NoticePage, NoticeQuery};
pub use objects::{Checked, Object, ObjectError, ObjectLimits, ObjectUsage, Objects};
pub use open::{OpenError, StoreLimits};
pub use past::{Past, PastLimits};
pub use proof::Proof;
pub use results::{LandedFile, LandedPage, LandedQuery};
pub use runs::{Run, RunPage, RunQuery};
pub use samples::{MachineSample, Sample};
pub use secret::SecretError;
pub use shares::{FolderPage, ShareError, SharedFile, SharedFolder};
pub use store::Store;
