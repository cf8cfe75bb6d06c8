//! Values that must not appear in output.

/// What stands in place of a secret.
const MASK: &[u8] = b"********";

/// Most secrets of a session; each costs a search through all output.
const MAX_SECRETS: usize = 256;

/// The secrets of a session.
#[derive(Debug, Default)]
pub(crate) struct Secrets {
    /// Longest first, so that a secret that contains another is masked whole.
    values: Vec<Vec<u8>>,
}

impl Secrets {
    pub(crate) fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Hides `value` from now on, also each line of it; false when there are too many already.
    pub(crate) fn hide(&mut self, value: &str) -> bool {
        for part in std::iter::once(value).chain(value.lines()) {
            let known = self.values.iter().any(|value| value == part.as_bytes());
            if part.is_empty() || known {
                continue;
            }
            if self.values.len() == MAX_SECRETS {
                return false;
            }
            self.values.push(part.as_bytes().to_vec());
        }
        self.values.sort_by_key(|value| std::cmp::Reverse(value.len()));
        true
    }

    /// Masks every secret in `bytes` that starts before `end`; returns the result and how many bytes it stands for:
    /// `end`, or more when a secret reaches past it.
    pub(crate) fn mask(&self, bytes: &[u8], end: usize) -> (Vec<u8>, usize) {
        let mut masked = Vec::with_capacity(end);
        let mut at = 0;
        while at < end {
            match self.values.iter().find(|value| bytes[at..].starts_with(value)) {
                Some(value) => {
                    masked.extend_from_slice(MASK);
                    at += value.len();
                }
                None => {
                    masked.push(bytes[at]);
                    at += 1;
                }
            }
        }
        (masked, at)
    }

    /// Masks a text.
    pub(crate) fn mask_text(&self, text: &str) -> String {
        if self.is_empty() {
            return text.to_owned();
        }
        String::from_utf8_lossy(&self.mask(text.as_bytes(), text.len()).0).into_owned()
    }

    /// How many bytes at the end of `bytes` may be the start of a secret whose rest is still to come.
    pub(crate) fn unfinished(&self, bytes: &[u8]) -> usize {
        let starts = |value: &Vec<u8>| {
            let longest = bytes.len().min(value.len().saturating_sub(1));
            (1..=longest).rev().find(|length| value.starts_with(&bytes[bytes.len() - length..])).unwrap_or(0)
        };
        self.values.iter().map(starts).max().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hiding(values: &[&str]) -> Secrets {
        let mut secrets = Secrets::default();
        assert!(values.iter().all(|value| secrets.hide(value)));
        secrets
    }

    #[test]
    fn the_longest_secret_wins_and_each_line_of_one_is_hidden() {
        let secrets = hiding(&["key", "keyring", "one\ntwo"]);
        assert_eq!(secrets.mask_text("keyring key one-two"), "******** ******** ********-********");
    }

    #[test]
    fn the_start_of_a_secret_is_held_back() {
        let secrets = hiding(&["swordfish"]);
        assert_eq!(secrets.unfinished(b"my swo"), 3);
        assert_eq!(secrets.unfinished(b"my swordfish"), 0);
        assert_eq!(secrets.unfinished(b"nothing"), 0);
    }

    #[test]
    fn an_empty_secret_hides_nothing() {
        assert!(hiding(&[""]).is_empty());
    }
}
