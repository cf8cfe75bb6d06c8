use super::{super::*, *};

const TRUE: &str = "{command: 'true'}";

fn refusal(text: &str) -> String {
    plan(text).unwrap_err().to_string()
}

#[test]
fn yaml_and_json_are_read_alike_and_json_goes_round() {
    let template = Template::decode(&job("", &step("", TRUE))).unwrap();
    let again = Template::decode(&template.to_json()).unwrap();
    assert_eq!(again.name(), "Test");
    assert_eq!(again.step_names().collect::<Vec<_>>(), ["S"]);
    assert_eq!(again.to_json(), template.to_json());
    assert!(Template::decode("{specificationVersion: jobtemplate-2023-09, name: N, steps: [{name: S, script: {actions: {onRun: {command: x}}}}]}").is_ok());
}

#[test]
fn every_extension_of_the_crate_is_allowed_and_no_other() {
    for name in ["EXPR", "TASK_CHUNKING", "FEATURE_BUNDLE_1", "REDACTED_ENV_VARS", "EXPR, WRAP_ACTIONS"] {
        assert!(plan(&job(name, &step("", TRUE))).is_ok(), "{name}");
    }
    let error = refusal(&job("TELEPORT", &step("", TRUE)));
    assert!(error.contains("TELEPORT"), "{error}");
    assert!(refusal(&job("WRAP_ACTIONS", &step("", TRUE))).contains("requires EXPR"));
}

#[test]
fn an_extension_that_is_used_must_be_named() {
    let chunked = step(
        "{taskParameterDefinitions: [{name: F, type: 'CHUNK[INT]', range: 1-9, chunks: {defaultTaskCount: 3, rangeConstraint: CONTIGUOUS}}]}",
        TRUE,
    );
    assert!(plan(&job("TASK_CHUNKING", &chunked)).is_ok());
    assert!(plan(&job("", &chunked)).is_err());
    let expression = step("", "{command: \"{{ 'a' + 'b' }}\"}");
    assert!(plan(&job("EXPR", &expression)).is_ok());
    assert!(plan(&job("", &expression)).is_err());
    let bash = "steps:\n- name: S\n  bash: {script: echo}";
    assert!(plan(&job("FEATURE_BUNDLE_1", bash)).is_ok());
    assert!(plan(&job("", bash)).is_err());
}

#[test]
fn a_refusal_keeps_the_place_in_the_document() {
    let bad = job("", "steps:\n- name: S\n  script: {actions: {onRun: {command: '{{Param.Nope}}'}}}");
    let JobError::Template(TemplateError::Refused { problems }) = plan(&bad).unwrap_err() else { panic!() };
    assert!(problems[0].place.starts_with("steps[0].script.actions.onRun"), "{problems:?}");
    assert!(problems[0].message.contains("Param.Nope"), "{problems:?}");
    assert!(refusal(&job("", "x-ours: 1\nsteps: []")).contains("x-ours"));
    let shape = refusal(&job("", &step("", "{command: x, timeot: 5}")));
    assert!(shape.contains("steps[0].script.actions.onRun") && shape.contains("timeot"), "{shape}");
    assert!(!refusal(&bad).contains('\n'), "a refusal is one line");
    let versionless = refusal("body: []");
    assert!(versionless.contains("specificationVersion") && !versionless.contains("body"), "{versionless}");
    for text in ["", "[]", "just words", "{", "a: [", "specificationVersion: environment-2023-09\nname: x"] {
        assert!(Template::decode(text).is_err(), "{text:?}");
    }
}

#[test]
fn hostile_documents_are_refused_at_once() {
    let large = format!("{}#{}", job("", &step("", TRUE)), "x".repeat(Template::MAX_BYTES));
    assert!(matches!(Template::decode(&large), Err(TemplateError::TooLarge { .. })));
    assert!(Template::decode(&"[".repeat(200_000)).is_err());
    for depth in [33, 100, 127, 1_000, 100_000] {
        for (open, close) in [("{a: ", "}"), ("{\"a\":", "}"), ("[", "]"), ("- ", "")] {
            let text = format!("a:\n  {}1{}", open.repeat(depth), close.repeat(depth));
            assert!(Template::decode(&text).is_err(), "{open} {depth}");
        }
    }
    assert!(Template::decode(&format!("{}1{}", "{\"a\":".repeat(100_000), "}".repeat(100_000))).is_err());
    let bomb = "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: &f [*e,*e,*e,*e,*e,*e,*e,*e,*e]\ng: &g [*f,*f,*f,*f,*f,*f,*f,*f,*f]\nh: [*g,*g,*g,*g,*g,*g,*g,*g,*g]";
    assert!(Template::decode(bomb).is_err());
    let deep = format!("{}1{}", "(".repeat(50_000), ")".repeat(50_000));
    assert!(plan(&job("EXPR", &step("", &format!("{{command: '{{{{ {deep} }}}}'}}")))).is_err());
    let many: String =
        (0..1_001).map(|n| format!("- {{name: S{n}, script: {{actions: {{onRun: {TRUE}}}}}}}\n")).collect();
    assert!(plan(&job("", &format!("steps:\n{many}"))).is_err());
}

#[test]
fn parameters_carry_what_a_form_needs() {
    let text = job(
        "",
        &format!(
            "parameterDefinitions:
- {{name: Quality, type: STRING, default: mid, allowedValues: [low, mid], userInterface: {{control: DROPDOWN_LIST, label: How good, groupLabel: Look}}}}
- {{name: Samples, type: INT, minValue: 1, maxValue: '64', default: 8, userInterface: {{control: SPIN_BOX, singleStepDelta: 2}}}}
- {{name: Scene, type: PATH, objectType: FILE, dataFlow: IN, userInterface: {{control: CHOOSE_INPUT_FILE, fileFilters: [{{label: Blender, patterns: ['*.blend']}}]}}}}
- {{name: Out, type: PATH, dataFlow: OUT}}
{}",
            step("", TRUE)
        ),
    );
    let all = Template::decode(&text).unwrap().parameters();
    assert_eq!(all[0].allowed, ["low", "mid"]);
    assert_eq!(all[0].default.as_deref(), Some("mid"));
    assert_eq!(all[0].hints.control, Some(Control::DropdownList));
    assert_eq!(all[0].hints.label.as_deref(), Some("How good"));
    assert_eq!(all[0].hints.group_label.as_deref(), Some("Look"));
    assert_eq!((all[1].kind, all[1].min, all[1].max), (ParameterKind::Int, Some(1.0), Some(64.0)));
    assert_eq!(all[1].hints.single_step_delta, Some(2.0));
    assert_eq!((all[2].object, all[2].flow), (Some(ObjectKind::File), DataFlow::In));
    assert_eq!(all[2].hints.file_filters[0].patterns, ["*.blend"]);
    assert_eq!((all[3].object, all[3].flow), (Some(ObjectKind::Directory), DataFlow::Out));
    assert!(all[3].flow.writes() && !all[3].flow.reads());
}

fn typed() -> String {
    job(
        "",
        &format!(
            "parameterDefinitions:
- {{name: A, type: STRING, maxLength: 3}}
- {{name: N, type: INT, minValue: 1, maxValue: 9, default: 5}}
{}",
            step("", "{command: 'x', args: ['{{Param.A}}', '{{Param.N}}']}")
        ),
    )
}

#[test]
fn a_wrong_parameter_is_named() {
    assert!(matches!(with(&typed(), &[("A", "x"), ("B", "1")]),
        Err(JobError::Parameters(ParameterError::Unknown { name, .. })) if name == "B"));
    assert!(matches!(plan(&typed()), Err(JobError::Parameters(ParameterError::Missing { names })) if names == ["A"]));
    assert!(matches!(
        with(&typed(), &[("A", "x"), ("A", "y")]),
        Err(JobError::Parameters(ParameterError::Twice { .. }))
    ));
    for (value, word) in [("ten", "ten"), ("10", "maximum"), ("0", "minimum"), ("1.5", "1.5")] {
        let error = with(&typed(), &[("A", "x"), ("N", value)]).unwrap_err().to_string();
        assert!(error.contains("'N'") && error.contains(word), "{error}");
    }
    assert!(with(&typed(), &[("A", "long")]).unwrap_err().to_string().contains("'A'"));
    let action = open(&with(&typed(), &[("A", "x")]).unwrap()).task(one(0)).unwrap();
    assert_eq!(action.args, ["x", "5"]);
}

#[test]
fn filling_gives_every_parameter_an_absolute_value() {
    let text = job(
        "",
        &format!(
            "parameterDefinitions:
- {{name: Scene, type: PATH, default: scenes/a.blend}}
- {{name: Out, type: PATH}}
- {{name: F, type: FLOAT, default: 2.5}}
{}",
            step("", TRUE)
        ),
    );
    let template = Template::decode(&text).unwrap();
    let folders = Folders { template: "/bundle", current: "/here", confined: true };
    let given = [("Out".to_owned(), "frames".to_owned())];
    let filled = template.fill(&given, &folders).unwrap();
    let pairs: Vec<_> = filled.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(pairs, [("Scene", "/bundle/scenes/a.blend"), ("Out", "/here/frames"), ("F", "2.5")]);
    assert!(template.create(&filled).is_ok());

    let escaping = Template::decode(&text.replace("scenes/a.blend", "../../etc/passwd")).unwrap();
    assert!(escaping.fill(&given, &folders).unwrap_err().to_string().contains("Scene"));
    assert!(escaping.fill(&given, &Folders { confined: false, ..folders }).is_ok());
}

#[test]
fn lists_and_ranges_of_the_expression_extension_go_round() {
    let text = job(
        "EXPR",
        &format!(
            "parameterDefinitions:
- {{name: L, type: 'LIST[INT]', default: [1, 2]}}
- {{name: R, type: RANGE_EXPR, default: '1-3'}}
- {{name: B, type: BOOL, default: true}}
{}",
            step("", "{command: x, args: ['{{Param.L}}', '{{Param.R}}', '{{Param.B}}']}")
        ),
    );
    let template = Template::decode(&text).unwrap();
    let filled = template.fill(&[("L".to_owned(), "[4,5,6]".to_owned())], &Folders::default()).unwrap();
    let action = open(&template.create(&filled).unwrap()).task(one(0)).unwrap();
    assert_eq!(action.args, ["4", "5", "6", "1-3", "true"]);
}

#[test]
fn attribute_values_follow_the_specification() {
    let text = |value: &str| {
        job(
            "",
            &format!(
                "steps:\n- name: S\n  hostRequirements: {{amounts: [{{name: amount.worker.memory, min: 512}}], attributes: [{{name: 'acme:attr.software', anyOf: ['{value}']}}]}}\n  script: {{actions: {{onRun: {TRUE}}}}}"
            ),
        )
    };
    assert!(plan(&text("4.2")).is_err());
    assert!(plan(&text("v4.2")).is_err());
    let plan = plan(&text("blender-4_2")).unwrap();
    let needs = &plan.steps()[0].needs;
    assert_eq!((needs.amounts[0].name.as_str(), needs.amounts[0].min), ("amount.worker.memory", Some(512.0)));
    assert_eq!(needs.attributes[0].any_of, ["blender-4_2"]);
}

#[test]
fn dependencies_become_edges_and_a_circle_is_refused() {
    let text = |of_a: &str| {
        job(
            "",
            &format!(
                "steps:\n- {{name: A, {of_a}script: {{actions: {{onRun: {TRUE}}}}}}}\n- {{name: B, dependencies: [{{dependsOn: A}}], script: {{actions: {{onRun: {TRUE}}}}}}}"
            ),
        )
    };
    let plan = plan(&text("")).unwrap();
    assert_eq!(plan.steps()[1].after.len(), 1);
    assert_eq!(plan.steps()[1].after[0].step, 0);
    assert!(super::plan(&text("dependencies: [{dependsOn: B}], ")).is_err());
}

#[test]
fn an_environment_template_goes_around_the_job() {
    let environment = EnvironmentTemplate::decode(
        "specificationVersion: environment-2023-09
parameterDefinitions:
- {name: Tag, type: STRING, default: t}
environment: {name: Outer, variables: {TAG: '{{Param.Tag}}'}}",
    )
    .unwrap();
    let inner = job("", &format!("jobEnvironments: [{{name: Inner, variables: {{A: b}}}}]\n{}", step("", TRUE)));
    let both = Template::decode(&inner).unwrap().with_environment(&environment).unwrap();
    let plan = both.create(&[("Tag".to_owned(), "seen".to_owned())]).unwrap();
    let session = open(&plan);
    let names: Vec<_> = session.environments().iter().map(|one| one.name.as_str()).collect();
    assert_eq!(names, ["Outer", "Inner"]);
    assert_eq!(session.environments()[0].variables, [("TAG".to_owned(), "seen".to_owned())]);

    let bounded = EnvironmentTemplate::decode(
        "specificationVersion: environment-2023-09
parameterDefinitions: [{name: N, type: INT, maxValue: 5, default: 4}]
environment: {name: Outer, variables: {N: '{{Param.N}}'}}",
    )
    .unwrap();
    let narrow = |definition: &str| {
        let text = job("", &format!("parameterDefinitions: [{{name: N, type: INT{definition}}}]\n{}", step("", TRUE)));
        Template::decode(&text).unwrap().with_environment(&bounded)
    };
    let value = |template: &Template, value: &str| {
        template.fill(&[("N".to_owned(), value.to_owned())], &Folders::default()).map_err(|error| error.to_string())
    };
    let both = narrow(", minValue: 2").unwrap();
    assert!(value(&both, "6").unwrap_err().contains("'N'") && value(&both, "1").is_err());
    assert_eq!(both.fill(&[], &Folders::default()).unwrap(), [("N".to_owned(), "4".to_owned())]);
    assert!(narrow(", minValue: 6").is_err(), "no value could meet both");
    assert!(narrow(", default: 9").unwrap().fill(&[], &Folders::default()).is_err(), "the last default must fit");

    let clash = job("", &format!("parameterDefinitions: [{{name: Tag, type: INT}}]\n{}", step("", TRUE)));
    let error = Template::decode(&clash).unwrap().with_environment(&environment).unwrap_err();
    assert!(error.to_string().contains("conflicting types"), "{error}");
}
