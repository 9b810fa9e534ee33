//! Prices and the invoice of a period: exact integer money, rounded only when printed.
//!
//! Prices: <https://aws.amazon.com/step-functions/pricing/>, US East (N. Virginia): requests
//! $1.00 per million; duration $0.06000 per GB-hour for the first 1,000 GB-hours of a month,
//! $0.03000 for the next 4,000, $0.01642 beyond. Tiers are graduated.

use super::meter::{Bill, UNITS_PER_GB_SECOND, push_gb_seconds};

/// One step of the duration price.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tier {
    /// GB-hours of the period up to which the price holds; `None` = without end.
    pub up_to_gb_hours: Option<u64>,
    /// Price of one GB-hour in millionths of a dollar.
    pub micro_dollars_per_gb_hour: u64,
}

/// What a region charges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PriceList {
    /// Price of one request (a started execution) in millionths of a dollar.
    pub micro_dollars_per_request: u64,
    /// Duration tiers, ascending; the last one has no end.
    pub tiers: &'static [Tier],
}

/// US East (N. Virginia).
pub const US_EAST_1: PriceList = PriceList {
    micro_dollars_per_request: 1,
    tiers: &[
        Tier { up_to_gb_hours: Some(1_000), micro_dollars_per_gb_hour: 60_000 },
        Tier { up_to_gb_hours: Some(5_000), micro_dollars_per_gb_hour: 30_000 },
        Tier { up_to_gb_hours: None, micro_dollars_per_gb_hour: 16_420 },
    ],
};

/// Exact money: 576,000ths of a millionth of a dollar, because one billed unit (100 ms × 64 MB) is
/// 1/576,000 GB-hour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Dollars(u128);

impl Dollars {
    /// The sum.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }

    /// Decimal text with this many places, half rounded up: `482.97`.
    pub fn to_text(self, places: u32) -> String {
        let scale = 10u128.pow(places.min(12));
        let whole = UNITS_PER_GB_HOUR * 1_000_000;
        let scaled = (self.0 * scale * 2 + whole) / (whole * 2);
        if places == 0 {
            return scaled.to_string();
        }
        format!("{}.{:0width$}", scaled / scale, scaled % scale, width = places.min(12) as usize)
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
        let mut out = Vec::new();
        push_gb_seconds(&mut out, self.units);
        String::from_utf8(out).unwrap_or_default()
    }

    /// What the requests cost.
    pub fn request_cost(&self, prices: &PriceList) -> Dollars {
        Dollars(
            u128::from(self.requests)
                * u128::from(prices.micro_dollars_per_request)
                * UNITS_PER_GB_HOUR,
        )
    }

    /// What each tier costs, in the order of the price list: billed units and money.
    pub fn tier_costs(&self, prices: &PriceList) -> Vec<(u128, Dollars)> {
        let mut below = 0;
        prices
            .tiers
            .iter()
            .map(|tier| {
                let end = tier
                    .up_to_gb_hours
                    .map_or(u128::MAX, |hours| u128::from(hours) * UNITS_PER_GB_HOUR);
                let units = self.units.min(end).saturating_sub(below);
                below = end;
                (units, Dollars(units * u128::from(tier.micro_dollars_per_gb_hour)))
            })
            .collect()
    }

    /// Requests and duration together.
    pub fn total(&self, prices: &PriceList) -> Dollars {
        self.tier_costs(prices)
            .into_iter()
            .fold(self.request_cost(prices), |sum, (_, cost)| sum.plus(cost))
    }
}

const UNITS_PER_GB_HOUR: u128 = UNITS_PER_GB_SECOND * 3_600;

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
    fn an_invoice_is_the_sum_of_its_bills() {
        let mut invoice = Invoice::default();
        invoice.add(Bill::new(0, 0, 0));
        invoice.add(Bill::new(100_100_000, 14_010_000, 0));
        assert_eq!((invoice.requests, invoice.units), (2, 5));
        assert_eq!(invoice.gb_seconds(), "0.03125");
    }
}
