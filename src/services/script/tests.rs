use super::*;

fn codes(script: &Script, count: usize) -> Vec<String> {
    (0..count)
        .map(|_| {
            match script
                .next("op", "scenario", Duration::ZERO, Duration::ZERO)
                .response
            {
                Response::Error(code) => code.to_string(),
                Response::Hang => "hang".to_owned(),
                _ => "ok".to_owned(),
            }
        })
        .collect()
}

fn fault() -> FaultId {
    super::super::Faults::default().declare("x", "y")
}

#[test]
fn counted_answers_come_before_the_permanent_one() {
    let script = Script::default();
    script.always("op", Response::Hang, fault());
    script.times("op", 2, Response::Error("A".into()), fault());
    script.times("op", 1, Response::Error("B".into()), fault());
    assert_eq!(codes(&script, 5), ["A", "A", "B", "hang", "hang"]);
}

#[test]
fn table_replaces_the_queue_and_counts_from_the_first_execution() {
    let script = Script::default();
    assert_eq!(codes(&script, 1), ["ok"]);
    script.times("op", 9, Response::Error("A".into()), fault());
    script.answers(
        "op",
        [
            ("1".parse().unwrap(), "error X".parse().unwrap(), None),
            ("2-3".parse().unwrap(), "error Y".parse().unwrap(), None),
        ],
    );
    assert_eq!(codes(&script, 3), ["Y", "Y", "ok"]);
}

#[test]
fn downtime_excludes_its_end() {
    let script = Script::default();
    let at = Duration::from_millis;
    script.take_down(Some(at(100)), fault());
    let down = |now| script.next("op", "scenario", now, Duration::ZERO).transit == Transit::Down;
    assert!(down(at(99)));
    assert!(!down(at(100)));
}

#[test]
fn delay_of_a_row_replaces_the_latency_and_slowness_adds() {
    let script = Script::default();
    let ms = Duration::from_millis;
    script.takes("op", ms(30));
    script.slow_down(ms(5));
    script.answers(
        "op",
        [("1".parse().unwrap(), "after 7 ms ok".parse().unwrap(), None)],
    );
    assert_eq!(script.next("op", "scenario", ms(0), ms(1)).latency, ms(12));
    assert_eq!(script.next("op", "scenario", ms(0), ms(1)).latency, ms(35));
    assert_eq!(
        script.next("other", "scenario", ms(0), ms(1)).latency,
        ms(6)
    );
}
