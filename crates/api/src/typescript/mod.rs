mod layout;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use layout::{Declared, Field, Form};
use ts_rs::{Config, TS, TypeVisitor};

use crate::{
    ActivityPage, ApiError, ChangeView, CopyView, DoctorView, DraftView, Event, FileFreed, FilePlaceView, FileVerified,
    FileView, FilesPage, GovernedView, HandedOverView, HistoryView, InvitationView, InviteView, JobDetail, JobView,
    JoinedView, LayoutView, LendingView, LimitView, LinkAsksView, LinkHistoryView, LinkView, LogPage, LogPiece,
    LogsRequest, MachineView, MembersView, MountView, NearbyView, PairingView, PairingsView, PictureRequest,
    RecoveryWordsView, Request, ResultsPage, SessionRequest, SessionView, ShareView, StatusView, SubmittedView,
    TaskPage, TimelineView, UploadView, WakeView, WhyView,
};

const HEAD: &str = "// Made by `cargo xtask bindings` from the types of `crates/api`. Do not edit.\n\n";

/// The TypeScript forms of everything that crosses the local door, as one module.
///
/// Types are in alphabetical order, so that the text depends on nothing but the types. Numbers of 64 bits are `number`:
/// ids are texts, and sizes and counts stay below 2⁵³.
#[must_use]
pub fn typescript() -> String {
    let declarations: Vec<_> = collect().iter().map(|(name, declared)| layout::declaration(name, declared)).collect();
    format!("{HEAD}{}", declarations.join("\n"))
}

/// Every type that crosses the door, by name.
fn collect() -> BTreeMap<String, Declared> {
    let mut found = Found { config: Config::new().with_large_int("number"), types: BTreeMap::new() };
    found.visit::<Request>();
    found.visit::<LogsRequest>();
    found.visit::<PictureRequest>();
    found.visit::<Event>();
    found.visit::<LogPiece>();
    found.visit::<ApiError>();
    found.visit::<SessionRequest>();
    found.visit::<SessionView>();
    found.visit::<UploadView>();
    let answers = answers(&mut found);
    found.types.insert("Answers".to_owned(), answers);
    found.types
}

/// Declares the answer to each wish; a wish without one does not compile.
macro_rules! answers {
    ($($wish:ident => $answer:ty;)*) => {
        fn answers(found: &mut Found) -> Declared {
            #[expect(dead_code, reason = "only the compiler reads it")]
            fn every_wish_is_named(request: &Request) {
                match request {
                    $(Request::$wish { .. } => {})*
                }
            }
            let docs = "The answer to each wish, by its word. In JSON it carries no tag: the asker knows what it asked.";
            Declared {
                docs: vec![docs.to_owned()],
                form: Form::Object(vec![$(found.answer::<$answer>(stringify!($wish))),*]),
            }
        }
    };
}

answers! {
    Status => StatusView;
    Inspect => Vec<DraftView>;
    Submit => SubmittedView;
    Jobs => Vec<JobView>;
    Copies => Vec<CopyView>;
    Job => JobDetail;
    Tasks => TaskPage;
    Cancel => ChangeView;
    Retry => ChangeView;
    Hold => ChangeView;
    Release => ChangeView;
    Priority => ChangeView;
    Land => ChangeView;
    Why => WhyView;
    Machines => Vec<MachineView>;
    Links => Vec<LinkView>;
    Invite => InviteView;
    Join => JoinedView;
    PairShow => InvitationView;
    PairHide => PairingsView;
    PairCode => PairingView;
    PairEnter => PairingView;
    PairAnswer => PairingView;
    Pairings => PairingsView;
    Nearby => Vec<NearbyView>;
    Members => MembersView;
    Role => GovernedView;
    Revoke => GovernedView;
    RecoverSet => RecoveryWordsView;
    RecoverConfirm => GovernedView;
    Recover => GovernedView;
    Doctor => DoctorView;
    Wake => WakeView;
    DoctorOf => DoctorView;
    Set => MachineView;
    Forgive => MachineView;
    Link => LinkView;
    LinkLimit => LinkView;
    LinkAsks => LinkAsksView;
    LinkAnswer => LinkAsksView;
    LinkHistory => LinkHistoryView;
    LinkUndo => LinkHistoryView;
    Layout => LayoutView;
    Behaviour => LayoutView;
    HandOver => Vec<HandedOverView>;
    Limit => Vec<LimitView>;
    Lending => LendingView;
    Shares => Vec<ShareView>;
    ShareAdd => Vec<ShareView>;
    ShareRemove => Vec<ShareView>;
    ShareReplicate => Vec<ShareView>;
    Files => FilesPage;
    File => FileView;
    FilePin => FileView;
    FileFetch => FileView;
    FileFree => FileFreed;
    FileWhere => Vec<FilePlaceView>;
    FilePut => FileView;
    FileVerify => FileVerified;
    Mount => MountView;
    Unmount => MountView;
    Mounted => MountView;
    Results => ResultsPage;
    Log => LogPage;
    Timeline => TimelineView;
    Activity => ActivityPage;
    History => HistoryView;
}

/// The word by which JSON names a variant: `JobDone` is `job_done`.
fn word(variant: &str) -> String {
    let mut word = String::new();
    for letter in variant.chars() {
        if letter.is_ascii_uppercase() && !word.is_empty() {
            word.push('_');
        }
        word.push(letter.to_ascii_lowercase());
    }
    word
}

/// Types by name, collected along dependencies.
struct Found {
    config: Config,
    types: BTreeMap<String, Declared>,
}

impl Found {
    /// The field that names the answer to a wish.
    fn answer<T: TS + 'static>(&mut self, wish: &str) -> Field {
        self.visit::<T>();
        Field { docs: Vec::new(), name: word(wish), form: Form::Word(T::name(&self.config)) }
    }
}

impl TypeVisitor for Found {
    fn visit<T: TS + 'static + ?Sized>(&mut self) {
        // Numbers, texts and lists have no declaration of their own.
        if T::output_path().is_some() {
            let name = T::ident(&self.config);
            if self.types.contains_key(&name) {
                return;
            }
            let docs = T::docs().map(|docs| layout::lines_of(&docs)).unwrap_or_default();
            self.types.insert(name, Declared { docs, form: Form::read(&T::inline(&self.config)) });
        }
        T::visit_dependencies(self);
        T::visit_generics(self);
    }
}
