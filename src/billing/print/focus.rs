//! The invoice as a cost export in the columns of FOCUS 1.2
//! (<https://focus.finops.org/>): for each account, state machine, set of tags and piece of time
//! one row for the requests and one for each tier of duration that it has a part in.
//!
//! All columns of the specification are there; what does not apply is empty, which means null. Four
//! cost columns are equal, since there are no discounts. `x_BilledMbMilliseconds` is ours: exact
//! where `PricingQuantity`, in GB-hours, has to be rounded at the twelfth place.

use std::collections::BTreeMap;
use std::io::{self, Write};

use super::super::invoice::{Charge, Statement};
use super::{Report, instant, write_csv_line};
use crate::outcome::{
    DURATION_STEP_MS, MEMORY_STEP_MB, Money, Price, Tier, UNITS_PER_GB_HOUR, gb_seconds,
};

pub(super) fn write(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    write_csv_line(out, COLUMNS.iter().copied())?;
    for statement in &report.statements {
        for ((from_ms, to_ms, arn, tags), usage) in by_resource(statement) {
            let resource = Resource { report, statement, from_ms, to_ms, arn, usage: &usage, tags };
            resource.write(out)?;
        }
    }
    Ok(())
}

/// Usage of one state machine in one piece of time.
#[derive(Default)]
struct Usage<'a> {
    machine: &'a str,
    requests: u128,
    tier_units: Vec<u128>,
}

type ByResource<'a> = BTreeMap<(i64, i64, &'a str, &'a BTreeMap<String, String>), Usage<'a>>;

fn by_resource(statement: &Statement) -> ByResource<'_> {
    let mut resources = ByResource::new();
    for Charge { key, sums, tier_units, .. } in &statement.charges {
        let usage =
            resources.entry((key.from_ms, key.to_ms, &key.machine_arn, &key.tags)).or_default();
        usage.machine = &key.machine;
        usage.requests += sums.requests;
        usage.tier_units.resize(tier_units.len(), 0);
        for (sum, units) in usage.tier_units.iter_mut().zip(tier_units) {
            *sum += units;
        }
    }
    resources
}

struct Resource<'a> {
    report: &'a Report,
    statement: &'a Statement,
    from_ms: i64,
    to_ms: i64,
    arn: &'a str,
    usage: &'a Usage<'a>,
    tags: &'a BTreeMap<String, String>,
}

/// What differs from row to row of a resource.
struct Sku {
    id: &'static str,
    meter: &'static str,
    price_id: String,
    price_details: String,
    description: String,
    consumed: (String, &'static str),
    priced: (String, &'static str),
    unit_price: String,
    cost: Money,
    mb_milliseconds: String,
}

impl Resource<'_> {
    fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        self.write_row(&self.requests(), out)?;
        let mut from_gb_hours = 0;
        for (tier, units) in self.statement.prices.tiers.iter().zip(&self.usage.tier_units) {
            if *units > 0 {
                self.write_row(&self.duration(tier, from_gb_hours, *units), out)?;
            }
            from_gb_hours = tier.up_to_gb_hours.unwrap_or(from_gb_hours);
        }
        Ok(())
    }

    fn requests(&self) -> Sku {
        let prices = &self.statement.prices;
        let requests = self.usage.requests.to_string();
        Sku {
            id: "express-requests",
            meter: "Express Requests",
            price_id: format!("express-requests/{}", self.statement.region),
            price_details: String::new(),
            description: format!("Express requests at {} per million", prices.per_million_requests),
            consumed: (requests.clone(), "Requests"),
            priced: (requests, "Requests"),
            unit_price: prices.per_million_requests.of_one(),
            cost: prices.requests_cost(self.usage.requests),
            mb_milliseconds: String::new(),
        }
    }

    fn duration(&self, tier: &Tier, from_gb_hours: u64, units: u128) -> Sku {
        let price = tier.per_gb_hour;
        Sku {
            id: "express-duration",
            meter: "Express Duration",
            price_id: format!("express-duration/{}/{from_gb_hours}", self.statement.region),
            price_details: format!("{{\"x_TierFromGbHours\":{from_gb_hours}}}"),
            description: format!("Express duration at {price} per GB-hour"),
            consumed: (gb_seconds(units), "GB-Seconds"),
            priced: (gb_hours(units), "GB-Hours"),
            unit_price: price.to_string(),
            cost: tier.cost(units),
            mb_milliseconds: (units * u128::from(DURATION_STEP_MS * MEMORY_STEP_MB)).to_string(),
        }
    }

    fn write_row(&self, sku: &Sku, out: &mut dyn Write) -> io::Result<()> {
        let cost = sku.cost.to_exact_text(12);
        let tags = serde_json::to_string(self.tags).unwrap_or_default();
        let (month, statement) = (self.statement.month, self.statement);
        let (month_from, month_to) = (instant(month.from_ms), instant(month.to_ms));
        let (from, to) = (instant(self.from_ms), instant(self.to_ms));
        let invoice_id =
            format!("{}-{}-{}", statement.account, statement.region, super::month(month.from_ms));
        let fields = COLUMNS.iter().map(|column| match *column {
            // Prices are in the currency of the bill.
            "BilledCost"
            | "ContractedCost"
            | "EffectiveCost"
            | "ListCost"
            | "PricingCurrencyEffectiveCost" => cost.as_str(),
            "BillingAccountId" => &statement.account,
            "BillingAccountType" => "Account",
            "BillingCurrency" | "PricingCurrency" => &self.report.currency,
            "BillingPeriodStart" => &month_from,
            "BillingPeriodEnd" => &month_to,
            "ChargeCategory" => "Usage",
            "ChargeDescription" => &sku.description,
            "ChargeFrequency" => "Usage-Based",
            "ChargePeriodStart" => &from,
            "ChargePeriodEnd" => &to,
            "ConsumedQuantity" => &sku.consumed.0,
            "ConsumedUnit" => sku.consumed.1,
            "ContractedUnitPrice"
            | "ListUnitPrice"
            | "PricingCurrencyContractedUnitPrice"
            | "PricingCurrencyListUnitPrice" => &sku.unit_price,
            "InvoiceId" => &invoice_id,
            "InvoiceIssuerName" | "ProviderName" | "PublisherName" => "expressway",
            "PricingCategory" => "Standard",
            "PricingQuantity" => &sku.priced.0,
            "PricingUnit" => sku.priced.1,
            "RegionId" => &statement.region,
            "RegionName" => &statement.region_name,
            "ResourceId" => self.arn,
            "ResourceName" => self.usage.machine,
            "ResourceType" => "State Machine",
            "ServiceCategory" => "Integration",
            "ServiceName" => "Express Workflows",
            "ServiceSubcategory" => "Workflow Orchestration",
            "SkuId" => sku.id,
            "SkuMeter" => sku.meter,
            "SkuPriceDetails" => &sku.price_details,
            "SkuPriceId" => &sku.price_id,
            "Tags" => &tags,
            "x_BilledMbMilliseconds" => &sku.mb_milliseconds,
            _ => "",
        });
        write_csv_line(out, fields.map(|field| Some(field).filter(|field| !field.is_empty())))
    }
}

/// Rounded at the twelfth place: one GB-hour is 576,000 units, whose inverse is no finite decimal.
fn gb_hours(units: u128) -> String {
    const ONE: u128 = 1_000_000_000_000;
    // At a price of one, money is GB-hours.
    debug_assert_eq!(UNITS_PER_GB_HOUR, 576_000);
    let at_one = Tier { up_to_gb_hours: None, per_gb_hour: Price::from_pico(ONE as u64) };
    at_one.cost(units).to_exact_text(12)
}

const COLUMNS: &[&str] = &[
    "AvailabilityZone",
    "BilledCost",
    "BillingAccountId",
    "BillingAccountName",
    "BillingAccountType",
    "BillingCurrency",
    "BillingPeriodEnd",
    "BillingPeriodStart",
    "CapacityReservationId",
    "CapacityReservationStatus",
    "ChargeCategory",
    "ChargeClass",
    "ChargeDescription",
    "ChargeFrequency",
    "ChargePeriodEnd",
    "ChargePeriodStart",
    "CommitmentDiscountCategory",
    "CommitmentDiscountId",
    "CommitmentDiscountName",
    "CommitmentDiscountQuantity",
    "CommitmentDiscountStatus",
    "CommitmentDiscountType",
    "CommitmentDiscountUnit",
    "ConsumedQuantity",
    "ConsumedUnit",
    "ContractedCost",
    "ContractedUnitPrice",
    "EffectiveCost",
    "InvoiceId",
    "InvoiceIssuerName",
    "ListCost",
    "ListUnitPrice",
    "PricingCategory",
    "PricingCurrency",
    "PricingCurrencyContractedUnitPrice",
    "PricingCurrencyEffectiveCost",
    "PricingCurrencyListUnitPrice",
    "PricingQuantity",
    "PricingUnit",
    "ProviderName",
    "PublisherName",
    "RegionId",
    "RegionName",
    "ResourceId",
    "ResourceName",
    "ResourceType",
    "ServiceCategory",
    "ServiceName",
    "ServiceSubcategory",
    "SkuId",
    "SkuMeter",
    "SkuPriceDetails",
    "SkuPriceId",
    "SubAccountId",
    "SubAccountName",
    "SubAccountType",
    "Tags",
    "x_BilledMbMilliseconds",
];
