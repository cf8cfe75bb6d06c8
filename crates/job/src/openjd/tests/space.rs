use openjd_model::{StepParameterSpaceIterator, template::JobTemplate};
use proptest::prelude::*;

use super::{super::*, *};

const TRUE: &str = "{command: 'true'}";

fn range(text: &str) -> Result<Vec<String>, JobError> {
    let space = format!("{{taskParameterDefinitions: [{{name: F, type: INT, range: '{text}'}}]}}");
    plan(&job("", &step(&space, TRUE))).map(|plan| values(&plan))
}

#[test]
fn integer_ranges_follow_the_specification() {
    for (text, expected) in [
        ("1", "1"),
        ("1 - -1", ""),
        ("-1 - 1", "-1 0 1"),
        ("1-5:2", "1 3 5"),
        ("10-15:2,1-5", "1 2 3 4 5 10 12 14"),
        ("1-10:4", "1 5 9"),
        ("5-1:-2", "1 3 5"),
        ("1-10:4,10-15", "1 5 9 10 11 12 13 14 15"),
    ] {
        match range(text) {
            Ok(values) => assert_eq!(values.join(" "), expected, "{text}"),
            // `1 - -1` counts down without saying so.
            Err(error) => assert_eq!(expected, "", "{text}: {error}"),
        }
    }
    // The specification compares bounds as written and would refuse `1-10:4,10-15`; the crate compares the values.
    for text in ["", "1-", "a", "1-5:0", "1,,2", "1-5,5-9", "99999999999999999999"] {
        assert!(range(text).is_err(), "{text}");
    }
}

#[test]
fn a_range_may_come_from_a_parameter() {
    let text = job(
        "",
        &format!(
            "parameterDefinitions: [{{name: Frames, type: STRING, default: 1-3}}]\n{}",
            step("{taskParameterDefinitions: [{name: F, type: INT, range: '{{Param.Frames}}'}]}", TRUE)
        ),
    );
    assert_eq!(values(&with(&text, &[("Frames", "5-6")]).unwrap()), ["5", "6"]);
    assert!(with(&text, &[("Frames", "5-")]).is_err());
    assert!(with(&text, &[("Frames", "")]).is_err());
}

#[test]
fn spaces_combine_as_products_and_zips() {
    let space = |combination: &str| {
        format!(
            "{{taskParameterDefinitions: [{{name: A, type: INT, range: 1-2}}, {{name: B, type: STRING, range: [x, y]}}, {{name: C, type: FLOAT, range: ['2.50', 3]}}]{combination}}}"
        )
    };
    let all = |combination: &str| plan(&job("", &step(&space(combination), TRUE))).map(|plan| values(&plan));
    assert_eq!(all("").unwrap()[..3], ["1 x 2.50", "1 x 3.0", "1 y 2.50"].map(str::to_owned));
    assert_eq!(all(", combination: '(A, B, C)'").unwrap(), ["1 x 2.50", "2 y 3.0"]);
    assert_eq!(all(", combination: 'B * (A, C)'").unwrap(), ["1 x 2.50", "2 x 3.0", "1 y 2.50", "2 y 3.0"]);
    for bad in ["A * B", "A * B * C * A", "(A, B) * (C)", "A * (B, C", "A ** B * C", "A * B * D"] {
        assert!(all(&format!(", combination: '{bad}'")).is_err(), "{bad}");
    }
    let uneven = "{taskParameterDefinitions: [{name: A, type: INT, range: 1-2}, {name: B, type: INT, range: 1-3}], combination: '(A, B)'}";
    assert!(plan(&job("", &step(uneven, TRUE))).is_err());
}

#[test]
fn labels_read_like_people_write() {
    let space =
        "{taskParameterDefinitions: [{name: Frame, type: INT, range: 10-12}, {name: Tile, type: INT, range: 1-4}]}";
    let plan = plan(&job("", &step(space, TRUE))).unwrap();
    assert_eq!(plan.task_label(0, 6), "Frame=11, Tile=3");
    let bare = super::plan(&job("", &step("", TRUE))).unwrap();
    assert_eq!(bare.task_label(0, 0), "S");
    assert_eq!(plan.task_label(0, u32::MAX), format!("task {}", u32::MAX));
}

#[test]
fn too_many_tasks_are_refused_with_the_step_and_the_numbers() {
    let chunk = |target: &str, constraint: &str, range: &str| {
        format!(
            "{{taskParameterDefinitions: [{{name: F, type: 'CHUNK[INT]', range: '{range}', chunks: {{defaultTaskCount: 10, {target}rangeConstraint: {constraint}}}}}]}}"
        )
    };
    let plain = "{taskParameterDefinitions: [{name: F, type: INT, range: 1-1000000000}]}".to_owned();
    let product =
        "{taskParameterDefinitions: [{name: A, type: INT, range: 1-100000}, {name: B, type: INT, range: 1-100000}]}"
            .to_owned();
    for space in [
        plain,
        product,
        chunk("targetRuntimeSeconds: 60, ", "CONTIGUOUS", "1-1000000000"),
        chunk("targetRuntimeSeconds: 60, ", "NONCONTIGUOUS", "1-1000000000000"),
        chunk("", "CONTIGUOUS", "1-1000000000000:2"),
    ] {
        let error = plan(&job("TASK_CHUNKING", &step(&space, TRUE))).unwrap_err();
        assert!(matches!(&error, JobError::TooManyTasks { step, .. } if step == "S"), "{error}");
        assert!(error.to_string().contains("at most 10000000"), "{error}");
    }
    let overflow: Vec<_> = (0..6).map(|n| format!("{{name: P{n}, type: INT, range: 1-4000000000}}")).collect();
    let space = format!("{{taskParameterDefinitions: [{}]}}", overflow.join(", "));
    assert!(plan(&job("", &step(&space, TRUE))).is_err());
}

fn chunked(range: &str, constraint: &str, more: &str) -> JobPlan {
    let space = format!(
        "{{taskParameterDefinitions: [{{name: F, type: 'CHUNK[INT]', range: '{range}', chunks: {{defaultTaskCount: 4, targetRuntimeSeconds: 30, rangeConstraint: {constraint}}}}}{more}]}}"
    );
    plan(&job("TASK_CHUNKING", &step(&space, "{command: x, args: ['{{Task.Param.F}}']}"))).unwrap()
}

fn chunk_value(plan: &JobPlan, start: u32, end: u32) -> Result<String, ResolveError> {
    plan.task_parameters(0, TaskSpan::new(start, end)).map(|mut all| all.remove(0).value)
}

#[test]
fn a_chunk_of_neighbours_is_one_value() {
    let plan = chunked("1-10", "CONTIGUOUS", "");
    let chunking = plan.steps()[0].chunking.unwrap();
    assert_eq!(
        (plan.steps()[0].task_count, chunking.default_count, chunking.target_secs, chunking.row),
        (10, 4, 30, 10)
    );
    assert_eq!(chunk_value(&plan, 0, 5).unwrap(), "1-5");
    assert_eq!(chunk_value(&plan, 2, 3).unwrap(), "3-3");
    assert_eq!(open(&plan).task(TaskSpan::new(8, 10)).unwrap().args, ["9-10"]);

    let odd = chunked("1-9:2", "NONCONTIGUOUS", "");
    assert_eq!(odd.steps()[0].chunking.unwrap().row, 5);
    assert_eq!(chunk_value(&odd, 0, 2).unwrap(), "1,3");
    assert_eq!(chunk_value(&odd, 4, 5).unwrap(), "9");
}

#[test]
fn rows_keep_contiguous_chunks_free_of_gaps() {
    for (range, row) in [("1-10,21-30", 10), ("1-10,21-25", 5), ("1-3,4-6", 6), ("1-9:2", 1), ("1-3,7-8", 1)] {
        let plan = chunked(range, "CONTIGUOUS", "");
        assert_eq!(plan.steps()[0].chunking.unwrap().row, row, "{range}");
        let count = plan.steps()[0].task_count;
        for start in (0..count).step_by(row as usize) {
            assert!(chunk_value(&plan, start, start + row).is_ok(), "{range} at {start}");
        }
    }
    assert!(matches!(chunk_value(&chunked("1-3,7-9", "CONTIGUOUS", ""), 0, 5), Err(ResolveError::NotOneRun { .. })));
}

#[test]
fn the_chunked_parameter_varies_fastest_wherever_it_is_defined() {
    let plan = chunked("1-3", "CONTIGUOUS", ", {name: Tile, type: INT, range: 1-2}");
    assert_eq!(values(&plan), ["1-1 1", "2-2 1", "3-3 1", "1-1 2", "2-2 2", "3-3 2"]);
    assert_eq!(chunk_value(&plan, 3, 6).unwrap(), "1-3");
    assert!(matches!(chunk_value(&plan, 2, 4), Err(ResolveError::NotOneRun { .. })));
    assert!(matches!(chunk_value(&plan, 5, 7), Err(ResolveError::NoTask { count: 6, .. })));
    let unchunked =
        super::plan(&job("", &step("{taskParameterDefinitions: [{name: A, type: INT, range: 1-9}]}", TRUE)));
    assert!(matches!(chunk_value(&unchunked.unwrap(), 0, 2), Err(ResolveError::NotOneRun { .. })));
}

/// The crate's own walk over the first step's space, chunks of one.
fn by_the_crate(text: &str) -> Vec<String> {
    let decoded: JobTemplate = Template::decode(text).unwrap().decoded;
    let context = decoded.default_validation_context();
    let job = openjd_model::create_job(&decoded, &Default::default(), &context).unwrap();
    let space = job.steps[0].parameter_space.as_ref().unwrap();
    let walk = StepParameterSpaceIterator::new_with_chunk_override(space, Some(1)).unwrap();
    let names: Vec<_> = space.task_parameter_definitions.keys().cloned().collect();
    walk.map(|set| names.iter().map(|name| set[name].value.to_display_string()).collect::<Vec<_>>().join(" ")).collect()
}

#[derive(Debug, Clone)]
struct Shape {
    lens: Vec<u32>,
    zip: Option<usize>,
    chunk: Option<usize>,
}

fn shapes() -> impl Strategy<Value = Shape> {
    let lens = prop::collection::vec(1_u32..5, 1..5);
    (lens, any::<prop::sample::Index>(), any::<prop::sample::Index>(), any::<(bool, bool)>()).prop_map(
        |(mut lens, zip, chunk, (zipped, chunked))| {
            let zip = (zipped && lens.len() > 1).then(|| zip.index(lens.len() - 1));
            if let Some(at) = zip {
                lens[at + 1] = lens[at];
            }
            let chunk = chunked.then(|| chunk.index(lens.len()));
            let chunk = chunk.filter(|chunk| zip.is_none_or(|zip| *chunk != zip && *chunk != zip + 1));
            Shape { lens, zip, chunk }
        },
    )
}

fn space_of(shape: &Shape) -> String {
    let define = |(at, len): (usize, &u32)| match shape.chunk {
        Some(chunk) if chunk == at => format!(
            "{{name: P{at}, type: 'CHUNK[INT]', range: '1-{len}', chunks: {{defaultTaskCount: 2, rangeConstraint: NONCONTIGUOUS}}}}"
        ),
        _ if at % 2 == 0 => format!("{{name: P{at}, type: INT, range: '5-{}:3'}}", 5 + 3 * (len - 1)),
        _ => format!(
            "{{name: P{at}, type: STRING, range: {:?}}}",
            (0..*len).map(|n| format!("s{n}")).collect::<Vec<_>>()
        ),
    };
    let definitions: Vec<_> = shape.lens.iter().enumerate().map(define).collect();
    let mut elements: Vec<_> = (0..shape.lens.len()).map(|at| format!("P{at}")).collect();
    if let Some(at) = shape.zip {
        let second = elements.remove(at + 1);
        elements[at] = format!("({}, {second})", elements[at]);
    }
    let combination = elements.join(" * ");
    format!("{{taskParameterDefinitions: [{}], combination: '{combination}'}}", definitions.join(", "))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn every_index_gives_what_the_crate_gives(shape in shapes()) {
        let text = job("TASK_CHUNKING", &step(&space_of(&shape), TRUE));
        let (ours, mut theirs) = (values(&plan(&text).unwrap()), by_the_crate(&text));
        if shape.chunk.is_some() {
            // Same tasks; only the order differs, because chunks need neighbours.
            let mut sorted = ours;
            sorted.sort();
            theirs.sort();
            prop_assert_eq!(sorted, theirs);
        } else {
            prop_assert_eq!(ours, theirs);
        }
    }

    #[test]
    fn a_row_of_chunks_covers_every_value_once(shape in shapes(), size in 1_u32..4) {
        let plan = plan(&job("TASK_CHUNKING", &step(&space_of(&shape), TRUE))).unwrap();
        let spec = &plan.steps()[0];
        let row = spec.chunking.map_or(1, |chunking| chunking.row);
        let mut start = 0;
        while start < spec.task_count {
            let end = (start + size).min((start / row + 1) * row);
            prop_assert!(plan.task_parameters(0, TaskSpan::new(start, end)).is_ok());
            start = end;
        }
    }
}
