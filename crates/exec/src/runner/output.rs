use gridwell_model::AttemptEnd;

use super::{
    directive::{self, Directive},
    secrets::Secrets,
};
use crate::event::{Said, SessionEvent};

/// Most output of one action that is passed on: a runaway program must not fill its steward's disk.
pub(crate) const OUTPUT_CAP_BYTES: u64 = 64 * 1024 * 1024;

/// Stands where the cap was reached.
const CAP_NOTE: &[u8] = b"\n[gridwell: output beyond 64 MiB is not kept]\n";

/// Longest line that is read for directives; a longer one passes unread.
const LINE_BYTES: usize = 64 * 1024;

/// Stands in place of an announced secret that is too long to be read, and hence to be hidden.
const LONG_SECRET_NOTE: &[u8] = b"[gridwell: an openjd_redacted_env line longer than 64 KiB is neither used nor shown]";

/// Longest status text passed on.
const STATUS_BYTES: usize = 1_024;

/// Variables that an enter action changed: set to a value, or unset.
pub(crate) type Changes = Vec<(String, Option<String>)>;

/// One action's output: cut into lines for directives, masked, capped and passed on in pieces.
#[derive(Debug)]
pub(crate) struct Output {
    tag: Option<u64>,
    /// Only enter actions may change variables.
    enters: bool,
    line: Line,
    /// Read but not passed on: the start of a secret, or of a line that announces one.
    held: Vec<u8>,
    passed_bytes: u64,
    progress: Option<f32>,
    status: Option<String>,
    checkpoint: bool,
    /// Set by `openjd_fail`, or by a directive that could not be followed.
    pub(crate) fail: Option<String>,
    pub(crate) changes: Changes,
}

/// The current line, as far as it can matter.
#[derive(Debug)]
enum Line {
    /// Starts like a directive.
    Kept(Vec<u8>),
    /// Does not, or is too long: skipped up to its end.
    Skipped,
    /// Announces a secret but is too long: swallowed up to its end.
    Swallowed,
}

impl Output {
    pub(crate) fn new(tag: Option<u64>, enters: bool) -> Self {
        Self {
            tag,
            enters,
            line: Line::Kept(Vec::new()),
            held: Vec::new(),
            passed_bytes: 0,
            progress: None,
            status: None,
            checkpoint: false,
            fail: None,
            changes: Changes::new(),
        }
    }

    /// Takes what was read; hands on what may be shown, then what was said.
    pub(crate) fn take(&mut self, bytes: &[u8], secrets: &mut Secrets, say: &mut impl FnMut(SessionEvent)) {
        self.read_lines(bytes, secrets);
        let holding = match &self.line {
            Line::Kept(line) if self.enters && may_announce(line) => line.len(),
            _ => 0,
        };
        self.pass_on(holding, secrets, say);
        self.say_latest(say);
    }

    /// Hands on the rest once nothing more will come.
    pub(crate) fn finish(&mut self, secrets: &mut Secrets, say: &mut impl FnMut(SessionEvent)) {
        self.end_line(secrets);
        let (masked, _) = secrets.mask(&self.held, self.held.len());
        self.held.clear();
        self.emit(&masked, say);
        self.say_latest(say);
    }

    /// Cuts `bytes` into lines, follows their directives and appends what may be shown to `held`.
    fn read_lines(&mut self, bytes: &[u8], secrets: &mut Secrets) {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            let (text, ended) = piece.strip_suffix(b"\n").map_or((piece, false), |text| (text, true));
            let held_before = self.held.len();
            self.held.extend_from_slice(piece);
            match &mut self.line {
                Line::Kept(line) if line.len() + text.len() > LINE_BYTES => {
                    if self.enters && line.starts_with(directive::SECRET_PREFIX) {
                        self.held.truncate(held_before - line.len());
                        self.held.extend_from_slice(LONG_SECRET_NOTE);
                        self.line = Line::Swallowed;
                        self.fail.get_or_insert_with(|| "an openjd_redacted_env line is too long".to_owned());
                    } else {
                        self.line = Line::Skipped;
                    }
                }
                Line::Kept(line) => {
                    line.extend_from_slice(text);
                    if !directive::may_be(line) {
                        self.line = Line::Skipped;
                    }
                }
                Line::Swallowed => self.held.truncate(held_before),
                Line::Skipped => {}
            }
            if ended {
                if matches!(self.line, Line::Swallowed) {
                    self.held.push(b'\n');
                }
                self.end_line(secrets);
            }
        }
    }

    fn end_line(&mut self, secrets: &mut Secrets) {
        let Line::Kept(line) = std::mem::replace(&mut self.line, Line::Kept(Vec::new())) else { return };
        match directive::parse(&line) {
            Some(Directive::Progress(percent)) => self.progress = Some(percent),
            Some(Directive::Checkpoint) => self.checkpoint = true,
            Some(Directive::Status(text)) => self.status = Some(shorten(secrets.mask_text(&text), STATUS_BYTES)),
            Some(Directive::Fail(text)) => {
                self.fail = Some(shorten(secrets.mask_text(&text), AttemptEnd::REASON_BYTES));
            }
            Some(Directive::Set { name, value, written, secret }) if self.enters => {
                if secret && !(secrets.hide(&value) && secrets.hide(&written)) {
                    self.fail.get_or_insert_with(|| "too many openjd_redacted_env values to hide".to_owned());
                }
                self.changes.push((name, Some(value)));
            }
            Some(Directive::Unset(name)) if self.enters => self.changes.push((name, None)),
            Some(Directive::Malformed(word)) if self.enters => {
                self.fail.get_or_insert_with(|| format!("a line {word}: that is not in its form was printed"));
            }
            _ => {}
        }
    }

    /// Passes on what is held except the last `holding` bytes and the possible start of a secret.
    fn pass_on(&mut self, holding: usize, secrets: &Secrets, say: &mut impl FnMut(SessionEvent)) {
        let held = std::mem::take(&mut self.held);
        let end = held.len() - holding.max(secrets.unfinished(&held)).min(held.len());
        if secrets.is_empty() {
            self.emit(&held[..end], say);
            self.held = held;
            self.held.drain(..end);
        } else {
            let (masked, taken) = secrets.mask(&held, end);
            self.emit(&masked, say);
            self.held = held[taken..].to_vec();
        }
    }

    fn emit(&mut self, bytes: &[u8], say: &mut impl FnMut(SessionEvent)) {
        if self.passed_bytes >= OUTPUT_CAP_BYTES {
            return;
        }
        let room = usize::try_from(OUTPUT_CAP_BYTES - self.passed_bytes).unwrap_or(usize::MAX);
        let kept = &bytes[..bytes.len().min(room)];
        for piece in kept.chunks(SessionEvent::OUTPUT_BYTES) {
            say(SessionEvent::Output { tag: self.tag, bytes: piece.to_vec() });
        }
        self.passed_bytes += kept.len() as u64;
        if self.passed_bytes >= OUTPUT_CAP_BYTES {
            say(SessionEvent::Output { tag: self.tag, bytes: CAP_NOTE.to_vec() });
        }
    }

    fn say_latest(&mut self, say: &mut impl FnMut(SessionEvent)) {
        let progress = self.progress.take().map(Said::Progress);
        let status = self.status.take().map(Said::Status);
        let checkpoint = std::mem::take(&mut self.checkpoint).then_some(Said::Checkpoint);
        for said in progress.into_iter().chain(status).chain(checkpoint) {
            say(SessionEvent::Said { tag: self.tag, said });
        }
    }
}

/// True if a line that starts so may turn out to announce a secret.
fn may_announce(line: &[u8]) -> bool {
    let common = line.len().min(directive::SECRET_PREFIX.len());
    line[..common] == directive::SECRET_PREFIX[..common]
}

fn shorten(mut text: String, bytes: usize) -> String {
    text.truncate(text.floor_char_boundary(bytes));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Heard {
        bytes: Vec<u8>,
        said: Vec<Said>,
    }

    /// Feeds `pieces` one after the other to an enter action's output.
    fn hear(pieces: &[&[u8]]) -> (Heard, Output) {
        let mut heard = Heard::default();
        let mut output = Output::new(None, true);
        let mut secrets = Secrets::default();
        let mut say = |event| match event {
            SessionEvent::Output { bytes, .. } => heard.bytes.extend(bytes),
            SessionEvent::Said { said, .. } => heard.said.push(said),
            other => panic!("{other:?}"),
        };
        pieces.iter().for_each(|piece| output.take(piece, &mut secrets, &mut say));
        output.finish(&mut secrets, &mut say);
        (heard, output)
    }

    #[test]
    fn ordinary_output_passes_unchanged_however_it_is_cut() {
        let text = b"one\n\xff\x00two\r\nopenjd_nothing\nthree".as_slice();
        let bytes: Vec<&[u8]> = text.chunks(1).collect();
        assert_eq!(hear(&bytes).0.bytes, text);
        assert_eq!(hear(&[text]).0.bytes, text);
    }

    #[test]
    fn a_secret_is_hidden_in_its_own_line_and_later_however_it_is_cut() {
        let text = b"openjd_redacted_env: KEY=swordfish\nit is swordfish, a swordfis\n".as_slice();
        let expected = b"openjd_redacted_env: KEY=********\nit is ********, a swordfis\n";
        for size in 1..text.len() {
            let pieces: Vec<&[u8]> = text.chunks(size).collect();
            let (heard, output) = hear(&pieces);
            assert_eq!(heard.bytes, expected, "{size}: {}", String::from_utf8_lossy(&heard.bytes));
            assert_eq!(output.changes, [("KEY".to_owned(), Some("swordfish".to_owned()))]);
        }
    }

    #[test]
    fn only_the_latest_progress_of_a_read_is_said() {
        let (heard, _) = hear(&[b"openjd_progress: 1\nopenjd_status: a\nopenjd_progress: 2\n", b"openjd_status: b"]);
        assert_eq!(heard.said, [Said::Progress(2.0), Said::Status("a".into()), Said::Status("b".into())]);
    }

    #[test]
    fn a_checkpoint_is_said_once_for_each_read_however_the_line_is_cut() {
        let (heard, _) = hear(&[b"gridwell_check", b"point\ngridwell_checkpoint\n", b"a gridwell_checkpoint\n"]);
        assert_eq!(heard.said, [Said::Checkpoint]);
    }

    #[test]
    fn an_endless_line_passes_unread_and_the_next_one_is_read() {
        let long = [b"openjd_status: ".as_slice(), &[b'x'; LINE_BYTES]].concat();
        let (heard, _) = hear(&[&long, b"\nopenjd_status: seen\n"]);
        assert_eq!(heard.bytes.len(), long.len() + b"\nopenjd_status: seen\n".len());
        assert_eq!(heard.said, [Said::Status("seen".into())]);
    }

    #[test]
    fn a_secret_too_long_to_hide_is_not_shown_and_fails_the_action() {
        let long = [b"openjd_redacted_env: A=".as_slice(), &[b'x'; 2 * LINE_BYTES]].concat();
        let pieces: Vec<&[u8]> = long.chunks(1_000).chain([b"\nafter\n".as_slice()]).collect();
        let (heard, output) = hear(&pieces);
        assert_eq!(heard.bytes, [LONG_SECRET_NOTE, b"\nafter\n"].concat());
        assert!(output.fail.is_some());
    }

    #[test]
    fn output_past_the_cap_is_dropped_with_one_note() {
        let piece = vec![b'x'; 1024 * 1024];
        let pieces: Vec<&[u8]> = std::iter::repeat_n(piece.as_slice(), 66).collect();
        let (heard, _) = hear(&pieces);
        assert_eq!(heard.bytes.len() as u64, OUTPUT_CAP_BYTES + CAP_NOTE.len() as u64);
        assert!(heard.bytes.ends_with(CAP_NOTE));
    }
}
