//! The search for the highest rate, against a relay that is known to be slow.

use super::Stand;
use super::relay::Conduct;
use super::scenarios::TestFolder;

#[test]
fn the_rate_that_a_slow_service_sustains_is_found() {
    let folder = TestFolder::new("find-max");
    let flags = format!(
        "--find-max --max-p99-ms 400 --rate 200 --rate-max 5k --duration 1200ms --warmup 200ms \
         --precision 0.6 --progress never --output {}",
        folder.0.display()
    );
    let (code, found) = Stand::new().run(|_| Conduct::Slow, &flags);
    assert_eq!(code, 0, "{found:#}");
    assert_eq!(found["format"], "expressway-loadgen/find-max/1");
    assert_eq!(found["verdict"], "pass");
    assert_eq!(found["limited_by"], "system", "{found:#}");
    let held = found["max_rate"].as_f64().unwrap();
    let failed = found["failed_rate"].as_f64().unwrap();
    // A sleep of a millisecond takes longer than that, on a busy machine much longer. Above a
    // thousand a second the backlog of a trial takes its time to pass the limit.
    assert!(held > 0.0 && held < 2_000.0, "{found:#}");
    assert!(failed / held <= 1.61, "{found:#}");
    let trials = found["trials"].as_array().unwrap();
    let of = |rate: f64| trials.iter().filter(move |trial| trial["rate"] == rate);
    assert!(of(held).any(|trial| trial["held"] == true));
    assert_eq!(of(failed).filter(|trial| trial["held"] == false).count(), 2, "tried twice");
    // Every trial leaves the files of a run.
    let first = format!("trial-01-{:.0}/summary.json", trials[0]["rate"].as_f64().unwrap());
    assert!(folder.read(&first).contains("expressway-loadgen/1"));
    assert!(folder.read("find-max.json").contains("max_rate"));
}

#[test]
fn bills_that_no_rate_can_bring_are_explained_with_every_trial() {
    let flags = "--find-max --max-p99-ms 400 --rate 1.9 --duration 1100ms --warmup 0s \
                 --drain-timeout 300ms --progress never";
    let (code, found) = Stand::new().run(|_| Conduct::Unbilled, flags);
    assert_eq!(code, 99, "{found:#}");
    let reason = found["trials"][0]["reason"].as_str().unwrap();
    assert!(reason.starts_with("bill faults: ") && reason.contains("billing_per"), "{reason}");
}

#[test]
fn a_search_without_a_limit_is_refused() {
    let output = Stand::new().command("--find-max").output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("--max-p99-ms"));
}
