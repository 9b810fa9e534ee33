//! A month of `expressway bill`, cut anywhere into periods and pieces of time: they add up to the
//! month, in every form.

use std::borrow::Cow;
use std::collections::BTreeMap;

use expressway::billing::print::Report;
use expressway::billing::{
    Budget, Cost, EndStatus, Grain, Ledger, Period, Statement, Usage, statements,
};
use expressway::outcome::{Bill, Money, PriceTable};
use proptest::prelude::*;

const JANUARY_MS: i64 = 1_767_225_600_000;
const DAY_MS: i64 = 86_400_000;
const MONTH_MS: i64 = 31 * DAY_MS;
/// 1,000 GB-hours: 576,000,000 units of 100 ms × 64 MB.
const THOUSAND_GB_HOURS: Bill = Bill { duration_ms: 57_600_000, memory_mb: 64_000 };

/// One execution.
#[derive(Clone, Debug)]
struct Run {
    at_ms: i64,
    arn: String,
    tags: &'static str,
    bill: Bill,
    transitions: u32,
}

fn arn(account: u8, region: &str, machine: u8) -> String {
    format!("arn:aws:states:{region}:11111111111{account}:stateMachine:m{machine}")
}

fn report(runs: &[Run], period: Option<Period>, grain: Grain) -> Report {
    let budget = Budget { memory_bytes: 0, folder: std::env::temp_dir() };
    let mut ledger = Ledger::new(period, grain, budget);
    for (run, identity) in runs.iter().zip(1..) {
        ledger
            .add(&Usage {
                identity,
                stopped_ms: run.at_ms,
                machine_arn: Cow::Borrowed(&run.arn),
                version: Cow::Borrowed(""),
                tags: run.tags,
                status: EndStatus::Succeeded,
                bill: run.bill,
                transitions: run.transitions,
            })
            .expect("a sound record");
    }
    let closed = ledger.close().expect("rows");
    let table = PriceTable::built_in();
    Report {
        period,
        grain,
        statements: statements(closed.rows, &table, Some("us-east-1")).expect("prices"),
        currency: table.currency,
        counts: closed.counts,
        refused: 0,
        foreign: 0,
        tag_keys: vec!["team".to_owned()],
    }
}

fn total(costs: impl Iterator<Item = Cost>) -> (Money, Money, Money) {
    costs.fold(Default::default(), |(requests, duration, standard): (Money, Money, Money), one| {
        (requests.plus(one.requests), duration.plus(one.duration), standard.plus(one.standard))
    })
}

fn costs(report: &Report) -> (Money, Money, Money) {
    total(report.statements.iter().map(Statement::cost))
}

fn text(write: impl FnOnce(&mut Vec<u8>) -> std::io::Result<()>) -> String {
    let mut out = Vec::new();
    write(&mut out).expect("a vector takes everything");
    String::from_utf8(out).expect("text")
}

/// The sum of a column, in 10⁻¹² of the currency's unit, and how many fields it has.
fn column(sheet: &str, name: &str) -> (u128, u128) {
    // Tags, which have commas, stand behind what is read here.
    let mut lines = sheet.lines().map(|line| line.split(',').collect::<Vec<_>>());
    let head = lines.next().expect("a head");
    let from_end = head.len() - head.iter().position(|one| *one == name).expect(name);
    let from_start = head.len() - from_end;
    let at = |line: &Vec<&str>| {
        if name == "BilledCost" {
            line[from_start].to_owned()
        } else {
            line[line.len() - from_end].to_owned()
        }
    };
    lines.fold((0, 0), |(sum, count), line| (sum + pico(&at(&line)), count + 1))
}

fn pico(decimal: &str) -> u128 {
    let (whole, fraction) = decimal.split_once('.').unwrap_or((decimal, ""));
    format!("{whole}{fraction:0<12}").parse().expect("a decimal")
}

/// That table, JSON, CSV and FOCUS say what the statements say, up to rounding in each line.
fn check_forms(report: &Report) {
    let (requests, duration, standard) = costs(report);
    let exact = pico(&requests.plus(duration).to_exact_text(12));
    let near =
        |(sum, lines): (u128, u128)| assert!(sum.abs_diff(exact) <= lines + 1, "{sum} {exact}");
    near(column(&text(|out| report.write_csv(out)), "cost_total"));
    near(column(&text(|out| report.write_focus(out)), "BilledCost"));
    let document: serde_json::Value =
        serde_json::from_str(&text(|out| report.write_json(out))).expect("JSON");
    assert_eq!(document["total"], requests.plus(duration).to_exact_text(12));
    assert_eq!(document["if_standard"], standard.to_exact_text(12));
    let lines = document["statements"].as_array().expect("statements").iter();
    let lines = lines.flat_map(|one| one["lines"].as_array().expect("lines"));
    let amounts: Vec<u128> =
        lines.map(|line| pico(line["cost"]["total"].as_str().expect("text"))).collect();
    near((amounts.iter().sum(), amounts.len() as u128));
    let table = text(|out| report.write_table(out));
    for statement in &report.statements {
        let total = format!(" {}\n", statement.cost().total().to_text(2));
        assert!(table.contains(&total), "{total} in\n{table}");
    }
}

fn runs() -> impl Strategy<Value = Vec<Run>> {
    let run = (
        prop_oneof![0..MONTH_MS, (0..31_i64).prop_map(|day| day * DAY_MS)],
        (0..2_u8, 0..2_usize, 0..3_u8),
        0..3_usize,
        (1..5_000_000_u64, 1..200_u64),
        0..1_500_u32,
    );
    let run = run.prop_map(
        |(after_ms, (account, region, machine), tags, (steps, chunks), transitions)| Run {
            at_ms: JANUARY_MS + after_ms,
            arn: arn(account, ["us-east-1", "us-west-2"][region], machine),
            tags: ["{}", r#"{"team":""}"#, r#"{"team":"a"}"#][tags],
            bill: Bill { duration_ms: steps * 100, memory_mb: chunks * 64 },
            transitions,
        },
    );
    proptest::collection::vec(run, 1..30)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn periods_of_a_month_add_up_to_the_month(
        runs in runs(),
        cuts in proptest::collection::vec(0..MONTH_MS, 0..5),
        grain in prop_oneof![Just(Grain::Month), Just(Grain::Day), Just(Grain::Hour), Just(Grain::Minute)],
    ) {
        let whole = report(&runs, None, Grain::Month);
        check_forms(&whole);
        let mut edges: Vec<i64> = cuts.into_iter().chain([0, MONTH_MS]).collect();
        edges.sort_unstable();
        edges.dedup();
        let mut sum = (Money::default(), Money::default(), Money::default());
        let mut by_tier: BTreeMap<(String, String, usize), u128> = BTreeMap::new();
        for edge in edges.windows(2) {
            let period = Period { from_ms: JANUARY_MS + edge[0], to_ms: JANUARY_MS + edge[1] };
            let part = report(&runs, Some(period), grain);
            check_forms(&part);
            let more = costs(&part);
            sum = (sum.0.plus(more.0), sum.1.plus(more.1), sum.2.plus(more.2));
            for statement in &part.statements {
                for (tier, units) in statement.tier_units().into_iter().enumerate() {
                    let of = (statement.account.clone(), statement.region.clone(), tier);
                    *by_tier.entry(of).or_default() += units;
                }
                for charge in &statement.charges {
                    prop_assert!(period.from_ms <= charge.key.from_ms && charge.key.to_ms <= period.to_ms);
                    prop_assert_eq!(charge.tier_units.iter().sum::<u128>(), charge.sums.units);
                }
            }
        }
        prop_assert_eq!(sum, costs(&whole));
        for statement in &whole.statements {
            for (tier, units) in statement.tier_units().into_iter().enumerate() {
                let of = (statement.account.clone(), statement.region.clone(), tier);
                prop_assert_eq!(by_tier.get(&of), Some(&units));
            }
        }
    }
}

#[test]
fn the_second_day_costs_what_it_adds_to_the_month() {
    let day = |day: i64| Run {
        at_ms: JANUARY_MS + day * DAY_MS,
        arn: arn(1, "us-east-1", 0),
        tags: "{}",
        bill: THOUSAND_GB_HOURS,
        transitions: 4_000,
    };
    let runs = [day(0), day(1)];
    let of = |from: i64, days: i64| {
        let from_ms = JANUARY_MS + from * DAY_MS;
        let period = Period { from_ms, to_ms: from_ms + days * DAY_MS };
        let (requests, duration, standard) = costs(&report(&runs, Some(period), Grain::Day));
        [requests.plus(duration), standard].map(|money| money.to_exact_text(6))
    };
    assert_eq!(of(0, 1), ["60.000001", "0"]);
    assert_eq!(of(1, 1), ["30.000001", "0.1"]);
    assert_eq!(of(0, 31), ["90.000002", "0.1"]);
    // What comes later changes no bill.
    assert_eq!(costs(&report(&runs[..1], None, Grain::Day)).1.to_exact_text(6), "60");
}

#[test]
fn a_piece_ends_where_the_period_does() {
    let run = Run {
        at_ms: JANUARY_MS + 7 * 3_600_000,
        arn: arn(1, "us-east-1", 0),
        tags: "{}",
        bill: Bill { duration_ms: 100, memory_mb: 64 },
        transitions: 1,
    };
    let period = Period { from_ms: JANUARY_MS + 6 * 3_600_000, to_ms: JANUARY_MS + DAY_MS };
    let (from, to) = ("2026-01-01T06:00:00Z", "2026-01-02T00:00:00Z");
    for grain in [Grain::Month, Grain::Day] {
        let report = report(std::slice::from_ref(&run), Some(period), grain);
        let sheet = text(|out| report.write_csv(out));
        assert!(sheet.contains(&format!(",{from},{to},m0,")), "{sheet}");
        let sheet = text(|out| report.write_focus(out));
        // ChargePeriodEnd, ChargePeriodStart; the billing period stays the month.
        assert!(sheet.contains(&format!(",{to},{from},")), "{sheet}");
        assert!(sheet.contains(",2026-02-01T00:00:00Z,2026-01-01T00:00:00Z,"), "{sheet}");
        let document = text(|out| report.write_json(out));
        let piece = format!(r#""period":{{"from":"{from}","to":"{to}"}}"#);
        assert_eq!(document.matches(&piece).count(), 2, "of the bill and of its line: {document}");
        let table = text(|out| report.write_table(out));
        let head = table.lines().next().expect("a heading");
        assert!(head.contains(&format!(", {from}/2026-01-02, USD")), "{table}");
        let times = if grain == Grain::Day { 2 } else { 1 };
        assert_eq!(table.matches("06:00:00Z/").count(), times, "{table}");
    }
}
