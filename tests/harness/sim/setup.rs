use std::{collections::BTreeMap, time::Duration};

use gridwell_model::{
    AmountNeed, AttributeNeed, Edge, EdgeKind, JobId, JobSpec, Needs, PeerId, Retry, SessionSpec, Stamp, StepSpec,
};

/// A job of the simulation: its spec, and how its programs behave.
#[derive(Debug, Clone)]
pub struct JobSetup {
    /// The spec.
    pub spec: JobSpec,
    /// How long one task usually runs.
    pub usual: Duration,
    /// How often a program fails that might have succeeded, in a thousand.
    pub failures_per_mille: u64,
    /// Tasks whose index is a multiple of this always fail; 0 for none.
    pub broken_every: u32,
    /// Its tasks read files.
    pub has_inputs: bool,
    /// Its tasks leave files.
    pub has_outputs: bool,
}

impl JobSetup {
    /// A job of one step whose programs run for `usual` and succeed.
    #[must_use]
    pub fn new(number: u32, origin: PeerId, task_count: u32, usual: Duration) -> Self {
        let mut id = [0; 10];
        id[..4].copy_from_slice(&number.to_be_bytes());
        let spec = JobSpec {
            id: JobId(id),
            name: format!("job {number}"),
            origin,
            submitted: Stamp(0),
            recipe: "command".into(),
            template: String::new(),
            parameters: Vec::new(),
            inputs: Vec::new(),
            output_folders: Vec::new(),
            output_globs: Vec::new(),
            steps: vec![a_step(task_count)],
            retry: Retry::default(),
            session: SessionSpec::default(),
            same_look: false,
        };
        Self { spec, usual, failures_per_mille: 0, broken_every: 0, has_inputs: false, has_outputs: false }
    }

    /// Adds a step behind the last one.
    #[must_use]
    pub fn then(mut self, task_count: u32, kind: EdgeKind) -> Self {
        let step = self.spec.steps.len() as u32 - 1;
        self.spec.steps.push(StepSpec { after: vec![Edge { step, kind }], ..a_step(task_count) });
        self
    }

    /// Requires a label of every machine.
    #[must_use]
    pub fn needs_label(mut self, key: &str, value: &str) -> Self {
        for step in &mut self.spec.steps {
            let name = format!("attr.label.{key}");
            step.needs.attributes.push(AttributeNeed { name, any_of: vec![value.into()], all_of: Vec::new() });
        }
        self
    }

    /// Requires at least so much of something of every machine.
    #[must_use]
    pub fn needs_amount(mut self, name: &str, min: f64) -> Self {
        for step in &mut self.spec.steps {
            step.needs.amounts.push(AmountNeed { name: name.to_owned(), min: Some(min), max: None });
        }
        self
    }
}

fn a_step(task_count: u32) -> StepSpec {
    StepSpec {
        name: "step".into(),
        task_count,
        chunking: None,
        needs: Needs::default(),
        prefers: Vec::new(),
        after: Vec::new(),
    }
}

/// Labels from pairs.
#[must_use]
pub fn labels(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}
