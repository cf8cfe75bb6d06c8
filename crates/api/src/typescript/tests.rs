use std::collections::BTreeMap;

use gridwell_model::{
    GridId, Hardware, Incarnation, JobId, JobState, LayoutKind, LinkPolicy, Load, Needs, PeerId, Power, Preference,
    Role, Stamp, TaskKey, TaskSpan, TaskState, Tuning, Watts,
};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::{
    collect,
    layout::{Declared, Field, Form},
};
use crate::{
    ApiError, BehaviourMode, BehaviourView, CodeShown, CommandRequest, EnergyView, ErrorCode, Event, EventBody, Flaw,
    FlawView, JobDetail, JobView, LandingView, LayoutChange, LayoutView, LinkKey, LinkState, LinkView, LogPiece,
    MachineState, MachineView, MemberView, MembersView, Notice, NoticeKind, NoticeLevel, PairView, ProposalKind,
    ProposalView, Repeat, Request, RevokedView, SetRequest, Share, Snapshot, StatusView, StepView, SubmitRequest,
    SuggestionReason, SuggestionView, TaskCounts, TaskPage, TaskView, TasksChanged,
};

const PEER: PeerId = PeerId([2; 32]);
const JOB: JobId = JobId([7; 10]);
const TASK: TaskKey = TaskKey { step: 0, index: 3 };

#[test]
fn forms_describe_what_is_written() {
    for body in events() {
        check("Event", &Event { seq: 9, body });
    }
    check("JobDetail", &detail());
    check("TaskPage", &TaskPage { job: JOB, total: 1, tasks: vec![task()] });
    check("StatusView", &status());
    check("ApiError", &ApiError::new(ErrorCode::Busy, "busy"));
    check("ApiError", &ApiError::new(ErrorCode::Busy, "busy").help("Wait."));
    let piece = LogPiece {
        task: TASK,
        label: "frame 3".into(),
        machine: String::new(),
        attempt: 1,
        offset: 0,
        bytes: vec![b'a'],
    };
    check("LogPiece", &piece);
    for repeat in [Repeat::Once, Repeat::Array(3), Repeat::Over("1-3".into())] {
        let command =
            CommandRequest { argv: vec!["true".into()], repeat, outputs: vec![], continues: false, cwd: "/".into() };
        check("Request", &Request::Submit(SubmitRequest { command: Some(command), ..SubmitRequest::default() }));
    }
    let labels = [("tier".to_owned(), Some("fast".to_owned())), ("old".to_owned(), None)].into();
    check("Request", &Request::Set(SetRequest { labels, ..SetRequest::default() }));
    check("Request", &Request::Machines);
}

fn check(name: &str, sample: &impl Serialize) {
    let value = serde_json::to_value(sample).unwrap();
    assert_eq!(mismatch(&collect(), &Form::Word(name.to_owned()), &value), None, "{name}: {value}");
}

#[test]
fn a_wish_needs_only_the_fields_that_are_not_optional() {
    let types = collect();
    let Form::Either(wishes) = &types["Request"].form else { panic!("a wish is one of many") };
    assert!(wishes.len() > 20);
    for wish in wishes {
        let least = least(&types, wish);
        let read = serde_json::from_value::<Request>(least.clone());
        assert!(read.is_ok(), "{least}: {read:?}");
    }
}

#[test]
fn what_is_written_otherwise_is_noticed() {
    let types = collect();
    let form = Form::Word("TaskSpan".into());
    for wrong in
        [json!({ "start": 0 }), json!({ "start": 0, "end": "1" }), json!({ "start": 0, "end": 1, "more": 1 }), json!(3)]
    {
        assert!(mismatch(&types, &form, &wrong).is_some(), "{wrong}");
    }
    assert!(mismatch(&types, &Form::Word("TaskState".into()), &json!("sleepy")).is_some());
}

/// Says where `value` is not what `form` promises.
fn mismatch(types: &BTreeMap<String, Declared>, form: &Form, value: &Value) -> Option<String> {
    match form {
        Form::Either(forms) => {
            let all: Option<Vec<String>> = forms.iter().map(|form| mismatch(types, form, value)).collect();
            all.map(|all| format!("none of: {}", all.join(" / ")))
        }
        Form::Object(_) | Form::Both(_) => {
            let Some(object) = value.as_object() else { return Some(format!("{value} is no object")) };
            // A union inside an intersection: one of the ways to read it must fit.
            let all: Option<Vec<String>> =
                ways(types, form).iter().map(|fields| wrong_field(types, fields, object)).collect();
            all.map(|all| all.join(" / "))
        }
        Form::Word(word) => wrong_word(types, word, value),
    }
}

/// The fields of an object in each of its variants.
fn ways<'form>(types: &'form BTreeMap<String, Declared>, form: &'form Form) -> Vec<Vec<&'form Field>> {
    match form {
        Form::Object(fields) => vec![fields.iter().collect()],
        Form::Either(forms) => forms.iter().flat_map(|form| ways(types, form)).collect(),
        Form::Both(forms) => forms.iter().fold(vec![vec![]], |left, form| {
            let right = ways(types, form);
            left.iter().flat_map(|left| right.iter().map(|right| [left.as_slice(), right].concat())).collect()
        }),
        Form::Word(name) => ways(types, &types[name].form),
    }
}

fn wrong_field(types: &BTreeMap<String, Declared>, fields: &[&Field], object: &Map<String, Value>) -> Option<String> {
    let names: Vec<&str> = fields.iter().map(|field| field.name.trim_end_matches('?')).collect();
    if let Some(extra) = object.keys().find(|key| !names.contains(&key.as_str())) {
        return Some(format!("{extra} is not declared"));
    }
    fields.iter().zip(names).find_map(|(field, name)| match object.get(name) {
        Some(value) => mismatch(types, &field.form, value).map(|why| format!("{name}: {why}")),
        None => (!field.name.ends_with('?')).then(|| format!("{name} is missing")),
    })
}

fn wrong_word(types: &BTreeMap<String, Declared>, word: &str, value: &Value) -> Option<String> {
    let inner = |open: &str, close: &str| Some(Form::read(word.strip_prefix(open)?.strip_suffix(close)?));
    let fits = match word {
        "string" => value.is_string(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        literal if literal.starts_with('"') => Some(literal.trim_matches('"')) == value.as_str(),
        tuple if tuple.starts_with('[') => value.is_array(),
        _ => {
            if let Some(item) = inner("Array<", ">") {
                let Some(items) = value.as_array() else { return Some(format!("{value} is no list")) };
                return items.iter().find_map(|value| mismatch(types, &item, value));
            }
            if let Some(item) = inner("{ [key in string]: ", " }") {
                let Some(map) = value.as_object() else { return Some(format!("{value} is no map")) };
                return map.values().find_map(|value| mismatch(types, &item, value));
            }
            return mismatch(types, &types[word].form, value);
        }
    };
    (!fits).then(|| format!("{value} is no {word}"))
}

/// The smallest value of a form: without what is optional.
fn least(types: &BTreeMap<String, Declared>, form: &Form) -> Value {
    match form {
        Form::Either(forms) => least(types, &forms[0]),
        Form::Object(_) | Form::Both(_) => {
            let fields = ways(types, form).remove(0);
            let needed = fields.iter().filter(|field| !field.name.ends_with('?'));
            Value::Object(needed.map(|field| (field.name.clone(), least(types, &field.form))).collect())
        }
        Form::Word(word) => match word.as_str() {
            "string" => json!(""),
            "number" => json!(0),
            "boolean" => json!(false),
            literal if literal.starts_with('"') => json!(literal.trim_matches('"')),
            list if list.starts_with("Array<") => json!([]),
            name => least(types, &types[name].form),
        },
    }
}

fn events() -> Vec<EventBody> {
    let snapshot = Snapshot {
        stream: Incarnation([1; 8]),
        machines: vec![machine()],
        links: vec![link()],
        jobs: vec![job()],
        pairings: vec![],
        code: CodeShown { until: Some(Stamp(7)) },
        asks: vec![],
    };
    let changed = TasksChanged {
        job: JOB,
        step: 0,
        span: TaskSpan::new(0, 4),
        state: TaskState::Failed,
        machine: Some(PEER),
        exit_code: None,
        reason: "no".into(),
        saved_at: Some(Stamp(6)),
    };
    let notice = Notice {
        id: 1,
        at: Stamp(5),
        kind: NoticeKind::JobDone,
        level: NoticeLevel::Info,
        sentence: "done".into(),
        job: Some(JOB),
        machine: None,
    };
    vec![
        EventBody::Snapshot(Box::new(snapshot)),
        EventBody::JobChanged(Box::new(job())),
        EventBody::JobRemoved(JOB),
        EventBody::TasksChanged(changed),
        EventBody::MachineChanged(Box::new(machine())),
        EventBody::MachineRemoved(PEER),
        EventBody::LinkChanged(link()),
        EventBody::LayoutChanged(Box::new(layout())),
        EventBody::LinkRemoved(LinkKey { from: PEER, peer: PEER }),
        EventBody::Notice(notice),
        EventBody::CodeChanged(CodeShown::default()),
        EventBody::MembersChanged(Box::new(members())),
    ]
}

fn job() -> JobView {
    JobView {
        id: JOB,
        name: "kitchen".into(),
        recipe: "blender".into(),
        state: JobState::Running,
        priority: 0,
        counts: TaskCounts::default(),
        reused: 0,
        saved: 1,
        saved_at: Some(Stamp(3)),
        task_word: "frame".into(),
        progress: 0.5,
        time_left_secs: None,
        submitted: Stamp(1),
        started: Some(Stamp(2)),
        ended: None,
        origin: PEER,
        origin_name: "mill".into(),
        output_folders: vec!["/out".into()],
        made_by: Vec::new(),
        failures: Vec::new(),
        waits_for: String::new(),
        steward: PEER,
        steward_name: "mill".into(),
        safe: true,
        unsafe_why: String::new(),
        landing: landing(),
        energy: EnergyView { joules: 7.5, runs: 3, unmeasured: 1, price: Some(0.5), unpriced_joules: 0.0 },
    }
}

fn landing() -> LandingView {
    let flaw = FlawView {
        flaw: Flaw::Black,
        count: 2,
        example: TASK,
        example_label: "frame 3".into(),
        path: "/out/3.png".into(),
        tasks: vec![TASK],
    };
    LandingView { held: 1, held_path: "/out/4.png".into(), flaws: vec![flaw], ..LandingView::default() }
}

fn detail() -> JobDetail {
    let prefers = vec![Preference { what: Needs::default(), words: "gpu".into(), strength: 2, per_unit: None }];
    let step = StepView {
        name: "Render".into(),
        counts: TaskCounts::default(),
        after: vec![],
        needs: Needs::default(),
        prefers,
    };
    JobDetail {
        job: job(),
        steps: vec![step],
        parameters: vec![("a".into(), "b".into())],
        input_count: 1,
        input_bytes: 2,
    }
}

fn task() -> TaskView {
    TaskView {
        key: TASK,
        label: "frame 3".into(),
        state: TaskState::Done,
        machine: None,
        machine_name: String::new(),
        attempts: 1,
        exit_code: Some(0),
        reason: String::new(),
        run_secs: Some(0.5),
        progress: None,
        status: String::new(),
        held: true,
        saved: true,
        saved_at: Some(Stamp(4)),
        flaws: vec![Flaw::Nan],
    }
}

fn machine() -> MachineView {
    MachineView {
        id: PEER,
        name: "mill".into(),
        this: true,
        online: true,
        state: MachineState::InUse,
        hardware: Hardware::default(),
        labels: [("tier".to_owned(), "fast".to_owned())].into(),
        load: Load::default(),
        lends: Share::default(),
        free: Share::default(),
        accepts: true,
        why_not: String::new(),
        running: 0,
        made: 0,
        standing: gridwell_model::Standing::default(),
        paused_until: None,
        version: String::new(),
        last_seen: None,
        tuning: Tuning::default(),
        power: Power { watts: Watts::try_from(180.0).ok(), tariff: None, measured: true },
        leaning: None,
        awaited: false,
        wakes_for_work: false,
        isolated_since: None,
        confinement: None,
        via: Vec::new(),
        sick: Vec::new(),
    }
}

fn members() -> MembersView {
    let member = MemberView {
        id: PEER,
        name: "mill".into(),
        this: true,
        roles: [Role::Run].into(),
        guest: false,
        until: Stamp(9),
        expired: false,
        since: Stamp(1),
    };
    let proposal = ProposalView {
        by: PEER,
        what: ProposalKind::Recovery,
        machine: None,
        sentence: "mill made recovery words".into(),
        confirm: "gridwell recover confirm".into(),
    };
    let revoked = RevokedView { id: PEER, name: "forge".into(), by: Some("mill".into()), at: Stamp(3) };
    MembersView {
        grid: GridId([3; 16]),
        members: vec![member],
        revoked: vec![revoked],
        proposals: vec![proposal],
        recovery: true,
    }
}

fn suggestion() -> SuggestionView {
    SuggestionView {
        sentence: "link with forge".into(),
        link_with: Some(PEER),
        let_go: None,
        why: SuggestionReason::MayBeNearer,
        new_micros: Some(2_000),
        old_micros: None,
        links: None,
    }
}

fn layout() -> LayoutView {
    let pair = PairView { from: PEER, from_name: "mill".into(), to: PEER, to_name: "forge".into() };
    let behaviour = BehaviourView {
        name: "nearest".into(),
        about: "finds better links".into(),
        mode: BehaviourMode::Suggest,
        every_secs: 60,
        looks: 3,
        suggestion: Some(suggestion()),
    };
    LayoutView {
        kind: LayoutKind::Chain,
        revision: 1,
        changed: Some((PEER, Stamp(1))),
        adds: vec![pair],
        removes: Vec::new(),
        behaviours: vec![behaviour],
        history: vec![LayoutChange { at: Stamp(1), sentence: "it changed".into() }],
    }
}

fn link() -> LinkView {
    LinkView {
        from: PEER,
        peer: PEER,
        name: "mill".into(),
        state: LinkState::Up,
        policy: LinkPolicy::Pinned,
        revision: 1,
        changed: Some((PEER, Stamp(3))),
        address: String::new(),
        rtt_ms: Some(0.5),
        since: Stamp(4),
        received_bytes: 0,
        sent_bytes: 0,
        last_error: String::new(),
        ask: None,
        bytes_per_sec: None,
        rests: false,
        limit_bytes_per_sec: None,
    }
}

fn status() -> StatusView {
    StatusView {
        version: "1".into(),
        peer: PEER,
        name: "mill".into(),
        grid: GridId([1; 16]),
        addresses: Vec::new(),
        data: "/data".into(),
        pid: 1,
        uptime_secs: 1.5,
        machines: 1,
        machines_online: 1,
        active_jobs: 0,
        running: 0,
        accepts: true,
        why_not: String::new(),
        safe_to_close: true,
        close_why: Vec::new(),
    }
}
