use gridwell_model::{Edge, Retry};

use super::*;

const TEMPLATE: &str = "
specificationVersion: jobtemplate-2023-09
extensions: [TASK_CHUNKING]
name: Film
parameterDefinitions:
- {name: Scene, type: PATH, objectType: FILE, dataFlow: IN, default: scene.blend}
- {name: Out, type: PATH, dataFlow: OUT, default: frames}
- {name: Quality, type: INT, default: 1}
steps:
- name: Render
  parameterSpace: {taskParameterDefinitions: [{name: F, type: 'CHUNK[INT]', range: 1-10, chunks: {defaultTaskCount: 2, rangeConstraint: CONTIGUOUS}}]}
  script: {actions: {onRun: {command: draw}}}
- name: Grade
  dependencies: [{dependsOn: Render}]
  parameterSpace: {taskParameterDefinitions: [{name: F, type: INT, range: 1-10}]}
  script: {actions: {onRun: {command: grade}}}
- name: Join
  dependencies: [{dependsOn: Grade}]
  script: {actions: {onRun: {command: join}}}
";

const VALUES: &str = "
parameterValues:
- {name: Quality, value: 3}
- {name: 'deadline:priority', value: 80}
";

const ASSETS: &str = "
assetReferences:
  inputs: {filenames: [/art/scene.blend], directories: [textures]}
  outputs: {directories: [frames]}
  referencedPaths: []
";

const SIDECAR: &str = "
format: 1
priority: 7
landing: frames
outputs: ['*.png']
parameters: {Quality: 2, Out: elsewhere}
needs: ['ram > 8 GB']
prefers: ['gpu * 3']
retry: {attempts: 5}
session: {continues: true, heartbeat_seconds: 300}
courtesy: gentle
colour: green
steps:
  Render: {chunk: {count: 5, target_seconds: 60}, needs: ['tool:blender'], flavour: x}
  Grade: {after: [{step: Render, tasks: same}], prefers: ['machine = mill']}
";

fn bundle() -> Bundle {
    let files = BundleFiles {
        template: TEMPLATE,
        parameter_values: Some(VALUES),
        asset_references: Some(ASSETS),
        sidecar: Some(SIDECAR),
    };
    Bundle::read(&files).unwrap()
}

fn with_sidecar(sidecar: &str) -> Result<Bundle, BundleError> {
    Bundle::read(&BundleFiles { template: TEMPLATE, sidecar: Some(sidecar), ..BundleFiles::default() })
}

fn plan(bundle: &Bundle) -> JobPlan {
    bundle.template.clone().create(&bundle.values_with(&[])).unwrap()
}

#[test]
fn a_bundle_of_another_scheduler_opens_and_says_what_it_ignored() {
    let bundle = Bundle::read(&BundleFiles {
        template: TEMPLATE,
        parameter_values: Some(VALUES),
        asset_references: Some(ASSETS),
        sidecar: None,
    })
    .unwrap();
    assert_eq!(bundle.values["Quality"], "3");
    assert_eq!(bundle.assets.input_files, ["/art/scene.blend"]);
    assert_eq!(bundle.assets.input_folders, ["textures"]);
    assert_eq!(bundle.report.ignored, ["'deadline:priority': a setting of another scheduler"]);
    assert_eq!(bundle.steps(&plan(&bundle)).unwrap(), plan(&bundle).steps());
}

#[test]
fn typed_values_beat_the_file_which_beats_the_sidecar() {
    let bundle = bundle();
    assert_eq!(bundle.values["Quality"], "3");
    assert_eq!(bundle.values["Out"], "elsewhere");
    let typed = bundle.values_with(&[("Quality".to_owned(), "9".to_owned())]);
    assert!(typed.contains(&("Quality".to_owned(), "9".to_owned())));
    assert_eq!(typed.len(), 2);
}

#[test]
fn the_sidecar_adds_to_the_steps() {
    let bundle = bundle();
    let steps = bundle.steps(&plan(&bundle)).unwrap();
    let chunking = steps[0].chunking.unwrap();
    assert_eq!((chunking.default_count, chunking.target_secs, chunking.row), (5, 60, 10));
    assert_eq!(steps[0].needs.amounts.len(), 1);
    assert_eq!(steps[0].needs.attributes[0].all_of, ["blender"]);
    assert_eq!(steps[1].after, [Edge { step: 0, kind: EdgeKind::SameIndex }]);
    assert_eq!(steps[1].prefers.len(), 2);
    assert_eq!(steps[2].after, [Edge { step: 1, kind: EdgeKind::Whole }]);
    assert_eq!(bundle.sidecar.priority, Some(7));
    assert_eq!(bundle.sidecar.session, SidecarSession { continues: true, heartbeat_secs: Some(300) });
    assert_eq!(bundle.sidecar.retry, Some(Retry { max_attempts: 5, ..Retry::default() }));
}

#[test]
fn unknown_keys_are_warnings() {
    let ignored = bundle().report.ignored;
    for wanted in ["'courtesy' has no effect", "unknown key 'colour'", "unknown key 'steps.Render.flavour'"] {
        assert!(ignored.iter().any(|line| line.contains(wanted)), "{wanted}: {ignored:?}");
    }
}

#[test]
fn wrong_names_and_values_are_named() {
    for (sidecar, wanted) in [
        ("steps: {Rendr: {}}", "names the step 'Rendr', the template has Render, Grade, Join"),
        ("steps: {Grade: {after: [{step: X}]}}", "names the step 'X'"),
        ("parameters: {Qality: 1}", "names the parameter 'Qality', the template has Scene, Out, Quality"),
        ("format: 2", "has format 2, this version of Gridwell reads up to 1"),
        ("format: soon", "format must be a whole number"),
        ("priority: high", "priority must be a whole number, is \"high\""),
        ("needs: ['ram > lots']", "needs: cannot read the requirement 'ram > lots'"),
        ("prefers: ['gpu * 9']", "prefers: the strength"),
        ("landing: ../../etc", "the path '../../etc' leaves the bundle"),
        (
            "steps: {Grade: {after: [{step: Render, tasks: some}]}}",
            "steps.Grade.after[0].tasks must be 'all' or 'same'",
        ),
        ("retry: {attempts: 0}", "retry.attempts must be a whole number of 1 or more, is 0"),
        ("steps: []", "steps must be keys and values"),
        ("- a", "gridwell.yaml is the document"),
    ] {
        let error = with_sidecar(sidecar).unwrap_err().to_string();
        assert!(error.contains(wanted), "{sidecar}: {error}");
    }
    let values = "parameterValues: [{name: Nope, value: 1}]";
    let files = BundleFiles { template: TEMPLATE, parameter_values: Some(values), ..BundleFiles::default() };
    assert!(matches!(Bundle::read(&files), Err(BundleError::UnknownParameter { name, .. }) if name == "Nope"));
    let assets = "assetReferences: {inputs: {filenames: ['a/../../b']}}";
    let files = BundleFiles { template: TEMPLATE, asset_references: Some(assets), ..BundleFiles::default() };
    assert!(matches!(Bundle::read(&files), Err(BundleError::Leaves { .. })));
    let large = " ".repeat(Bundle::MAX_FILE_BYTES + 1);
    assert!(matches!(with_sidecar(&large), Err(BundleError::TooLarge { .. })));
}

#[test]
fn edges_that_cannot_be_are_refused() {
    let uneven = with_sidecar("steps: {Join: {after: [{step: Grade, tasks: same}]}}").unwrap();
    let error = uneven.steps(&plan(&uneven)).unwrap_err();
    assert!(matches!(error, BundleError::Uneven { count: 1, other_count: 10, .. }), "{error}");
    let circle = with_sidecar("steps: {Render: {after: [{step: Join}]}}").unwrap();
    assert!(matches!(circle.steps(&plan(&circle)), Err(BundleError::Circle { .. })));
}

#[test]
fn what_is_exported_reads_back_the_same() {
    let bundle = bundle();
    let export = bundle.export();
    let text = |name: &str| export.files.iter().find(|(have, _)| *have == name).map(|(_, text)| text.as_str());
    let again = Bundle::read(&BundleFiles {
        template: text("template.json").unwrap(),
        parameter_values: text("parameter_values.json"),
        asset_references: text("asset_references.json"),
        sidecar: text("gridwell.yaml"),
    })
    .unwrap();
    assert_eq!(again.template.to_json(), bundle.template.to_json());
    assert_eq!((again.values.clone(), again.assets.clone()), (bundle.values.clone(), bundle.assets.clone()));
    assert_eq!(again.sidecar, bundle.sidecar);
    assert_eq!(again.steps(&plan(&again)).unwrap(), bundle.steps(&plan(&bundle)).unwrap());
    assert!(export.report.lost.iter().any(|line| line.starts_with("after of step 'Grade'")), "{:?}", export.report);
}

#[test]
fn paths_with_a_direction_become_inputs_and_results() {
    let bundle = bundle();
    let folders = crate::Folders { template: "/b", current: "/b", confined: true };
    let filled = bundle.template.fill(&bundle.values_with(&[]), &folders).unwrap();
    let paths = bundle.template.paths(&filled);
    assert_eq!((paths[0].path.as_str(), paths[0].flow.reads()), ("/b/scene.blend", true));
    assert_eq!((paths[1].path.as_str(), paths[1].flow.writes()), ("/b/elsewhere", true));
}
