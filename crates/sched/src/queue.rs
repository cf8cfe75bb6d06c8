use gridwell_model::{TaskSpan, TaskSpans};

/// The ready tasks of one step: fresh ones, and those that failed somewhere, by where.
#[derive(Debug, Default)]
pub(crate) struct ReadyQueue {
    fresh: TaskSpans,
    /// Few: one group for each set of peers on which tasks failed.
    retries: Vec<Retries>,
    count: u32,
}

/// Tasks that failed on the same peers.
#[derive(Debug)]
pub(crate) struct Retries {
    /// Positions of the peers, rising.
    pub(crate) avoid: Vec<usize>,
    pub(crate) tasks: TaskSpans,
}

impl ReadyQueue {
    pub(crate) const fn count(&self) -> u32 {
        self.count
    }

    pub(crate) fn fresh(&self) -> Option<TaskSpan> {
        self.fresh.spans().first().copied()
    }

    pub(crate) fn retries(&self) -> &[Retries] {
        &self.retries
    }

    /// Adds tasks; those that were here already move to their new group. Returns how many are new.
    pub(crate) fn insert(&mut self, tasks: &TaskSpans, mut avoid: Vec<usize>) -> u32 {
        avoid.sort_unstable();
        avoid.dedup();
        let known = self.remove(tasks);
        let group = if avoid.is_empty() {
            &mut self.fresh
        } else {
            let at = self.retries.iter().position(|group| group.avoid == avoid).unwrap_or_else(|| {
                self.retries.push(Retries { avoid, tasks: TaskSpans::default() });
                self.retries.len() - 1
            });
            &mut self.retries[at].tasks
        };
        for span in tasks.spans() {
            group.insert(*span);
        }
        self.count += tasks.count();
        tasks.count() - known
    }

    /// Takes tasks out wherever they are. Returns how many were here.
    pub(crate) fn remove(&mut self, tasks: &TaskSpans) -> u32 {
        let mut found = 0;
        for span in tasks.spans() {
            found += self.remove_span(*span);
        }
        found
    }

    pub(crate) fn remove_span(&mut self, span: TaskSpan) -> u32 {
        let mut found = 0;
        for group in std::iter::once(&mut self.fresh).chain(self.retries.iter_mut().map(|group| &mut group.tasks)) {
            let here = overlap(group, span);
            if here > 0 {
                group.remove(span);
                found += here;
            }
        }
        self.retries.retain(|group| !group.tasks.is_empty());
        self.count -= found;
        found
    }
}

/// How many of `span` are in `tasks`.
fn overlap(tasks: &TaskSpans, span: TaskSpan) -> u32 {
    let spans = tasks.spans();
    let from = spans.partition_point(|have| have.end <= span.start);
    let inside = spans[from..].iter().take_while(|have| have.start < span.end);
    inside.map(|have| have.end.min(span.end) - have.start.max(span.start)).sum()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_task_is_in_one_group_and_counted_once(
            steps in prop::collection::vec((any::<bool>(), 0_u32..40, 1_u32..9, prop::collection::vec(0_usize..3, 0..3)), 0..40)
        ) {
            let mut queue = ReadyQueue::default();
            let mut model = BTreeMap::new();
            for (add, start, len, mut avoid) in steps {
                let tasks: TaskSpans = (start..start + len).collect();
                let before = model.len();
                avoid.sort_unstable();
                avoid.dedup();
                if add {
                    model.extend(tasks.indices().map(|index| (index, avoid.clone())));
                    prop_assert_eq!(queue.insert(&tasks, avoid) as usize, model.len() - before);
                } else {
                    model.retain(|index, _| !tasks.contains(*index));
                    prop_assert_eq!(queue.remove(&tasks) as usize, before - model.len());
                }
                prop_assert_eq!(queue.count() as usize, model.len());
                for group in queue.retries() {
                    prop_assert!(group.tasks.indices().all(|index| model[&index] == group.avoid));
                }
            }
        }
    }
}
