//! Any bytes as billing records, one a line: read, summed, priced and printed in every form.

use expressway::billing::print::{Report, Whose, write_lago, write_openmeter};
use expressway::billing::{Budget, Grain, Ledger, Period, Reading, read_structured, statements};
use expressway::outcome::PriceTable;

pub(crate) fn check(bytes: &[u8]) {
    for grain in [Grain::Month, Grain::Minute] {
        let period = Some(Period { from_ms: 1_767_225_600_000, to_ms: 1_769_904_000_000 });
        for period in [None, period] {
            bill(bytes, grain, period);
        }
    }
}

fn bill(bytes: &[u8], grain: Grain, period: Option<Period>) {
    let budget = Budget { memory_bytes: 0, folder: std::env::temp_dir() };
    let mut ledger = Ledger::new(period, grain, budget);
    let (mut refused, mut foreign) = (0, 0);
    for line in bytes.split(|byte| *byte == b'\n') {
        let taken = match read_structured(line) {
            Ok(Reading::Usage(usage)) => ledger.add(&usage).is_ok(),
            Ok(Reading::Range(range)) => ledger.add_range(&range).is_ok(),
            Ok(Reading::Foreign) => {
                foreign += 1;
                true
            }
            Err(error) => {
                assert!(!error.to_string().is_empty());
                false
            }
        };
        refused += u64::from(!taken);
    }
    let Ok(closed) = ledger.close() else { return };
    let counts = closed.counts;
    assert_eq!(counts.records, counts.repeated + counts.outside + counts.billed);
    let table = PriceTable::built_in();
    let statements =
        statements(closed.rows.clone(), &table, Some("us-east-1")).expect("a known region");
    let billed: u128 = statements.iter().map(|one| one.sums().requests).sum();
    assert_eq!(billed, u128::from(counts.billed));
    for statement in &statements {
        let (sums, cost) = (statement.sums(), statement.cost());
        assert_eq!(statement.tier_units().iter().sum::<u128>(), sums.units);
        assert!(cost.total() >= cost.requests);
    }
    let tag_keys = vec!["team".to_owned()];
    let currency = table.currency;
    let report = Report { period, grain, currency, statements, counts, refused, foreign, tag_keys };
    let (whose, mut out) = (Whose { tag: Some("team".to_owned()) }, Vec::new());
    report.write_table(&mut out).expect("a vector takes everything");
    report.write_json(&mut out).expect("a vector takes everything");
    report.write_csv(&mut out).expect("a vector takes everything");
    report.write_focus(&mut out).expect("a vector takes everything");
    write_openmeter(&closed.rows, &whose, i64::MAX, &mut out).expect("a vector takes everything");
    write_lago(&closed.rows, &whose, i64::MAX, &mut out).expect("a vector takes everything");
    assert!(std::str::from_utf8(&out).is_ok());
}
