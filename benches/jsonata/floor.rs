//! The five expressions by hand: straight-line Rust that does exactly that job on the same parsed
//! document and makes the same value, over the heap's own functions.

use std::fmt::Write as _;
use std::rc::Rc;

use anyhow::{Context, Result};
use expressway::value::{ArenaId, ConstantsBuilder, Heap, Parser, Value, View};

use super::expressions::{RUNS_PER_CALL, in_batches};
use crate::measure::Contestant;

/// One of the jobs below.
pub(crate) type Job = fn(&mut Heap, ArenaId, &Keys, Value) -> Result<Value>;

/// A job over a document.
pub(crate) struct Floor {
    job: Job,
    keys: Keys,
    heap: Heap,
    document: Value,
}

/// Keys that are read or made, as constants.
pub(crate) struct Keys {
    address: Value,
    by_category: Value,
    category: Value,
    city: Value,
    customer: Value,
    id: Value,
    items: Value,
    line: Value,
    order_id: Value,
    price: Value,
    qty: Value,
    shipping: Value,
    sku: Value,
    total: Value,
}

impl Floor {
    pub(crate) fn new(job: Job, document: &[u8]) -> Result<Self> {
        let mut constants = ConstantsBuilder::default();
        let mut key = |text| constants.string(text);
        let keys = Keys {
            address: key("address")?,
            by_category: key("byCategory")?,
            category: key("category")?,
            city: key("city")?,
            customer: key("customer")?,
            id: key("id")?,
            items: key("items")?,
            line: key("line")?,
            order_id: key("orderId")?,
            price: key("price")?,
            qty: key("qty")?,
            shipping: key("shipping")?,
            sku: key("sku")?,
            total: key("total")?,
        };
        let mut heap = Heap::new(Rc::new(constants.finish()));
        let document = heap.parse(ArenaId::ROOT, document, &mut Parser::default())?;
        Ok(Self { job, keys, heap, document })
    }
}

impl Contestant for Floor {
    fn name(&self) -> &'static str {
        "floor"
    }

    fn runs_per_call(&self) -> u64 {
        RUNS_PER_CALL
    }

    fn run(&mut self, _: &[u8], out: &mut Vec<u8>) -> Result<()> {
        let Self { job, keys, heap, document } = self;
        in_batches(heap, out, |heap, arena| job(heap, arena, keys, *document))
    }
}

/// E1
pub(crate) fn city(heap: &mut Heap, _: ArenaId, keys: &Keys, order: Value) -> Result<Value> {
    field(heap, field(heap, field(heap, order, keys.customer)?, keys.address)?, keys.city)
}

/// E2
pub(crate) fn label(heap: &mut Heap, arena: ArenaId, keys: &Keys, order: Value) -> Result<Value> {
    let mut text = heap.take_scratch();
    let id = field(heap, order, keys.order_id)?;
    let shipping = number(heap, field(heap, order, keys.shipping)?)?;
    write!(text, "Order {} total ", heap.key_text(id))?;
    heap.write_scalar(Value::float(shipping * 1.2 + 5.0), &mut text);
    let label = heap.string(arena, &text)?;
    heap.return_scratch(text);
    Ok(label)
}

/// E3
pub(crate) fn sum(heap: &mut Heap, _: ArenaId, keys: &Keys, order: Value) -> Result<Value> {
    let mut sum = 0.0;
    for item in heap.elements(field(heap, order, keys.items)?) {
        let qty = number(heap, field(heap, item, keys.qty)?)?;
        if qty > 2.0 {
            sum += number(heap, field(heap, item, keys.price)?)? * qty;
        }
    }
    Ok(Value::float(sum))
}

/// E4
pub(crate) fn by_category(
    heap: &mut Heap,
    arena: ArenaId,
    keys: &Keys,
    order: Value,
) -> Result<Value> {
    let mut sums: [(Value, f64); CATEGORIES_MAX] = [(Value::NULL, 0.0); CATEGORIES_MAX];
    let mut count = 0;
    for item in heap.elements(field(heap, order, keys.items)?) {
        let category = field(heap, item, keys.category)?;
        let name = heap.key_text(category);
        let known = sums[..count].iter().position(|(known, _)| heap.key_text(*known) == name);
        let place = known.unwrap_or(count);
        let sum = sums.get_mut(place).context("too many categories")?;
        if known.is_none() {
            *sum = (category, 0.0);
            count += 1;
        }
        sum.1 += line_total(heap, keys, item)?;
    }
    let groups = heap.open(arena, 2 * count)?;
    for (place, (category, sum)) in sums[..count].iter().enumerate() {
        heap.set(groups, 2 * place, *category);
        heap.set(groups, 2 * place + 1, Value::float(*sum));
    }
    let groups = heap.close_object(groups)?;
    let id = field(heap, order, keys.order_id)?;
    Ok(heap.object(arena, &[(keys.id, id), (keys.by_category, groups)])?)
}

/// E5
pub(crate) fn lines(heap: &mut Heap, arena: ArenaId, keys: &Keys, order: Value) -> Result<Value> {
    let items = field(heap, order, keys.items)?;
    let mut found = [Value::NULL; LINES_MAX];
    let mut count = 0;
    for (slot, item) in found.iter_mut().zip(heap.elements(items)) {
        *slot = item;
        count += 1;
    }
    let made = heap.open(arena, count)?;
    for (place, item) in found[..count].iter().enumerate() {
        let sku = field(heap, *item, keys.sku)?;
        let total = Value::float(line_total(heap, keys, *item)?);
        let line = Value::int(place as i64 + 1);
        let line =
            heap.object(arena, &[(keys.sku, sku), (keys.line, line), (keys.total, total)])?;
        heap.set(made, place, line);
    }
    Ok(heap.close_array(made)?)
}

fn line_total(heap: &Heap, keys: &Keys, item: Value) -> Result<f64> {
    Ok(number(heap, field(heap, item, keys.price)?)? * number(heap, field(heap, item, keys.qty)?)?)
}

fn field(heap: &Heap, object: Value, key: Value) -> Result<Value> {
    heap.field(object, key).context("a field is missing")
}

fn number(heap: &Heap, value: Value) -> Result<f64> {
    match heap.view(value) {
        View::Int(int) => Ok(int as f64),
        View::Float(float) => Ok(float),
        _ => None.context("not a number"),
    }
}

const CATEGORIES_MAX: usize = 8;
const LINES_MAX: usize = 16;
