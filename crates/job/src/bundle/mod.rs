//! Job bundles: a folder as Deadline Cloud names its files, and our sidecar beside them.
//!
//! | file | content |
//! |---|---|
//! | `template.yaml` or `.json` | an Open Job Description job template, valid on its own |
//! | `parameter_values.yaml` or `.json` | values of its parameters |
//! | `asset_references.yaml` or `.json` | files and folders that no parameter names |
//! | `gridwell.yaml` | what the template has no room for: priority, wishes, retries, per-task edges |
//!
//! Everything in a bundle comes from a stranger. Sizes are checked before parsing, the sidecar only adds, and a relative
//! path may not leave the bundle.

mod assets;
mod error;
mod export;
mod report;
mod sidecar;
#[cfg(test)]
mod tests;
mod values;

use std::collections::BTreeMap;

use gridwell_model::{EdgeKind, StepSpec};

pub use assets::Assets;
pub use error::BundleError;
pub use export::Export;
pub use report::Report;
pub use sidecar::{ChunkOverride, NeedInWords, Sidecar, SidecarEdge, SidecarSession, SidecarStep};

use crate::openjd::{JobPlan, Template};

/// A bundle that was read and understood.
#[derive(Debug, Clone)]
pub struct Bundle {
    /// Its template.
    pub template: Template,
    /// Parameter values that came with it, by name: `parameter_values` over the sidecar's defaults.
    pub values: BTreeMap<String, String>,
    /// Files and folders that no parameter names.
    pub assets: Assets,
    /// What the template has no room for; empty without a sidecar.
    pub sidecar: Sidecar,
    /// What was understood, what was ignored, and what cannot be expressed here.
    pub report: Report,
}

/// The texts of a bundle's files.
#[derive(Debug, Clone, Copy, Default)]
pub struct BundleFiles<'a> {
    /// `template.yaml` or `template.json`.
    pub template: &'a str,
    /// `parameter_values.yaml` or `.json`.
    pub parameter_values: Option<&'a str>,
    /// `asset_references.yaml` or `.json`.
    pub asset_references: Option<&'a str>,
    /// `gridwell.yaml`.
    pub sidecar: Option<&'a str>,
}

impl Bundle {
    /// Names a template may have; a folder with one of them is a bundle.
    pub const TEMPLATE_NAMES: [&'static str; 2] = ["template.yaml", "template.json"];
    /// Names the parameter values may have.
    pub const VALUES_NAMES: [&'static str; 2] = ["parameter_values.yaml", "parameter_values.json"];
    /// Names the asset references may have.
    pub const ASSETS_NAMES: [&'static str; 2] = ["asset_references.yaml", "asset_references.json"];
    /// Name of the sidecar.
    pub const SIDECAR_NAME: &'static str = "gridwell.yaml";
    /// Largest file of a bundle that is read, in bytes.
    pub const MAX_FILE_BYTES: usize = Template::MAX_BYTES;

    /// Reads the files of a bundle.
    ///
    /// # Errors
    ///
    /// A [`BundleError`] naming the file and what is wrong in it: a refused template, a parameter or step that the template
    /// does not have, a sidecar of a newer version.
    pub fn read(files: &BundleFiles<'_>) -> Result<Self, BundleError> {
        let template = Template::decode(files.template)?;
        let mut report = Report::default();
        let steps = template.step_names().count();
        report.understood(format!(
            "template '{}' with {steps} step{}",
            template.name(),
            if steps == 1 { "" } else { "s" }
        ));
        let sidecar = files.sidecar.map(|text| Sidecar::read(text, &template, &mut report)).transpose()?;
        let sidecar = sidecar.unwrap_or_default();
        let mut values = sidecar.parameters.clone();
        if let Some(text) = files.parameter_values {
            values.extend(values::read(text, &template, &mut report)?);
        }
        let assets = files.asset_references.map(|text| Assets::read(text, &mut report)).transpose()?;
        Ok(Self { template, values, assets: assets.unwrap_or_default(), sidecar, report })
    }

    /// The bundle's values under those typed by a person, which win; for `Template::fill`.
    #[must_use]
    pub fn values_with(&self, typed: &[(String, String)]) -> Vec<(String, String)> {
        let mut all = self.values.clone();
        all.extend(typed.iter().cloned());
        all.into_iter().collect()
    }

    /// The plan's steps with what the sidecar adds: needs, wishes, chunk sizes and per-task edges.
    ///
    /// # Errors
    ///
    /// [`BundleError::Uneven`] for a per-task edge between steps of different size, [`BundleError::Circle`] when the added
    /// edges make steps wait for each other.
    pub fn steps(&self, plan: &JobPlan) -> Result<Vec<StepSpec>, BundleError> {
        let mut steps = plan.steps().to_vec();
        let sizes: Vec<_> = steps.iter().map(|step| (step.name.clone(), step.task_count)).collect();
        for step in &mut steps {
            self.sidecar.needs.iter().for_each(|need| step.needs.merge(need.what.clone()));
            step.prefers.extend(self.sidecar.prefers.iter().cloned());
            let Some(more) = self.sidecar.steps.get(&step.name) else { continue };
            more.needs.iter().for_each(|need| step.needs.merge(need.what.clone()));
            step.prefers.extend(more.prefers.iter().cloned());
            if let (Some(chunking), Some(wish)) = (&mut step.chunking, more.chunk) {
                chunking.default_count = wish.count.unwrap_or(chunking.default_count);
                chunking.target_secs = wish.target_secs.unwrap_or(chunking.target_secs);
            }
            for edge in &more.after {
                let Some((at, (_, size))) = sizes.iter().enumerate().find(|(_, (name, _))| *name == edge.step) else {
                    continue;
                };
                if edge.kind == EdgeKind::SameIndex && *size != step.task_count {
                    return Err(BundleError::Uneven {
                        step: step.name.clone(),
                        count: step.task_count,
                        other: edge.step.clone(),
                        other_count: *size,
                    });
                }
                let at = u32::try_from(at).unwrap_or(u32::MAX);
                step.after.retain(|have| have.step != at);
                step.after.push(gridwell_model::Edge { step: at, kind: edge.kind });
            }
        }
        match circle(&steps) {
            Some(step) => Err(BundleError::Circle { step }),
            None => Ok(steps),
        }
    }
}

/// A step that waits for itself, if any: removes steps that wait for nothing left until none or only circles remain.
fn circle(steps: &[StepSpec]) -> Option<String> {
    let mut left: Vec<_> = (0..steps.len()).collect();
    loop {
        let before = left.len();
        let waits =
            |at: &usize, left: &[usize]| steps[*at].after.iter().any(|edge| left.contains(&(edge.step as usize)));
        let still: Vec<_> = left.iter().copied().filter(|at| waits(at, &left)).collect();
        left = still;
        if left.len() == before {
            return left.first().map(|at| steps[*at].name.clone());
        }
    }
}
