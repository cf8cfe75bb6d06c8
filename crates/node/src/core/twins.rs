//! A data folder that runs twice: one of the two runs ends.

use gridwell_api::{ApiError, ErrorCode, NoticeKind, NoticeLevel};
use gridwell_model::PeerId;
use gridwell_wire::Twin;

use super::Core;

impl Core {
    /// Another run with this machine's key was here first: this one ends, and touches nothing.
    pub(super) fn on_twice(&mut self, peer: PeerId, twin: &Twin) {
        let (name, address, data) = (&twin.name, &twin.address, self.data.display());
        let message = format!(
            "this data folder is a copy: '{name}' at {address} runs with the same key, as {} says; the folder here is {data}",
            self.machines.name(peer)
        );
        if !self.membership.is_news(&message) {
            return;
        }
        let error = ApiError::new(ErrorCode::AlreadyRunning, message)
            .help("stop one of the two; for another machine use a fresh folder (--data DIR) and let it join");
        tracing::error!(error = error.message, "this node ends");
        self.notice(NoticeKind::Machine, NoticeLevel::Warning, error.message.clone(), None, Some(self.me));
        if let Some(evicted) = self.evicted.take() {
            let _nobody_waits = evicted.send(error);
        }
    }

    /// Tells people that somebody started a copy of a machine's data folder.
    pub(super) fn tell_twice(&mut self, peer: PeerId) {
        let name = self.machines.name(peer);
        let sentence =
            format!("a copy of the data folder of {name} was started elsewhere and is refused: {name} goes on");
        if self.membership.is_news(&sentence) {
            tracing::warn!(machine = name, "a copy of its data folder was started and is refused");
            self.notice(NoticeKind::Machine, NoticeLevel::Warning, sentence, None, Some(peer));
        }
    }
}
