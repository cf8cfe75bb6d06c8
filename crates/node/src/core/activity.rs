//! What a person should know: told at once, written down, and shown again.

use gridwell_api::{ActivityPage, ActivityRequest, EventBody, Notice, NoticeKind, NoticeLevel, Response};
use gridwell_model::{JobId, PeerId};
use gridwell_store::{Notice as Kept, NoticeQuery};

use super::{Core, door::storage, facts::Reply};
use crate::{clock, recorder::Happened};

/// Ids that the last run may have told of without keeping them: more than its recorder held.
pub(crate) const UNKEPT_NOTICES: u64 = 100_000;

/// Longest sentence that is kept and told, in bytes: names of jobs and machines come from people.
const SENTENCE_BYTES: usize = 500;

/// Kinds and levels by the number under which they are kept; new ones go at the end.
const KINDS: [NoticeKind; 10] = [
    NoticeKind::JobStarted,
    NoticeKind::JobDone,
    NoticeKind::JobFailed,
    NoticeKind::JobCancelled,
    NoticeKind::Machine,
    NoticeKind::Link,
    NoticeKind::Lending,
    NoticeKind::Results,
    NoticeKind::Other,
    NoticeKind::Back,
];
const LEVELS: [NoticeLevel; 3] = [NoticeLevel::Info, NoticeLevel::Warning, NoticeLevel::Problem];

fn number_of<T: PartialEq>(all: &[T], one: &T) -> u8 {
    all.iter().position(|other| other == one).unwrap_or(all.len() - 1) as u8
}

fn kept(notice: &Notice) -> Kept {
    Kept {
        id: notice.id,
        at: notice.at,
        kind: number_of(&KINDS, &notice.kind),
        level: number_of(&LEVELS, &notice.level),
        sentence: notice.sentence.clone(),
        job: notice.job,
        machine: notice.machine,
    }
}

fn told(kept: Kept) -> Notice {
    Notice {
        id: kept.id,
        at: kept.at,
        kind: KINDS.get(usize::from(kept.kind)).copied().unwrap_or(NoticeKind::Other),
        level: LEVELS.get(usize::from(kept.level)).copied().unwrap_or(NoticeLevel::Info),
        sentence: kept.sentence,
        job: kept.job,
        machine: kept.machine,
    }
}

impl Core {
    /// Tells everybody who listens, and writes it down.
    pub(crate) fn notice(
        &mut self,
        kind: NoticeKind,
        level: NoticeLevel,
        mut sentence: String,
        job: Option<JobId>,
        machine: Option<PeerId>,
    ) {
        let end = (0..=SENTENCE_BYTES.min(sentence.len())).rev().find(|at| sentence.is_char_boundary(*at));
        sentence.truncate(end.unwrap_or(0));
        self.last_notice += 1;
        let notice = Notice { id: self.last_notice, at: clock::stamp(), kind, level, sentence, job, machine };
        self.recorder.note(Happened::Notice(kept(&notice)));
        self.events.tell(EventBody::Notice(notice));
    }

    /// Answers with a page of notices, read beside the loop.
    pub(super) fn activity(&self, request: &ActivityRequest, reply: Reply) {
        let job = match request.job.as_deref().map(|job| self.find(job)).transpose() {
            Ok(found) => found.map(|(job, _)| job),
            Err(error) => {
                let _gone = reply.send(Err(error));
                return;
            }
        };
        let limit = match request.limit {
            0 => ActivityRequest::MAX_LIMIT,
            asked => asked.min(ActivityRequest::MAX_LIMIT),
        };
        let query = NoticeQuery { before: request.before, job, limit };
        let (store, recorder) = (self.store.clone(), self.recorder.clone());
        self.beside.spawn(async move {
            recorder.caught_up().await;
            let page = store.notices(query).await;
            let page = page
                .map(|page| ActivityPage { notices: page.notices.into_iter().map(told).collect(), more: page.more });
            let _gone = reply.send(page.map(Response::Activity).map_err(|error| storage(&error)));
        });
    }
}

#[cfg(test)]
mod tests {
    use gridwell_model::Stamp;

    use super::*;

    #[test]
    fn a_notice_is_shown_again_as_it_was_told() {
        for kind in KINDS {
            for level in LEVELS {
                let (job, machine) = (Some(JobId([1; 10])), Some(PeerId([2; 32])));
                let sentence = "kitchen is done".to_owned();
                let notice = Notice { id: 7, at: Stamp(8), kind, level, sentence, job, machine };
                assert_eq!(told(kept(&notice)), notice);
            }
        }
    }
}
