//! Which of the grid's news become messages of the desktop, and what a person can do with each.

#[cfg(target_os = "linux")]
mod bus;
mod gathered;
#[cfg(not(target_os = "linux"))]
mod plugin;

use gridwell_api::{Notice, NoticeKind, NoticeLevel, PairSide, PairState, PairingView};
use gridwell_model::PeerId;
use tauri::AppHandle;
use tokio::sync::mpsc;

#[cfg(target_os = "linux")]
use bus as system;
#[cfg(not(target_os = "linux"))]
use plugin as system;

pub(crate) use gathered::Gathered;
pub(crate) use system::plug;

use crate::{
    deeds::Deed,
    memory::{day_of, remember},
    own::OwnSettings,
    tray,
};

/// Messages that may wait for a slow desktop; more would come too late to matter.
const MOST_WAITING: usize = 16;

/// What a message is about; each kind can be turned off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum About {
    /// Jobs that have ended.
    Ended,
    /// Something that only a person can mend.
    NeedsYou,
    /// This machine began to work for another one.
    Lending,
    /// A machine is back of which the person wanted to be told.
    Back,
}

impl About {
    /// What a notice is about, if the desktop is to hear of it; `this` is the machine it stands on.
    pub(crate) fn of(notice: &Notice, this: Option<PeerId>) -> Option<Self> {
        match notice.kind {
            NoticeKind::JobDone | NoticeKind::JobFailed => Some(Self::Ended),
            NoticeKind::Lending if notice.machine.is_some() && notice.machine != this => Some(Self::Lending),
            NoticeKind::Back => Some(Self::Back),
            _ if notice.level == NoticeLevel::Problem => Some(Self::NeedsYou),
            _ => None,
        }
    }
}

/// Whether a person wants to hear of such notices.
pub(crate) const fn is_wanted(notice: &Notice, about: About, settings: &OwnSettings) -> bool {
    match about {
        About::Ended if matches!(notice.kind, NoticeKind::JobDone) => settings.notify_done,
        About::Ended | About::NeedsYou => settings.notify_problem,
        About::Lending => settings.notify_lending,
        About::Back => true,
    }
}

/// One message of the desktop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) about: About,
    /// One line of plain text.
    pub(crate) title: String,
    /// Plain text, of several lines perhaps.
    pub(crate) body: String,
    /// What a click on the message does.
    pub(crate) click: Deed,
    /// A button and what it does.
    pub(crate) button: Option<(&'static str, Deed)>,
}

impl Message {
    /// What is told of a pairing: that a machine waits for a person here. The window has the question open.
    pub(crate) fn of_pairing(pairing: &PairingView) -> Option<Self> {
        let waits = pairing.side == PairSide::Host && pairing.state == PairState::Waiting;
        waits.then(|| Self {
            about: About::NeedsYou,
            title: gathered::line(&format!("{} wants to join", pairing.machine)),
            body: "Compare the four words on both machines, then say yes or no.".to_owned(),
            click: Deed::Show,
            button: Some(("Show", Deed::Show)),
        })
    }
}

/// Hands messages to the desktop.
#[derive(Debug, Clone)]
pub(crate) struct Teller(mpsc::Sender<Message>);

impl Teller {
    pub(crate) fn start(app: AppHandle) -> Self {
        let (outlet, inlet) = mpsc::channel(MOST_WAITING);
        tauri::async_runtime::spawn(system::run(app, inlet));
        Self(outlet)
    }

    /// Tells, unless the person sees it anyway or has heard enough of it.
    pub(crate) fn tell(&self, app: &AppHandle, message: Message, focused: bool) {
        match message.about {
            About::Ended if focused => return,
            About::Lending if !is_first_today(app) => return,
            _ => {}
        }
        if self.0.try_send(message).is_err() {
            tracing::debug!("the desktop takes no more notifications");
        }
    }
}

fn is_first_today(app: &AppHandle) -> bool {
    let mut first = false;
    remember(app, |memory| first = memory.lends_on(&day_of(tray::now())));
    first
}

#[cfg(test)]
mod tests {
    use gridwell_api::PairMethod;
    use gridwell_model::Stamp;

    use super::*;

    #[test]
    fn only_a_machine_that_waits_for_a_person_here_is_told_of() {
        let asked = Message::of_pairing(&a_pairing(PairSide::Host, PairState::Waiting)).expect("it needs a person");
        assert_eq!((asked.about, asked.title.as_str()), (About::NeedsYou, "sand stone wants to join"));
        assert_eq!(asked.click, Deed::Show);
        for (side, state) in [
            (PairSide::Host, PairState::Joined),
            (PairSide::Host, PairState::TimedOut),
            (PairSide::Guest, PairState::Waiting),
        ] {
            assert_eq!(Message::of_pairing(&a_pairing(side, state)), None, "{side:?} {state:?}");
        }
    }

    fn a_pairing(side: PairSide, state: PairState) -> PairingView {
        PairingView {
            id: 1,
            side,
            method: PairMethod::Code,
            machine: "sand\nstone".to_owned(),
            peer: None,
            fingerprint: String::new(),
            address: String::new(),
            words: Vec::new(),
            state,
            sentence: String::new(),
            error: None,
            since: Stamp(0),
            until: None,
        }
    }
}
