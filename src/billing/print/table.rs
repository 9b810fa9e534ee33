//! The invoice for people. Money has six places in lines and two in totals; nothing is computed
//! with what is printed. Texts come from records and price files: what a terminal would act upon is
//! escaped, so that a line of the invoice stays one line, and says what it says.

use std::io::{self, Write};

use super::super::invoice::{Cost, Line, Statement, group};
use super::super::ledger::Sums;
use super::super::period::Grain;
use super::{Report, grouped, piece, span};
use crate::outcome::{Money, gb_seconds};

pub(super) fn write(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    for statement in &report.statements {
        write_statement(report, statement, out)?;
        writeln!(out)?;
    }
    if report.statements.len() != 1 {
        let total: Money = report.statements.iter().map(|one| one.cost().total()).sum();
        writeln!(out, "all together {} {}", total.to_text(2), report.currency)?;
    }
    let counts = &report.counts;
    write!(
        out,
        "{} billing records, {} repetitions dropped, {} executions billed",
        grouped(counts.records.into()),
        grouped(counts.repeated.into()),
        grouped(counts.billed.into())
    )?;
    for (count, what) in [
        (counts.outside, "outside of the period"),
        (report.refused, "NOT SOUND AND LEFT OUT"),
        (report.foreign, "events of other types passed over"),
    ] {
        if count > 0 {
            write!(out, ", {} {what}", grouped(count.into()))?;
        }
    }
    writeln!(out)
}

/// Where the usage was, and whose prices it has if not its own.
fn region(statement: &Statement) -> String {
    let (name, prices) = (&statement.region_name, &statement.prices.region_name);
    if name == prices {
        return escaped(name);
    }
    format!("{} at the prices of {}", escaped(name), escaped(prices))
}

fn write_statement(report: &Report, statement: &Statement, out: &mut dyn Write) -> io::Result<()> {
    writeln!(
        out,
        "account {}, {}, {}, {}\n",
        escaped(&statement.account),
        region(statement),
        span(report.period.map_or(statement.month, |period| statement.month.within(period))),
        report.currency
    )?;
    let with_piece = report.grain != Grain::Month;
    let mut head: Vec<String> = Vec::new();
    if with_piece {
        head.push("time (UTC)".to_owned());
    }
    head.push("state machine".to_owned());
    head.extend(report.tag_keys.iter().map(|key| escaped(key)));
    let texts = head.len();
    head.extend(
        [
            "requests",
            "failed",
            "GB-seconds",
            "for requests",
            "for duration",
            "total",
            "if Standard",
        ]
        .map(str::to_owned),
    );
    let mut rows = vec![head];
    for line in group(statement, &report.tag_keys) {
        let Line { sums, not_succeeded, .. } = &line;
        let mut row = Vec::new();
        if with_piece {
            row.push(piece(line.piece, report.grain));
        }
        row.push(escaped(&line.machine));
        row.extend(
            line.tags.iter().map(|(_, value)| value.as_deref().map_or_else(String::new, tag)),
        );
        row.extend(numbers(sums, *not_succeeded, line.cost(&statement.prices)));
        rows.push(row);
    }
    write_columns(&rows, texts, out)?;
    writeln!(out)?;
    write_totals(statement, &report.currency, out)
}

fn numbers(sums: &Sums, not_succeeded: u128, cost: Cost) -> [String; 7] {
    [
        grouped(sums.requests),
        grouped(not_succeeded),
        gb_seconds(sums.units),
        cost.requests.to_text(6),
        cost.duration.to_text(6),
        cost.total().to_text(6),
        cost.standard.to_text(6),
    ]
}

/// How the amounts come about: requests, each tier, the sum; and the other price model.
fn write_totals(statement: &Statement, currency: &str, out: &mut dyn Write) -> io::Result<()> {
    let (prices, sums, cost) = (&statement.prices, statement.sums(), statement.cost());
    let mut rows = vec![vec![
        grouped(sums.requests),
        "requests".to_owned(),
        format!("at {} per million", prices.per_million_requests),
        cost.requests.to_text(2),
    ]];
    for (tier, units) in prices.tiers.iter().zip(statement.tier_units()) {
        rows.push(vec![
            gb_seconds(units),
            "GB-seconds".to_owned(),
            format!("at {} per GB-hour", tier.per_gb_hour),
            tier.cost(units).to_text(2),
        ]);
    }
    rows.push(vec![
        String::new(),
        "total".to_owned(),
        currency.to_owned(),
        cost.total().to_text(2),
    ]);
    let paid = statement.paid_transitions();
    rows.push(vec![
        grouped(paid),
        "transitions".to_owned(),
        format!("if Standard, {} free", grouped(sums.transitions - paid)),
        cost.standard.to_text(2),
    ]);
    let widths = widths(&rows);
    for row in &rows {
        writeln!(
            out,
            "{:>w0$} {:<w1$} {:<w2$} {:>w3$}",
            row[0],
            row[1],
            row[2],
            row[3],
            w0 = widths[0],
            w1 = widths[1],
            w2 = widths[2],
            w3 = widths[3]
        )?;
    }
    Ok(())
}

/// The first `texts` columns to the left, the others to the right.
fn write_columns(rows: &[Vec<String>], texts: usize, out: &mut dyn Write) -> io::Result<()> {
    let widths = widths(rows);
    for row in rows {
        let mut line = String::new();
        for (index, (cell, width)) in row.iter().zip(&widths).enumerate() {
            let pad = " ".repeat(width - cell.chars().count());
            if index > 0 {
                line += "  ";
            }
            let (first, second) = if index < texts { (&**cell, &*pad) } else { (&*pad, &**cell) };
            line += first;
            line += second;
        }
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}

fn widths(rows: &[Vec<String>]) -> Vec<usize> {
    let columns = rows.first().map_or(0, Vec::len);
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
    (0..columns).map(|column| width(column).unwrap_or(0)).collect()
}

/// The value of a tag; a blank is a tag that is not set.
fn tag(value: &str) -> String {
    if value.is_empty() { "\"\"".to_owned() } else { escaped(value) }
}

/// Control characters, and those that turn the direction of writing or break lines, by their code.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        let acts = character.is_control()
            || matches!(
                character,
                '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
            );
        if acts {
            out.extend(character.escape_default());
        } else {
            out.push(character);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_act_upon_is_escaped() {
        assert_eq!(escaped("a\nb\u{1b}[31mc\td\u{7f}"), r"a\nb\u{1b}[31mc\td\u{7f}");
        assert_eq!(escaped("\u{202e}x\u{9b}"), r"\u{202e}x\u{9b}");
        assert_eq!(escaped("kasse “süd” 東京 é"), "kasse “süd” 東京 é");
        assert_eq!((tag(""), tag("x")), ("\"\"".to_owned(), "x".to_owned()));
    }
}
