use std::collections::BTreeMap;

use gridwell_model::AttemptEnd;

/// Most distinct reasons kept for a job: a million tasks that fail with a million different sentences share the last one.
const MAX_REASONS: usize = 1_000;
const TOO_MANY: &str = "failed; the job has too many different reasons to keep them all";

/// The sentences of a job's failures, each kept once; 0 is none.
#[derive(Debug)]
pub(crate) struct Reasons {
    texts: Vec<String>,
    positions: BTreeMap<String, u16>,
    /// Tasks that are failed now, by reason.
    pub(crate) failed: Vec<u32>,
}

impl Reasons {
    pub(crate) fn new() -> Self {
        Self::from_texts(vec![String::new()])
    }

    pub(crate) fn from_texts(texts: Vec<String>) -> Self {
        let positions = texts.iter().enumerate().map(|(at, text)| (text.clone(), at as u16)).collect();
        let failed = vec![0; texts.len()];
        Self { texts, positions, failed }
    }

    pub(crate) fn texts(&self) -> &[String] {
        &self.texts
    }

    pub(crate) fn text(&self, position: u16) -> &str {
        self.texts.get(usize::from(position)).map_or("", String::as_str)
    }

    /// The position of `text`, cut to [`AttemptEnd::REASON_BYTES`].
    pub(crate) fn keep(&mut self, text: &str) -> u16 {
        let text = &text[..text.floor_char_boundary(AttemptEnd::REASON_BYTES)];
        let text = if self.positions.contains_key(text) || self.texts.len() < MAX_REASONS { text } else { TOO_MANY };
        if let Some(position) = self.positions.get(text) {
            return *position;
        }
        let position = self.texts.len() as u16;
        self.texts.push(text.to_owned());
        self.failed.push(0);
        self.positions.insert(text.to_owned(), position);
        position
    }
}
