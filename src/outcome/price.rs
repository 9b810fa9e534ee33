//! Prices and the cost of usage: exact integer money, rounded only when printed.
//!
//! Prices: <https://aws.amazon.com/step-functions/pricing/>, US East (N. Virginia): requests
//! $1.00 per million; duration $0.06000 per GB-hour for the first 1,000 GB-hours of a month,
//! $0.03000 for the next 4,000, $0.01642 beyond. Tiers are graduated. Standard workflows, for
//! comparison: $25.00 per million state transitions, 4,000 of a month free.

use std::borrow::Cow;

use super::meter::{Bill, UNITS_PER_GB_SECOND, push_gb_seconds};

/// One step of the duration price.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tier {
    /// GB-hours of the month up to which the price holds; `None` = without end.
    pub up_to_gb_hours: Option<u64>,
    /// Price of one GB-hour.
    pub per_gb_hour: Price,
}

/// What a region charges.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PriceList {
    /// The region's name for people.
    pub region_name: Cow<'static, str>,
    /// Price of a million requests (started executions).
    pub per_million_requests: Price,
    /// Duration tiers, ascending; the last one has no end.
    pub tiers: Cow<'static, [Tier]>,
    /// What a Standard workflow costs for a million state transitions.
    pub per_million_transitions: Price,
    /// State transitions that are free in a month.
    pub free_transitions: u64,
}

/// US East (N. Virginia), the same as in `config/prices.toml`.
pub const US_EAST_1: PriceList = PriceList {
    region_name: Cow::Borrowed("US East (N. Virginia)"),
    per_million_requests: Price::from_pico(1_000_000_000_000),
    tiers: Cow::Borrowed(&[
        Tier { up_to_gb_hours: Some(1_000), per_gb_hour: Price::from_pico(60_000_000_000) },
        Tier { up_to_gb_hours: Some(5_000), per_gb_hour: Price::from_pico(30_000_000_000) },
        Tier { up_to_gb_hours: None, per_gb_hour: Price::from_pico(16_420_000_000) },
    ]),
    per_million_transitions: Price::from_pico(25_000_000_000_000),
    free_transitions: 4_000,
};

impl PriceList {
    /// What this many requests cost.
    pub fn requests_cost(&self, requests: u128) -> Money {
        per_million(self.per_million_requests, requests)
    }

    /// What this many paid transitions of a Standard workflow cost.
    pub fn transitions_cost(&self, transitions: u128) -> Money {
        per_million(self.per_million_transitions, transitions)
    }

    /// Billed units that fall into each tier, in the order of the tiers.
    pub fn split_by_tier(&self, units: u128) -> Vec<u128> {
        let mut below = 0;
        let ends = self.tiers.iter().map(|tier| {
            tier.up_to_gb_hours.map_or(u128::MAX, |hours| u128::from(hours) * UNITS_PER_GB_HOUR)
        });
        ends.map(|end| {
            let inside = units.min(end).saturating_sub(below);
            below = end;
            inside
        })
        .collect()
    }
}

impl Tier {
    /// What this many billed units cost in this tier.
    pub fn cost(&self, units: u128) -> Money {
        Money(units.saturating_mul(u128::from(self.per_gb_hour.0) * PER_MILLION))
    }
}

fn per_million(price: Price, count: u128) -> Money {
    Money(count.saturating_mul(u128::from(price.0) * UNITS_PER_GB_HOUR))
}

/// A price: 10⁻¹² of the currency's unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Price(u64);

impl Price {
    /// A price of so many 10⁻¹² of the currency's unit.
    pub const fn from_pico(pico: u64) -> Self {
        Self(pico)
    }

    /// Reads `0.01642`: digits, and at most twelve of them after the point.
    pub fn parse(text: &str) -> Option<Self> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
        let is_number =
            |digits: &str| !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
        if !is_number(whole) || !is_number(fraction) || fraction.len() > PRICE_PLACES {
            return None;
        }
        format!("{whole}{fraction:0<PRICE_PLACES$}").parse().ok().map(Self)
    }

    /// This price of a million as the price of one.
    pub fn of_one(self) -> String {
        Money(u128::from(self.0) * UNITS_PER_GB_HOUR).to_exact_text(12)
    }
}

impl std::fmt::Display for Price {
    /// The exact decimal, with at least two digits after the point: `0.06`, `25.00`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let digits = format!("{:013}", self.0);
        let (whole, fraction) = digits.split_at(digits.len() - PRICE_PLACES);
        write!(f, "{whole}.{:0<2}", fraction.trim_end_matches('0'))
    }
}

/// Exact money, up to 10¹⁴ of the currency's unit; what is beyond stays there. One billed unit (100 ms × 64 MB) is 1/576,000 GB-hour and one request is a millionth
/// of a million, so both are whole multiples of 10⁻¹⁸ / 576,000 of the currency's unit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Money(u128);

impl Money {
    /// The sum.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// Decimal text with this many places (at most 12), half rounded up: `482.97`.
    pub fn to_text(self, places: u32) -> String {
        let places = places.min(12);
        let scale = 10u128.pow(places);
        let fraction = ((self.0 % ONE) * scale * 2 + ONE) / (ONE * 2);
        let (whole, fraction) = (self.0 / ONE + fraction / scale, fraction % scale);
        if places == 0 {
            return whole.to_string();
        }
        format!("{whole}.{fraction:0width$}", width = places as usize)
    }

    /// The same without zeros at the end, for those who calculate with it: `482.97`, `0.0127708`.
    pub fn to_exact_text(self, places: u32) -> String {
        let text = self.to_text(places);
        if !text.contains('.') {
            return text;
        }
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    }
}

impl std::iter::Sum for Money {
    fn sum<I: Iterator<Item = Self>>(parts: I) -> Self {
        parts.fold(Self::default(), Self::plus)
    }
}

/// Sums bills of a period and prices them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Invoice {
    /// Executions started.
    pub requests: u64,
    /// Billed units of 100 ms × 64 MB.
    pub units: u128,
}

impl Invoice {
    /// Adds one execution.
    pub fn add(&mut self, bill: Bill) {
        self.requests += 1;
        self.units += u128::from(bill.units());
    }

    /// GB-seconds as an exact decimal.
    pub fn gb_seconds(&self) -> String {
        gb_seconds(self.units)
    }

    /// What the requests cost.
    pub fn request_cost(&self, prices: &PriceList) -> Money {
        prices.requests_cost(u128::from(self.requests))
    }

    /// What each tier costs, in the order of the price list: billed units and money.
    pub fn tier_costs(&self, prices: &PriceList) -> Vec<(u128, Money)> {
        let inside = prices.split_by_tier(self.units);
        prices.tiers.iter().zip(inside).map(|(tier, units)| (units, tier.cost(units))).collect()
    }

    /// Requests and duration together.
    pub fn total(&self, prices: &PriceList) -> Money {
        let tiers = self.tier_costs(prices).into_iter().map(|(_, cost)| cost);
        tiers.chain([self.request_cost(prices)]).sum()
    }
}

/// GB-seconds of so many units of 100 ms × 64 MB, as an exact decimal.
pub fn gb_seconds(units: u128) -> String {
    let mut out = Vec::new();
    push_gb_seconds(&mut out, units);
    String::from_utf8(out).unwrap_or_default()
}

/// Billed units of 100 ms × 64 MB in one GB-hour.
pub const UNITS_PER_GB_HOUR: u128 = UNITS_PER_GB_SECOND * 3_600;
const PER_MILLION: u128 = 1_000_000;
const PRICE_PLACES: usize = 12;
/// One of the currency's unit as [`Money`].
const ONE: u128 = UNITS_PER_GB_HOUR * PER_MILLION * 1_000_000_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn month(requests: u64, billed_ms: u64, memory_mb: u64) -> Invoice {
        let bill = Bill { duration_ms: billed_ms, memory_mb };
        Invoice { requests, units: u128::from(requests) * u128::from(bill.units()) }
    }

    #[test]
    fn published_volume_example() {
        let invoice = month(100_000_000, 10_000, 64);
        assert_eq!(invoice.gb_seconds(), "62500000");
        assert_eq!(invoice.request_cost(&US_EAST_1).to_text(2), "100.00");
        let tiers: Vec<String> =
            invoice.tier_costs(&US_EAST_1).iter().map(|(_, cost)| cost.to_text(2)).collect();
        assert_eq!(tiers, ["60.00", "120.00", "202.97"]);
        assert_eq!(invoice.total(&US_EAST_1).to_text(2), "482.97");
    }

    #[test]
    fn second_example_stays_in_the_first_tier() {
        let invoice = month(1_000_000, 30_000, 64);
        assert_eq!(invoice.gb_seconds(), "1875000");
        assert_eq!(invoice.total(&US_EAST_1).to_text(2), "32.25");
    }

    #[test]
    fn workshop_example() {
        let invoice = month(1_000, 11_300, 64);
        assert_eq!(invoice.total(&US_EAST_1).to_text(2), "0.01");
        // The workshop rounds the unit price up first and gets 0.0127746; exact is a shade less.
        assert_eq!(invoice.total(&US_EAST_1).to_text(7), "0.0127708");
    }

    #[test]
    fn tier_edges_are_exact() {
        let edge = Invoice { requests: 0, units: 5_000 * UNITS_PER_GB_HOUR };
        assert_eq!(edge.total(&US_EAST_1).to_text(2), "180.00");
        let above = Invoice { requests: 0, units: edge.units + UNITS_PER_GB_HOUR / 100 };
        assert_eq!(above.total(&US_EAST_1).to_text(7), "180.0001642");
    }

    #[test]
    fn prices_are_read_and_written_without_loss() {
        for text in ["1.00", "0.06", "0.01642", "25.00", "0.000000000001"] {
            assert_eq!(Price::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(Price::parse("3").unwrap().to_string(), "3.00");
        assert_eq!(Price::parse("1.00").unwrap().of_one(), "0.000001");
        for text in ["", ".5", "1.", "-1", "1e-3", "0.0000000000001", "99999999.0"] {
            assert_eq!(Price::parse(text), None, "{text}");
        }
    }

    #[test]
    fn money_rounds_half_up_and_only_in_print() {
        let half = Money(ONE / 200);
        assert_eq!((half.to_text(2), half.to_text(3)), ("0.01".to_owned(), "0.005".to_owned()));
        assert_eq!(Money(ONE - 1).to_text(0), "1");
        assert_eq!(Money(ONE * 2 - 1).to_text(12), "2.000000000000");
        assert_eq!(Money(ONE * 20).to_exact_text(6), "20");
        assert_eq!(Money(ONE * 20).to_exact_text(0), "20");
    }

    #[test]
    fn standard_transitions_cost_25_dollars_per_million() {
        assert_eq!(US_EAST_1.transitions_cost(3_000).to_text(3), "0.075");
        assert_eq!(US_EAST_1.transitions_cost(1_000_000).to_text(2), "25.00");
    }

    #[test]
    fn an_invoice_is_the_sum_of_its_bills() {
        let mut invoice = Invoice::default();
        invoice.add(Bill::new(0, 0, 0));
        invoice.add(Bill::new(100_100_000, 14_010_000, 0));
        assert_eq!((invoice.requests, invoice.units), (2, 5));
        assert_eq!(invoice.gb_seconds(), "0.03125");
    }
}
