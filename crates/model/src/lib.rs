//! The nouns of Gridwell: ids, times, hardware, requirements, jobs, states and units.
//!
//! Floor 0. Knows no clock, randomness, files, sockets, threads or async: whoever needs a time, a seed or bytes hands
//! them in. Every type here is plain data with `serde`, so that engines, wire, store and doors speak of the same thing.

mod copies;
mod deputy;
mod files;
mod hardware;
mod id;
mod job;
mod layout;
mod lease;
mod limit;
mod link;
mod need;
mod power;
mod pull;
mod relay;
mod role;
mod session;
mod share;
mod standing;
mod state;
mod time;
mod units;
mod wake;

pub use copies::{CopyReport, Edition, ListRef, ListedFile};
pub use deputy::{Body, Claim, DeputyMessage};
pub use files::{InputFile, OutputFile, RelPath, RelPathError};
pub use hardware::{Gpu, Hardware, Load, OsFamily, Tool};
pub use id::{BlobId, Fence, GridId, IdError, Incarnation, JobId, LeaseId, PeerId, ShareId, TaskKey, TaskRef, WorkId};
pub use job::{Chunking, Edge, EdgeKind, JobSpec, Retry, SessionSpec, SpanError, StepSpec, TaskSpan, TaskSpans};
pub use layout::{LayoutKind, NotALayout, Plan};
pub use lease::{Checkpoint, Decline, LeaseOffer, Renewal, Reserve, RunningTask, TaskResult};
pub use limit::{LicenceAsk, LicenceTerm, LimitHolder, LimitMessage, LimitNeed, LimitReport};
pub use link::{LinkAnswer, LinkAsk, LinkPolicy, LinkReport, LinkRule, LinkWish};
pub use need::{
    AmountNeed, AttributeNeed, Capabilities, NeedError, Needs, PerUnit, Preference, PreferenceError, Unmet,
};
pub use power::{Energy, Power, PowerError, Tariff, Watts};
pub use pull::{Leaning, PullError, Sharpness, Strategy, StrategyError, Tuning, Weight};
pub use relay::{Hindrance, Letter, LinkRecord, MOST_HOPS};
pub use role::{Role, RoleError};
pub use session::{Access, ActionEnd, ActionPlan, CancelPlan, EnvironmentPlan, FilePlan, Limits, SessionPlan};
pub use share::{Audience, EntryKind, ShareName, ShareNameError, ShareReport, TreeEntry, Version};
pub use standing::Standing;
pub use state::{AttemptEnd, FailureKind, JobState, TaskState};
pub use time::{Stamp, Time};
pub use units::{UnitError, format_bytes, format_duration, parse_bytes, parse_duration};
pub use wake::WakePoint;
