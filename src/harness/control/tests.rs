use serde_json::{from_value, json};

use super::*;

#[tokio::test(start_paused = true)]
async fn crash_is_declared_at_a_step_of_the_plan_or_of_the_workflow() {
    let mut world = World::default();
    world.cast().add_bare("Tools").unwrap();
    let (control, runs) = world.control();
    let crash = |control: &Control, runs: &mut Runs, point, step| {
        let declared = control.crash(point, step, None, "x:1".into(), runs);
        declared.err().unwrap_or_default()
    };
    let none = crash(control, runs, CrashPoint::Before, "step_1_use");
    assert!(none.starts_with("no workflow is declared"), "{none}");

    let definition = json!({ "workers": [{ "id": "w1" }], "approval": { "plan": true } });
    control
        .define(from_value(definition).unwrap(), runs)
        .unwrap();
    // The words of the goal suggest the plan.
    assert_eq!(crash(control, runs, CrashPoint::Before, "step_1_use"), "");

    let step = |call: &str| PlanStep {
        call: call.parse().unwrap(),
        input: json!({}),
    };
    control.plan(vec![step("Tools.use"), step("Tools.put")]);
    control.mend(1, step("Tools.take"));
    for (point, step, expected) in [
        (CrashPoint::During, "step_1_use", ""),
        (CrashPoint::AfterActing, "step_2_take", ""),
        (CrashPoint::During, "approve_plan", ""),
        (
            CrashPoint::During,
            "step_2_put",
            "step \"step_2_put\" does not exist in the plan: there are: \"approve_plan\", \"step_1_use\", \"step_2_take\"",
        ),
        (
            CrashPoint::During,
            "aprove_plan",
            "step \"aprove_plan\" does not exist in the plan: did you mean \"approve_plan\"?",
        ),
        (
            CrashPoint::BeforeActing,
            "approve_plan",
            "step \"approve_plan\" waits: no service acts in it",
        ),
        (
            CrashPoint::AfterCompensation,
            "step_1_use",
            "step \"step_1_use\" has no compensation to crash in",
        ),
    ] {
        assert_eq!(crash(control, runs, point, step), expected);
    }

    let workflow = json!({
        "id": "w", "steps": [{ "id": "pay", "service": "Tools", "operation": "pay" }],
    });
    runs.declare(from_value(workflow).unwrap()).unwrap();
    assert_eq!(crash(control, runs, CrashPoint::After, "pay"), "");
    assert_eq!(crash(control, runs, CrashPoint::After, "step_1_use"), "");
    let unknown = crash(control, runs, CrashPoint::After, "pya");
    assert!(
        unknown.ends_with("in workflow \"w\": did you mean \"pay\"?"),
        "{unknown}"
    );
    assert_eq!(world.cast().faults().unused().len(), 6);
}
