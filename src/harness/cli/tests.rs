use super::*;

fn read(args: &[&str]) -> Result<RunArgs, clap::Error> {
    RunArgs::read(["cucumber"].iter().chain(args).map(OsString::from))
}

fn refused(args: &[&str]) -> String {
    let error = read(args).unwrap_err();
    assert_eq!(error.exit_code(), 2, "{args:?}");
    error.to_string()
}

#[test]
fn every_argument_sets_its_option() {
    let args = read(&[
        "-n",
        "^a",
        "--tags=@x",
        "-c",
        "3",
        "--ff",
        "--retry",
        "2",
        "--retry-after",
        "1s",
        "--order",
        "random:7",
        "--seed",
        "9",
        "--scenario-timeout",
        "2 s",
        "-vv",
        "-q",
        "--color",
        "never",
        "--report",
        "junit=a.xml",
        "a.feature:3",
        "orders",
    ])
    .unwrap();
    let options = args.options(Path::new(".")).unwrap();
    assert_eq!(options.selection.locations.len(), 1);
    assert_eq!(options.selection.filters, ["orders"]);
    assert_eq!(options.concurrency.get(), 3);
    assert_eq!(options.retry.retries, Some(2));
    assert_eq!(options.order, Order::Random(7));
    assert_eq!((options.seed, options.fail_fast), (9, true));
    assert_eq!(options.scenario_timeout, Duration::from_secs(2));
    let output = args.output();
    assert!(output.verbose && output.quiet && !output.color);
    assert_eq!(output.reports[0].path, Path::new("a.xml"));
}

#[test]
fn flags_of_cargo_test_are_accepted() {
    let args = read(&[
        "--nocapture",
        "--no-capture",
        "--test-threads",
        "1",
        "--quiet",
        "--show-output",
        "--exact",
        "--include-ignored",
        "--ignored",
        "--skip",
        "a",
        "--skip=b",
        "--format",
        "terse",
        "--report-time",
        "-Z",
        "unstable-options",
        "-q",
    ])
    .unwrap();
    let options = args.options(Path::new(".")).unwrap();
    assert_eq!(options.concurrency.get(), 1);
    assert_eq!(options.selection.skip, ["a", "b"]);
    assert!(read(&["--test-threads=2", "--report-time=plain", "-Zx"]).is_ok());
}

#[test]
fn unknown_argument_is_refused_with_the_nearest_name() {
    assert!(refused(&["--fail-fats"]).contains("--fail-fast"));
    let message = refused(&["--report", "junti=a.xml"]);
    assert!(message.contains("did you mean \"junit\""), "{message}");
    for bad in [
        ["--report", "junit"],
        ["--report", "junit="],
        ["--order", "backwards"],
        ["--order", "random:x"],
        ["--scenario-timeout", "0s"],
        ["--scenario-timeout", "soon"],
        ["--concurrency", "0"],
        ["--tags", "@a nor @b"],
        ["--name", "("],
        ["--retry-after", "-1s"],
    ] {
        refused(&bad);
    }
    let args = read(&["x.feature:y"]).unwrap();
    assert!(args.options(Path::new(".")).is_err());
}
