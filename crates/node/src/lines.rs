use std::{sync::Arc, time::Duration};

use gridwell_job::{
    LineReader, Progress, Recipe,
    recipe::{Proof, Verdict},
};
use gridwell_model::{ActionEnd, format_duration};

/// Bytes of an unfinished line that are kept; a program may print without line ends.
const MAX_PARTIAL_BYTES: usize = 8 * 1024;

/// What a run's output says by its recipe's patterns: progress, and whether its end is a good one.
#[derive(Debug)]
pub(crate) struct Lines {
    reader: LineReader,
    proof: Proof,
    too_fast: Option<(Duration, Verdict)>,
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
            too_fast: recipe.too_fast,
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

    /// Judges the end of the run: a program may say that it failed, leave out what proves it good, or be done too soon, and
    /// still exit 0. Returns what people should know of a run that counts as good, too.
    pub(crate) fn judge(mut self, end: ActionEnd, took: Duration) -> (ActionEnd, Option<String>) {
        let last = std::mem::take(&mut self.partial);
        self.line(&last);
        let too_fast = self.too_fast.filter(|(under, _)| took < *under);
        let end = match (end, self.failure) {
            (ActionEnd::Exited { .. }, Some(reason)) => ActionEnd::SaidFail { reason },
            (ActionEnd::Exited { code: 0 }, None)
                if self.proof == Proof::SavedEach && self.reader.saved_count() < self.tasks =>
            {
                let saved = self.reader.saved_count();
                ActionEnd::SaidFail { reason: format!("the program saved {saved} of {} files", self.tasks) }
            }
            (end, _) => end,
        };
        match (end, too_fast) {
            (ActionEnd::Exited { code: 0 }, Some((under, verdict))) => {
                let (took, under) = (format_duration(took), format_duration(under));
                let reason = format!("it ended after {took}, too fast to have done its work (less than {under})");
                match verdict {
                    Verdict::Fail => (ActionEnd::SaidFail { reason }, None),
                    Verdict::Warn => (ActionEnd::Exited { code: 0 }, Some(reason)),
                }
            }
            (end, _) => (end, None),
        }
    }
}

#[cfg(test)]
mod tests {
    use gridwell_job::Recipes;

    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    fn blender(tasks: u32) -> Lines {
        Lines::new(Recipes::builtin().get("blender").unwrap(), tasks)
    }

    #[test]
    fn a_run_that_saved_every_frame_is_good() {
        let mut lines = blender(2);
        lines.read(b"Saved: '/tmp/frame_0001.png'\n");
        assert!(lines.read(b"Saved: '/tmp/frame").is_none());
        lines.read(b"_0002.png'\n");
        assert_eq!(lines.judge(ActionEnd::Exited { code: 0 }, LONG), (ActionEnd::Exited { code: 0 }, None));
    }

    #[test]
    fn a_run_that_saved_too_little_has_failed_whatever_its_exit_code() {
        let mut lines = blender(2);
        lines.read(b"Saved: '/tmp/frame_0001.png'\n");
        let (end, _) = lines.judge(ActionEnd::Exited { code: 0 }, LONG);
        assert_eq!(end, ActionEnd::SaidFail { reason: "the program saved 1 of 2 files".into() });
    }

    #[test]
    fn what_the_program_says_beats_a_bare_exit_code() {
        let mut lines = blender(1);
        lines.read(b"Error: Build without OpenImageDenoiser\n");
        let (ActionEnd::SaidFail { reason }, _) = lines.judge(ActionEnd::Exited { code: 1 }, LONG) else {
            panic!("not a failure")
        };
        assert!(reason.contains("denoiser"), "{reason}");
    }

    #[test]
    fn a_run_that_is_done_too_soon_fails_or_is_told_as_its_recipe_says() {
        for (verdict, fails) in [(Verdict::Fail, true), (Verdict::Warn, false)] {
            let rule = Some((Duration::from_secs(2), verdict));
            let mut recipe = Recipes::builtin().get("blender").unwrap().clone();
            (recipe.too_fast, recipe.proof) = (rule, Proof::ExitCode);
            let judge = |took| Lines::new(&recipe, 1).judge(ActionEnd::Exited { code: 0 }, took);
            assert_eq!(judge(LONG), (ActionEnd::Exited { code: 0 }, None));
            let (end, told) = judge(Duration::from_millis(100));
            assert_eq!((matches!(end, ActionEnd::SaidFail { .. }), told.is_some()), (fails, !fails));
        }
    }
}
