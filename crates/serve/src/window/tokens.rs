use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use gridwell_api::{ApiError, ErrorCode};

use crate::secret::{self, Known};

/// How long a token waits for its browser: long enough to walk to it, short for one that stays in a log.
const TOKEN_LIFE: Duration = Duration::from_secs(10 * 60);
/// Most tokens that wait; the oldest makes room.
const MAX_TOKENS: usize = 16;
/// Most wrong tokens in [`WRONG_TIME`]; then none is looked at. One person mistypes less, one program tries more.
const MAX_WRONG: usize = 10;
const WRONG_TIME: Duration = Duration::from_secs(60);

/// One-time tokens that wait for a browser. Kept in memory only.
#[derive(Debug, Default)]
pub(crate) struct Tokens {
    state: Mutex<State>,
}

/// Oldest first.
#[derive(Debug, Default)]
struct State {
    tokens: VecDeque<(Known, Instant)>,
    wrong: VecDeque<Instant>,
}

impl Tokens {
    /// Makes a token that is good once.
    pub(crate) fn make(&self, now: Instant) -> Result<String, ApiError> {
        let token = secret::new()?;
        let mut state = self.state(now);
        if state.tokens.len() >= MAX_TOKENS {
            state.tokens.pop_front();
        }
        state.tokens.push_back((Known::of(&token), now));
        Ok(token)
    }

    /// Uses up a token.
    pub(crate) fn take(&self, token: &str, now: Instant) -> Result<(), ApiError> {
        let mut state = self.state(now);
        if state.wrong.len() >= MAX_WRONG {
            return Err(ApiError::new(ErrorCode::Busy, "too many wrong tokens were shown").help("Wait a minute."));
        }
        if let Some(at) = state.tokens.iter().position(|(known, _)| known.is(token)) {
            state.tokens.remove(at);
            return Ok(());
        }
        state.wrong.push_back(now);
        let message = "the token was used already, is too old or was never given";
        Err(ApiError::new(ErrorCode::Unauthorised, message).help("Get a new address with 'gridwell ui'."))
    }

    /// The state without what is over.
    fn state(&self, now: Instant) -> MutexGuard<'_, State> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let is_over = |since: Instant, life| now.saturating_duration_since(since) >= life;
        state.tokens.retain(|(_, made)| !is_over(*made, TOKEN_LIFE));
        state.wrong.retain(|tried| !is_over(*tried, WRONG_TIME));
        state
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(tokens: &Tokens, token: &str, now: Instant) -> Option<ErrorCode> {
        tokens.take(token, now).err().map(|error| error.code)
    }

    #[test]
    fn a_token_is_good_once() {
        let (tokens, now) = (Tokens::default(), Instant::now());
        let token = tokens.make(now).unwrap();
        assert_eq!(refusal(&tokens, &token, now), None);
        assert_eq!(refusal(&tokens, &token, now), Some(ErrorCode::Unauthorised));
    }

    #[test]
    fn a_token_ends_by_itself() {
        let (tokens, now) = (Tokens::default(), Instant::now());
        let (early, late) = (tokens.make(now).unwrap(), tokens.make(now + TOKEN_LIFE / 2).unwrap());
        assert_eq!(refusal(&tokens, &early, now + TOKEN_LIFE), Some(ErrorCode::Unauthorised));
        assert_eq!(refusal(&tokens, &late, now + TOKEN_LIFE), None);
    }

    #[test]
    fn the_oldest_token_makes_room() {
        let (tokens, now) = (Tokens::default(), Instant::now());
        let made: Vec<_> = (0..=MAX_TOKENS).map(|_| tokens.make(now).unwrap()).collect();
        assert_eq!(refusal(&tokens, &made[0], now), Some(ErrorCode::Unauthorised));
        assert_eq!(refusal(&tokens, &made[1], now), None);
    }

    #[test]
    fn after_many_wrong_tokens_none_is_looked_at_for_a_minute() {
        let (tokens, now) = (Tokens::default(), Instant::now());
        let token = tokens.make(now).unwrap();
        for _ in 0..MAX_WRONG {
            assert_eq!(refusal(&tokens, "wrong", now), Some(ErrorCode::Unauthorised));
        }
        assert_eq!(refusal(&tokens, &token, now), Some(ErrorCode::Busy));
        assert_eq!(refusal(&tokens, &token, now + WRONG_TIME), None);
    }
}
