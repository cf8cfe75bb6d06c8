/// Weights by position, with their sum at hand: a draw or a change costs the logarithm of their number.
///
/// Sums are made anew from their two halves, never by adding a difference, so they do not drift.
#[derive(Debug, Clone, Default)]
pub(crate) struct SumTree {
    /// Node 1 is the root, children of `i` are `2i` and `2i + 1`, leaves start at `leaves`.
    nodes: Vec<f64>,
    leaves: usize,
}

impl SumTree {
    pub(crate) fn new(len: usize) -> Self {
        let leaves = len.next_power_of_two();
        Self { nodes: vec![0.0; 2 * leaves], leaves }
    }

    pub(crate) fn total(&self) -> f64 {
        self.nodes.get(1).copied().unwrap_or(0.0)
    }

    pub(crate) fn get(&self, at: usize) -> f64 {
        self.nodes.get(self.leaves + at).copied().unwrap_or(0.0)
    }

    pub(crate) fn set(&mut self, at: usize, weight: f64) {
        let mut node = self.leaves + at;
        if self.nodes[node] == weight {
            return;
        }
        self.nodes[node] = weight;
        while node > 1 {
            node /= 2;
            self.nodes[node] = self.nodes[2 * node] + self.nodes[2 * node + 1];
        }
    }

    /// The position under `point`, a share of the total in `0.0..1.0`; `None` when all weights are zero.
    pub(crate) fn draw(&self, point: f64) -> Option<usize> {
        if self.total() <= 0.0 {
            return None;
        }
        let mut rest = point * self.total();
        let mut node = 1;
        while node < self.leaves {
            let (left, right) = (self.nodes[2 * node], self.nodes[2 * node + 1]);
            // Rounding may push the rest past the last weight: never walk into an empty half.
            if rest < left || right <= 0.0 {
                node *= 2;
            } else {
                rest -= left;
                node = 2 * node + 1;
            }
        }
        Some(node - self.leaves)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_draw_hits_the_weight_that_covers_the_point(weights in prop::collection::vec(0_u32..5, 1..40), point in 0.0..1.0) {
            let mut tree = SumTree::new(weights.len());
            for (at, weight) in weights.iter().enumerate() {
                tree.set(at, f64::from(*weight));
            }
            let total: u32 = weights.iter().sum();
            prop_assert_eq!(tree.total(), f64::from(total));
            let mut covered = 0.0;
            let expected = weights.iter().position(|weight| {
                covered += f64::from(*weight);
                point * f64::from(total) < covered
            });
            prop_assert_eq!(tree.draw(point), expected);
        }
    }
}
