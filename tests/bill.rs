//! `expressway bill` as its users run it: files of records in, an invoice out, in every form.

#[path = "bill/options.rs"]
mod options;
#[path = "bill/unsound.rs"]
mod unsound;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::{Value, json};
use tempfile::TempDir;

/// One billing record; what a test does not name is as here.
#[derive(Clone)]
struct Record {
    id: u64,
    machine: &'static str,
    region: &'static str,
    team: &'static str,
    ms: u64,
    mb: u64,
    status: &'static str,
    time: &'static str,
    transitions: u64,
}

const RECORD: Record = Record {
    id: 0,
    machine: "orders",
    region: "us-east-1",
    team: "checkout",
    ms: 100,
    mb: 64,
    status: "SUCCEEDED",
    time: "2026-01-10T12:00:30.250Z",
    transitions: 3,
};

impl Record {
    fn line(&self) -> String {
        let Self { id, machine, region, team, ms, mb, status, time, transitions } = self;
        // 100 ms × 64 MB are 625 hundred-thousandths of a GB-second.
        let exact = ms / 100 * (mb / 64) * 625;
        let fraction = format!("{:05}", exact % 100_000);
        let gb_seconds = format!("{}.{fraction}", exact / 100_000);
        let gb_seconds = gb_seconds.trim_end_matches('0').trim_end_matches('.');
        json!({
            "specversion": "1.0",
            "id": format!("arn:aws:states:{region}:111111111111:express:{machine}:e{id}:x"),
            "source": format!("//states/{region}/111111111111"),
            "type": "express.execution.billed.v1",
            "subject": "111111111111",
            "time": time,
            "datacontenttype": "application/json",
            "data": {
                "requests": 1, "billed_duration_ms": ms, "billed_memory_mb": mb,
                "gb_seconds": gb_seconds, "status": status,
                "state_machine_arn":
                    format!("arn:aws:states:{region}:111111111111:stateMachine:{machine}"),
                "machine": machine, "version": null, "tags": {"team": team},
                "transitions": transitions,
            },
        })
        .to_string()
    }
}

struct Bills {
    folder: TempDir,
}

impl Bills {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a temporary folder") }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes records, one a line.
    fn file(&self, name: &str, records: impl IntoIterator<Item = Record>) -> PathBuf {
        let mut text = String::new();
        for record in records {
            writeln!(text, "{}", record.line()).expect("a string takes everything");
        }
        let path = self.path(name);
        std::fs::write(&path, text).expect("a file");
        path
    }
}

fn bill(files: &[&Path], arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_expressway"))
        .arg("bill")
        .args(files)
        .args(arguments)
        .output()
        .expect("the binary runs")
}

fn stdout(output: &Output) -> &str {
    std::str::from_utf8(&output.stdout).expect("text")
}

fn stderr(output: &Output) -> &str {
    std::str::from_utf8(&output.stderr).expect("text")
}

/// Bills and returns the JSON document.
fn document(files: &[&Path], arguments: &[&str]) -> Value {
    let output = bill(files, &[arguments, &["--json"]].concat());
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    serde_json::from_slice(&output.stdout).expect("one JSON document")
}

#[test]
fn the_workshop_s_thousand_runs_cost_one_cent() {
    let bills = Bills::new();
    let records = (0..1_000).map(|id| Record { id, ms: 11_300, ..RECORD });
    let file = bills.file("workshop.ndjson", records);
    let output = bill(&[&file], &[]);
    assert_eq!(output.status.code(), Some(0));
    let text = stdout(&output);
    for part in [
        "account 111111111111, US East (N. Virginia), 2026-01, USD",
        "706.25",
        "0.011771",
        "0.012771",
        "1,000 billing records, 0 repetitions dropped, 1,000 executions billed\n",
    ] {
        assert!(text.contains(part), "{part:?} in\n{text}");
    }
    let total = text.lines().find(|line| line.contains("total       USD")).expect("a total");
    assert!(total.ends_with(" 0.01"), "{text}");
    let document = document(&[&file], &[]);
    assert_eq!(document["total"], "0.012770833333");
    assert_eq!(document["gb_seconds"], "706.25");
    assert_eq!(document["billed_duration_ms"], 11_300_000);
    assert_eq!(document["mb_milliseconds"], "723200000");
}

#[test]
fn the_published_volume_goes_through_all_three_tiers() {
    let bills = Bills::new();
    // The GB-seconds of 100 million runs of 10 s, in a thousand records.
    let records = (0..1_000).map(|id| Record { id, ms: 1_000_000_000, ..RECORD });
    let file = bills.file("volume.ndjson", records);
    let document = document(&[&file], &[]);
    let statement = &document["statements"][0];
    let tiers = statement["tiers"].as_array().expect("tiers");
    let costs: Vec<&Value> = tiers.iter().map(|tier| &tier["cost"]).collect();
    assert_eq!(costs, ["60", "120", "202.969444444444"]);
    assert_eq!(statement["gb_seconds"], "62500000");
    assert_eq!(document["total"], "382.970444444444", "and 0.001 for a thousand requests");
}

#[test]
fn repetitions_count_once_across_files_and_on_disk() {
    const COUNT: u64 = 60_000;
    let bills = Bills::new();
    let first = bills.file("first.ndjson", (0..COUNT).map(|id| Record { id, ..RECORD }));
    // The same executions, measured anew after a crash: what was there first counts.
    let again = (0..COUNT).rev().map(|id| Record { id, ms: 900, transitions: 9, ..RECORD });
    let again = bills.file("again.ndjson", again);
    let in_memory = document(&[&first, &again], &[]);
    // 32 bytes each: 3.8 MB do not fit.
    let on_disk = document(&[&first, &again], &["--memory", "1"]);
    assert_eq!(in_memory, on_disk);
    assert_eq!(in_memory["records"]["repeated"], COUNT);
    assert_eq!(
        (&in_memory["requests"], &in_memory["transitions"]),
        (&json!(COUNT), &json!(3 * COUNT))
    );
    assert_eq!(in_memory["billed_duration_ms"], 100 * COUNT);
}

#[test]
fn lines_are_by_state_machine_and_tag_and_add_up() {
    let bills = Bills::new();
    let records = (0..90).map(|id| Record {
        id,
        machine: if id % 3 == 0 { "calls" } else { "orders" },
        team: if id % 2 == 0 { "checkout" } else { "" },
        status: if id % 10 == 0 { "FAILED" } else { "SUCCEEDED" },
        ms: 100 + id * 100,
        ..RECORD
    });
    let file = bills.file("bills.ndjson", records);
    let document = document(&[&file], &["--tag", "team"]);
    assert_eq!(document, self::document(&[&file], &[]), "all tags there are by default");
    let without = self::document(&[&file], &["--no-tags"]);
    assert_eq!(without["statements"][0]["lines"].as_array().map(Vec::len), Some(2));
    let lines = document["statements"][0]["lines"].as_array().expect("lines");
    let keys: Vec<_> = lines
        .iter()
        .map(|line| {
            (line["machine"].as_str().unwrap_or(""), line["tags"]["team"].as_str().unwrap_or("?"))
        })
        .collect();
    assert_eq!(
        keys,
        [("calls", ""), ("calls", "checkout"), ("orders", ""), ("orders", "checkout")]
    );
    let sum = |field: &str| lines.iter().filter_map(|line| line[field].as_u64()).sum::<u64>();
    assert_eq!((sum("requests"), sum("not_succeeded"), sum("transitions")), (90, 9, 270));
    assert_eq!(document["billed_duration_ms"], sum("billed_duration_ms"));
}

#[test]
fn the_period_is_cut_out_and_priced_within_its_month() {
    let bills = Bills::new();
    let times = [
        "2025-12-31T23:59:59.999Z",
        "2026-01-01T00:00:00.000Z",
        "2026-01-31T23:59:59.999Z",
        "2026-02-01T00:00:00Z",
    ];
    let records = times.into_iter().zip(0..).map(|(time, id)| Record { id, time, ..RECORD });
    let file = bills.file("bills.ndjson", records);
    for (period, billed) in
        [("2026-01", 2), ("2026-01-01", 1), ("2026", 3), ("2025-12-31T23:59:59Z/2026-01-01", 1)]
    {
        let document = document(&[&file], &["--period", period]);
        let counts = (&document["records"]["billed"], &document["records"]["outside"]);
        assert_eq!(counts, (&json!(billed), &json!(4 - billed)), "{period}");
        assert_eq!(document["requests"], billed);
    }
    let wrong = bill(&[&file], &["--period", "2026-13"]);
    assert_eq!(wrong.status.code(), Some(2));
    assert!(stderr(&wrong).contains("write 2026, 2026-11"), "{}", stderr(&wrong));
}

#[test]
fn a_region_without_prices_is_never_priced_like_another() {
    let bills = Bills::new();
    let file = bills.file("bills.ndjson", [Record { region: "eu-test-1", ..RECORD }]);
    let refused = bill(&[&file], &[]);
    assert_eq!(refused.status.code(), Some(3));
    assert!(stderr(&refused).contains("no prices for region eu-test-1; known: us-east-1"));

    let like_another = ["--price-region", "us-east-1"];
    assert_eq!(document(&[&file], &like_another)["currency"], "USD");
    let table = bill(&[&file], &like_another).stdout;
    let place = "eu-test-1 at the prices of US East (N. Virginia)";
    assert!(String::from_utf8_lossy(&table).contains(place), "the usage was not there");
    let focus = bill(&[&file], &[&like_another[..], &["--format", "focus"]].concat()).stdout;
    assert!(!String::from_utf8_lossy(&focus).contains("US East"));

    let prices = bills.path("prices.toml");
    let text = "currency = \"EUR\"\n[region.eu-test-1]\nrequests_per_million = \"2.00\"\n\
        gb_hour = [{ price = \"576\" }]\ntransitions_per_million = \"30\"\nfree_transitions = 0\n";
    std::fs::write(&prices, text).expect("a price file");
    let document = document(&[&file], &["--prices", prices.to_str().expect("text")]);
    assert_eq!((&document["currency"], &document["total"]), (&json!("EUR"), &json!("0.001002")));
    assert_eq!(document["if_standard"], "0.00009");
}

#[test]
fn events_hold_no_money_and_need_no_prices() {
    let bills = Bills::new();
    let file = bills.file("bills.ndjson", [Record { region: "eu-test-1", ..RECORD }]);
    for format in ["openmeter", "lago"] {
        let output = bill(&[&file], &["--format", format]);
        assert_eq!((output.status.code(), stderr(&output)), (Some(0), ""), "{format}");
        assert!(stdout(&output).contains("eu-test-1"), "{}", stdout(&output));
    }
}

#[test]
fn what_is_not_sound_is_left_out_aloud() {
    let bills = Bills::new();
    let file = bills.file("bills.ndjson", [RECORD]);
    let mut text = std::fs::read_to_string(&file).expect("the file");
    text += "\nnot json\n";
    text += &RECORD.line().replace("\"billed_duration_ms\":100", "\"billed_duration_ms\":100.0");
    text += "\n{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"s\",\"type\":\"other\"}\n";
    std::fs::write(&file, text).expect("a file");
    let output = bill(&[&file], &["--json"]);
    assert_eq!(output.status.code(), Some(1), "an invoice that is not whole is no success");
    let document: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let records = &document["records"];
    assert_eq!(
        (&records["billed"], &records["refused"], &records["foreign"]),
        (&json!(1), &json!(2), &json!(1))
    );
    let complaints = stderr(&output);
    assert!(complaints.contains("bills.ndjson:3: left out: not a CloudEvent"), "{complaints}");
    assert!(complaints.contains("bills.ndjson:4: left out: data is not"), "{complaints}");

    let missing = bill(&[&bills.path("none")], &[]);
    assert_eq!(missing.status.code(), Some(2));
}

/// Reads CSV as simple as ours: no line breaks within fields.
fn csv(text: &str) -> Vec<Vec<String>> {
    text.lines()
        .map(|line| {
            let (mut fields, mut field, mut quoted) = (Vec::new(), String::new(), false);
            let mut characters = line.chars().peekable();
            while let Some(character) = characters.next() {
                match character {
                    '"' if quoted && characters.peek() == Some(&'"') => {
                        characters.next();
                        field.push('"');
                    }
                    '"' => quoted = !quoted,
                    ',' if !quoted => fields.push(std::mem::take(&mut field)),
                    _ => field.push(character),
                }
            }
            fields.push(field);
            fields
        })
        .collect()
}

/// A decimal with up to twelve places as a whole number of the last one.
fn scaled(text: &str) -> u128 {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    format!("{whole}{fraction:0<12}").parse().expect("a decimal")
}

/// Columns of FOCUS 1.2 that may not be null where something was used.
const NOT_NULL: [&str; 21] = [
    "BilledCost",
    "BillingAccountId",
    "BillingCurrency",
    "BillingPeriodStart",
    "BillingPeriodEnd",
    "ChargeCategory",
    "ChargePeriodStart",
    "ChargePeriodEnd",
    "ContractedCost",
    "EffectiveCost",
    "InvoiceIssuerName",
    "ListCost",
    "ProviderName",
    "PublisherName",
    "ServiceCategory",
    "ServiceName",
    "ServiceSubcategory",
    "PricingUnit",
    "PricingQuantity",
    "SkuId",
    "SkuPriceId",
];

#[test]
fn focus_rows_have_all_columns_and_add_up_to_the_invoice() {
    let bills = Bills::new();
    let records = (0..300).map(|id| Record {
        id,
        ms: 100_000_000,
        mb: 640,
        team: if id % 2 == 0 { "a,\"b\"" } else { "c" },
        time: if id < 150 { "2026-01-10T12:00:00Z" } else { "2026-01-11T12:00:00Z" },
        ..RECORD
    });
    let file = bills.file("bills.ndjson", records);
    let output = bill(&[&file], &["--format", "focus"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let rows = csv(stdout(&output));
    let head = &rows[0];
    let column = |name: &str| head.iter().position(|one| one == name).expect(name);
    assert_eq!(head.len(), 58, "57 columns of FOCUS 1.2 and one of ours");
    let field = |row: &Vec<String>, name: &str| row[column(name)].clone();
    assert!(rows.iter().all(|row| row.len() == head.len()));
    // Two sets of tags; requests and two tiers on either day, the first and second, then the others.
    assert_eq!(rows.len() - 1, 2 * (3 + 3));
    for row in &rows[1..] {
        for name in NOT_NULL {
            assert!(!field(row, name).is_empty(), "{name} in {row:?}");
        }
        for (name, equals) in [
            ("PricingCurrency", "BillingCurrency"),
            ("PricingCurrencyContractedUnitPrice", "ContractedUnitPrice"),
            ("PricingCurrencyEffectiveCost", "EffectiveCost"),
            ("PricingCurrencyListUnitPrice", "ListUnitPrice"),
        ] {
            assert_eq!(field(row, name), field(row, equals), "{name}");
            assert!(!field(row, name).is_empty(), "{name}");
        }
        assert_eq!(field(row, "BillingPeriodEnd"), "2026-02-01T00:00:00Z");
        assert_eq!(field(row, "InvoiceId"), "111111111111-us-east-1-2026-01");
        serde_json::from_str::<Value>(&field(row, "Tags")).expect("tags are JSON");
    }
    assert!(rows.iter().any(|row| field(row, "Tags") == r#"{"team":"a,\"b\""}"#));
    let requests: u64 = rows[1..]
        .iter()
        .filter(|row| field(row, "ConsumedUnit") == "Requests")
        .map(|row| field(row, "ConsumedQuantity").parse::<u64>().expect("a number"))
        .sum();
    assert_eq!(requests, 300);
    let document = document(&[&file], &[]);
    let exact: u128 = rows[1..]
        .iter()
        .filter_map(|row| field(row, "x_BilledMbMilliseconds").parse::<u128>().ok())
        .sum();
    assert_eq!(document["mb_milliseconds"], exact.to_string());
    let cost: u128 = rows[1..].iter().map(|row| scaled(&field(row, "BilledCost"))).sum();
    let total = scaled(document["total"].as_str().expect("text"));
    // Each row is rounded at its twelfth place.
    assert!(cost.abs_diff(total) <= rows.len() as u128, "{cost} {total}");
}

#[test]
fn csv_has_one_line_for_each_of_the_invoice() {
    let bills = Bills::new();
    let records = (0..10).map(|id| Record { id, team: "t", ..RECORD });
    let file = bills.file("bills.ndjson", records);
    let output = bill(&[&file], &["--format", "csv", "--tag", "team", "--every", "day"]);
    let rows = csv(stdout(&output));
    assert_eq!(rows.len(), 2);
    let get = |name: &str| {
        let column = rows[0].iter().position(|one| one == name).expect(name);
        rows[1][column].as_str()
    };
    assert_eq!((get("from"), get("to")), ("2026-01-10T00:00:00Z", "2026-01-11T00:00:00Z"));
    assert_eq!((get("tag:team"), get("requests"), get("gb_seconds")), ("t", "10", "0.0625"));
    assert_eq!((get("cost_requests"), get("currency")), ("0.00001", "USD"));
}

#[test]
fn events_for_metering_services_are_exact_sums_with_ids_that_stay() {
    let bills = Bills::new();
    let records = (0..500).map(|id| Record {
        id,
        team: if id % 5 == 0 { "" } else { "acme" },
        time: if id < 250 { "2026-01-10T12:00:30Z" } else { "2026-01-10T12:01:00Z" },
        ..RECORD
    });
    let file = bills.file("bills.ndjson", records);
    let lines = |format| -> Vec<Value> {
        let output = bill(&[&file], &["--format", format, "--customer-tag", "team"]);
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        let lines = stdout(&output).lines().map(serde_json::from_str);
        lines.collect::<Result<_, _>>().expect("JSON")
    };
    let openmeter = lines("openmeter");
    let events = openmeter[0].as_array().expect("a batch");
    let shown: Vec<_> = events
        .iter()
        .map(|event| {
            (event["subject"].as_str(), event["time"].as_str(), event["data"]["requests"].as_u64())
        })
        .collect();
    assert_eq!(
        shown,
        [
            (Some("111111111111"), Some("2026-01-10T12:00:00Z"), Some(50)),
            (Some("acme"), Some("2026-01-10T12:00:00Z"), Some(200)),
            (Some("111111111111"), Some("2026-01-10T12:01:00Z"), Some(50)),
            (Some("acme"), Some("2026-01-10T12:01:00Z"), Some(200)),
        ]
    );
    assert_eq!(events[1]["data"]["gb_seconds"], "1.25");
    assert_eq!(openmeter, lines("openmeter"), "sent twice it is known");

    let lago = lines("lago");
    let events = lago[0]["events"].as_array().expect("a batch");
    assert_eq!(events.len(), 8);
    assert_eq!(events[2]["code"], "express_requests");
    assert_eq!(events[2]["external_subscription_id"], "acme");
    assert_eq!(
        (&events[2]["timestamp"], &events[2]["properties"]["requests"]),
        (&json!(1_768_046_400), &json!("200"))
    );
    assert_eq!(events[3]["properties"]["gb_seconds"], "1.25");
    let mut ids: Vec<_> =
        events.iter().filter_map(|event| event["transaction_id"].as_str()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 8);

    let half = bill(&[&file], &["--format", "lago", "--period", "2026-01-10T12:00:30Z/2026-01-11"]);
    assert_eq!(half.status.code(), Some(2), "half a minute would have the id of the whole one");
}

#[test]
fn what_is_not_over_yet_is_not_sent() {
    let bills = Bills::new();
    let file = bills.file("bills.ndjson", [Record { time: "2199-01-01T00:00:00Z", ..RECORD }]);
    let output = bill(&[&file], &["--format", "openmeter"]);
    assert_eq!((output.status.code(), stdout(&output)), (Some(0), ""));
    assert!(stderr(&output).contains("run again later: 1 sums"), "{}", stderr(&output));
}

#[test]
fn an_empty_tag_and_a_missing_one_are_two_lines() {
    let bills = Bills::new();
    let file = bills.path("bills.ndjson");
    let line = |id, tags: &str| {
        let line = Record { id, ..RECORD }.line();
        let with = line.replace(r#"{"team":"checkout"}"#, tags);
        assert_ne!(line, with);
        with + "\n"
    };
    let tags = ["{}", r#"{"team":""}"#, r#"{"team":"a\u001b\nb"}"#, "{}"];
    let lines: Vec<String> = tags.into_iter().zip(0..).map(|(tags, id)| line(id, tags)).collect();
    std::fs::write(&file, lines.concat()).expect("a file");
    let document = document(&[&file], &["--tag", "team"]);
    let lines = document["statements"][0]["lines"].as_array().expect("lines");
    let shown: Vec<_> =
        lines.iter().map(|line| (&line["tags"]["team"], &line["requests"])).collect();
    let (null, empty, text) = (Value::Null, json!(""), json!("a\u{1b}\nb"));
    assert_eq!(shown, [(&null, &json!(2)), (&empty, &json!(1)), (&text, &json!(1))]);

    let output = bill(&[&file], &["--tag", "team", "--format", "csv"]);
    for part in [":orders,,2,", ":orders,\"\",1,", ":orders,\"a\u{1b}\nb\",1,"] {
        assert!(stdout(&output).contains(part), "{part} in {}", stdout(&output));
    }

    let output = bill(&[&file], &["--tag", "team"]);
    let lines: Vec<Vec<&str>> = stdout(&output)
        .lines()
        .filter(|line| line.starts_with("orders "))
        .map(|line| line.split_whitespace().take(3).collect())
        .collect();
    // The third is followed by how many failed.
    assert_eq!(
        lines,
        [["orders", "2", "0"], ["orders", "\"\"", "1"], ["orders", r"a\u{1b}\nb", "1"]]
    );
}
