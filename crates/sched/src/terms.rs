use serde::{Deserialize, Serialize};

/// The numbers that decide a placement; what people see as "why here" and "why not there".
///
/// `gravity = exp(prefers + strategy) / cost`, `probability ∝ gravity^k`. Source: `docs/scheduling.md`, "Gravity".
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Terms {
    /// Seconds until a slot frees there.
    pub wait_secs: f64,
    /// Seconds to bring the inputs that are not there.
    pub fetch_secs: f64,
    /// Seconds that one task (one chunk) runs there.
    pub run_secs: f64,
    /// Seconds that the path to it costs.
    pub path_secs: f64,
    /// Sum of the strengths of the wishes it meets.
    pub prefers: f64,
    /// Strategy, weight and use together, times λ.
    pub strategy: f64,
    /// The pull.
    pub gravity: f64,
    /// Its share of the draw; 0.0 when it cannot be drawn now.
    pub probability: f64,
}

/// One term by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Term {
    /// [`Terms::wait_secs`].
    Wait,
    /// [`Terms::fetch_secs`].
    Fetch,
    /// [`Terms::run_secs`].
    Run,
    /// [`Terms::path_secs`].
    Path,
    /// [`Terms::prefers`].
    Prefers,
    /// [`Terms::strategy`].
    Strategy,
}

impl Terms {
    /// Costs below a millisecond cannot be told apart: measuring them costs as much.
    pub const LEAST_COST_SECS: f64 = 1e-3;

    /// Seconds from now to the end of one task there, at least [`Terms::LEAST_COST_SECS`].
    #[must_use]
    pub fn cost_secs(&self) -> f64 {
        (self.wait_secs + self.fetch_secs + self.run_secs + self.path_secs).max(Self::LEAST_COST_SECS)
    }

    /// The logarithm of the pull.
    #[must_use]
    pub fn log_gravity(&self) -> f64 {
        self.prefers + self.strategy - self.cost_secs().ln()
    }

    /// The pull to the power of `sharpness`, kept within what a sum of many can hold; 1.0 when only the best is taken.
    #[must_use]
    pub fn draw_weight(&self, sharpness: f64) -> f64 {
        if sharpness.is_infinite() {
            return 1.0;
        }
        (sharpness * self.log_gravity()).clamp(-600.0, 600.0).exp()
    }

    /// The term that speaks most for this over `other`, as it changes the pull's logarithm; `None` when none does.
    #[must_use]
    pub fn decisive_over(&self, other: &Self) -> Option<Term> {
        let cost = self.cost_secs().max(other.cost_secs());
        let gains = [
            (Term::Wait, (other.wait_secs - self.wait_secs) / cost),
            (Term::Fetch, (other.fetch_secs - self.fetch_secs) / cost),
            (Term::Run, (other.run_secs - self.run_secs) / cost),
            (Term::Path, (other.path_secs - self.path_secs) / cost),
            (Term::Prefers, self.prefers - other.prefers),
            (Term::Strategy, self.strategy - other.strategy),
        ];
        let best = gains.into_iter().max_by(|left, right| left.1.total_cmp(&right.1))?;
        (best.1 > 1e-9).then_some(best.0)
    }

    /// The one term that would have to be as it is on `other` for this to pull more; `None` when no single one suffices,
    /// or none is needed.
    ///
    /// Terms that people can change come first: files can be copied, a slot becomes free.
    #[must_use]
    pub fn lacks_to_pass(&self, other: &Self) -> Option<Term> {
        if self.log_gravity() > other.log_gravity() {
            return None;
        }
        let changed = [
            (Term::Fetch, Self { fetch_secs: 0.0, ..*self }),
            (Term::Wait, Self { wait_secs: 0.0, ..*self }),
            (Term::Prefers, Self { prefers: other.prefers, ..*self }),
            (Term::Strategy, Self { strategy: other.strategy, ..*self }),
            (Term::Path, Self { path_secs: other.path_secs, ..*self }),
            (Term::Run, Self { run_secs: other.run_secs, ..*self }),
        ];
        let passes = |terms: &Self| terms.log_gravity() > other.log_gravity();
        changed.iter().find(|(_, terms)| passes(terms)).map(|(term, _)| *term)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_draw_weight_is_the_pull_to_the_power_of_the_sharpness() {
        let terms = Terms { run_secs: 2.0, fetch_secs: 2.0, prefers: 1.0, strategy: -0.5, ..Terms::default() };
        let gravity = 0.5_f64.exp() / 4.0;
        assert!((terms.draw_weight(4.0) - gravity.powi(4)).abs() < 1e-12);
        assert_eq!(terms.draw_weight(0.0), 1.0);
        assert_eq!(Terms { run_secs: 1.0, ..Terms::default() }.draw_weight(f64::INFINITY), 1.0);
    }

    #[test]
    fn the_decisive_term_is_the_one_that_changes_the_pull_most() {
        let near = Terms { run_secs: 10.0, fetch_secs: 0.0, ..Terms::default() };
        let far = Terms { run_secs: 9.0, fetch_secs: 5.0, ..Terms::default() };
        assert_eq!(near.decisive_over(&far), Some(Term::Fetch));
        assert_eq!(near.decisive_over(&near), None);
    }

    #[test]
    fn what_a_machine_lacks_is_the_change_that_is_made_most_easily() {
        let winner = Terms { run_secs: 10.0, ..Terms::default() };
        let far = Terms { run_secs: 9.0, fetch_secs: 5.0, ..Terms::default() };
        let busy = Terms { run_secs: 9.0, wait_secs: 5.0, fetch_secs: 0.5, ..Terms::default() };
        let slow = Terms { run_secs: 30.0, prefers: 0.5, ..Terms::default() };
        let hopeless = Terms { run_secs: 30.0, fetch_secs: 30.0, ..Terms::default() };
        assert_eq!(far.lacks_to_pass(&winner), Some(Term::Fetch));
        assert_eq!(busy.lacks_to_pass(&winner), Some(Term::Wait));
        assert_eq!(slow.lacks_to_pass(&winner), Some(Term::Run));
        assert_eq!(hopeless.lacks_to_pass(&winner), None);
        assert_eq!(winner.lacks_to_pass(&far), None, "it pulls more already");
    }
}
