use std::time::{Duration, SystemTime};

use blake3::{Hash, keyed_hash};
use gridwell_api::ApiError;

use crate::secret::{self, Known};

/// How long a browser stays let in: a working week of an open page.
pub(super) const SESSION_LIFE: Duration = Duration::from_secs(7 * 24 * 3_600);
/// The end of a session in a cookie: seconds since 1970 as hexadecimal digits.
const END_DIGITS: usize = 16;
/// What a cookie says, before its seal: the end and a random name.
const SAID_BYTES: usize = END_DIGITS + secret::TEXT_BYTES;

/// Makes sessions and knows them again. Nothing is kept: both halves carry a seal made with the owner's secret, so that a
/// session outlives a restart of the node, and a new secret ends all.
#[derive(Debug, Clone)]
pub(crate) struct Sessions {
    cookie_seal: [u8; 32],
    key_seal: [u8; 32],
}

/// Both halves of a session. Cookies are sent to every port of a machine, so that one alone lets nobody in; a key is kept
/// where only the window's own pages see it, but stands in addresses.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) cookie: String,
    pub(crate) key: String,
}

impl Sessions {
    pub(crate) fn new(owner: &Known) -> Self {
        Self {
            cookie_seal: owner.derive("gridwell 2026-11 window session cookie"),
            key_seal: owner.derive("gridwell 2026-11 window session key"),
        }
    }

    /// A new session.
    pub(crate) fn open(&self, now: SystemTime) -> Result<Session, ApiError> {
        let end = seconds(now).saturating_add(SESSION_LIFE.as_secs());
        let said = format!("{end:016x}{}", secret::new()?);
        let key = keyed_hash(&self.key_seal, said.as_bytes()).to_string();
        let seal = keyed_hash(&self.cookie_seal, said.as_bytes());
        Ok(Session { cookie: format!("{said}{seal}"), key })
    }

    /// Whether both halves belong to one session that has not ended.
    pub(crate) fn admits(&self, cookie: &str, key: &str, now: SystemTime) -> bool {
        let Some((said, seal)) = cookie.split_at_checked(SAID_BYTES) else { return false };
        // Hashes compare equally long wherever the first difference lies.
        let is_sealed = |with: &[u8; 32], shown: &str| {
            Hash::from_hex(shown).is_ok_and(|shown| shown == keyed_hash(with, said.as_bytes()))
        };
        let end = said.get(..END_DIGITS).and_then(|digits| u64::from_str_radix(digits, 16).ok());
        is_sealed(&self.cookie_seal, seal)
            && is_sealed(&self.key_seal, key)
            && end.is_some_and(|end| seconds(now) < end)
    }
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: SystemTime = SystemTime::UNIX_EPOCH;

    #[test]
    fn both_halves_of_one_session_are_needed() {
        let sessions = Sessions::new(&Known::of("owner"));
        let (first, second) = (sessions.open(NOW).unwrap(), sessions.open(NOW).unwrap());
        assert!(sessions.admits(&first.cookie, &first.key, NOW));
        for (cookie, key) in [
            (first.cookie.as_str(), second.key.as_str()),
            (&first.cookie, ""),
            ("", &first.key),
            (&first.key, &first.cookie),
            ("é", "é"),
            (&"é".repeat(SAID_BYTES), &first.key),
        ] {
            assert!(!sessions.admits(cookie, key, NOW), "{cookie} with {key}");
        }
    }

    #[test]
    fn a_session_ends_by_itself_and_nobody_prolongs_it() {
        let sessions = Sessions::new(&Known::of("owner"));
        let Session { cookie, key } = sessions.open(NOW).unwrap();
        assert!(sessions.admits(&cookie, &key, NOW + SESSION_LIFE - Duration::from_secs(1)));
        assert!(!sessions.admits(&cookie, &key, NOW + SESSION_LIFE));
        let prolonged = format!("f{}", &cookie[1..]);
        assert!(!sessions.admits(&prolonged, &key, NOW));
    }

    #[test]
    fn a_session_outlives_the_node_but_not_the_owners_secret() {
        let Session { cookie, key } = Sessions::new(&Known::of("owner")).open(NOW).unwrap();
        assert!(Sessions::new(&Known::of("owner")).admits(&cookie, &key, NOW));
        assert!(!Sessions::new(&Known::of("another")).admits(&cookie, &key, NOW));
    }
}
