//! Sums usage into rows, each execution once.
//!
//! Records of ranges are kept as they are until the end, since which of them count shows only when
//! all are there (see `ranges`).
//!
//! Repetitions are dropped before the period is looked at: an execution that ran again after a
//! crash, in the next month perhaps, belongs to the month of its first record. A bill is therefore
//! right only if the records before its period are read too, as far as they may repeat.

use std::collections::{BTreeMap, HashMap};
use std::io;

use super::distinct::{Budget, Distinct, Entry};
use super::period::{Grain, Period, month_of};
use super::ranges::{Span, choose};
use super::record::{EndStatus, RangeUsage, Usage, without_line};
use crate::outcome::{DURATION_STEP_MS, MEMORY_STEP_MB};

/// What the usage of a row has in common.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RowKey {
    /// Account, twelve digits.
    pub account: String,
    /// Region.
    pub region: String,
    /// Start of the piece of time, cut where the period begins; ms since the Unix epoch.
    pub from_ms: i64,
    /// The first ms after it.
    pub to_ms: i64,
    /// Name of the state machine.
    pub machine: String,
    /// Its ARN.
    pub machine_arn: String,
    /// Its version; empty for none.
    pub version: String,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    /// How the executions ended.
    pub status: EndStatus,
    /// Whether it lies in the period; what its month had before only counts for the tiers.
    pub is_billed: bool,
}

/// What is added up; exact.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sums {
    /// Executions started.
    pub requests: u128,
    /// Billed durations, in steps of 100 ms.
    pub steps: u128,
    /// Billed units of 100 ms × 64 MB.
    pub units: u128,
    /// State transitions.
    pub transitions: u128,
}

impl Sums {
    /// Billed milliseconds.
    pub fn billed_ms(&self) -> u128 {
        self.steps * u128::from(DURATION_STEP_MS)
    }

    /// Billed milliseconds times billed megabytes.
    pub fn mb_milliseconds(&self) -> u128 {
        self.units * u128::from(DURATION_STEP_MS * MEMORY_STEP_MB)
    }

    /// Adds another sum.
    pub fn add(&mut self, other: &Self) {
        self.requests += other.requests;
        self.steps += other.steps;
        self.units += other.units;
        self.transitions += other.transitions;
    }
}

/// One row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// What it is for.
    pub key: RowKey,
    /// How much it is.
    pub sums: Sums,
}

/// What became of the records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Executions in the billing records taken in.
    pub records: u64,
    /// Repetitions among them, dropped.
    pub repeated: u64,
    /// Executions outside of the period.
    pub outside: u64,
    /// Executions billed: what is left.
    pub billed: u64,
}

/// Rows in closed form.
#[derive(Clone, Debug)]
pub struct Closed {
    /// Sorted by key.
    pub rows: Vec<Row>,
    /// What became of the records.
    pub counts: Counts,
}

/// Why a ledger cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The temporary file.
    #[error("cannot use the temporary file: {0}; choose another folder with --temp-dir")]
    Disk(#[from] io::Error),
    /// More rows than memory is meant for.
    #[error(
        "more than {ROWS_MAX} rows of machine, tags and time; bill a shorter --period or a longer --every"
    )]
    Rows,
    /// More than anybody can have used.
    #[error(
        "the records add up to more than 2^63 units of 100 ms and 64 MB, as many transitions, or 2^64 ms; they cannot be right"
    )]
    TooMuch,
    /// An ARN that names no state machine.
    #[error(
        "{0:?} is no ARN of a state machine; it has to be arn:aws:states:REGION:ACCOUNT:stateMachine:NAME"
    )]
    Arn(String),
    /// Tags that are none.
    #[error("tags are no object of strings: {} of tags", without_line(.0))]
    Tags(serde_json::Error),
}

impl LedgerError {
    /// Whether only this record is at fault.
    pub fn is_the_record(&self) -> bool {
        matches!(self, Self::Arn(_) | Self::Tags(_))
    }
}

/// Ranges with the rows that each is added to.
type Ranges = HashMap<String, Vec<(Span, Vec<(u32, Sums)>)>>;

/// Takes usage in.
#[derive(Debug)]
pub struct Ledger {
    period: Option<Period>,
    /// What its first month has before the period: it moves the tiers. Nothing after the period does.
    before: Period,
    grain: Grain,
    /// The piece of the record before: the next one is mostly of the same.
    piece: Period,
    rows: HashMap<Box<[u8]>, u32>,
    keys: Vec<RowKey>,
    distinct: Distinct,
    records: u64,
    /// By state machine, pipeline, topic with its id, and partition.
    ranges: Ranges,
    range_count: usize,
    scratch: Vec<u8>,
}

impl Ledger {
    /// A ledger for a period (all time without one), summed in pieces of `grain`.
    pub fn new(period: Option<Period>, grain: Grain, budget: Budget) -> Self {
        let before = period.map_or(NOTHING, |period| Period {
            from_ms: month_of(period.from_ms).from_ms,
            to_ms: period.from_ms,
        });
        Self {
            period,
            before,
            grain,
            piece: NOTHING,
            rows: HashMap::new(),
            keys: Vec::new(),
            distinct: Distinct::new(budget),
            records: 0,
            ranges: HashMap::new(),
            range_count: 0,
            scratch: Vec::new(),
        }
    }

    /// Takes one record's usage.
    ///
    /// # Errors
    /// [`LedgerError`]; where [`LedgerError::is_the_record`] holds, the ledger can go on.
    pub fn add(&mut self, usage: &Usage<'_>) -> Result<(), LedgerError> {
        let row = self.row_or_outside(&RowUsage {
            stopped_ms: usage.stopped_ms,
            machine_arn: &usage.machine_arn,
            version: &usage.version,
            tags: usage.tags,
            status: usage.status,
        })?;
        self.records += 1;
        self.distinct.push(&Entry {
            identity: usage.identity,
            row,
            steps: (usage.bill.duration_ms / DURATION_STEP_MS) as u32,
            chunks: (usage.bill.memory_mb / MEMORY_STEP_MB) as u32,
            transitions: usage.transitions,
        })?;
        Ok(())
    }

    /// Takes the record of a range.
    ///
    /// # Errors
    /// As [`Ledger::add`].
    pub fn add_range(&mut self, range: &RangeUsage<'_>) -> Result<(), LedgerError> {
        if self.range_count >= ROWS_MAX {
            return Err(LedgerError::Rows);
        }
        let mut rows = Vec::with_capacity(range.sums.len());
        for sum in &range.sums {
            let row = self.row_or_outside(&RowUsage {
                stopped_ms: sum.minute_ms,
                machine_arn: &range.machine_arn,
                version: &range.version,
                tags: range.tags,
                status: sum.status,
            })?;
            let sums = Sums {
                requests: sum.requests.into(),
                steps: sum.steps.into(),
                units: sum.units.into(),
                transitions: sum.transitions.into(),
            };
            rows.push((row, sums));
        }
        let requests = range.sums.iter().map(|sum| sum.requests).sum();
        let (pipeline, topic, partition) = &range.partition;
        let (arn, topic_id) = (&range.machine_arn, &range.topic_id);
        let of = format!("{arn}\n{pipeline}\n{topic}\n{topic_id}\n{partition}");
        let span = Span { from: range.from, to: range.to, requests };
        self.ranges.entry(of).or_default().push((span, rows));
        self.range_count += 1;
        self.records += requests;
        Ok(())
    }

    /// Bytes that lie on disk.
    pub fn spilled_bytes(&self) -> u64 {
        self.distinct.spilled_bytes()
    }

    /// Drops repetitions and sums.
    ///
    /// # Errors
    /// When the temporary file cannot be read.
    pub fn close(self) -> Result<Closed, LedgerError> {
        let mut sums = vec![Sums::default(); self.keys.len()];
        let repeated = self.distinct.finish(|entry| {
            // Without a row it neither lies in the period nor moves its tiers.
            if let Some(sums) = sums.get_mut(entry.row as usize) {
                sums.add(&Sums {
                    requests: 1,
                    steps: u128::from(entry.steps),
                    units: u128::from(entry.steps) * u128::from(entry.chunks),
                    transitions: u128::from(entry.transitions),
                });
            }
        })?;
        let repeated = repeated + add_ranges(self.ranges, &mut sums);
        let mut total = Sums::default();
        for one in &sums {
            total.add(one);
        }
        // JSON's readers know no whole numbers beyond 64 bits.
        let is_too_long = total.billed_ms() > u128::from(u64::MAX);
        if is_too_long || [total.units, total.transitions].into_iter().any(|sum| sum > SUM_MAX) {
            return Err(LedgerError::TooMuch);
        }
        let mut by_key: BTreeMap<RowKey, Sums> = BTreeMap::new();
        let mut billed = 0;
        // Tags that are written in another order are the same tags.
        for (key, sums) in self.keys.into_iter().zip(&sums) {
            if sums.requests > 0 {
                billed += if key.is_billed { sums.requests as u64 } else { 0 };
                by_key.entry(key).or_default().add(sums);
            }
        }
        let rows = by_key.into_iter().map(|(key, sums)| Row { key, sums }).collect();
        let outside = self.records - repeated - billed;
        let counts = Counts { records: self.records, repeated, outside, billed };
        Ok(Closed { rows, counts })
    }

    fn row_or_outside(&mut self, usage: &RowUsage<'_>) -> Result<u32, LedgerError> {
        let at_ms = usage.stopped_ms;
        if self.period.is_some_and(|period| !period.contains(at_ms)) {
            let is_before = self.before.contains(at_ms);
            return if is_before { self.row(usage, self.before, false) } else { Ok(OUTSIDE) };
        }
        if !self.piece.contains(at_ms) {
            let piece = self.grain.piece_of(at_ms);
            self.piece = self.period.map_or(piece, |period| piece.within(period));
        }
        self.row(usage, self.piece, true)
    }

    /// The number of the row that a usage belongs to.
    fn row(
        &mut self,
        usage: &RowUsage<'_>,
        piece: Period,
        is_billed: bool,
    ) -> Result<u32, LedgerError> {
        let text = &mut self.scratch;
        text.clear();
        for part in [usage.machine_arn, usage.version, usage.tags] {
            text.extend_from_slice(&(part.len() as u64).to_le_bytes());
            text.extend_from_slice(part.as_bytes());
        }
        text.extend_from_slice(&piece.from_ms.to_le_bytes());
        text.extend_from_slice(&[usage.status as u8, u8::from(is_billed)]);
        if let Some(row) = self.rows.get(text.as_slice()) {
            return Ok(*row);
        }
        if self.keys.len() >= ROWS_MAX {
            return Err(LedgerError::Rows);
        }
        let key = key(usage, piece, is_billed)?;
        let row = self.keys.len() as u32;
        self.keys.push(key);
        self.rows.insert(self.scratch.as_slice().into(), row);
        Ok(row)
    }
}

/// What decides the row of a usage.
struct RowUsage<'a> {
    stopped_ms: i64,
    machine_arn: &'a str,
    version: &'a str,
    tags: &'a str,
    status: EndStatus,
}

/// Adds the sums of the ranges that count; returns the executions of the others.
fn add_ranges(ranges: Ranges, sums: &mut [Sums]) -> u64 {
    let mut repeated = 0;
    for ranges in ranges.into_values() {
        let spans: Vec<Span> = ranges.iter().map(|(span, _)| *span).collect();
        for ((span, rows), counts) in ranges.into_iter().zip(choose(&spans)) {
            if !counts {
                repeated += span.requests;
                continue;
            }
            for (row, more) in rows {
                if let Some(sums) = sums.get_mut(row as usize) {
                    sums.add(&more);
                }
            }
        }
    }
    repeated
}

fn key(usage: &RowUsage<'_>, piece: Period, is_billed: bool) -> Result<RowKey, LedgerError> {
    let parts: Vec<&str> = usage.machine_arn.splitn(7, ':').collect();
    let ["arn", _, "states", region, account, "stateMachine", machine] = parts[..] else {
        return Err(LedgerError::Arn(usage.machine_arn.to_owned()));
    };
    Ok(RowKey {
        account: account.to_owned(),
        region: region.to_owned(),
        from_ms: piece.from_ms,
        to_ms: piece.to_ms,
        machine: machine.to_owned(),
        machine_arn: usage.machine_arn.to_owned(),
        version: usage.version.to_owned(),
        tags: serde_json::from_str(usage.tags).map_err(LedgerError::Tags)?,
        status: usage.status,
        is_billed,
    })
}

/// 16 million million GB-hours: what is shared and priced beyond it would overflow.
const SUM_MAX: u128 = 1 << 63;
/// A period that contains no instant.
const NOTHING: Period = Period { from_ms: 0, to_ms: 0 };
/// Row of what lies outside of the period.
const OUTSIDE: u32 = u32::MAX;
/// About 2 GB at 500 bytes each; 43,200 minutes of a month for 90 machines.
const ROWS_MAX: usize = 4_000_000;

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use crate::outcome::Bill;

    use super::super::record::MinuteUsage;
    use super::*;

    const JANUARY_MS: i64 = 1_767_225_600_000;

    fn usage(identity: u128, stopped_ms: i64) -> Usage<'static> {
        Usage {
            identity,
            stopped_ms,
            machine_arn: Cow::Borrowed("arn:aws:states:eu-west-1:111111111111:stateMachine:m"),
            version: Cow::Borrowed(""),
            tags: "{}",
            status: EndStatus::Succeeded,
            bill: Bill { duration_ms: 300, memory_mb: 128 },
            transitions: 7,
        }
    }

    fn ledger(period: Option<&str>, grain: Grain) -> Ledger {
        let period = period.map(|text| Period::parse(text, jiff::Timestamp::UNIX_EPOCH).unwrap());
        let budget = Budget { memory_bytes: 0, folder: std::env::temp_dir() };
        Ledger::new(period, grain, budget)
    }

    #[test]
    fn sums_are_those_of_executions_not_of_records() {
        let mut ledger = ledger(None, Grain::Month);
        for identity in [1, 2, 1, 3, 2] {
            ledger.add(&usage(identity, JANUARY_MS)).unwrap();
        }
        let closed = ledger.close().unwrap();
        let counts = Counts { records: 5, repeated: 2, outside: 0, billed: 3 };
        assert_eq!(closed.counts, counts);
        let [row] = &closed.rows[..] else { panic!("{:?}", closed.rows) };
        assert_eq!((row.sums.requests, row.sums.billed_ms()), (3, 900));
        assert_eq!((row.sums.mb_milliseconds(), row.sums.transitions), (3 * 300 * 128, 21));
        assert_eq!((row.key.region.as_str(), row.key.machine.as_str()), ("eu-west-1", "m"));
    }

    #[test]
    fn a_repetition_belongs_to_the_period_of_the_first() {
        for (period, billed) in [("2025-12", 1), ("2026-01", 0)] {
            let mut ledger = ledger(Some(period), Grain::Month);
            ledger.add(&usage(1, JANUARY_MS - 1)).unwrap();
            ledger.add(&usage(1, JANUARY_MS)).unwrap();
            let counts = ledger.close().unwrap().counts;
            let expected = Counts { records: 2, repeated: 1, outside: 1 - billed, billed };
            assert_eq!(counts, expected, "{period}");
        }
    }

    #[test]
    fn rows_differ_in_time_status_version_and_tags_but_not_in_the_order_of_tags() {
        let mut ledger = ledger(None, Grain::Hour);
        let one = usage(1, JANUARY_MS);
        let tags = r#"{"a":"1","b":"2"}"#;
        for (identity, usage) in [
            one.clone(),
            Usage { stopped_ms: JANUARY_MS + 3_600_000, ..one.clone() },
            Usage { status: EndStatus::Failed, ..one.clone() },
            Usage { version: Cow::Borrowed("2"), ..one.clone() },
            Usage { tags, ..one.clone() },
            Usage { tags: r#"{ "b":"2", "a":"1" }"#, ..one },
        ]
        .into_iter()
        .enumerate()
        {
            ledger.add(&Usage { identity: identity as u128, ..usage }).unwrap();
        }
        let rows = ledger.close().unwrap().rows;
        assert_eq!(rows.len(), 5);
        assert!(rows.iter().any(|row| row.key.tags.len() == 2 && row.sums.requests == 2));
    }

    #[test]
    fn sums_of_ranges_and_records_add_up_and_what_ran_again_counts_once() {
        let range = |from, to, minute_ms, requests: u64| RangeUsage {
            machine_arn: usage(0, 0).machine_arn,
            version: Cow::Borrowed(""),
            tags: "{}",
            partition: (Cow::Borrowed("p"), Cow::Borrowed("t"), 0),
            topic_id: Cow::Borrowed("first"),
            from,
            to,
            sums: vec![MinuteUsage {
                minute_ms,
                status: EndStatus::Succeeded,
                requests,
                steps: requests * 3,
                units: requests * 6,
                transitions: requests * 7,
            }],
        };
        let mut ledger = ledger(Some("2026-01"), Grain::Month);
        ledger.add(&usage(1, JANUARY_MS)).unwrap();
        // 10..20 ran again within 10..30; 30..40 lies in the month before.
        for (from, to, minute_ms, requests) in [
            (0, 10, JANUARY_MS, 10),
            (10, 20, JANUARY_MS, 9),
            (10, 30, JANUARY_MS, 18),
            (30, 40, JANUARY_MS - 60_000, 10),
        ] {
            ledger.add_range(&range(from, to, minute_ms, requests)).unwrap();
        }
        // Another partition has offsets of its own. So has the topic when it is created again, or
        // one of its name in another cluster; in them too, what ran again counts once. Records of
        // before say nothing of it.
        let again = || range(10, 20, JANUARY_MS, 5);
        for other in [
            RangeUsage { partition: ("p".into(), "t".into(), 1), ..again() },
            RangeUsage { topic_id: "second".into(), ..again() },
            RangeUsage { topic_id: "second".into(), ..range(15, 30, JANUARY_MS, 4) },
            RangeUsage { topic_id: "elsewhere".into(), ..again() },
            RangeUsage { topic_id: "".into(), ..again() },
        ] {
            ledger.add_range(&other).unwrap();
        }
        let closed = ledger.close().unwrap();
        let billed = 1 + 10 + 18 + 4 * 5;
        let counts = Counts { records: billed + 9 + 4 + 10, repeated: 9 + 4, outside: 10, billed };
        assert_eq!(closed.counts, counts);
        let [row] = &closed.rows[..] else { panic!("{:?}", closed.rows) };
        let billed = u128::from(billed);
        assert_eq!((row.sums.requests, row.sums.billed_ms()), (billed, 300 * billed));
        assert_eq!((row.sums.units, row.sums.transitions), (6 * billed, 7 * billed));
    }

    #[test]
    fn sums_beyond_all_measure_are_refused() {
        let mut ledger = ledger(None, Grain::Month);
        let absurd = Bill { duration_ms: 366 * 86_400_000, memory_mb: 999_999_936 };
        for identity in 0..2_000 {
            ledger.add(&Usage { bill: absurd, ..usage(identity, 0) }).unwrap();
        }
        assert!(matches!(ledger.close(), Err(LedgerError::TooMuch)));
    }

    #[test]
    fn durations_that_do_not_fit_64_bits_are_refused() {
        // Few units, but of 64 MB each: 2^64 ms and a little less.
        let range = |from, steps| RangeUsage {
            machine_arn: usage(0, 0).machine_arn,
            version: Cow::Borrowed(""),
            tags: "{}",
            topic_id: Cow::Borrowed(""),
            partition: (Cow::Borrowed("p"), Cow::Borrowed("t"), 0),
            from,
            to: from + 1,
            sums: vec![MinuteUsage {
                minute_ms: JANUARY_MS,
                status: EndStatus::Succeeded,
                requests: 1,
                steps,
                units: steps,
                transitions: 0,
            }],
        };
        let most = u64::MAX / 100;
        for (more, fits) in [(0, true), (1, false)] {
            let mut ledger = ledger(None, Grain::Month);
            ledger.add_range(&range(0, most)).unwrap();
            ledger.add_range(&range(1, more)).unwrap();
            assert_eq!(ledger.close().is_ok(), fits);
        }
    }

    #[test]
    fn a_record_at_fault_does_not_stop_the_others() {
        let mut ledger = ledger(None, Grain::Month);
        let bad = [
            Usage { machine_arn: Cow::Borrowed("arn:aws:states:r:a:express:m:n:s"), ..usage(1, 0) },
            Usage { tags: r#"{"a":1}"#, ..usage(1, 0) },
        ];
        for usage in &bad {
            assert!(ledger.add(usage).unwrap_err().is_the_record());
        }
        ledger.add(&usage(1, 0)).unwrap();
        assert_eq!(ledger.close().unwrap().counts.billed, 1);
    }
}
