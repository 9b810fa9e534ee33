//! JSONata: the engine against the crate `jsonata-core`, and against the same work done by hand.
//!
//! Four questions: a whole execution (`jsonata-enrich`), single expressions over a document that
//! is parsed already (`jsonata-E1` to `E5`), the time to compile one (`jsonata-compile`), and one
//! definition written in both languages (`pass-choice-jsonata`).

mod compiling;
mod core;
mod expressions;
mod floor;
mod order;

use anyhow::{Result, anyhow};
use serde_json::Value;

use crate::engine::{Engine, read};
use crate::measure::{Contestant, Entry, Workload};
use compiling::Compiling;
use expressions::{Core, Ours};
use floor::Floor;
use order::CoreOrder;

/// The workloads, each with its contestants.
pub(crate) fn workloads() -> Result<Vec<(Workload, Vec<Entry>)>> {
    let mut all = vec![enrich()?];
    for expression in &EXPRESSIONS {
        all.push(single(expression)?);
    }
    all.push(compile());
    all.push(both_languages()?);
    Ok(all)
}

/// An expression that is measured.
pub(crate) struct Measured {
    workload: &'static str,
    /// Its name, and that of the crate's compilation of it.
    names: [&'static str; 2],
    text: &'static str,
    floor: floor::Job,
}

/// A path; arithmetic and concatenation; filter, map and sum; construction and grouping; a map
/// with a lambda.
const EXPRESSIONS: [Measured; 5] = [
    Measured {
        workload: "jsonata-E1",
        names: ["E1", "core E1"],
        text: "$states.input.customer.address.city",
        floor: floor::city,
    },
    Measured {
        workload: "jsonata-E2",
        names: ["E2", "core E2"],
        text: "\"Order \" & $states.input.orderId & \" total \" & \
               $string($states.input.shipping * 1.2 + 5)",
        floor: floor::label,
    },
    Measured {
        workload: "jsonata-E3",
        names: ["E3", "core E3"],
        text: "$sum($states.input.items[qty > 2].(price * qty))",
        floor: floor::sum,
    },
    Measured {
        workload: "jsonata-E4",
        names: ["E4", "core E4"],
        text: "{\"id\": $states.input.orderId, \
               \"byCategory\": $states.input.items{category: $sum($.(price * qty))}}",
        floor: floor::by_category,
    },
    Measured {
        workload: "jsonata-E5",
        names: ["E5", "core E5"],
        text: "$map($states.input.items, function($i, $n){ \
               {\"sku\": $i.sku, \"line\": $n + 1, \"total\": $i.price * $i.qty} })",
        floor: floor::lines,
    },
];

/// The order of the expressions above.
const ORDER: &[u8] = include_bytes!("order.json");

fn enrich() -> Result<(Workload, Vec<Entry>)> {
    let entries = vec![Entry::job(Engine::new("jsonata-enrich")?), Entry::job(CoreOrder::new()?)];
    Ok((workload("jsonata-enrich", "jsonata-core")?, entries))
}

fn single(measured: &Measured) -> Result<(Workload, Vec<Entry>)> {
    // The other engine says what must come out.
    let mut core = Core::new(measured.text, ORDER)?;
    let mut expected = Vec::new();
    core.run(ORDER, &mut expected)?;
    let workload = Workload {
        name: measured.workload,
        event: ORDER.to_vec(),
        expected: serde_json::from_slice(&expected)?,
        baseline: "floor",
    };
    let entries = vec![
        Entry::job(Ours::new(measured.text, ORDER)?),
        Entry::job(Floor::new(measured.floor, ORDER)?),
        Entry::job(core),
    ];
    Ok((workload, entries))
}

fn compile() -> (Workload, Vec<Entry>) {
    let mut entries = Vec::new();
    for Measured { names: [ours, core], text, .. } in &EXPRESSIONS {
        entries.push(Entry::bound(Compiling::ours(ours, text)));
        entries.push(Entry::bound(Compiling::core(core, text)));
    }
    let event = b"null".to_vec();
    let workload =
        Workload { name: "jsonata-compile", event, expected: Value::Null, baseline: "E1" };
    (workload, entries)
}

fn both_languages() -> Result<(Workload, Vec<Entry>)> {
    let entries = vec![
        Entry::job(Named { name: "jsonata", engine: Engine::new("pass-choice-jsonata")? }),
        Entry::job(Named { name: "jsonpath", engine: Engine::new("pass-choice")? }),
    ];
    Ok((workload("pass-choice-jsonata", "jsonpath")?, entries))
}

fn workload(name: &'static str, baseline: &'static str) -> Result<Workload> {
    Ok(Workload {
        name,
        event: read(name, "input")?.trim_ascii().to_vec(),
        expected: serde_json::from_slice(&read(name, "expect")?)?,
        baseline,
    })
}

/// An engine under another name.
struct Named {
    name: &'static str,
    engine: Engine,
}

impl Contestant for Named {
    fn name(&self) -> &'static str {
        self.name
    }

    fn runs_per_call(&self) -> u64 {
        self.engine.runs_per_call()
    }

    fn run(&mut self, event: &[u8], out: &mut Vec<u8>) -> Result<()> {
        self.engine.run(event, out)
    }
}

/// What went wrong, with the expression that it was in.
fn failed(text: &str, error: &dyn std::fmt::Display) -> anyhow::Error {
    anyhow!("{error}: {text}")
}
