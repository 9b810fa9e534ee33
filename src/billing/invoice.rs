//! From rows to money: a statement for each account, region and month.
//!
//! Tiers are filled in the order of time. A piece of time (a day, say) costs what its usage adds to
//! the month: its tiers are those of the month with it, less those of the month before it. So the
//! pieces of a month add up to the month exactly, wherever it is cut, and what comes later changes
//! no price. Within a piece each row gets the same mix of tiers: of what lies in a tier it pays the
//! part that it has in the usage, rounded to whole billed units (100 ms × 64 MB) by largest
//! remainder. So rows add up to the piece, exactly, whatever they are grouped by. What is free of a
//! Standard workflow's transitions is dealt out the same way.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use super::ledger::{Row, RowKey, Sums};
use super::period::{Period, month_of};
use super::record::EndStatus;
use crate::outcome::{Money, PriceList, PriceTable};

/// A row with its part of the tiers.
#[derive(Clone, Debug)]
pub struct Charge {
    /// What it is for.
    pub key: RowKey,
    /// How much was used.
    pub sums: Sums,
    /// Billed units by tier of the price list.
    pub tier_units: Vec<u128>,
    /// Transitions that a Standard workflow would have paid for.
    pub paid_transitions: u128,
}

/// What one account owes for one region and month, as far as it lies in the period.
#[derive(Clone, Debug)]
pub struct Statement {
    /// Account.
    pub account: String,
    /// Region of the usage.
    pub region: String,
    /// Its name; the region itself where it is priced like another one and has no prices.
    pub region_name: String,
    /// The calendar month.
    pub month: Period,
    /// What it was priced by.
    pub prices: PriceList,
    /// Its rows.
    pub charges: Vec<Charge>,
}

/// Usage in a region without prices.
#[derive(Debug, thiserror::Error)]
#[error(
    "no prices for region {region}; known: {known}. Add a table [region.{region}] to a price file (--prices), or price everything like another region (--price-region)"
)]
pub struct NoPrices {
    /// The region.
    pub region: String,
    /// Those with prices.
    pub known: String,
}

/// Prices rows; `price_region` prices all of them like one region.
///
/// # Errors
/// [`NoPrices`] for the first billed region that is not in the table.
pub fn statements(
    mut rows: Vec<Row>,
    table: &PriceTable,
    price_region: Option<&str>,
) -> Result<Vec<Statement>, NoPrices> {
    rows.sort_by(|one, other| in_time(&one.key, &other.key));
    let mut months = Months { table, price_region, used: BTreeMap::new(), free: BTreeMap::new() };
    let mut statements: BTreeMap<Of, Statement> = BTreeMap::new();
    let mut rows = rows.into_iter().peekable();
    while let Some(first) = rows.next() {
        let mut piece = vec![first];
        while let Some(row) = rows.next_if(|row| in_time(&piece[0].key, &row.key).is_eq()) {
            piece.push(row);
        }
        let key = &piece[0].key;
        let month = month_of(key.from_ms);
        let of = (key.account.clone(), month.from_ms, key.region.clone());
        let used = months.add(&of, &piece);
        if !key.is_billed {
            continue;
        }
        let prices = months.prices(&key.region)?;
        let charges = charge(piece, prices, &used);
        statements
            .entry(of)
            .or_insert_with_key(|(account, _, region)| Statement {
                account: account.clone(),
                region: region.clone(),
                region_name: months.name(region),
                month,
                prices: prices.clone(),
                charges: Vec::new(),
            })
            .charges
            .extend(charges);
    }
    Ok(statements.into_values().collect())
}

/// Account, start of the month, region.
type Of = (String, i64, String);

/// The order in which usage moves the tiers. What lies before the period is one piece, and since
/// pieces are cut at the period, it begins before all others of its month.
fn in_time(one: &RowKey, other: &RowKey) -> Ordering {
    let key = |key: &RowKey| (key.from_ms, key.is_billed);
    let by_account = one.account.cmp(&other.account);
    by_account.then(key(one).cmp(&key(other))).then_with(|| one.region.cmp(&other.region))
}

/// How far each month has come, and what it is priced by.
struct Months<'a> {
    table: &'a PriceTable,
    price_region: Option<&'a str>,
    /// Billed units.
    used: BTreeMap<Of, u128>,
    /// Transitions. The free tier of Standard is one for an account's month, whatever the region.
    free: BTreeMap<(String, i64), u128>,
}

/// What a month had used before a piece of time, and with it.
struct Used {
    units: [u128; 2],
    transitions: [u128; 2],
}

impl<'a> Months<'a> {
    fn add(&mut self, of: &Of, piece: &[Row]) -> Used {
        let sum = |of: fn(&Sums) -> u128| piece.iter().map(|row| of(&row.sums)).sum::<u128>();
        let (account, month_ms, _) = of;
        let units = self.used.entry(of.clone()).or_default();
        let transitions = self.free.entry((account.clone(), *month_ms)).or_default();
        Used {
            units: advance(units, sum(|sums| sums.units)),
            transitions: advance(transitions, sum(|sums| sums.transitions)),
        }
    }

    fn name(&self, region: &str) -> String {
        let own = self.table.region(region);
        own.map_or(region, |prices| &prices.region_name).to_owned()
    }

    fn prices(&self, region: &str) -> Result<&'a PriceList, NoPrices> {
        let wanted = self.price_region.unwrap_or(region);
        self.table.region(wanted).ok_or_else(|| NoPrices {
            region: wanted.to_owned(),
            known: self.table.region_names().collect::<Vec<_>>().join(", "),
        })
    }
}

/// Adds to a sum; returns it as it was and as it is.
fn advance(sum: &mut u128, more: u128) -> [u128; 2] {
    let before = *sum;
    *sum += more;
    [before, *sum]
}

/// Deals out to the rows of a piece what it adds to the tiers of its month.
fn charge(rows: Vec<Row>, prices: &PriceList, used: &Used) -> Vec<Charge> {
    let [before, with] = used.units.map(|units| prices.split_by_tier(units));
    let inside = with.into_iter().zip(before).map(|(with, before)| with - before);
    let [before, with] = used
        .transitions
        .map(|transitions| transitions.saturating_sub(prices.free_transitions.into()));
    let transitions: Vec<u128> = rows.iter().map(|row| row.sums.transitions).collect();
    let paid = share(with - before, &transitions);
    // Tier by tier, each shared by what the tiers before it have left of a row.
    let mut left: Vec<u128> = rows.iter().map(|row| row.sums.units).collect();
    let mut tier_units = vec![Vec::with_capacity(prices.tiers.len()); rows.len()];
    for units in inside {
        for (index, part) in share(units, &left).into_iter().enumerate() {
            left[index] -= part;
            tier_units[index].push(part);
        }
    }
    let parts = tier_units.into_iter().zip(paid);
    rows.into_iter()
        .zip(parts)
        .map(|(Row { key, sums }, (tier_units, paid_transitions))| Charge {
            key,
            sums,
            tier_units,
            paid_transitions,
        })
        .collect()
}

/// Shares `amount` by `weights`, which it does not exceed, in whole numbers: largest remainders
/// get what rounding down leaves, the first of equal ones first.
fn share(amount: u128, weights: &[u128]) -> Vec<u128> {
    let total = weights.iter().sum::<u128>().max(1);
    let mut parts: Vec<u128> = weights.iter().map(|weight| amount * weight / total).collect();
    let mut left = amount - parts.iter().sum::<u128>();
    let mut order: Vec<usize> = (0..weights.len()).collect();
    order.sort_by_key(|&index| std::cmp::Reverse(amount * weights[index] % total));
    for index in order {
        if left == 0 {
            break;
        }
        parts[index] += 1;
        left -= 1;
    }
    parts
}

/// Rows of a statement that belong together, as one line of the invoice.
#[derive(Clone, Debug)]
pub struct Line {
    /// Piece of time, as large as the grain of the ledger.
    pub piece: Period,
    /// Name of the state machine.
    pub machine: String,
    /// Its ARN.
    pub machine_arn: String,
    /// Tags asked for: key and value, which may be empty; `None` where the tag is not set.
    pub tags: Vec<(String, Option<String>)>,
    /// How much was used.
    pub sums: Sums,
    /// Executions that failed or timed out.
    pub not_succeeded: u128,
    /// Billed units by tier.
    pub tier_units: Vec<u128>,
    /// Transitions that a Standard workflow would have paid for.
    pub paid_transitions: u128,
}

/// Start of the piece, name and ARN of the state machine, values of tags.
type LineKey<'a> = (i64, &'a str, &'a str, Vec<Option<&'a str>>);

/// Groups the charges of a statement by piece of time, state machine and the values of some tags.
pub fn group(statement: &Statement, tag_keys: &[String]) -> Vec<Line> {
    let mut lines: BTreeMap<LineKey<'_>, Line> = BTreeMap::new();
    for charge in &statement.charges {
        let key = &charge.key;
        let values: Vec<Option<&str>> =
            tag_keys.iter().map(|tag| key.tags.get(tag).map(String::as_str)).collect();
        let line = lines
            .entry((key.from_ms, &key.machine, &key.machine_arn, values.clone()))
            .or_insert_with(|| Line {
                piece: Period { from_ms: key.from_ms, to_ms: key.to_ms },
                machine: key.machine.clone(),
                machine_arn: key.machine_arn.clone(),
                tags: tag_keys
                    .iter()
                    .cloned()
                    .zip(values.iter().map(|value| value.map(str::to_owned)))
                    .collect(),
                sums: Sums::default(),
                not_succeeded: 0,
                tier_units: vec![0; charge.tier_units.len()],
                paid_transitions: 0,
            });
        line.sums.add(&charge.sums);
        if key.status != EndStatus::Succeeded {
            line.not_succeeded += charge.sums.requests;
        }
        for (sum, units) in line.tier_units.iter_mut().zip(&charge.tier_units) {
            *sum += units;
        }
        line.paid_transitions += charge.paid_transitions;
    }
    lines.into_values().collect()
}

/// What usage with its part of the tiers costs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// Requests.
    pub requests: Money,
    /// Duration.
    pub duration: Money,
    /// The same as Standard workflows.
    pub standard: Money,
}

impl Cost {
    /// Requests and duration together.
    pub fn total(self) -> Money {
        self.requests.plus(self.duration)
    }

    fn of(prices: &PriceList, requests: u128, tier_units: &[u128], paid_transitions: u128) -> Self {
        let tiers = prices.tiers.iter().zip(tier_units);
        Self {
            requests: prices.requests_cost(requests),
            duration: tiers.map(|(tier, units)| tier.cost(*units)).sum(),
            standard: prices.transitions_cost(paid_transitions),
        }
    }
}

impl Line {
    /// What it costs.
    pub fn cost(&self, prices: &PriceList) -> Cost {
        Cost::of(prices, self.sums.requests, &self.tier_units, self.paid_transitions)
    }
}

impl Statement {
    /// How much was used in all.
    pub fn sums(&self) -> Sums {
        let mut sums = Sums::default();
        self.charges.iter().for_each(|charge| sums.add(&charge.sums));
        sums
    }

    /// Billed units in each tier.
    pub fn tier_units(&self) -> Vec<u128> {
        let mut sums = vec![0; self.prices.tiers.len()];
        for charge in &self.charges {
            for (sum, units) in sums.iter_mut().zip(&charge.tier_units) {
                *sum += units;
            }
        }
        sums
    }

    /// Transitions that Standard workflows would have paid for.
    pub fn paid_transitions(&self) -> u128 {
        self.charges.iter().map(|charge| charge.paid_transitions).sum()
    }

    /// What it all costs.
    pub fn cost(&self) -> Cost {
        let (sums, paid) = (self.sums(), self.paid_transitions());
        Cost::of(&self.prices, sums.requests, &self.tier_units(), paid)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::outcome::UNITS_PER_GB_HOUR;

    use super::*;

    const JANUARY_MS: i64 = 1_767_225_600_000;

    fn row(machine: &str, from_ms: i64, sums: Sums) -> Row {
        let tags = BTreeMap::from([("team".to_owned(), machine.len().to_string())]);
        let key = RowKey {
            account: "1".to_owned(),
            region: "us-east-1".to_owned(),
            from_ms,
            to_ms: from_ms + 1,
            machine: machine.to_owned(),
            machine_arn: format!("arn:aws:states:us-east-1:1:stateMachine:{machine}"),
            version: String::new(),
            tags,
            status: EndStatus::Succeeded,
            is_billed: true,
        };
        Row { key, sums }
    }

    /// So many executions, all alike.
    fn runs(requests: u128, billed_ms: u128, memory_mb: u128, transitions: u128) -> Sums {
        let steps = requests * billed_ms / 100;
        let transitions = requests * transitions;
        Sums { requests, steps, units: steps * memory_mb / 64, transitions }
    }

    fn price(rows: Vec<Row>) -> Vec<Statement> {
        statements(rows, &PriceTable::built_in(), None).unwrap()
    }

    #[test]
    fn the_published_example_is_482_97() {
        let statements = price(vec![row("m", JANUARY_MS, runs(100_000_000, 10_000, 64, 3))]);
        let cost = statements[0].cost();
        assert_eq!(
            (cost.requests.to_text(2), cost.duration.to_text(2)),
            ("100.00".into(), "382.97".into())
        );
        assert_eq!(cost.total().to_text(2), "482.97");
        // 300 million transitions less 4,000.
        assert_eq!(cost.standard.to_text(2), "7499.90");
    }

    #[test]
    fn the_workshop_s_example_is_one_cent() {
        let statements = price(vec![row("m", JANUARY_MS, runs(1_000, 11_300, 64, 3))]);
        let cost = statements[0].cost();
        assert_eq!(
            (cost.total().to_text(2), cost.total().to_text(7)),
            ("0.01".into(), "0.0127708".into())
        );
        assert_eq!(cost.standard.to_text(2), "0.00", "3,000 transitions are free");
    }

    #[test]
    fn every_row_of_a_piece_pays_the_same_mix_of_tiers() {
        // 10,000 GB-hours: 1,000 + 4,000 + 5,000, shared 1 : 3.
        let hours = |count: u128| Sums { units: count * UNITS_PER_GB_HOUR, ..Sums::default() };
        let rows = vec![row("a", JANUARY_MS, hours(2_500)), row("b", JANUARY_MS, hours(7_500))];
        let statements = price(rows);
        let [statement] = &statements[..] else { panic!("{statements:?}") };
        let in_hours = |charge: &Charge| -> Vec<u128> {
            charge.tier_units.iter().map(|units| units / UNITS_PER_GB_HOUR).collect()
        };
        assert_eq!(in_hours(&statement.charges[0]), [250, 1_000, 1_250]);
        assert_eq!(in_hours(&statement.charges[1]), [750, 3_000, 3_750]);
    }

    #[test]
    fn each_month_and_region_has_tiers_of_its_own_and_free_transitions_only_the_month() {
        let sums = Sums { units: 1_000 * UNITS_PER_GB_HOUR, transitions: 3_000, ..Sums::default() };
        let mut rows: Vec<Row> = [JANUARY_MS, JANUARY_MS + 31 * 86_400_000]
            .into_iter()
            .map(|from_ms| row("m", from_ms, sums))
            .collect();
        let mut elsewhere = row("m", JANUARY_MS, sums);
        elsewhere.key.region = "us-west-2".to_owned();
        rows.push(elsewhere);
        assert!(statements(rows.clone(), &PriceTable::built_in(), None).is_err());
        let statements = statements(rows, &PriceTable::built_in(), Some("us-east-1")).unwrap();
        let costs: Vec<_> = statements
            .iter()
            .map(|one| {
                (one.region.as_str(), one.cost().duration.to_text(2), one.paid_transitions())
            })
            .collect();
        let sixty = || "60.00".to_owned();
        assert_eq!(
            costs,
            [("us-east-1", sixty(), 0), ("us-west-2", sixty(), 2_000), ("us-east-1", sixty(), 0)]
        );
    }

    #[test]
    fn a_part_of_a_month_pays_what_it_adds_to_the_month() {
        let sums = Sums {
            units: 1_000 * UNITS_PER_GB_HOUR,
            requests: 1_000_000,
            transitions: 4_000,
            ..Sums::default()
        };
        let mut before = row("m", JANUARY_MS, sums);
        before.key.is_billed = false;
        let mut month_ago = before.clone();
        month_ago.key.from_ms -= 1;
        let rows = vec![month_ago, before, row("m", JANUARY_MS + 1, sums)];
        let statements = price(rows);
        let [statement] = &statements[..] else { panic!("{statements:?}") };
        let hours = statement.tier_units().into_iter().map(|units| units / UNITS_PER_GB_HOUR);
        assert_eq!(hours.collect::<Vec<_>>(), [0, 1_000, 0]);
        assert_eq!(statement.cost().total().to_text(2), "31.00");
        assert_eq!((statement.sums().requests, statement.paid_transitions()), (1_000_000, 4_000));
    }

    proptest! {
        #[test]
        fn parts_add_up_to_the_whole(
            usages in proptest::collection::vec((0u128..4_000_000_000, 0u128..100_000), 1..40),
        ) {
            let rows = usages.iter().enumerate().map(|(index, (units, transitions))| {
                let sums = Sums { requests: 1, steps: *units, units: *units, transitions: *transitions };
                row(&format!("m{}", index % 7), JANUARY_MS + index as i64, sums)
            });
            let statements = price(rows.collect());
            let statement = &statements[0];
            for charge in &statement.charges {
                prop_assert_eq!(charge.tier_units.iter().sum::<u128>(), charge.sums.units);
                prop_assert!(charge.paid_transitions <= charge.sums.transitions);
            }
            let units: u128 = usages.iter().map(|(units, _)| units).sum();
            let whole = PriceTable::built_in().region("us-east-1").unwrap().split_by_tier(units);
            for tag_keys in [vec![], vec!["team".to_owned()]] {
                let lines = group(statement, &tag_keys);
                for (tier, units) in whole.iter().enumerate() {
                    let sum: u128 = lines.iter().map(|line| line.tier_units[tier]).sum();
                    prop_assert_eq!(sum, *units);
                }
                let total = lines.iter().map(|line| line.cost(&statement.prices).total()).sum();
                prop_assert_eq!(statement.cost().total(), total);
                let standard = lines.iter().map(|line| line.cost(&statement.prices).standard).sum();
                prop_assert_eq!(statement.cost().standard, standard);
            }
        }
    }
}
