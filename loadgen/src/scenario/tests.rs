//! What scenario files and flags come to, and what is said of those that come to nothing.

use clap::Parser as _;

use super::*;
use crate::schedule::{Course, Shape};

fn parse(toml: &str) -> File {
    toml::from_str(toml).unwrap()
}

/// A scenario of this text and just enough else to be carried out.
fn resolved(toml: &str) -> Result<Scenario, Vec<Problem>> {
    let mut file = parse(toml);
    file.kafka.brokers.get_or_insert("b:1".to_owned());
    file.kafka.topic.get_or_insert("in".to_owned());
    if file.kafka.result_topics.is_empty() {
        file.kafka.result_topics.push("out".to_owned());
    }
    resolve::resolve(file, true)
}

fn scenario(toml: &str) -> Scenario {
    resolved(toml).unwrap()
}

fn refused(toml: &str) -> String {
    let list = resolved(toml).unwrap_err();
    Problems { file: None, list }.to_string()
}

fn flags(extra: &str) -> Result<Scenario, Vec<Problem>> {
    let line = format!("loadgen --brokers b:1 --topic in --result-topic out {extra}");
    let args = Args::try_parse_from(line.split_whitespace()).unwrap();
    Scenario::from_args(&args).map_err(|problems| problems.list)
}

#[test]
fn every_shape_is_read_and_laid_end_to_end() {
    let scenario = scenario(
        r#"
        [[stage]]
        shape = "constant"
        name = "calm"
        rate = "1k"
        duration = "10s"
        [[stage]]
        shape = "ramp"
        from = 1000
        to = "2k"
        duration = 20
        [[stage]]
        shape = "burst"
        base = 10
        peak = 100
        every = "5s"
        length = "500ms"
        duration = "10s"
        [[stage]]
        shape = "sine"
        mean = 100
        amplitude = 50
        period = "10s"
        duration = "20s"
        [stage.thresholds]
        p99_ms = 7
        "#,
    );
    let stages = scenario.schedule().stages();
    let names: Vec<&str> = stages.iter().map(|stage| stage.name.as_str()).collect();
    assert_eq!(names, ["calm", "ramp-2", "burst-3", "sine-4"]);
    assert_eq!(stages[3].start_ns, 40_000_000_000);
    assert_eq!(scenario.schedule().duration_ns(), 60_000_000_000);
    assert_eq!(scenario.plan.stop_after_ns, Some(60_000_000_000));
    assert_eq!(
        stages[1].course,
        Course::Rate(Shape::Ramp { from: 1_000.0, to: 2_000.0, seconds: 20.0 })
    );
    assert_eq!(scenario.stage_limits[3].p99_ms, Some(7.0));
    assert!(scenario.stage_limits[0].is_empty());
    // 10,000 and 30,000, twice 45 and 50, and 2,000 of the wave.
    assert_eq!(scenario.schedule().planned(), 10_000 + 30_000 + 190 + 2_000);
}

#[test]
fn steps_become_a_stage_each_and_share_the_limits() {
    let scenario = scenario(
        r#"
        [[stage]]
        shape = "step"
        name = "up"
        from = 100
        to = 300
        steps = 3
        duration = "10s"
        thresholds = { p50_ms = 3 }
        "#,
    );
    let stages = scenario.schedule().stages();
    assert_eq!(stages.len(), 3);
    assert_eq!(stages[1].name, "up 2/3");
    assert_eq!(stages[1].course, Course::Rate(Shape::Constant { rate: 200.0 }));
    assert_eq!(scenario.schedule().duration_ns(), 10_000_000_000);
    assert!(scenario.stage_limits.iter().all(|limits| limits.p50_ms == Some(3.0)));
}

#[test]
fn a_duration_and_a_count_bound_the_stages() {
    let stages = "[[stage]]\nshape = 'constant'\nrate = 100\nduration = '10s'\n\
                  [[stage]]\nshape = 'constant'\nrate = 200\nduration = '10s'\n";
    assert_eq!(scenario(stages).schedule().planned(), 3_000);
    assert_eq!(scenario(&format!("count = 7\n{stages}")).schedule().planned(), 7);
    let cut = scenario(&format!("duration = '11s'\n{stages}"));
    assert_eq!(cut.schedule().planned(), 1_200);
    let cut = scenario(&format!("duration = '5s'\n{stages}"));
    assert_eq!(cut.schedule().stages().len(), 1);
    assert_eq!(cut.stage_limits.len(), 1);
}

#[test]
fn a_duration_and_a_count_bound_each_other() {
    assert_eq!(flags("--duration 2s").unwrap().schedule().planned(), 2_000);
    assert_eq!(flags("--duration 2s --count 7").unwrap().schedule().planned(), 7);
    assert_eq!(flags("--duration 1ms --count 7000").unwrap().schedule().planned(), 1);
    assert_eq!(flags("--count 7").unwrap().plan.stop_after_ns, None);
    assert_eq!(flags("").unwrap_err(), [Problem::Endless]);
}

#[test]
fn flags_that_contradict_each_other_are_refused_with_the_way_out() {
    let refused = |extra| flags(extra).unwrap_err();
    assert_eq!(refused("--count 9 --poison-share 0.1"), [Problem::PoisonWithoutDeadLetters]);
    assert_eq!(refused("--count 9 --warmup 10s"), [Problem::WarmupTooLong]);
    assert_eq!(refused("--count 9 --billing-topic out"), [Problem::TopicTwice("out".into())]);
    assert_eq!(refused("--count 9 --failure-topic in"), [Problem::TopicTwice("in".into())]);
    assert!(flags("--count 9 --failure-topic out").is_ok());
}

#[test]
fn what_has_no_default_is_asked_for_all_at_once() {
    let args = Args::try_parse_from(["loadgen"]).unwrap();
    let text = Scenario::from_args(&args).unwrap_err().to_string();
    for flag in ["--brokers", "--topic", "--result-topic", "--duration"] {
        assert!(text.contains(flag), "{flag} is not in\n{text}");
    }
}

#[test]
fn without_kafka_nothing_of_kafka_is_needed() {
    let args = Args::try_parse_from("loadgen --ndjson --count 9 --poison-share 1".split(' '));
    assert!(Scenario::from_args(&args.unwrap()).is_ok());
}

#[test]
fn flags_win_over_the_file() {
    let path = std::env::temp_dir().join(format!("loadgen-overlay-{}.toml", std::process::id()));
    std::fs::write(
        &path,
        r#"
        seed = 3
        [kafka]
        brokers = "b:1"
        topic = "in"
        result_topics = ["out"]
        properties = { "linger.ms" = 7, "acks" = "1" }
        [keys]
        count = 5
        [[stage]]
        shape = "constant"
        rate = 10
        duration = "30s"
        [thresholds]
        lost = 4
        "#,
    )
    .unwrap();
    let read = |extra: &str| {
        let line = format!("loadgen --scenario {} {extra}", path.display());
        Scenario::from_args(&Args::try_parse_from(line.split_whitespace()).unwrap()).unwrap()
    };
    let plain = read("");
    assert_eq!((plain.plan.seed, plain.keys().count()), (3, 5));
    assert_eq!((plain.limits.lost, plain.limits.wrong), (Some(4), Some(0)));
    assert_eq!(plain.limits.bill_faults, Some(0), "what may be lost are no bills");
    assert!(plain.name.starts_with("loadgen-overlay-"));
    let changed =
        read("--seed 8 --keys 9 --max-lost 0 --max-bill-faults 2 -X linger.ms=1 --topic other");
    assert_eq!((changed.plan.seed, changed.keys().count()), (8, 9));
    assert_eq!((changed.limits.lost, changed.limits.bill_faults), (Some(0), Some(2)));
    assert_eq!(changed.kafka.topic, "other");
    let properties = changed.kafka.properties;
    assert!(properties.contains(&("linger.ms".to_owned(), "1".to_owned())));
    assert!(properties.contains(&("acks".to_owned(), "1".to_owned())));
    // A rate replaces the stages and keeps the time they took.
    let rated = read("--rate 100");
    assert_eq!(rated.schedule().planned(), 3_000);
    std::fs::remove_file(&path).unwrap();
}

#[test]
fn files_are_looked_for_beside_the_scenario() {
    let folder = std::env::temp_dir().join(format!("loadgen-beside-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("event.json"), "{\"n\":{{sequence}}}\n").unwrap();
    std::fs::write(folder.join("times.csv"), "0\n1\n2\n").unwrap();
    let path = folder.join("s.toml");
    let text = "[payload]\nfile = 'event.json'\n[[stage]]\nshape = 'replay'\nfile = 'times.csv'\n\
                unit = 'ms'\nspeed = 2\n";
    std::fs::write(&path, text).unwrap();
    let line = format!("loadgen --ndjson --scenario {}", path.display());
    let args = Args::try_parse_from(line.split_whitespace()).unwrap();
    let scenario = Scenario::from_args(&args).unwrap();
    assert_eq!(scenario.payload, "{\"n\":{{sequence}}}");
    let stage = &scenario.schedule().stages()[0];
    assert_eq!(stage.course, Course::Replay(vec![0, 500_000, 1_000_000].into()));
    assert_eq!(stage.duration_ns, 1_000_001);

    // As it is shown, it can be carried out from anywhere.
    let elsewhere = folder.join("elsewhere");
    std::fs::create_dir_all(&elsewhere).unwrap();
    let moved = elsewhere.join("s.toml");
    std::fs::write(&moved, toml::to_string(&scenario.shown()).unwrap()).unwrap();
    let line = format!("loadgen --ndjson --scenario {}", moved.display());
    let args = Args::try_parse_from(line.split_whitespace()).unwrap();
    let again = Scenario::from_args(&args).unwrap();
    assert_eq!(again.load_hash(), scenario.load_hash());
    assert_eq!(again.payload, scenario.payload);
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn secrets_are_not_shown() {
    let scenario = scenario(
        r#"
        count = 5
        [kafka.properties]
        "sasl.password" = "hush"
        "linger.ms" = 5
        "#,
    );
    let shown = toml::to_string(&scenario.shown()).unwrap();
    assert!(!shown.contains("hush") && shown.contains("\"***\""), "{shown}");
    assert!(shown.contains("\"linger.ms\" = 5"), "{shown}");
    assert!(scenario.kafka.properties.iter().any(|(_, value)| value == "hush"));
}

#[test]
fn fields_alone_make_an_event() {
    let scenario = scenario(
        r#"
        count = 5
        [payload]
        size = { min = 100, max = 200 }
        [payload.fields]
        amount = { kind = "integer", min = 1, max = 5 }
        color = { kind = "choice", values = ["red", "blue"], weights = [3, 1] }
        "#,
    );
    assert_eq!(
        scenario.payload,
        r#"{"sequence":{{sequence}},"amount":{{amount}},"color":"{{color}}","padding":"{{padding}}"}"#
    );
    assert_eq!(scenario.size, Size { min: 100, max: 200 });
    assert_eq!(scenario.fields.len(), 2);
}

#[test]
fn every_contradiction_in_a_file_is_told() {
    let text = refused(
        r#"
        rate = 5
        [keys]
        exponent = 3.0
        [payload]
        template = "{}"
        size = { min = 2, max = 1 }
        fields = { sequence = { kind = "uuid" }, lost = { kind = "integer", min = 2, max = 1 } }
        [expect]
        file = "/nowhere/at/all.json"
        [poison]
        share = 0.5
        [generator]
        late_share_max = 3
        [thresholds]
        p99_ms = 0
        rate_share = 2
        [[stage]]
        shape = "sine"
        mean = 1
        amplitude = 2
        period = 0
        duration = "1s"
        [[stage]]
        shape = "burst"
        base = 1
        peak = 2
        every = "1s"
        length = "1s"
        duration = "0s"
        [[stage]]
        shape = "step"
        from = 1
        to = 2
        steps = 1
        duration = "0s"
        [[stage]]
        shape = "replay"
        file = "/nowhere/times"
        speed = 0
        "#,
    );
    for expected in [
        "--dead-letter-topic",
        "keys.exponent: only the distribution `zipf`",
        "payload.size: min is above max",
        "payload.fields.sequence: every payload has",
        "payload.fields.lost: min 2 is above max 1",
        "payload.fields.lost: the payload has no {{lost}}",
        "cannot read /nowhere/at/all.json",
        "generator.late_share_max",
        "thresholds: p99 must be above zero",
        "thresholds: rate_share lies between 0 and 1",
        "rate: stages have their own rates",
        "stage 1: amplitude is above the mean",
        "stage 1: period must be above zero",
        "stage 2: length must be shorter",
        "stage 2: duration must be above zero",
        "stage 3: steps is 2 to 100",
        "stage 3: duration must be above zero",
        "stage 4: speed must be above zero",
        "cannot read /nowhere/times",
    ] {
        assert!(text.contains(expected), "{expected:?} is not in\n{text}");
    }
}

#[test]
fn unknown_keys_and_shapes_are_refused_with_their_place() {
    let refused = |text: &str| {
        let error = toml::from_str::<File>(text).unwrap_err();
        Problem::written_wrongly(&error, text).to_string()
    };
    let text = refused("seed = 1\nwarmpu = '1s'\n");
    assert!(text.contains("line 2") && text.contains("did you mean `warmup`"), "{text}");
    let text = refused("[[stage]]\nshape = 'constnat'\nrate = 1\nduration = 1\n");
    assert!(text.contains("did you mean `constant`"), "{text}");
    let text = refused("[[stage]]\nshape = 'constant'\nrate = 1\nduration = 1\nto = 4\n");
    assert!(text.contains("unknown field `to`"), "{text}");
    let text = refused("[[stage]]\nshape = 'ramp'\nfrom = 1\nduration = 1\n");
    assert!(text.contains("missing field `to`"), "{text}");
    let text = refused("rate = '20q'\n");
    assert!(text.contains("20k or 1.5M"), "{text}");
}

#[test]
fn a_scenario_can_be_written_and_read_again() {
    let text = r#"
        name = "all"
        seed = 1
        arrivals = "poisson"
        warmup = "1s"
        [kafka]
        brokers = "b:1"
        properties = { "linger.ms" = 5 }
        [[stage]]
        shape = "ramp"
        from = 0
        to = 1000
        duration = "1m"
        thresholds = { p99_ms = 20 }
        [[stage]]
        shape = "replay"
        file = "a.csv"
        [keys]
        distribution = "zipf"
        exponent = 1.2
        [payload]
        size = { min = 1, max = 2 }
        fields = { a = { kind = "choice", values = ["x", 1, 2.5, true] } }
        [poison]
        share = 0.1
        kinds = ["text", "oversize"]
    "#;
    let file = parse(text);
    let written = toml::to_string(&file).unwrap();
    assert_eq!(parse(&written), file, "{written}");
}

#[test]
fn the_load_hash_knows_what_is_sent_and_nothing_else() {
    let hash = |extra: &str| flags(extra).unwrap().load_hash();
    let plain = hash("--rate 1k --count 1000");
    for same in [
        "--rate 1000 --count 1000 --seed 0 --arrivals uniform --keys 1024 --payload-size 256",
        "--rate 1k --duration 1s",
        "--rate 1k --count 1000 --key-distribution round-robin --max-lost 4 --settle 1s",
        "--rate 1k --count 1000 --warmup 100ms --billing-topic bills",
    ] {
        assert_eq!(hash(same), plain, "{same}");
    }
    for other in ["--seed 1", "--keys 9", "--payload-size 300", "--arrivals poisson"] {
        assert_ne!(hash(&format!("--rate 1k --count 1000 {other}")), plain, "{other}");
    }
    let zipf = "--count 9 --key-distribution zipf";
    assert_eq!(hash(zipf), hash(&format!("{zipf} --zipf-exponent 1.0")));
    let staged = |more: &str| {
        let text = format!("[[stage]]\nshape = 'constant'\nrate = 10\nduration = '3s'\n{more}");
        scenario(&text).load_hash()
    };
    assert_eq!(staged("name = 'a'\nthresholds = { p99_ms = 5 }"), staged(""));
    assert_eq!(staged("[expect]\ntemplate = '{}'"), staged(""));
}

#[test]
fn what_has_no_effect_is_refused() {
    let refused = |extra: &str| {
        let list = flags(&format!("--count 9 --dead-letter-topic dead {extra}")).unwrap_err();
        Problems { file: None, list }.to_string()
    };
    assert!(refused("--keys 9 --key-distribution none").starts_with("keys.count: "));
    assert!(refused("--keys 0 --key-distribution zipf").starts_with("keys.distribution: "));
    let list = flags("--duration 0s").unwrap_err();
    assert_eq!(list, [Problem::bad("duration", "must be above zero")]);
    let kinds = resolved(
        "count = 9\n[kafka]\ndead_letter_topic = 'd'\n[poison]\nshare = 0.1\nkinds = []\n",
    );
    assert_eq!(
        kinds.unwrap_err(),
        [Problem::bad("poison.kinds", "name at least one, or leave it out")]
    );
    // A flag that leaves no keys leaves nothing of a file's.
    assert_eq!(flags("--count 9 --keys 0").unwrap().keys().count(), 0);
    assert_eq!(flags("--count 9 --key-distribution none").unwrap().keys().count(), 0);
}

#[test]
fn unknown_keys_within_inline_tables_are_refused() {
    let refused = |text: &str| toml::from_str::<File>(text).unwrap_err().to_string();
    let text = refused("[payload]\nsize = { min = 1, max = 2, maximum = 3 }\n");
    assert!(text.contains("min = N, max = N"), "{text}");
    let text = refused("[payload.fields]\na = { kind = 'uuid', version = 7 }\n");
    assert!(text.contains("unknown field `version`"), "{text}");
}

#[test]
fn a_file_that_is_not_there_is_told_once() {
    let told = flags("--count 9 --payload /nowhere/x --expect /nowhere/x").unwrap_err();
    assert_eq!(told.len(), 1, "{told:?}");
    let args = Args::try_parse_from("loadgen --scenario /nowhere/s.toml".split(' ')).unwrap();
    let text = Scenario::from_args(&args).unwrap_err().to_string();
    assert_eq!(text.matches("/nowhere/s.toml").count(), 1, "{text}");
}

#[test]
fn a_long_warmup_and_a_search_without_a_limit_are_told_with_the_rest() {
    let list = flags("--find-max --duration 1s --warmup 1s --poison-share 0.1").unwrap_err();
    let limit = Problem::Missing {
        what: "the latency to keep",
        flag: "--max-p99-ms",
        key: "thresholds.p99_ms",
    };
    assert_eq!(list, [Problem::PoisonWithoutDeadLetters, Problem::WarmupTooLong, limit]);
}
