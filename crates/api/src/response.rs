use serde::Serialize;

use crate::{
    ActivityPage, ApiError, ChangeView, CopyView, DoctorView, DraftView, FileFreed, FilePlaceView, FileVerified,
    FileView, FilesPage, GovernedView, HandedOverView, HistoryView, InvitationView, InviteView, JobDetail, JobView,
    JoinedView, LayoutView, LendingView, LimitView, LinkAsksView, LinkHistoryView, LinkView, LogPage, MachineView,
    MembersView, MountView, NearbyView, PairingView, PairingsView, RecoveryWordsView, ResultsPage, ShareView,
    StatusView, SubmittedView, TaskPage, TimelineView, WakeView, WhyView,
};

/// The one answer to a [`crate::Request`]. In JSON only the content is written: the asker knows what it asked.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Response {
    /// The node itself.
    Status(StatusView),
    /// What a submission would become, one for each job.
    Drafts(Vec<DraftView>),
    /// Jobs that were started.
    Submitted(SubmittedView),
    /// Jobs, newest first.
    Jobs(Vec<JobView>),
    /// Jobs that this machine keeps for others.
    Copies(Vec<CopyView>),
    /// One job in full.
    Job(Box<JobDetail>),
    /// A page of tasks.
    Tasks(TaskPage),
    /// What a command changed.
    Changed(Box<ChangeView>),
    /// Why here, why not there.
    Why(Box<WhyView>),
    /// The machine to which a packet was sent that wakes it.
    Wake(WakeView),
    /// Machines, this one first.
    Machines(Vec<MachineView>),
    /// One machine.
    Machine(Box<MachineView>),
    /// Links of this machine, then of others.
    Links(Vec<LinkView>),
    /// An invite link.
    Invite(InviteView),
    /// The grid that was joined.
    Joined(JoinedView),
    /// A code and a link.
    Invitation(InvitationView),
    /// A machine that is being let in.
    Pairing(Box<PairingView>),
    /// Who is being let in.
    Pairings(PairingsView),
    /// Machines that show a code.
    Nearby(Vec<NearbyView>),
    /// Who belongs to the grid.
    Members(MembersView),
    /// What became of a wish about the members.
    Governed(GovernedView),
    /// Words that recover the grid.
    RecoveryWords(RecoveryWordsView),
    /// Findings about the node.
    Doctor(DoctorView),
    /// A link as it is now.
    Link(Box<LinkView>),
    /// What owners of machines ask each other.
    LinkAsks(LinkAsksView),
    /// Changes of links.
    LinkHistory(LinkHistoryView),
    /// Which links the grid is to have.
    Layout(Box<LayoutView>),
    /// Who goes on with jobs.
    HandedOver(Vec<HandedOverView>),
    /// Counted licences.
    Limits(Vec<LimitView>),
    /// How this machine lends.
    Lending(Box<LendingView>),
    /// Folders that machines show each other.
    Shares(Vec<ShareView>),
    /// Names in a folder of the tree.
    Files(FilesPage),
    /// Where the tree is shown as a folder.
    Mount(MountView),
    /// Something in the tree.
    File(Box<FileView>),
    /// What went to make room.
    Freed(FileFreed),
    /// Machines that have something, its owner first.
    Places(Vec<FilePlaceView>),
    /// What a check found.
    Verified(FileVerified),
    /// Files that landed.
    Results(ResultsPage),
    /// A part of a task's log.
    Log(LogPage),
    /// Runs of programs.
    Timeline(TimelineView),
    /// Notices.
    Activity(ActivityPage),
    /// Samples.
    History(HistoryView),
}

/// Lets a caller in the same process take the content out: `DraftView::try_from(response)`.
macro_rules! content {
    ($($variant:ident($held:ty) => $kind:ty, $open:expr;)*) => {$(
        impl TryFrom<Response> for $kind {
            type Error = ApiError;

            fn try_from(response: Response) -> Result<Self, ApiError> {
                let open: fn($held) -> $kind = $open;
                match response {
                    Response::$variant(content) => Ok(open(content)),
                    _ => Err(ApiError::bug(concat!("the node did not answer with ", stringify!($variant)))),
                }
            }
        }
    )*};
}

content! {
    Status(StatusView) => StatusView, |it| it;
    Drafts(Vec<DraftView>) => Vec<DraftView>, |it| it;
    Submitted(SubmittedView) => SubmittedView, |it| it;
    Jobs(Vec<JobView>) => Vec<JobView>, |it| it;
    Copies(Vec<CopyView>) => Vec<CopyView>, |it| it;
    Job(Box<JobDetail>) => JobDetail, |it| *it;
    Tasks(TaskPage) => TaskPage, |it| it;
    Changed(Box<ChangeView>) => ChangeView, |it| *it;
    Members(MembersView) => MembersView, |it| it;
    Governed(GovernedView) => GovernedView, |it| it;
    RecoveryWords(RecoveryWordsView) => RecoveryWordsView, |it| it;
    Why(Box<WhyView>) => WhyView, |it| *it;
    Wake(WakeView) => WakeView, |it| it;
    Machines(Vec<MachineView>) => Vec<MachineView>, |it| it;
    Machine(Box<MachineView>) => MachineView, |it| *it;
    Links(Vec<LinkView>) => Vec<LinkView>, |it| it;
    Invite(InviteView) => InviteView, |it| it;
    Joined(JoinedView) => JoinedView, |it| it;
    Invitation(InvitationView) => InvitationView, |it| it;
    Pairing(Box<PairingView>) => PairingView, |it| *it;
    Pairings(PairingsView) => PairingsView, |it| it;
    Nearby(Vec<NearbyView>) => Vec<NearbyView>, |it| it;
    Doctor(DoctorView) => DoctorView, |it| it;
    Link(Box<LinkView>) => LinkView, |it| *it;
    LinkAsks(LinkAsksView) => LinkAsksView, |it| it;
    LinkHistory(LinkHistoryView) => LinkHistoryView, |it| it;
    Layout(Box<LayoutView>) => LayoutView, |it| *it;
    HandedOver(Vec<HandedOverView>) => Vec<HandedOverView>, |it| it;
    Limits(Vec<LimitView>) => Vec<LimitView>, |it| it;
    Lending(Box<LendingView>) => LendingView, |it| *it;
    Shares(Vec<ShareView>) => Vec<ShareView>, |it| it;
    Files(FilesPage) => FilesPage, |it| it;
    Mount(MountView) => MountView, |it| it;
    File(Box<FileView>) => FileView, |it| *it;
    Freed(FileFreed) => FileFreed, |it| it;
    Places(Vec<FilePlaceView>) => Vec<FilePlaceView>, |it| it;
    Verified(FileVerified) => FileVerified, |it| it;
    Results(ResultsPage) => ResultsPage, |it| it;
    Log(LogPage) => LogPage, |it| it;
    Timeline(TimelineView) => TimelineView, |it| it;
    Activity(ActivityPage) => ActivityPage, |it| it;
    History(HistoryView) => HistoryView, |it| it;
}
