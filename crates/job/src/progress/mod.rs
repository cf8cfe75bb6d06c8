//! Reads progress, saved files and failures out of what a program prints, by a recipe's patterns.

use std::sync::Arc;

use regex::bytes::{Captures, Regex, RegexBuilder};

/// Bytes of a line that are looked at: what matters stands at its start, and a program may print without line ends.
const MAX_LINE_BYTES: usize = 4_096;

/// Bytes one compiled pattern may take: recipes come from other people, too.
const MAX_PATTERN_BYTES: usize = 1 << 20;

/// Characters of a status or reason that are passed on.
const MAX_WORDS: usize = 200;

/// One pattern of a recipe.
///
/// Named groups carry the meaning: `percent`, or `done` of `total` (with `part` of `parts` inside the one being done),
/// or `done_clock` of `total_clock` (`H:MM:SS.s`); `status`, `path` and `reason` are texts.
#[derive(Debug, Clone)]
pub struct LineRule {
    pattern: Regex,
    /// Said instead of the matched text.
    says: Option<String>,
}

/// A pattern that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the pattern is not a regular expression: {reason}")]
pub struct PatternError {
    /// The compiler's words, on one line.
    pub reason: String,
}

impl LineRule {
    /// Compiles a pattern.
    ///
    /// # Errors
    ///
    /// [`PatternError`] if it is no regular expression or too large.
    pub fn new(pattern: &str, says: Option<String>) -> Result<Self, PatternError> {
        // Programs print file names, which need not be UTF-8: every byte is a character here.
        let mut builder = RegexBuilder::new(pattern);
        let built = builder.unicode(false).size_limit(MAX_PATTERN_BYTES).dfa_size_limit(MAX_PATTERN_BYTES).build();
        let reason = |error: regex::Error| error.to_string().lines().map(str::trim).collect::<Vec<_>>().join(" ");
        Ok(Self { pattern: built.map_err(|error| PatternError { reason: reason(error) })?, says })
    }
}

/// What a recipe says about output lines; within each list the first pattern that matches counts.
#[derive(Debug, Clone, Default)]
pub struct LineRules {
    /// How far it is.
    pub progress: Vec<LineRule>,
    /// A file has been written.
    pub saved: Vec<LineRule>,
    /// It has failed, whatever its exit code.
    pub failure: Vec<LineRule>,
}

/// What one line said; at least one field is set.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Progress {
    /// How much of the run is done, 0.0 to 100.0; never falls within a run.
    pub percent: Option<f32>,
    /// What it is doing, when that is something else than before.
    pub status: Option<String>,
    /// Path of a file it saved, as printed.
    pub saved: Option<String>,
    /// Why it has failed.
    pub failure: Option<String>,
}

/// Reads the lines of one run of a program.
#[derive(Debug)]
pub struct LineReader {
    rules: Arc<LineRules>,
    tasks: u32,
    saved: u32,
    total_seconds: Option<f64>,
    percent: f32,
    status: Option<String>,
}

impl LineReader {
    /// Starts reading a run that does `tasks` tasks one after the other; each saved file ends one.
    #[must_use]
    pub fn new(rules: Arc<LineRules>, tasks: u32) -> Self {
        Self {
            rules,
            tasks: if tasks == 0 { 1 } else { tasks },
            saved: 0,
            total_seconds: None,
            percent: 0.0,
            status: None,
        }
    }

    /// Files that the run said it saved.
    #[must_use]
    pub const fn saved_count(&self) -> u32 {
        self.saved
    }

    /// Reads one line, without its end; `None` if it says nothing. Cost: linear in the line, at most 4 KiB of it.
    pub fn line(&mut self, line: &[u8]) -> Option<Progress> {
        let line = &line[..line.len().min(MAX_LINE_BYTES)];
        let mut said = Progress::default();
        let rules = Arc::clone(&self.rules);
        if let Some((rule, found)) = first(&rules.failure, line) {
            said.failure = Some(words(rule, &found, "reason"));
        }
        if let Some((rule, found)) = first(&rules.saved, line) {
            said.saved = Some(words(rule, &found, "path"));
            self.saved += 1;
            said.percent = self.rise(0.0);
        } else if let Some((rule, found)) = first(&rules.progress, line) {
            said.percent = self.fraction(&found).and_then(|fraction| self.rise(fraction));
            said.status =
                rule.says.clone().or_else(|| text(&found, "status")).filter(|new| Some(new) != self.status.as_ref());
            if said.status.is_some() {
                self.status.clone_from(&said.status);
            }
        }
        (said != Progress::default()).then_some(said)
    }

    /// How much of the current task a match says is done, 0.0 to 1.0.
    fn fraction(&mut self, found: &Captures<'_>) -> Option<f64> {
        if let Some(total) = text(found, "total_clock").and_then(|clock| seconds(&clock)) {
            self.total_seconds = Some(total);
        }
        let number = |name| text(found, name).and_then(|digits| digits.parse::<f64>().ok());
        let fraction = if let Some(percent) = number("percent") {
            percent / 100.0
        } else if let (Some(done), Some(total)) = (number("done"), number("total")) {
            let inside = number("part").zip(number("parts")).map_or(0.0, |(part, parts)| ratio(part, parts));
            ratio(done + inside, total)
        } else {
            ratio(text(found, "done_clock").and_then(|clock| seconds(&clock))?, self.total_seconds?)
        };
        Some(fraction.clamp(0.0, 1.0))
    }

    /// Turns the fraction of the current task into the run's percentage; `None` unless it rises.
    fn rise(&mut self, fraction: f64) -> Option<f32> {
        let done = f64::from(self.saved.min(self.tasks)) + if self.saved < self.tasks { fraction } else { 0.0 };
        let percent = (done / f64::from(self.tasks) * 100.0).min(100.0) as f32;
        (percent > self.percent).then(|| {
            self.percent = percent;
            percent
        })
    }
}

fn first<'r, 'l>(rules: &'r [LineRule], line: &'l [u8]) -> Option<(&'r LineRule, Captures<'l>)> {
    rules.iter().find_map(|rule| rule.pattern.captures(line).map(|found| (rule, found)))
}

fn ratio(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole } else { 0.0 }
}

fn text(found: &Captures<'_>, name: &str) -> Option<String> {
    let text = String::from_utf8_lossy(found.name(name)?.as_bytes()).into_owned();
    Some(text.chars().filter(|c| !c.is_control()).take(MAX_LINE_BYTES).collect())
}

/// The words a rule has for a match: its own, the named group, or the whole match.
fn words(rule: &LineRule, found: &Captures<'_>, name: &str) -> String {
    if let Some(says) = &rule.says {
        return says.clone();
    }
    if let Some(text) = text(found, name) {
        return text;
    }
    let all = found.get(0).map(|all| all.as_bytes()).unwrap_or_default();
    String::from_utf8_lossy(all).chars().filter(|c| !c.is_control()).take(MAX_WORDS).collect()
}

/// Reads `H:MM:SS.s`, `MM:SS` or `SS` as seconds.
fn seconds(clock: &str) -> Option<f64> {
    clock.trim().split(':').try_fold(0.0, |total, part| Some(total * 60.0 + part.parse::<f64>().ok()?))
}

#[cfg(test)]
mod tests;
