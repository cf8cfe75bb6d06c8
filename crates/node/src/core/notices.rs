//! What a person should know.

use gridwell_api::{EventBody, Notice, NoticeKind, NoticeLevel};
use gridwell_model::{JobId, PeerId};

use super::Core;
use crate::clock;

impl Core {
    /// Tells everybody who listens.
    pub(crate) fn notice(
        &mut self,
        kind: NoticeKind,
        level: NoticeLevel,
        sentence: String,
        job: Option<JobId>,
        machine: Option<PeerId>,
    ) {
        self.last_notice += 1;
        let notice = Notice { id: self.last_notice, at: clock::stamp(), kind, level, sentence, job, machine };
        self.events.tell(EventBody::Notice(notice));
    }
}
