//! What a schedule promises: every event due once, in order, where its shape puts it.

use proptest::prelude::*;

use super::*;

const SECOND: u64 = 1_000_000_000;

fn stage(name: &str, seconds: f64, shape: Shape) -> Stage {
    Stage {
        name: name.to_owned(),
        start_ns: 0,
        duration_ns: (seconds * 1e9).round() as u64,
        course: Course::Rate(shape),
    }
}

fn constant(rate: f64, seconds: f64) -> Stage {
    stage("constant", seconds, Shape::Constant { rate })
}

fn uniform(stages: Vec<Stage>) -> Arc<Schedule> {
    Arc::new(Schedule::new(stages, Arrivals::Uniform, 0, None))
}

fn poisson(stages: Vec<Stage>, seed: u64) -> Arc<Schedule> {
    Arc::new(Schedule::new(stages, Arrivals::Poisson, seed, None))
}

#[test]
fn a_constant_rate_is_due_at_even_distances_from_zero() {
    let dues: Vec<u64> = uniform(vec![constant(1_000.0, 2.0)]).dues().collect();
    let expected: Vec<u64> = (0..2_000).map(|sequence| sequence * 1_000_000).collect();
    assert_eq!(dues, expected);
    let slow: Vec<u64> = uniform(vec![constant(0.5, 10.0)]).dues().collect();
    assert_eq!(slow, [0, 2 * SECOND, 4 * SECOND, 6 * SECOND, 8 * SECOND]);
}

#[test]
fn binary_fractions_neither_add_nor_drop_an_event() {
    for (rate, seconds, count) in [(0.1, 30.0, 3), (0.3, 10.0, 3), (1e6 / 3.0, 3.0, 1_000_000)] {
        let schedule = uniform(vec![constant(rate, seconds)]);
        assert_eq!(schedule.planned(), count, "{rate}");
        assert_eq!(schedule.dues().count() as u64, count, "{rate}");
    }
}

#[test]
fn a_ramp_is_dense_where_its_rate_is_high() {
    let ramp = Shape::Ramp { from: 0.0, to: 1_000.0, seconds: 10.0 };
    let schedule = uniform(vec![stage("ramp", 10.0, ramp)]);
    let dues: Vec<u64> = schedule.dues().collect();
    assert_eq!(dues.len(), 5_000);
    // Half of the time has a quarter of the events.
    assert_eq!(dues.partition_point(|due| *due < 5 * SECOND), 1_250);
    assert_eq!(schedule.planned(), 5_000);
}

#[test]
fn stages_follow_each_other_and_a_pause_is_silent() {
    let schedule = uniform(vec![constant(10.0, 1.0), constant(0.0, 2.0), constant(100.0, 1.0)]);
    let dues: Vec<u64> = schedule.dues().collect();
    assert_eq!(dues.len(), 110);
    assert!(dues[..10].iter().all(|due| *due < SECOND));
    assert_eq!(dues[10], 3 * SECOND);
    assert_eq!(schedule.stage_at(SECOND - 1), 0);
    assert_eq!(schedule.stage_at(SECOND), 1);
    assert_eq!(schedule.stage_at(99 * SECOND), 2);
    assert!((schedule.expected_until(3 * SECOND) - 10.0).abs() < 1e-9);
    assert!((schedule.expected_until(99 * SECOND) - 110.0).abs() < 1e-9);
    assert_eq!(schedule.duration_ns(), 4 * SECOND);
}

#[test]
fn what_a_stage_leaves_of_an_event_is_carried_over() {
    // 2.5 and 2.5 events are five, not six.
    let schedule = uniform(vec![constant(2.5, 1.0), constant(2.5, 1.0)]);
    let dues: Vec<u64> = schedule.dues().collect();
    assert_eq!(dues, [0, 4 * SECOND / 10, 8 * SECOND / 10, 12 * SECOND / 10, 16 * SECOND / 10]);
    assert_eq!(schedule.planned(), 5);
}

#[test]
fn a_recording_is_replayed_as_it_is() {
    let offsets: Arc<[u64]> = vec![0, 5, 5, 900].into();
    let replay = Stage {
        name: "replay".to_owned(),
        start_ns: 0,
        duration_ns: SECOND,
        course: Course::Replay(offsets),
    };
    for arrivals in [Arrivals::Uniform, Arrivals::Poisson] {
        let stages = vec![constant(0.0, 1.0), replay.clone(), constant(2.0, 1.0)];
        let schedule = Arc::new(Schedule::new(stages, arrivals, 3, None));
        let dues: Vec<u64> = schedule.dues().take(4).collect();
        assert_eq!(dues, [SECOND, SECOND + 5, SECOND + 5, SECOND + 900]);
        assert!((schedule.expected_until(SECOND + 6) - 3.0).abs() < 1e-9);
        assert!((schedule.expected_until(3 * SECOND) - 6.0).abs() < 1e-9);
    }
}

#[test]
fn poisson_arrivals_have_the_rate_and_the_spread_of_poisson() {
    let dues: Vec<u64> = poisson(vec![constant(1_000.0, 100.0)], 11).dues().collect();
    assert!((98_000..102_000).contains(&dues.len()), "{}", dues.len());
    // Counts per 10 ms have mean 10 and, unlike uniform ones, variance 10.
    let mut counts = vec![0.0_f64; 10_000];
    for due in &dues {
        counts[(due / 10_000_000) as usize] += 1.0;
    }
    let mean = counts.iter().sum::<f64>() / counts.len() as f64;
    let variance =
        counts.iter().map(|count| (count - mean).powi(2)).sum::<f64>() / counts.len() as f64;
    assert!((variance / mean - 1.0).abs() < 0.1, "{variance} against {mean}");
    // Gaps are exponential: 1/e of them are longer than the mean.
    let long = dues.windows(2).filter(|pair| pair[1] - pair[0] > 1_000_000).count();
    let share = long as f64 / dues.len() as f64;
    assert!((share - (-1.0_f64).exp()).abs() < 0.01, "{share}");
}

#[test]
fn the_seed_decides_poisson_arrivals() {
    let dues = |seed| poisson(vec![constant(100.0, 10.0)], seed).dues().collect::<Vec<_>>();
    assert_eq!(dues(1), dues(1));
    assert_ne!(dues(1), dues(2));
}

#[test]
fn a_count_ends_the_run_however_arrivals_fall() {
    for arrivals in [Arrivals::Uniform, Arrivals::Poisson] {
        for seed in 0..20 {
            let schedule = Arc::new(Schedule::counted(1e4, arrivals, seed, 5_000));
            assert_eq!(schedule.dues().count(), 5_000);
            assert_eq!((schedule.planned(), schedule.sequence_end()), (5_000, 5_000));
            assert_eq!(schedule.planned_ns(), SECOND / 2);
        }
    }
}

#[test]
fn a_count_cuts_the_stages_where_its_last_event_is() {
    let stages = || vec![constant(10.0, 1.0), constant(0.0, 2.0), constant(100.0, 1.0)];
    for (count, stages_left, duration_ns) in [
        (5, 1, SECOND / 2),
        (10, 1, SECOND),
        (60, 3, 3 * SECOND + SECOND / 2),
        (110, 3, 4 * SECOND),
        (999, 3, 4 * SECOND),
    ] {
        let schedule = Schedule::new(stages(), Arrivals::Uniform, 0, Some(count));
        assert_eq!(schedule.stages().len(), stages_left, "{count}");
        assert_eq!((schedule.duration_ns(), schedule.planned_ns()), (duration_ns, duration_ns));
        assert_eq!(schedule.written_ns(), 4 * SECOND);
        let schedule = Arc::new(schedule);
        assert_eq!(schedule.dues().count() as u64, count.min(110));
        assert_eq!(schedule.planned(), count.min(110));
    }
    // Chance may reach beyond, but not to what is far away.
    let far = vec![constant(100.0, 10.0), constant(1.0, 1.0), constant(100.0, 10.0)];
    let far = Schedule::new(far, Arrivals::Poisson, 0, Some(500));
    assert_eq!(far.stages().len(), 1);
    assert!((far.expected_until(20 * SECOND) - 500.0).abs() < 1e-9);
}

#[test]
fn a_run_takes_as_long_as_its_schedule_or_until_its_last_event() {
    let seconds = |schedule: &Schedule, complete, last_ms: u64| {
        (schedule.seconds_of(complete, last_ms * 1_000_000) * 1e3).round() as u64
    };
    let even = Schedule::counted(100.0, Arrivals::Uniform, 0, 100);
    assert_eq!(seconds(&even, true, 990), 1_000);
    assert_eq!(seconds(&even, true, 1_300), 1_300);
    assert_eq!(seconds(&even, false, 490), 500);
    let counted = Schedule::counted(100.0, Arrivals::Poisson, 0, 100);
    assert_eq!(seconds(&counted, true, 890), 900, "a count that chance had reached early");
    let timed = Schedule::new(vec![constant(100.0, 1.0)], Arrivals::Poisson, 0, None);
    assert_eq!(seconds(&timed, true, 890), 1_000);
}

#[test]
fn months_without_an_event_cost_a_few_steps() {
    let month = 30.0 * 86_400.0;
    let burst = Shape::Burst { base: 0.0, peak: 10.0, every: month, length: 1.0 };
    let dues: Vec<u64> = uniform(vec![stage("rare", month, burst)]).dues().collect();
    assert_eq!(dues.len(), 10);
    assert_eq!(dues[0], (month as u64 - 1) * SECOND);
}

#[test]
fn the_peak_is_that_of_the_busiest_stage() {
    let ramp = stage("ramp", 10.0, Shape::Ramp { from: 50.0, to: 5.0, seconds: 10.0 });
    let peak = |stages| uniform(stages).peak_per_second() as u64;
    assert_eq!(peak(vec![constant(20.0, 1.0), ramp]), 50);
    let millis = [0, 900, 1_000, 1_100, 1_800, 1_899, 5_000];
    let offsets: Vec<u64> = millis.iter().map(|ms| ms * 1_000_000).collect();
    let course = Course::Replay(offsets.into());
    let replay = Stage { course, ..constant(0.0, 6.0) };
    assert_eq!(peak(vec![replay, constant(1.0, 1.0)]), 5);
}

fn shapes() -> impl Strategy<Value = Stage> {
    let rate = prop_oneof![Just(0.0), 0.001..5_000.0_f64];
    let seconds = (1..4_000_u64).prop_map(|millis| millis as f64 / 1e3);
    prop_oneof![
        (rate.clone(), seconds.clone()).prop_map(|(rate, seconds)| constant(rate, seconds)),
        (rate.clone(), rate.clone(), seconds.clone()).prop_map(|(from, to, seconds)| {
            stage("ramp", seconds, Shape::Ramp { from, to, seconds })
        }),
        (rate.clone(), rate.clone(), seconds.clone(), 0.05..3.0_f64, 0.0..1.0_f64).prop_map(
            |(base, peak, seconds, every, share)| {
                stage("burst", seconds, Shape::Burst { base, peak, every, length: every * share })
            }
        ),
        (rate, 0.0..1.0_f64, seconds, 0.05..3.0_f64).prop_map(|(mean, share, seconds, period)| {
            stage("sine", seconds, Shape::Sine { mean, amplitude: mean * share, period })
        }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn uniform_arrivals_follow_the_integral_within_one_event(
        stages in prop::collection::vec(shapes(), 1..4),
    ) {
        let schedule = uniform(stages);
        let dues: Vec<u64> = schedule.dues().collect();
        prop_assert_eq!(dues.len() as u64, schedule.planned());
        prop_assert!(dues.is_sorted());
        // Each stage sends what is said of it; a due time at a joint belongs to either side.
        let mut end = 0;
        for (stage, planned) in schedule.stages().iter().zip(schedule.planned_by_stage()) {
            let stage_end_ns = stage.start_ns + stage.duration_ns;
            let of_stage = &dues[end..end + planned as usize];
            end += planned as usize;
            prop_assert!(of_stage.iter().all(|due| (stage.start_ns..=stage_end_ns).contains(due)));
        }
        for (sequence, due_ns) in dues.iter().enumerate() {
            prop_assert!(*due_ns <= schedule.duration_ns());
            // Within a millisecond the integral is taken as straight, so a corner of the shape
            // may move an event by what a millisecond holds.
            let expected = schedule.expected_until(*due_ns);
            let near = schedule.expected_until(due_ns + 1_000_000)
                - schedule.expected_until(due_ns.saturating_sub(1_000_000));
            prop_assert!(
                (expected - sequence as f64).abs() <= near + 1.0,
                "event {} at {}: {} expected", sequence, due_ns, expected
            );
        }
    }

    #[test]
    fn poisson_arrivals_are_in_order_and_stay_within_their_bound(
        stages in prop::collection::vec(shapes(), 1..4), seed in any::<u64>(),
    ) {
        let schedule = poisson(stages, seed);
        let dues: Vec<u64> = schedule.dues().collect();
        prop_assert!(dues.is_sorted());
        prop_assert!(dues.len() as u64 <= schedule.sequence_end());
        let expected = schedule.expected_until(schedule.duration_ns());
        prop_assert!(
            (dues.len() as f64 - expected).abs() <= 6.0 * expected.sqrt() + 6.0,
            "{} of {}", dues.len(), expected
        );
    }
}
