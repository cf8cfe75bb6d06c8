use std::sync::Arc;

use gridwell_job::{LineReader, Progress, Recipe, recipe::Proof};
use gridwell_model::ActionEnd;

/// Bytes of an unfinished line that are kept; a program may print without line ends.
const MAX_PARTIAL_BYTES: usize = 8 * 1024;

/// What a run's output says by its recipe's patterns: progress, and whether its end is a good one.
#[derive(Debug)]
pub(crate) struct Lines {
    reader: LineReader,
    proof: Proof,
    tasks: u32,
    partial: Vec<u8>,
    failure: Option<String>,
}

impl Lines {
    /// Starts reading a run of `tasks` tasks.
    pub(crate) fn new(recipe: &Recipe, tasks: u32) -> Self {
        Self {
            reader: LineReader::new(Arc::clone(&recipe.lines), tasks),
            proof: recipe.proof,
            tasks,
            partial: Vec::new(),
            failure: None,
        }
    }

    /// Reads output as it came; returns the newest progress it tells, if any.
    pub(crate) fn read(&mut self, bytes: &[u8]) -> Option<Progress> {
        let mut newest: Option<Progress> = None;
        for part in bytes.split_inclusive(|byte| matches!(byte, b'\n' | b'\r')) {
            self.partial.extend_from_slice(part);
            if part.ends_with(b"\n") || part.ends_with(b"\r") || self.partial.len() > MAX_PARTIAL_BYTES {
                let line = std::mem::take(&mut self.partial);
                newest = self.line(line.trim_ascii_end()).or(newest);
            }
        }
        newest
    }

    fn line(&mut self, line: &[u8]) -> Option<Progress> {
        let said = self.reader.line(line)?;
        if let Some(failure) = &said.failure {
            self.failure.get_or_insert_with(|| failure.clone());
        }
        (said.percent.is_some() || said.status.is_some()).then_some(said)
    }

    /// Judges the end of the run: a program may say that it failed, or leave out what proves it good, and still exit 0.
    pub(crate) fn judge(mut self, end: ActionEnd) -> ActionEnd {
        let last = std::mem::take(&mut self.partial);
        self.line(&last);
        match (end, self.failure) {
            (ActionEnd::Exited { .. }, Some(reason)) => ActionEnd::SaidFail { reason },
            (ActionEnd::Exited { code: 0 }, None)
                if self.proof == Proof::SavedEach && self.reader.saved_count() < self.tasks =>
            {
                let saved = self.reader.saved_count();
                ActionEnd::SaidFail { reason: format!("the program saved {saved} of {} files", self.tasks) }
            }
            (end, _) => end,
        }
    }
}

#[cfg(test)]
mod tests {
    use gridwell_job::Recipes;

    use super::*;

    fn blender(tasks: u32) -> Lines {
        Lines::new(Recipes::builtin().get("blender").unwrap(), tasks)
    }

    #[test]
    fn a_run_that_saved_every_frame_is_good() {
        let mut lines = blender(2);
        lines.read(b"Saved: '/tmp/frame_0001.png'\n");
        assert!(lines.read(b"Saved: '/tmp/frame").is_none());
        lines.read(b"_0002.png'\n");
        assert_eq!(lines.judge(ActionEnd::Exited { code: 0 }), ActionEnd::Exited { code: 0 });
    }

    #[test]
    fn a_run_that_saved_too_little_has_failed_whatever_its_exit_code() {
        let mut lines = blender(2);
        lines.read(b"Saved: '/tmp/frame_0001.png'\n");
        let end = lines.judge(ActionEnd::Exited { code: 0 });
        assert_eq!(end, ActionEnd::SaidFail { reason: "the program saved 1 of 2 files".into() });
    }

    #[test]
    fn what_the_program_says_beats_a_bare_exit_code() {
        let mut lines = blender(1);
        lines.read(b"Error: Build without OpenImageDenoiser\n");
        let ActionEnd::SaidFail { reason } = lines.judge(ActionEnd::Exited { code: 1 }) else {
            panic!("not a failure")
        };
        assert!(reason.contains("denoiser"), "{reason}");
    }
}
