//! Whoever waits for bytes goes before what is fetched because it may be wanted later.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::watch,
    time::{sleep, timeout},
};

/// Who reads on has not gone if they ask for nothing for so long.
const QUIET: Duration = Duration::from_millis(100);
/// So long at most is each piece held up: what never had its turn would never come.
const MOST: Duration = Duration::from_secs(1);

/// Who waits for bytes now; clones share it.
#[derive(Debug, Clone, Default)]
pub(super) struct Turns(Arc<watch::Sender<Waiting>>);

#[derive(Debug, Default)]
struct Waiting {
    now: usize,
    /// How many ever began to.
    begun: u64,
}

/// Somebody waits as long as this lives.
#[derive(Debug)]
pub(super) struct Waits(Turns);

impl Turns {
    /// Somebody waits for bytes.
    pub(super) fn wait(&self) -> Waits {
        self.0.send_modify(|waiting| {
            waiting.now += 1;
            waiting.begun += 1;
        });
        Waits(self.clone())
    }

    /// Returns when it is the turn of what nobody waits for.
    pub(super) async fn come(&self) {
        // Late is not wrong.
        let _ = timeout(MOST, self.quiet()).await;
    }

    async fn quiet(&self) {
        let mut news = self.0.subscribe();
        if news.borrow().begun == 0 {
            return;
        }
        loop {
            // The sender lives as long as this.
            let begun = news.wait_for(|waiting| waiting.now == 0).await.map_or(0, |waiting| waiting.begun);
            sleep(QUIET).await;
            if news.borrow_and_update().begun == begun {
                return;
            }
        }
    }
}

impl Drop for Waits {
    fn drop(&mut self) {
        self.0.0.send_modify(|waiting| waiting.now -= 1);
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn nothing_is_held_up_where_nobody_reads() {
        let (turns, begun) = (Turns::default(), Instant::now());
        turns.come().await;
        assert_eq!(begun.elapsed(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_goes_first() {
        let (turns, begun) = (Turns::default(), Instant::now());
        let waits = turns.wait();
        let reader = tokio::spawn(async move {
            sleep(Duration::from_millis(300)).await;
            drop(waits);
        });
        turns.come().await;
        assert_eq!(begun.elapsed(), Duration::from_millis(300) + QUIET);
        reader.await.expect("it ends");
    }

    #[tokio::test(start_paused = true)]
    async fn who_reads_on_and_on_holds_each_piece_up_for_a_moment_only() {
        let (turns, begun) = (Turns::default(), Instant::now());
        let reader = tokio::spawn({
            let turns = turns.clone();
            async move {
                loop {
                    let waits = turns.wait();
                    sleep(Duration::from_millis(20)).await;
                    drop(waits);
                    sleep(Duration::from_millis(20)).await;
                }
            }
        });
        tokio::task::yield_now().await;
        for piece in 1..=3 {
            turns.come().await;
            assert_eq!(begun.elapsed(), MOST * piece);
        }
        reader.abort();
    }
}
