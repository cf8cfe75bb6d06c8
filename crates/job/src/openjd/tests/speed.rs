use super::*;

#[test]
fn a_million_tasks_cost_no_memory_and_any_of_them_resolves() {
    let space = "{taskParameterDefinitions: [{name: F, type: INT, range: 1-1000000}]}";
    let plan = plan(&job("", &step(space, "{command: 'draw', args: ['{{Task.Param.F}}']}"))).unwrap();
    assert_eq!(plan.steps()[0].task_count, 1_000_000);
    let mut session = open(&plan);
    assert_eq!(session.task(one(999_999)).unwrap().args, ["1000000"]);
    assert_eq!(plan.task_label(0, 499_999), "F=500000");
}
