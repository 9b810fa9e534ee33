//! Out of an evaluation: items as values of the heap, and as text.

use super::super::item::{Item, Kind};
use super::super::number::Number;
use super::super::{Code, Dialect, Thrown};
use super::read::out_of_range;
use super::{Evaluator, ITEMS_PER_STEP, View, out_of_memory};
use crate::value::{Value, write_string};

/// What became of a result.
pub(in super::super) enum Exported {
    Value(Value),
    /// A function, or something that holds one.
    Function,
}

impl Evaluator<'_> {
    /// Copies an item out of the scratch; what is a value of the heap already stays it.
    ///
    /// # Errors
    /// Memory when the heap is full; U1001 when it is nested too deep; U1002.
    pub(in super::super) fn export(&mut self, item: Item) -> Result<Exported, Thrown> {
        let value = match item.kind() {
            Kind::Value(value) => value,
            Kind::Float(float) => self.export_float(float)?,
            Kind::Text(at) => {
                self.heap_bytes += at.len as usize;
                let text = &self.scratch.text[at.range()];
                self.heap.string(self.arena, text).map_err(|_| out_of_memory())?
            }
            Kind::Array(_) | Kind::Range { .. } => {
                let base = self.scratch.stack.len();
                self.spread(item)?;
                return self.export_container(base, false);
            }
            Kind::Object(_) => {
                let base = self.scratch.stack.len();
                self.spread_entries(item)?;
                return self.export_container(base, true);
            }
            Kind::Native(_) | Kind::Closure(_) | Kind::Regex(_) => return Ok(Exported::Function),
            // Inside an array, what is undefined is null, as JSON has no other word.
            Kind::Undefined | Kind::Unbound | Kind::TailCall => Value::NULL,
        };
        Ok(Exported::Value(value))
    }

    /// Makes an object of the result at once where the result goes, of keys and members by turns
    /// on the stack from `base` on.
    ///
    /// # Errors
    /// As [`Self::export`].
    #[inline(never)]
    pub(in super::super) fn finish_result(&mut self, base: usize) -> Result<Item, Thrown> {
        for index in base..self.scratch.stack.len() {
            let member = self.scratch.stack[index];
            if member.value().is_none() {
                let Exported::Value(value) = self.export(member)? else {
                    // A function inside is found out when the whole result is looked at.
                    return self.finish_object(base);
                };
                self.scratch.stack[index] = value.into();
            }
        }
        self.close_result(base, true)
    }

    /// Makes an array of the result at once where the result goes, of what lies on the stack from
    /// `base` on; `None` for fewer than two elements, which are no array as a sequence, and where one
    /// has to be exported first.
    ///
    /// # Errors
    /// As [`Self::export`].
    pub(in super::super) fn finish_result_array(
        &mut self,
        base: usize,
    ) -> Result<Option<Item>, Thrown> {
        let elements = &self.scratch.stack[base..];
        let count = elements.len();
        if count < 2 || elements.iter().any(|element| element.value().is_none()) {
            return Ok(None);
        }
        self.close_result(base, false).map(Some)
    }

    /// Makes a container of the values on the stack from `base` on, which are gone then.
    fn close_result(&mut self, base: usize, is_object: bool) -> Result<Item, Thrown> {
        let count = self.scratch.stack.len() - base;
        self.step_fuel(count / ITEMS_PER_STEP)?;
        self.check_value(8 * count)?;
        self.heap_bytes += 8 * count;
        let Self { heap, scratch, arena, .. } = self;
        let slots = scratch.stack[base..].iter().map(|item| item.value_or_null());
        let made = if is_object {
            heap.object_from(*arena, slots)
        } else {
            heap.array_from(*arena, slots)
        };
        let made = made.map_err(|_| out_of_memory())?;
        scratch.stack.truncate(base);
        Ok(made.into())
    }

    /// Exports what lies on the stack from `base` on, which is gone then.
    fn export_container(&mut self, base: usize, is_object: bool) -> Result<Exported, Thrown> {
        let count = self.scratch.stack.len() - base;
        self.step_fuel(count)?;
        self.heap_bytes += 8 * count;
        let open = self.heap.open(self.arena, count).map_err(|_| out_of_memory())?;
        for slot in 0..count {
            let item = self.scratch.stack[base + slot];
            let exported = match item.value() {
                Some(value) => Exported::Value(value),
                None if matches!(item.kind(), Kind::Text(_) | Kind::Float(_)) => {
                    self.export(item)?
                }
                None => self.descend(|this| this.export(item))?,
            };
            let Exported::Value(value) = exported else {
                self.scratch.stack.truncate(base);
                return Ok(Exported::Function);
            };
            self.heap.set(open, slot, value);
        }
        self.scratch.stack.truncate(base);
        let closed =
            if is_object { self.heap.close_object(open) } else { self.heap.close_array(open) };
        closed.map(Exported::Value).map_err(|_| out_of_memory())
    }

    /// AWS: what is not finite becomes a text (measured: `1/0` gives `"Infinity"`).
    fn export_float(&mut self, float: f64) -> Result<Value, Thrown> {
        if let Some(value) = Number::exported(float, self.dialect) {
            return Ok(value);
        }
        if self.dialect == Dialect::Full {
            return Ok(Value::NULL);
        }
        let text = if float.is_nan() {
            "NaN"
        } else if float > 0.0 {
            "Infinity"
        } else {
            "-Infinity"
        };
        self.heap.string(self.arena, text).map_err(|_| out_of_memory())
    }

    /// `$string`
    ///
    /// # Errors
    /// D3001 for what is not finite; D1001; Memory.
    pub(in super::super) fn stringified(
        &mut self,
        item: Item,
        pretty: bool,
    ) -> Result<Item, Thrown> {
        match self.view(item) {
            View::Undefined | View::Text(_) => return Ok(item),
            View::Function => return self.make_text(""),
            _ => {}
        }
        let begin = self.scratch.text.len();
        self.append_json(item, pretty)?;
        self.finish_text(begin)
    }

    /// Appends the text that `$string` makes of what is no text to the scratch's text.
    pub(super) fn append_json(&mut self, item: Item, pretty: bool) -> Result<(), Thrown> {
        match self.view(item) {
            View::Number(Number::Int(int)) => {
                self.scratch.text.push_str(itoa::Buffer::new().format(int));
                return Ok(());
            }
            View::Number(Number::Float(float)) if !float.is_finite() => {
                return Err(Thrown::new(Code::D3001));
            }
            View::Function => return Ok(()),
            _ => {}
        }
        let mut out = std::mem::take(&mut self.scratch.buffer);
        out.clear();
        let item = self.context(item);
        let written = self.write_json(item, &mut out, pretty.then_some(0), 0);
        self.scratch.text.push_str(&out);
        self.scratch.buffer = out;
        written
    }

    /// Writes an item as JSON; with an indent, over several lines.
    fn write_json(
        &mut self,
        item: Item,
        out: &mut String,
        indent: Option<usize>,
        level: usize,
    ) -> Result<(), Thrown> {
        self.check_room(out.len())?;
        let is_object = match self.view(item) {
            View::Null | View::Undefined => {
                out.push_str("null");
                return Ok(());
            }
            View::Bool(bool) => {
                out.push_str(if bool { "true" } else { "false" });
                return Ok(());
            }
            View::Number(number) => {
                if let Number::Float(float) = number
                    && !float.is_finite()
                {
                    return Err(out_of_range());
                }
                out.push_str(&number.text());
                return Ok(());
            }
            View::Text(text) => {
                let mut bytes = std::mem::take(out).into_bytes();
                write_string(text, &mut bytes);
                // Text between quotes, with escapes in ASCII, is UTF-8 as it was.
                *out = String::from_utf8(bytes).unwrap_or_default();
                return Ok(());
            }
            View::Function => {
                out.push_str("\"\"");
                return Ok(());
            }
            View::Array => false,
            View::Object => true,
        };
        self.step_fuel(1)?;
        let base = self.scratch.stack.len();
        if is_object {
            self.spread_entries(item)?;
        } else {
            self.spread(item)?;
        }
        let written =
            self.descend(|this| this.write_children(base, is_object, out, indent, level + 1));
        self.scratch.stack.truncate(base);
        written
    }

    fn write_children(
        &mut self,
        base: usize,
        is_object: bool,
        out: &mut String,
        indent: Option<usize>,
        level: usize,
    ) -> Result<(), Thrown> {
        let (open, close) = if is_object { ('{', '}') } else { ('[', ']') };
        out.push(open);
        let end = self.scratch.stack.len();
        let line = |out: &mut String, level: usize| {
            if indent.is_some() {
                out.push('\n');
                out.extend(std::iter::repeat_n(' ', 2 * level));
            }
        };
        for index in (base..end).step_by(if is_object { 2 } else { 1 }) {
            if index > base {
                out.push(',');
            }
            line(out, level);
            if is_object {
                self.write_json(self.scratch.stack[index], out, indent, level)?;
                out.push_str(if indent.is_some() { ": " } else { ":" });
                self.write_json(self.scratch.stack[index + 1], out, indent, level)?;
            } else {
                self.write_json(self.scratch.stack[index], out, indent, level)?;
            }
        }
        if end > base {
            line(out, level - 1);
        }
        out.push(close);
        Ok(())
    }

    /// The member of an object under a name of ours; undefined when there is none.
    pub(in super::super) fn member(&self, object: Item, name: &str) -> Item {
        match object.kind() {
            Kind::Value(value) => self.heap.field_named(value, name).into(),
            Kind::Object(at) => {
                let at = self.scratch.entries_at(at);
                let slots = self.scratch.items(at.offset, 2 * at.len as usize);
                let (entries, _) = slots.as_chunks::<2>();
                let found = entries.iter().find(|[key, _]| self.text(*key) == Some(name));
                found.map_or(Item::UNDEFINED, |[_, member]| *member)
            }
            _ => Item::UNDEFINED,
        }
    }
}
