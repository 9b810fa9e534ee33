//! The invoice as CSV, one line for each of its lines.

use std::io::{self, Write};

use super::super::invoice::group;
use super::{Report, instant, write_csv_line};
use crate::outcome::gb_seconds;

pub(super) fn write(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let tags: Vec<String> = report.tag_keys.iter().map(|key| format!("tag:{key}")).collect();
    let before = ["account", "region", "from", "to", "state_machine", "state_machine_arn"];
    let after = [
        "requests",
        "not_succeeded",
        "billed_duration_ms",
        "mb_milliseconds",
        "gb_seconds",
        "transitions",
        "cost_requests",
        "cost_duration",
        "cost_total",
        "cost_if_standard",
        "currency",
    ];
    let head = before.into_iter().chain(tags.iter().map(String::as_str)).chain(after);
    write_csv_line(out, head)?;
    for statement in &report.statements {
        for line in group(statement, &report.tag_keys) {
            let (sums, cost) = (&line.sums, line.cost(&statement.prices));
            let money = [cost.requests, cost.duration, cost.total(), cost.standard];
            let mut fields: Vec<Option<String>> = [
                statement.account.clone(),
                statement.region.clone(),
                instant(line.piece.from_ms),
                instant(line.piece.to_ms),
                line.machine,
                line.machine_arn,
            ]
            .map(Some)
            .into();
            fields.extend(line.tags.into_iter().map(|(_, value)| value));
            let numbers = [
                sums.requests.to_string(),
                line.not_succeeded.to_string(),
                sums.billed_ms().to_string(),
                sums.mb_milliseconds().to_string(),
                gb_seconds(sums.units),
                sums.transitions.to_string(),
            ];
            fields.extend(numbers.map(Some));
            fields.extend(money.map(|one| Some(one.to_exact_text(12))));
            fields.push(Some(report.currency.clone()));
            write_csv_line(out, fields.iter().map(Option::as_deref))?;
        }
    }
    Ok(())
}
