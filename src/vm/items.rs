//! What the iterations of a Map work on: its items, how many at once, and each one's input.

use super::Raised;
use super::context;
use super::evaluate::{Whole, Whose};
use super::execution::Execution;
use super::fork::{Join, Work};
use super::frame::FrameId;
use super::machine::Machine;
use crate::base::limits::PAYLOAD_BYTES_MAX;
use crate::expr::walk::Walk;
use crate::expr::{Evaluation, Fault, Roots};
use crate::program::{Amount, Batcher, ExpressionIdx, Form, Items, Map, Payload, Program, Shape};
use crate::value::{ArenaId, TooLarge, Value, View};

/// Failures that a distributed Map tolerates.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tolerated {
    count: Option<u64>,
    percentage: Option<f64>,
}

impl Tolerated {
    /// Whether `failed` of `total` items are too many; a limit that is not given is not asked,
    /// unless none is: then the first failure is too many.
    pub(super) fn exceeded(self, failed: u32, total: u32) -> bool {
        let share = f64::from(failed) * 100.0 / f64::from(total.max(1));
        match (self.count, self.percentage) {
            (None, None) => failed > 0,
            (count, percentage) => {
                count.is_some_and(|count| u64::from(failed) > count)
                    || percentage.is_some_and(|percentage| share > percentage)
            }
        }
    }
}

/// What a new child is to work on.
pub(super) struct Assignment {
    pub(super) input: Value,
    pub(super) item: Option<(u32, Value)>,
    /// Items taken.
    pub(super) taken: u32,
}

impl Machine<'_, '_> {
    /// The items, laid out so that each is found at once.
    pub(super) fn items(&mut self, program: &Program, map: &Map) -> Result<Value, Raised> {
        let found = match &map.items {
            Items::Form(form) => self.items_of(program, form.as_ref())?,
            Items::Path(path) => self.items_at(path.as_ref())?,
        };
        let Execution { heap, frame, .. } = &mut *self.execution;
        heap.indexed(frame.arena, found).map_err(|error| self.runtime(&Fault::from(error)))
    }

    fn items_at(&self, path: Option<&Walk>) -> Result<Value, Raised> {
        let Execution { heap, frame, .. } = &*self.execution;
        let roots = Roots { input: frame.cur, context: frame.context, variables: &frame.variables };
        let found = match path {
            None => frame.cur,
            Some(walk) => walk.find(heap, roots).map_err(|missing| {
                let fault = walk.invalid_path(heap, roots, missing);
                self.runtime(&fault)
            })?,
        };
        if matches!(heap.view(found), View::Array) {
            return Ok(found);
        }
        // AWS prints a path into the context object with one `$` (recorded).
        let path = path.map_or("$", |walk| &walk.text);
        let path = if path.starts_with("$$") { &path[1..] } else { path };
        let fault = Fault::path(format!("Reference path \"{path}\" must point to array."));
        Err(self.runtime(&fault))
    }

    fn items_of(&mut self, program: &Program, form: Option<&Form>) -> Result<Value, Raised> {
        let found = match form {
            None => self.execution.frame.raw,
            Some(form) => self.fill_form(program, form, Whose::Running)?,
        };
        if matches!(self.execution.heap.view(found), View::Array) {
            return Ok(found);
        }
        if let Some(Form { shape: Shape::Expression(index), .. }) = form {
            return Err(self.wrong_type(program, *index, Whose::Running, "array", found));
        }
        let complaint =
            format!("Map state input must be an array but was: {}", self.json_of(found));
        let frame = &self.execution.frame;
        let name = &program.states[frame.state.index()].name;
        Err(Raised::query(name, frame.entered_event, &complaint, None))
    }

    /// Iterations that may run at once.
    pub(super) fn concurrency(&mut self, program: &Program, map: &Map) -> Result<u32, Raised> {
        let limits = self.turn.limits;
        let most = match map.distributed {
            None => limits.map_concurrency_max,
            Some(_) => limits.distributed_concurrency_max,
        };
        let own =
            self.integer(program, Whose::Running, map.concurrency_max.as_ref(), "MaxConcurrency")?;
        Ok(match own {
            None | Some(0) => most,
            Some(own) => u32::try_from(own).unwrap_or(most).min(most),
        })
    }

    pub(super) fn tolerated(
        &mut self,
        program: &Program,
        map: &Map,
    ) -> Result<Option<Tolerated>, Raised> {
        let Some(distributed) = &map.distributed else { return Ok(None) };
        let count = self.integer(
            program,
            Whose::Running,
            distributed.tolerated_count.as_ref(),
            "ToleratedFailureCount",
        )?;
        let percentage = match &distributed.tolerated_percentage {
            None => None,
            Some(Amount::Literal(percentage)) => Some(*percentage),
            Some(Amount::Expression(index)) => Some(self.percentage_of(program, *index)?),
            Some(Amount::Path(walk)) => {
                let percentage = self.percentage(walk);
                Some(percentage.map_err(|fault| self.runtime(&fault))?)
            }
        };
        Ok(Some(Tolerated { count, percentage }))
    }

    fn percentage(&self, walk: &Walk) -> Result<f64, Fault> {
        let (number, text) = self.amount(walk, self.roots())?;
        match number {
            None => Err(not_a("ToleratedFailurePercentage", "float", &text, walk)),
            Some(number) if (0.0..=100.0).contains(&number) => Ok(number),
            Some(_) => Err(Fault::path(PERCENTAGE_BOUNDS)),
        }
    }

    fn percentage_of(&mut self, program: &Program, index: ExpressionIdx) -> Result<f64, Raised> {
        let (number, _) = self.number_of(program, index, Whose::Running)?;
        if (0.0..=100.0).contains(&number) {
            return Ok(number);
        }
        Err(self.unfit(program, index, Whose::Running, PERCENTAGE_BOUNDS))
    }

    /// A whole number that may be read from the state's data.
    fn integer(
        &mut self,
        program: &Program,
        whose: Whose,
        amount: Option<&Amount<u64>>,
        field: &str,
    ) -> Result<Option<u64>, Raised> {
        let walk = match amount {
            None => return Ok(None),
            Some(Amount::Literal(number)) => return Ok(Some(*number)),
            Some(Amount::Expression(index)) => {
                return self.whole_of(program, *index, whose, Whole::Count).map(Some);
            }
            Some(Amount::Path(walk)) => walk,
        };
        let frame = self.frame_of(whose);
        let roots = Roots { input: frame.cur, context: frame.context, variables: &frame.variables };
        let number = self.number(walk, roots, field);
        number.map(Some).map_err(|fault| self.fault_of(program, whose, &fault))
    }

    /// A whole number that a path names; AWS takes one in quotes, too (recorded).
    fn number(&self, walk: &Walk, roots: Roots<'_>, field: &str) -> Result<u64, Fault> {
        let (number, text) = self.amount(walk, roots)?;
        match number {
            Some(number) if number.fract() != 0.0 => Err(not_a(field, "integer", &text, walk)),
            Some(number) if number < 0.0 => {
                Err(Fault::path(format!("{field} cannot be negative.")))
            }
            Some(number) => Ok(number as u64),
            None => Err(not_a(field, "integer", &text, walk)),
        }
    }

    /// What a path names as a number, if it is one, and as text.
    fn amount(&self, walk: &Walk, roots: Roots<'_>) -> Result<(Option<f64>, String), Fault> {
        let heap = &self.execution.heap;
        let value =
            walk.find(heap, roots).map_err(|missing| walk.invalid_path(heap, roots, missing))?;
        let number = match heap.view(value) {
            View::Int(number) => Some(number as f64),
            View::Float(number) => Some(number),
            View::Str(text) => text.parse::<f64>().ok().filter(|number| number.is_finite()),
            _ => None,
        };
        Ok((number, self.printed(value)))
    }

    /// What the next child works on; values that have to be made for it are made in its arena.
    pub(super) fn assignment(
        &mut self,
        program: &Program,
        parent: FrameId,
        index: u32,
        arena: ArenaId,
    ) -> Result<Assignment, Raised> {
        let join = &self.execution.joins[index as usize];
        let (map, items, next) = match join.work {
            Work::Branches(_) => {
                let parent = &self.execution.frames[parent.index()];
                return Ok(Assignment { input: parent.cur, item: parent.item, taken: 1 });
            }
            Work::Iterations { map, items, .. } => (&program.maps[map.index()], items, join.next),
        };
        let batcher = map.distributed.as_ref().and_then(|distributed| distributed.batcher.as_ref());
        let assignment = match batcher {
            None => {
                let value = self.execution.heap.element(items, next as usize);
                let item = (next, value.unwrap_or(Value::NULL));
                let input = self.selected(program, parent, map, item, arena)?;
                Assignment { input, item: Some(item), taken: 1 }
            }
            Some(batcher) => self.batch(program, parent, index, map, batcher, arena)?,
        };
        if assignment.input.json_len() > PAYLOAD_BYTES_MAX {
            let state = self.execution.frames[parent.index()].state;
            return Err(Raised::oversize(&program.states[state.index()].name).terminal());
        }
        Ok(assignment)
    }

    /// An item as `ItemSelector` shapes it.
    fn selected(
        &mut self,
        program: &Program,
        parent: FrameId,
        map: &Map,
        item: (u32, Value),
        arena: ArenaId,
    ) -> Result<Value, Raised> {
        let Some(selector) = &map.selector else { return Ok(item.1) };
        let Execution { heap, frames, .. } = &mut *self.execution;
        let context = frames[parent.index()].context;
        let context = if selector.reads_context() {
            context::with_item(heap, arena, &program.keys, context, item)
        } else {
            Ok(context)
        };
        let context =
            context.map_err(|error| self.of_parent(program, parent, &Fault::from(error)))?;
        self.fill_over(program, parent, selector, context, arena)
    }

    /// Fills a payload over the data of a parked parent, into the arena of its child.
    fn fill_over(
        &mut self,
        program: &Program,
        parent: FrameId,
        payload: &Payload,
        context: Value,
        arena: ArenaId,
    ) -> Result<Value, Raised> {
        let template = match payload {
            Payload::Form(form) => {
                return self.fill_form(program, form, Whose::Parent { id: parent, arena, context });
            }
            Payload::Template(template) => template,
        };
        let Execution { heap, frames, .. } = &mut *self.execution;
        let frame = &frames[parent.index()];
        let filled = template.fill(&mut Evaluation {
            heap,
            arena,
            roots: Roots { input: frame.cur, context, variables: &frame.variables },
            parser: self.turn.parser,
            entropy: self.turn.entropy,
        });
        filled.map_err(|fault| self.of_parent(program, parent, &fault))
    }

    /// As many items as the batcher allows, at least one:
    /// `{"BatchInput": ..., "Items": [...]}` (developer guide, "input-output-itembatcher").
    fn batch(
        &mut self,
        program: &Program,
        parent: FrameId,
        index: u32,
        map: &Map,
        batcher: &Batcher,
        arena: ArenaId,
    ) -> Result<Assignment, Raised> {
        let context = self.execution.frames[parent.index()].context;
        let whose = Whose::Parent { id: parent, arena, context };
        let mut limit = |amount, field| self.integer(program, whose, amount, field);
        let items_max = limit(batcher.items_max.as_ref(), "MaxItemsPerBatch")?;
        let bytes_max = limit(batcher.bytes_max.as_ref(), "MaxInputBytesPerBatch")?;
        let bytes_max = bytes_max.unwrap_or(u64::MAX).min(PAYLOAD_BYTES_MAX as u64);
        let mut entries = Vec::with_capacity(2);
        if let Some(input) = &batcher.input {
            let filled = self.fill_over(program, parent, input, context, arena)?;
            entries.push((program.keys.batch_input, filled));
        }
        let Join { next, total, work, .. } = &self.execution.joins[index as usize];
        let (next, total) = (*next, *total);
        let Work::Iterations { items, .. } = *work else {
            return Ok(Assignment { input: Value::NULL, item: None, taken: 1 });
        };
        // Braces, keys, colons and commas around the items.
        let mut bytes =
            entries.iter().map(|(_, input)| input.json_len() as u64 + 14).sum::<u64>() + 12;
        let mut chosen = Vec::new();
        for number in next..total {
            if chosen.len() as u64 >= items_max.unwrap_or(u64::MAX).max(1) {
                break;
            }
            let value = self.execution.heap.element(items, number as usize);
            let item = (number, value.unwrap_or(Value::NULL));
            let selected = self.selected(program, parent, map, item, arena)?;
            bytes += selected.json_len() as u64 + 1;
            if bytes > bytes_max && !chosen.is_empty() {
                break;
            }
            chosen.push(selected);
        }
        let taken = chosen.len() as u32;
        let input = self.batch_input(program, arena, entries, &chosen);
        let input = input.map_err(|error| self.of_parent(program, parent, &Fault::from(error)))?;
        Ok(Assignment { input, item: None, taken })
    }

    fn batch_input(
        &mut self,
        program: &Program,
        arena: ArenaId,
        mut entries: Vec<(Value, Value)>,
        chosen: &[Value],
    ) -> Result<Value, TooLarge> {
        let heap = &mut self.execution.heap;
        entries.push((program.keys.items, heap.array(arena, chosen)?));
        heap.object(arena, &entries)
    }
}

/// AWS's text for a path that names no number.
#[cold]
fn not_a(field: &str, kind: &str, text: &str, walk: &Walk) -> Fault {
    Fault::path(format!(
        "The {field}Path field refers to value \"{text}\" which is not a valid {kind}: {}",
        walk.text
    ))
}

const PERCENTAGE_BOUNDS: &str = "ToleratedFailurePercentage must be between 0 and 100.";
