//! The words of the local door: what a person's program may ask a node, what it answers, and what it tells by itself.
//!
//! Floor 1: plain data with `serde` and OpenAPI schemas, no sockets and no clock. JSON throughout, `snake_case` names,
//! ids as text, sizes in bytes (`_bytes`), durations in seconds (`_secs`), stamps in milliseconds since 1970 (UTC).
//! The same types travel over the Unix socket, are printed by `gridwell --json` and reach the window.
//!
//! - [`Request`] is one wish, [`Response`] its one answer, [`ApiError`] a refusal with a stable [`ErrorCode`].
//! - [`Event`]s tell everything after that: numbered, starting from a [`Snapshot`], kept in an [`EventRing`] so that a
//!   listener who was away gets what it missed or a fresh snapshot.
//!
//! Not here: transport (`serve`), the sentences of the command line (`cli`), and any decision.

mod activity;
mod change;
mod consent;
mod draft;
mod error;
mod event;
mod job;
mod keep;
mod landing;
mod layout;
mod lending;
mod limit;
mod machine;
mod membership;
mod pairing;
mod request;
mod response;
mod results;
mod share;
mod suggestion;
#[cfg(feature = "ts")]
mod typescript;
mod why;
mod window;

pub use activity::{
    ActivityPage, ActivityRequest, Bar, HistoryRequest, HistoryView, MachineHistory, TimelineRequest, TimelineView,
};
pub use change::{LinkChangeView, LinkHistoryView, LinkUndoRequest};
pub use consent::{AlwaysView, LinkAnswerRequest, LinkAskState, LinkAskView, LinkAsksView};
pub use draft::{DraftFile, DraftLeftOut, DraftMachine, DraftView, FrameRange, ParameterView, SceneView};
pub use error::{ApiError, ErrorCode, ErrorKind, FolderContents};
pub use event::{
    CodeShown, Event, EventBody, EventCursor, EventRing, LinkKey, Notice, NoticeKind, NoticeLevel, Replay, Snapshot,
    TasksChanged,
};
pub use job::{
    ChangeView, CopyView, EnergyView, FailureView, HandedOverView, JobDetail, JobView, LogPage, LogPiece, MadeBy,
    StepView, SubmittedView, TaskCounts, TaskPage, TaskView,
};
pub use keep::{FileFetchRequest, FileFreed, FilePinRequest, FilePlaceView, FileVerified};
pub use landing::{Flaw, FlawView, InTheWay, LandRequest, LandingView};
pub use layout::{BehaviourMode, BehaviourRequest, BehaviourView, LayoutChange, LayoutRequest, LayoutView, PairView};
pub use lending::{
    CostView, Isolation, LendLadder, LendLimits, LendNever, LendWhen, LendingPause, LendingRequest, LendingRules,
    LendingView, LentPart, ObjectionView, OnReturn, ProgramView, SenseView, YieldView,
};
pub use limit::{LimitHolderView, LimitRequest, LimitView};
pub use machine::{
    DoctorRequest, DoctorView, Finding, ForgiveRequest, InviteView, JoinedView, LinkState, LinkView, MachineActivity,
    MachineState, MachineView, Share, SickView, StatusView, WakeView,
};
pub use membership::{
    GovernedView, MemberView, MembersView, ProposalKind, ProposalView, RecoverRequest, RecoveryWordsView,
    RevokeRequest, RevokedView, RoleRequest,
};
pub use pairing::{
    InvitationView, NearbyView, PairAnswerRequest, PairCodeRequest, PairEnterRequest, PairMethod, PairShowRequest,
    PairSide, PairState, PairingView, PairingsView,
};
pub use request::{
    CommandRequest, HandOverRequest, HoldRequest, InviteRequest, JobRequest, JobsRequest, JoinRequest,
    LinkLimitRequest, LinkRequest, LogPageRequest, LogsRequest, PriorityRequest, Repeat, Request, SetRequest,
    SubmitRequest, TargetRequest, TasksRequest, WakeRequest,
};
pub use response::Response;
pub use results::{FileKind, Picture, PictureRequest, ResultFile, ResultsPage, ResultsRequest};
pub use share::{
    CopiesView, CopyPlaceView, FilePutRequest, FileRequest, FileView, FilesPage, FilesRequest, MountRequest, MountView,
    ShareAddRequest, ShareRemoveRequest, ShareReplicateRequest, ShareView, TreeKind,
};
pub use suggestion::{SuggestionReason, SuggestionView};
#[cfg(feature = "ts")]
pub use typescript::typescript;
pub use why::{Terms, WhyMachine, WhyView, WhyWish};
pub use window::{SessionRequest, SessionView, UploadRequest, UploadView, WindowView};
