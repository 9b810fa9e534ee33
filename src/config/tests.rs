//! Behaviour of the configuration as a whole.

use std::path::Path;

use super::*;

const PIPELINE: &str = r#"
[[pipeline]]
name = "orders"
topics = ["in"]
definition = "m.asl.json"
result_topic = "out"
billing_topic = "bill"
dead_letter_topic = "dead"
"#;

fn with(text: &str, environment: &[(&str, &str)]) -> Result<Settings, Problems> {
    let environment =
        environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    parse("test.toml", text, Path::new("/etc/expressway"), environment)
}

fn accepts(text: &str) -> Settings {
    with(&format!("{text}{PIPELINE}"), &[]).unwrap_or_else(|problems| panic!("{problems}"))
}

const ANY_PROPERTY: AskClient = |_, _| Ok(());

/// The text must give exactly these problems: code, line, column, part of the rendered text.
fn refuses(text: &str, expected: &[(Code, usize, usize, &str)]) {
    let problems = with(text, &[]).expect_err(text);
    let located: Vec<_> = problems
        .located()
        .iter()
        .map(|p| (p.code, p.line.unwrap_or(0), p.column.unwrap_or(0)))
        .collect();
    let wanted: Vec<_> = expected.iter().map(|e| (e.0, e.1, e.2)).collect();
    assert_eq!(located, wanted, "{problems}");
    for (index, (.., part)) in expected.iter().enumerate() {
        let mut one = problems.clone();
        one.list = vec![problems.list[index].clone()];
        assert!(one.render().contains(part), "{part:?} in {}", one.render());
    }
}

fn in_pipeline(line: &str) -> String {
    format!("{PIPELINE}{line}\n")
}

#[test]
fn annotated_file_says_the_defaults() {
    let settings = parse("expressway.toml", ANNOTATED, Path::new(""), []).unwrap();
    let bare = with(
        &ANNOTATED
            .lines()
            .skip_while(|line| !line.starts_with("[[pipeline]]"))
            .filter(|line| {
                ["[[", "name", "topics", "definition", "result", "billing", "dead"]
                    .iter()
                    .any(|start| line.starts_with(start))
            })
            .collect::<Vec<_>>()
            .join("\n"),
        &[],
    )
    .unwrap();
    let mut pipeline = bare.pipelines[0].clone();
    pipeline.definition = settings.pipelines[0].definition.clone();
    assert_eq!(settings.pipelines, [pipeline]);
    let defaults = Settings { pipelines: settings.pipelines.clone(), ..Settings::default() };
    assert_eq!(settings, defaults);
}

#[test]
fn annotated_file_names_every_key_and_its_comments_are_valid_too() {
    let uncommented: String = ANNOTATED
        .lines()
        .map(|line| match line.strip_prefix('#') {
            Some(key) if key.contains(" = ") && !key.starts_with(' ') => format!("{key}\n"),
            _ => format!("{line}\n"),
        })
        .collect();
    let mut problems = Vec::new();
    let tree = tree::parse(&uncommented, &mut problems);
    assert_eq!(problems, []);
    shape::check(&schema(), &tree, &mut problems);
    assert_eq!(problems, []);
    assert_mentions(&schema(), &schema(), &tree, "");
}

fn assert_mentions(root: &Json, schema: &Json, tree: &tree::Node, path: &str) {
    let schema = shape::resolve(root, schema);
    let properties = schema["properties"].as_object();
    for (key, schema) in properties.into_iter().flatten() {
        let node = tree
            .get(key)
            .unwrap_or_else(|| panic!("{path}.{key} is not in config/expressway.toml"));
        let node = node.list().first().unwrap_or(node);
        let schema = shape::resolve(root, schema);
        let schema = if schema["items"].is_object() { &schema["items"] } else { schema };
        assert_mentions(root, schema, node, &format!("{path}.{key}"));
    }
}

#[test]
fn committed_schema_is_the_generated_one() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/expressway.schema.json");
    let mut generated = serde_json::to_string_pretty(&schema()).unwrap();
    generated.push('\n');
    if std::env::var_os("EXPRESSWAY_BLESS").is_some() {
        std::fs::write(&path, &generated).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == generated,
        "config/expressway.schema.json is stale: run the tests with EXPRESSWAY_BLESS=1"
    );
}

#[test]
fn defaults_follow_other_settings() {
    let settings = accepts("[aws]\naccount = \"123456789012\"\n");
    assert_eq!(settings.aws.role, "arn:aws:iam::123456789012:role/expressway");
    assert_eq!(settings.aws.prices, Path::new(""), "the prices that come along");
    let settings = accepts("[aws]\nprices = \"eu.toml\"\n");
    assert_eq!(settings.aws.prices, Path::new("/etc/expressway/eu.toml"));
    let pipeline = &settings.pipelines[0];
    assert_eq!(pipeline.role, settings.aws.role);
    assert_eq!(pipeline.group, "expressway-orders");
    assert_eq!(pipeline.state_machine, "orders");
    assert_eq!(pipeline.failure_topic, "out");
    assert_eq!(pipeline.definition, Path::new("/etc/expressway/m.asl.json"));
}

#[test]
fn unknown_keys_are_refused_with_a_proposal() {
    refuses(&in_pipeline("grop = \"x\""), &[(Code::UnknownKey, 9, 1, "did you mean `group`?")]);
    refuses(
        &format!("[kafka]\nbroker = [\"a:1\"]\n{PIPELINE}"),
        &[(Code::UnknownKey, 2, 1, "did you mean `brokers`?")],
    );
    refuses(
        &format!("[zebra]\nx = 1\n{PIPELINE}"),
        &[(Code::UnknownKey, 1, 2, "known keys here: aws, drain_timeout")],
    );
}

#[test]
fn every_problem_is_reported_at_once_in_order() {
    refuses(
        "drain_timeout = 25\n[limits]\nopen_executions = 0\n[log]\nformat = \"jsn\"\n[[pipeline]]\nname = \"a b\"\ntopics = []\n",
        &[
            (Code::WrongType, 1, 17, "expected text, found an integer"),
            (Code::BadValue, 3, 19, "an integer from 1 to 16777216, found 0"),
            (Code::BadValue, 5, 10, "did you mean \"json\"?"),
            (Code::Missing, 6, 1, "missing key `definition`"),
            (Code::Missing, 6, 1, "missing key `result_topic`"),
            (Code::Missing, 6, 1, "missing key `billing_topic`"),
            (Code::Missing, 6, 1, "missing key `dead_letter_topic`"),
            (Code::BadValue, 7, 8, "' ' is not allowed in a name"),
            (Code::BadValue, 8, 10, "must not be empty"),
        ],
    );
}

#[test]
fn planned_settings_are_refused_by_name() {
    for (line, column, part) in [
        ("guarantee = \"exactly-once\"", 13, "\"exactly-once\" is not supported yet"),
        ("ordering = \"key\"", 12, "use \"none\""),
        ("ordering = \"partition\"", 12, "use \"none\""),
        ("format = \"envelope\"", 10, "use \"output\""),
        ("type = \"STANDARD\"", 8, "use \"EXPRESS\""),
    ] {
        refuses(&in_pipeline(line), &[(Code::NotYet, 9, column, part)]);
    }
    refuses(
        &in_pipeline("guarantee = \"at-most-once\""),
        &[(Code::BadValue, 9, 13, "is not one of \"at-least-once\"")],
    );
}

#[test]
fn a_history_needs_a_place_of_its_own() {
    let accepts = |lines: &str| with(&in_pipeline(lines), &[]).unwrap();
    let settings = accepts("history_topic = \"h\"\nlogging.level = \"ERROR\"");
    let logging = &settings.pipelines[0].logging;
    assert_eq!((logging.level, logging.include_execution_data), (LogLevel::Error, false));
    accepts("logging.level = \"ALL\"\nlogging.destination = \"stdout\"");
    accepts("history_topic = \"h\"");
    refuses(&in_pipeline("logging.level = \"ALL\""), &[(Code::Conflict, 9, 1, "goes nowhere")]);
    let both = "history_topic = \"h\"\nlogging.destination = \"stdout\"";
    refuses(&in_pipeline(both), &[(Code::Conflict, 9, 17, "goes to stdout")]);
    let shared = in_pipeline("history_topic = \"bill\"");
    refuses(&shared, &[(Code::Conflict, 9, 17, "topic \"bill\" is also `billing_topic`")]);
    let a_loop = in_pipeline("history_topic = \"in\"");
    refuses(&a_loop, &[(Code::Conflict, 9, 17, "a loop")]);
}

#[test]
fn client_properties_are_free_but_for_the_reserved() {
    let settings = accepts(
        "[kafka.consumer]\nfetch.wait.max.ms = 5\n\"check.crcs\" = true\n[kafka.producer]\n\"linger.ms\" = \"2\"\n",
    );
    assert_eq!(settings.kafka.consumer["fetch.wait.max.ms"].0, "5");
    assert_eq!(settings.kafka.consumer["check.crcs"].0, "true");
    assert_eq!(settings.kafka.producer["linger.ms"].0, "2");
    refuses(
        &format!(
            "[kafka.consumer]\nenable.auto.commit = true\n\"session.timeout.ms\" = 1\n{PIPELINE}"
        ),
        &[
            (Code::Reserved, 2, 13, "`enable.auto.commit` cannot be set"),
            (Code::Reserved, 3, 1, "group_protocol = \"classic\""),
        ],
    );
    accepts(
        "[kafka]\ngroup_protocol = \"classic\"\n[kafka.consumer]\n\"session.timeout.ms\" = 6000\n",
    );
    refuses(
        &format!("[kafka.client]\n\"group.id\" = \"x\"\nacks = 1\n{PIPELINE}"),
        &[
            (Code::Reserved, 2, 1, "use pipeline.group"),
            (Code::Reserved, 3, 1, "an output must be safe"),
        ],
    );
}

/// A client that knows two properties, of which it takes one value each.
fn narrow_client(key: &str, value: &str) -> Result<(), PropertyRefused> {
    match (key, value) {
        ("linger.ms", "5") | ("sasl.password", "right") => Ok(()),
        ("linger.ms" | "sasl.password", _) => {
            Err(PropertyRefused::Value(format!("{value} is not for {key}")))
        }
        _ => Err(PropertyRefused::Unknown(Some("linger.ms".to_owned()))),
    }
}

fn asked(text: &str, environment: &[(&str, &str)]) -> Problems {
    reading(text, environment).unwrap_err()
}

fn reading(text: &str, environment: &[(&str, &str)]) -> Result<Settings, Problems> {
    let environment = environment.iter().map(|(name, value)| ((*name).into(), (*value).into()));
    let text = format!("{text}{PIPELINE}");
    let files = Files::MayLack;
    read("test.toml", text, Path::new(""), environment, files, narrow_client)
}

#[test]
fn client_properties_are_those_that_the_client_takes() {
    let problems = asked(
        "[kafka.producer]\nlinger.ms = 5\nacks = 1\n[kafka.consumer]\n\"lingr.ms\" = 5\nlinger.ms = true\n",
        &[("EXPRESSWAY__KAFKA__CLIENT__LINGER_MS", "7")],
    );
    let found: Vec<_> = problems
        .located()
        .iter()
        .map(|one| (one.code, one.line, one.column, one.variable.is_some(), one.key.to_owned()))
        .collect();
    let expected = [
        (Code::Reserved, Some(3), Some(1), false, "kafka.producer.acks".to_owned()),
        (Code::UnknownKey, Some(5), Some(1), false, "kafka.consumer.lingr.ms".to_owned()),
        (Code::BadValue, Some(6), Some(13), false, "kafka.consumer.linger.ms".to_owned()),
        (Code::BadValue, None, None, true, "kafka.client.linger.ms".to_owned()),
    ];
    assert_eq!(found, expected, "{problems}");
    let said = problems.render();
    assert!(said.contains("  help: did you mean `linger.ms`?\n"), "{said}");
    assert!(said.contains("true is not for linger.ms"), "{said}");
}

#[test]
fn neither_secrets_nor_what_may_be_one_are_shown_beside_a_problem() {
    for (text, shown) in [
        // A name that is misspelt may be a secret's.
        (
            "[kafka.client]\n\"sasl.pasword\" = \"s3cret\"\n",
            "2 | \"sasl.pasword\" = ***\n  | ^^^^^^^^^^^^^^",
        ),
        (
            "[kafka.client]\n\"sasl.password\" = \"s3cret\" # so\n",
            "2 | \"sasl.password\" = *** # so\n  |                   ^^^",
        ),
        // Others on the line are hidden as well, whatever it is shown for.
        (
            "[kafka]\nclient = {\"sasl.password\" = \"s3cret\", acks = 1, x = \"s3cret\"}\n",
            "2 | client = {\"sasl.password\" = ***, acks = 1, x = ***\n  |                                  ^^^^",
        ),
        (
            "[kafka.client]\n\"sasl.password\" = \"\"\"\ns3cret\n\"\"\"\n",
            "2 | \"sasl.password\" = ***\n  |                   ^^^",
        ),
        (
            "[traces.otlp]\nheaders = {\"x-key\" = \"s3cret\"}\ntimeout = \"soon\"\n",
            "3 | timeout = \"soon\"\n",
        ),
        (
            "[traces.otlp]\nheaders = {\"x-key\" = \"s3cret\", y = []}\n",
            "2 | headers = {\"x-key\" = ***, y = ***}\n",
        ),
        // Wherever it stands: a misspelt table has no properties.
        ("[kafka]\nclent = {\"sasl.password\" = \"s3cret\"}\n", "2 | clent = ***\n  | ^^^^^\n"),
        (
            "[traces.otlp]\nheadrs = {authorization = \"s3cret\"}\n",
            "2 | headrs = ***\n  | ^^^^^^\n",
        ),
        // Whatever it is.
        (
            "[kafka.client]\n\"sasl.pasword\" = [\"s3cret\"]\n",
            "2 | \"sasl.pasword\" = ***\n  | ^^^^^^^^^^^^^^\n",
        ),
        // What is no TOML has no keys: no value is shown.
        ("[kafka.client]\r\n\"sasl.password\" = s3cret\r\n", "2 | \"sasl.password\" = ***"),
        ("[kafka]\nclient = {\"sasl.password\" = \"s3cret\" acks = 1}\n", "2 | client = ***"),
        ("[traces.otlp.headers]\nx = \"s3cret\n", "2 | x = ***"),
        ("[kafka.client]\n\"sasl.pasword\" = \"s3cret\n", "2 | \"sasl.pasword\" = ***"),
        ("[kafka.client]\n\"ssl.key.pem\" = \"\"\"\nBEGIN\ns3cret\\qabc\n\"\"\"\n", "4 | ***"),
        ("[log\nlevel = \"info\"\n", "1 | [log\n"),
    ] {
        // What a variable has in its place does not make the line in the file fit to be seen.
        let others = [
            ("EXPRESSWAY__KAFKA__CLIENT__SASL_PASSWORD", "other"),
            ("EXPRESSWAY__TRACES__OTLP__HEADERS__X-KEY", "other"),
        ];
        let said = asked(text, &[]).render();
        assert!(said.contains(shown), "{said}");
        for environment in [&[][..], &others] {
            let Err(problems) = reading(text, environment) else { continue };
            let located = serde_json::to_string(&problems.located()).unwrap();
            let said = problems.render() + &located;
            assert!(!said.contains("s3cret"), "{said}");
        }
    }
}

#[test]
fn contradictions_are_found() {
    refuses(
        &format!("{PIPELINE}{PIPELINE}"),
        &[
            (Code::Conflict, 11, 8, "is also the name of pipeline[0]"),
            (Code::Conflict, 12, 10, "also read by pipeline[0]"),
        ],
    );
    refuses(&PIPELINE.replace("\"out\"", "\"in\""), &[(Code::Conflict, 6, 16, "a loop")]);
    refuses(
        &PIPELINE.replace("\"bill\"", "\"out\""),
        &[(Code::Conflict, 7, 17, "cannot share a topic")],
    );
    let other = PIPELINE
        .replace("\"orders\"", "\"b\"\nstate_machine = \"orders\"\ngroup = \"g\"")
        .replace("m.asl", "n.asl");
    refuses(
        &format!("{PIPELINE}{other}"),
        &[(Code::Conflict, 15, 14, "has another definition in pipeline[0]")],
    );
    refuses(
        &format!("[task.http]\ntimeout = \"61s\"\n{PIPELINE}"),
        &[(Code::BadValue, 2, 11, "at most 60s")],
    );
    refuses("", &[(Code::Missing, 0, 0, "no pipeline is configured")]);
}

#[test]
fn syntax_errors_have_a_place() {
    let problems = with("[kafka]\nbrokers = [\"a:1\"\n[log\n", &[]).unwrap_err();
    assert!(problems.list.iter().all(|p| p.code == Code::Unreadable));
    assert!(problems.located()[0].line.is_some());
    let problems = with("a = 1\na = 2\n", &[]).unwrap_err();
    assert_eq!(problems.located()[0].line, Some(2), "{problems}");
}

#[test]
fn environment_overrides_every_kind_of_key() {
    let settings = with(
        PIPELINE,
        &[
            ("EXPRESSWAY__DRAIN_TIMEOUT", "3s"),
            ("EXPRESSWAY__KAFKA__BROKERS", "a:1, b:2"),
            ("EXPRESSWAY__KAFKA__CONSUMER__FETCH_WAIT_MAX_MS", "5"),
            ("EXPRESSWAY__KAFKA__CLIENT_ID", "123"),
            ("EXPRESSWAY__SHARDS__COUNT", "2"),
            ("EXPRESSWAY__LOG__FORMAT", "json"),
            ("EXPRESSWAY__TASK__HTTP__ALLOW", "[\"localhost:1\"]"),
            ("EXPRESSWAY__PIPELINE__ORDERS__RESULT_TOPIC", "elsewhere"),
            ("EXPRESSWAY__PIPELINE__0__TAGS__TEAM", "x"),
            ("EXPRESSWAY__PIPELINE__0__LOGGING__LEVEL", "OFF"),
            ("EXPRESSWAY__PIPELINE__1__NAME", "second"),
            ("EXPRESSWAY__PIPELINE__1__TOPICS", "in2"),
            ("EXPRESSWAY__PIPELINE__1__DEFINITION", "/m.json"),
            ("EXPRESSWAY__PIPELINE__1__RESULT_TOPIC", "out2"),
            ("EXPRESSWAY__PIPELINE__1__BILLING_TOPIC", "bill"),
            ("EXPRESSWAY__PIPELINE__1__DEAD_LETTER_TOPIC", "dead"),
            ("EXPRESSWAY_SHARED", "/not/ours"),
        ],
    )
    .unwrap_or_else(|problems| panic!("{problems}"));
    assert_eq!(settings.drain_timeout.as_secs(), 3);
    assert_eq!(settings.kafka.brokers, ["a:1", "b:2"]);
    assert_eq!(settings.kafka.consumer["fetch.wait.max.ms"].0, "5");
    assert_eq!(settings.kafka.client_id, "123");
    assert_eq!(settings.shards.count, ShardCount::Exactly(2));
    assert_eq!(settings.log.format, LogFormat::Json);
    assert_eq!(settings.task.http.allow, ["localhost:1"]);
    assert_eq!(settings.pipelines[0].result_topic, "elsewhere");
    assert_eq!(settings.pipelines[0].tags["team"], "x");
    assert_eq!(settings.pipelines[1].name, "second");
    assert_eq!(settings.pipelines[1].definition, Path::new("/m.json"));
}

#[test]
fn environment_mistakes_name_the_variable() {
    for (name, value, part) in [
        ("EXPRESSWAY__KAFKA__BROKER", "a:1", "did you mean BROKERS?"),
        ("EXPRESSWAY__LIMITS__OPEN_EXECUTIONS", "many", "expected an integer"),
        ("EXPRESSWAY__PIPELINE__7__NAME", "x", "index 7, but there are only 1"),
        ("EXPRESSWAY__PIPELINE__NOBODY__NAME", "x", "no pipeline is named `nobody`"),
        ("EXPRESSWAY__HTTP__LISTEN__PORT", "1", "nothing below"),
        ("EXPRESSWAY__SHARDS__COUNT", "all", "expected \"auto\" or an integer from 1 to 1024"),
        ("EXPRESSWAY__", "x", "no key"),
    ] {
        let problems = with(PIPELINE, &[(name, value)]).unwrap_err();
        assert_eq!(problems.list.len(), 1, "{problems}");
        assert_eq!(problems.located()[0].variable, Some(name));
        assert!(problems.to_string().contains(part), "{problems}");
    }
}

#[test]
fn shown_settings_parse_to_themselves_without_secrets() {
    let names = [
        "sasl.password",
        "ssl.key.pem",
        "sasl.oauthbearer.assertion.private.key.pem",
        "sasl.oauthbearer.assertion.private.key.passphrase",
    ];
    let lines = names.map(|name| format!("\"{name}\" = \"hush\"\n")).concat();
    let mut settings = accepts(&format!("[kafka.client]\n{lines}"));
    let shown = show(&settings);
    assert!(!shown.contains("hush"));
    assert!(!show_json(&settings).to_string().contains("hush"));
    for name in names {
        "***".clone_into(&mut settings.kafka.client.get_mut(name).unwrap().0);
    }
    assert_eq!(with(&shown, &[]).unwrap(), settings);
}

#[test]
fn a_file_that_is_not_there_is_one_clear_problem() {
    let problems = load(Path::new("/nonexistent/x.toml"), [], ANY_PROPERTY).unwrap_err();
    assert!(problems.to_string().contains("cannot read the configuration"));
}

#[test]
fn annotated_file_can_be_run_where_it_stands() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/expressway.toml");
    load(&path, [], ANY_PROPERTY).unwrap_or_else(|problems| panic!("{problems}"));
}

#[test]
fn load_wants_the_definition_beside_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("c.toml");
    std::fs::write(&path, PIPELINE).unwrap();
    let problems = load(&path, [], ANY_PROPERTY).unwrap_err();
    assert_eq!(problems.located()[0].line, Some(5), "{problems}");
    std::fs::write(folder.path().join("m.asl.json"), "{}").unwrap();
    let settings = load(&path, [], ANY_PROPERTY).unwrap();
    assert_eq!(settings.pipelines[0].definition, folder.path().join("m.asl.json"));
}

#[test]
fn garbage_never_panics() {
    for text in [
        "\0",
        "[[[",
        "pipeline = 1",
        "[pipeline]\nname = 1",
        "kafka = []",
        "[kafka]\nconsumer = 1",
        "pipeline = [1, \"x\"]",
        "drain_timeout = 1979-05-27",
        "shards.count = 99999999999999999999",
        "limits.open_executions = nan",
        "é = \"\u{1F600}\"\n[[pipeline]]\nname=\"é\"",
        "\u{feff}x",
    ] {
        assert!(with(text, &[]).is_err(), "{text}");
    }
}

#[test]
fn codes_are_unique_and_explained() {
    let mut codes: Vec<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
    codes.dedup();
    assert_eq!(codes.len(), Code::ALL.len());
    for code in Code::ALL {
        assert!(!code.explain().is_empty());
        assert_eq!(serde_json::to_value(code).unwrap(), code.as_str());
    }
}

#[test]
fn variables_that_are_set_for_everyone_are_for_builds_that_can_follow_them() {
    let environment = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c:4318"),
        ("OTEL_SERVICE_NAME", "theirs"),
        ("EXPRESSWAY__TRACES__OTLP__SERVICE_NAME", "own"),
    ];
    let otlp = with(PIPELINE, &environment).unwrap().traces.otlp;
    assert_eq!(otlp.service_name, "own");
    let endpoint = if cfg!(feature = "otlp") { "http://c:4318/v1/traces" } else { "" };
    assert_eq!(otlp.endpoint, endpoint);
}

#[cfg(feature = "otlp")]
#[test]
fn headers_of_requests_to_a_collector_are_not_shown() {
    let text = "[traces.otlp]\nendpoint = \"http://c\"\nheaders = {\"x-key\" = \"s3cret\"}\n";
    let shown = show(&accepts(text));
    assert!(shown.contains("x-key = \"***\"") && !shown.contains("s3cret"), "{shown}");
}
