//! The invoice for programs. Amounts are strings with up to twelve places: JSON numbers would be
//! read as floats. `mb_milliseconds` is exact; money in the tiers is exact up to rounding at the
//! twelfth place, since a GB-hour is 576,000 billed units and that has no finite decimal inverse.

use serde_json::{Map, Value, json};

use super::super::invoice::{Cost, Line, Statement, group};
use super::super::ledger::Sums;
use super::super::period::Period;
use super::{Report, instant, month};
use crate::outcome::{Money, gb_seconds};

pub(super) fn document(report: &Report) -> Value {
    let counts = &report.counts;
    let total: Money = report.statements.iter().map(|one| one.cost().total()).sum();
    let standard: Money = report.statements.iter().map(|one| one.cost().standard).sum();
    let mut sums = Sums::default();
    report.statements.iter().for_each(|one| sums.add(&one.sums()));
    let mut document = json!({
        "period": report.period.map(period),
        "records": {
            "read": counts.records,
            "repeated": counts.repeated,
            "outside": counts.outside,
            "billed": counts.billed,
            "refused": report.refused,
            "foreign": report.foreign,
        },
        "currency": report.currency,
        "total": amount(total),
        "if_standard": amount(standard),
    });
    extend(&mut document, usage(&sums));
    document["statements"] = report.statements.iter().map(|one| statement(report, one)).collect();
    document
}

fn statement(report: &Report, statement: &Statement) -> Value {
    let prices = &statement.prices;
    let tiers = prices.tiers.iter().zip(statement.tier_units()).map(|(tier, units)| {
        json!({
            "up_to_gb_hours": tier.up_to_gb_hours,
            "price_per_gb_hour": tier.per_gb_hour.to_string(),
            "gb_seconds": gb_seconds(units),
            "cost": amount(tier.cost(units)),
        })
    });
    let paid = statement.paid_transitions();
    let sums = statement.sums();
    let mut document = json!({
        "account": statement.account,
        "region": statement.region,
        "month": month(statement.month.from_ms),
        "price_per_million_requests": prices.per_million_requests.to_string(),
        "tiers": tiers.collect::<Vec<_>>(),
        "cost": cost(statement.cost()),
        "standard": {
            "free_transitions": (sums.transitions - paid) as u64,
            "paid_transitions": paid as u64,
            "price_per_million_transitions": prices.per_million_transitions.to_string(),
        },
    });
    extend(&mut document, usage(&sums));
    let lines = group(statement, &report.tag_keys);
    document["lines"] = lines.iter().map(|one| line(one, statement)).collect();
    document
}

fn line(line: &Line, statement: &Statement) -> Value {
    let tags: Map<String, Value> =
        line.tags.iter().map(|(key, value)| (key.clone(), value.as_deref().into())).collect();
    let mut document = json!({
        "period": period(line.piece),
        "machine": line.machine,
        "state_machine_arn": line.machine_arn,
        "tags": tags,
        "not_succeeded": line.not_succeeded as u64,
        "cost": cost(line.cost(&statement.prices)),
    });
    extend(&mut document, usage(&line.sums));
    document
}

/// Counts are whole numbers; those of a bill fit 64 bits.
fn usage(sums: &Sums) -> Value {
    json!({
        "requests": sums.requests as u64,
        "billed_duration_ms": sums.billed_ms() as u64,
        "mb_milliseconds": sums.mb_milliseconds().to_string(),
        "gb_seconds": gb_seconds(sums.units),
        "transitions": sums.transitions as u64,
    })
}

fn cost(cost: Cost) -> Value {
    json!({
        "requests": amount(cost.requests),
        "duration": amount(cost.duration),
        "total": amount(cost.total()),
        "if_standard": amount(cost.standard),
    })
}

fn period(period: Period) -> Value {
    json!({"from": instant(period.from_ms), "to": instant(period.to_ms)})
}

fn amount(money: Money) -> String {
    money.to_exact_text(12)
}

fn extend(document: &mut Value, more: Value) {
    if let (Value::Object(document), Value::Object(more)) = (document, more) {
        document.extend(more);
    }
}
