//! `jsonata-enrich` over `jsonata-core`: what the state machine does, by hand, with its nine
//! expressions parsed beforehand.

use std::rc::Rc;

use anyhow::{Result, ensure};
use jsonata_core::ast::AstNode;
use jsonata_core::value::JValue;

use super::core;
use crate::measure::Contestant;

/// The job over the crate's value: parsed to once, written once.
pub(crate) struct CoreOrder {
    total: AstNode,
    tier: AstNode,
    condition: AstNode,
    /// Keys of the output with their expressions.
    output: Vec<(&'static str, AstNode)>,
}

impl CoreOrder {
    pub(crate) fn new() -> Result<Self> {
        let output = OUTPUT.iter().map(|(key, text)| Ok((*key, core::parse(text)?)));
        Ok(Self {
            total: core::parse("$sum($states.input.items.(price * qty))")?,
            tier: core::parse("$states.input.customer.tier")?,
            condition: core::parse("$total > 100 and $tier in ['gold','platinum']")?,
            output: output.collect::<Result<_>>()?,
        })
    }
}

impl Contestant for CoreOrder {
    fn name(&self) -> &'static str {
        "jsonata-core"
    }

    fn run(&mut self, event: &[u8], out: &mut Vec<u8>) -> Result<()> {
        let states = core::states(core::document(event)?);
        let mut entered = core::evaluator([("states", &states)]);
        let total = core::evaluate(&mut entered, &self.total)?;
        let tier = core::evaluate(&mut entered, &self.tier)?;
        let mut assigned =
            core::evaluator([("states", &states), ("total", &total), ("tier", &tier)]);
        let wanted = core::evaluate(&mut assigned, &self.condition)?;
        ensure!(wanted.as_bool() == Some(true), "the order is rejected");
        let mut members = Vec::with_capacity(self.output.len());
        for (key, expression) in &self.output {
            members.push(((*key).to_owned(), core::evaluate(&mut assigned, expression)?));
        }
        let output = JValue::Object(Rc::new(members.into_iter().collect()));
        serde_json::to_writer(out, &output)?;
        Ok(())
    }
}

const OUTPUT: [(&str, &str); 6] = [
    ("orderId", "$states.input.orderId"),
    ("tier", "$tier"),
    ("total", "$total"),
    ("discount", "$total * 0.1"),
    ("units", "$sum($states.input.items.qty)"),
    (
        "lines",
        "$map($states.input.items, function($i) { {'sku': $i.sku, \
         'amount': $i.price * $i.qty, 'label': $i.sku & ' x' & $string($i.qty)} })",
    ),
];
