//! The description of a job, as a worker reads it from a steward.

use gridwell_job::JobPlan;
use gridwell_model::{JobSpec, Needs};

/// The bytes as a description in the form of the wire, and as a template.
pub(super) fn run(bytes: &[u8]) {
    if let Ok(spec) = postcard::from_bytes::<JobSpec>(bytes) {
        let _ = JobPlan::new(&spec.template, &spec.parameters);
    }
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let _ = text.parse::<Needs>();
    if let Ok(plan) = JobPlan::new(text, &[]) {
        assert!(!plan.steps().is_empty());
    }
}

pub(super) fn seeds() -> Vec<Vec<u8>> {
    let template = r#"{"specificationVersion":"jobtemplate-2023-09","name":"a","parameterDefinitions":[{"name":"F","type":"STRING","default":"1-9"}],"steps":[{"name":"s","parameterSpace":{"taskParameterDefinitions":[{"name":"N","type":"INT","range":"{{Param.F}}"}]},"script":{"actions":{"onRun":{"command":"true","args":["{{Task.Param.N}}"]}}},"hostRequirements":{"amounts":[{"name":"amount.worker.vcpu","min":2}]}}]}"#;
    let yaml = "specificationVersion: jobtemplate-2023-09\nname: b\nsteps:\n- name: s\n  script:\n    actions:\n      onRun: {command: \"true\"}\n";
    vec![template.into(), yaml.into(), b"cores >= 4, ram >= 8G, os = linux".to_vec()]
}
