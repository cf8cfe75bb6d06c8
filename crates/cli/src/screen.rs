use std::io::{self, IsTerminal as _, Write as _};

use console::Term;
use gridwell_api::ApiError;
use serde::Serialize;

use crate::text;

/// Where answers and messages go: answers to standard output, messages to standard error.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Screen {
    json: bool,
}

impl Screen {
    pub(crate) const fn new(json: bool) -> Self {
        Self { json }
    }

    /// Whether answers are JSON.
    pub(crate) const fn json(self) -> bool {
        self.json
    }

    /// Whether a person watches the messages.
    pub(crate) fn is_live(self) -> bool {
        !self.json && io::stderr().is_terminal()
    }

    /// Whether a person reads the answers.
    pub(crate) fn is_terminal(self) -> bool {
        Term::stdout().is_term()
    }

    /// Whether a person reads the answers and can be asked.
    pub(crate) fn asks_people(self) -> bool {
        !self.json && self.is_terminal() && io::stdin().is_terminal()
    }

    /// Columns for tables: the terminal's, or plenty when something else reads.
    pub(crate) fn columns(self) -> usize {
        let term = Term::stdout();
        if term.is_term() { usize::from(term.size().1).max(40) } else { usize::MAX }
    }

    /// Shows an answer: as JSON, or as the text that `human` makes of it.
    pub(crate) fn show<T: Serialize>(self, answer: &T, human: impl FnOnce(&T) -> String) {
        if self.json {
            self.show_json(answer);
        } else {
            self.print(human(answer).trim_end().as_bytes());
            self.print(b"\n");
        }
    }

    /// Shows JSON whatever was asked for.
    pub(crate) fn show_json<T: Serialize>(self, answer: &T) {
        // View types are plain data with text keys: they always have a JSON form.
        let mut text = serde_json::to_vec_pretty(answer).unwrap_or_default();
        text.push(b'\n');
        self.print(&text);
    }

    /// Writes bytes to standard output.
    pub(crate) fn print(self, bytes: &[u8]) {
        let mut out = io::stdout().lock();
        if let Err(error) = out.write_all(bytes).and_then(|()| out.flush()) {
            // The reader has what it wanted (`gridwell jobs | head`), or nobody can be told.
            std::process::exit(i32::from(error.kind() != io::ErrorKind::BrokenPipe));
        }
    }

    /// Writes a message line to standard error.
    pub(crate) fn note(self, line: &str) {
        let _ = writeln!(io::stderr().lock(), "{line}");
    }

    /// Tells of an error: a sentence and the next step; with `--json` also the error itself on standard output.
    pub(crate) fn fail(self, error: &ApiError) {
        if self.json {
            self.show_json(&serde_json::json!({ "error": error }));
        }
        self.note(&text::error(error));
    }
}
