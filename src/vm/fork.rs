//! Children: branches of Parallel and iterations of Map, begun, joined and given up.
//!
//! A parent is frozen while its children run: nothing writes to its arena but the results that
//! come up. A Map makes a child only when there is room for one, and runs it at once as far as it
//! gets, so that as few values as possible are alive at a time.

use super::Raised;
use super::context;
use super::execution::Execution;
use super::frame::{Frame, FrameId, Waiting};
use super::history::{self, Detail};
use super::machine::{Flow, Machine, Outcome};
use crate::base::limits::PAYLOAD_BYTES_MAX;
use crate::expr::walk::Walk;
use crate::expr::{Evaluation, Fault, Roots};
use crate::program::{Amount, Batcher, ForkIdx, Map, MapIdx, Program, StateIdx, StateKind};
use crate::value::{ArenaId, TooLarge, Value, View};

/// What a parent waits for.
#[derive(Debug, Default)]
pub(super) struct Join {
    /// Whether the place is in use.
    live: bool,
    work: Work,
    /// Items or branches.
    total: u32,
    /// The first item or branch that no child has taken.
    next: u32,
    /// Children that run or wait.
    running: Vec<FrameId>,
    /// Children that may do so at once.
    concurrency_max: u32,
    /// Children begun.
    begun: u32,
    /// Results by child; nothing for one that is open, or failed and was tolerated.
    results: Vec<Option<Value>>,
    /// Items that failed and were tolerated.
    failed: u32,
    /// What the next child's first event names as its cause.
    cause_event: u32,
    /// What the parent's next event names as its cause.
    last_event: u32,
    /// Whether the parent stands in the queue, to begin another child.
    queued: bool,
}

/// What the children of a join run.
#[derive(Clone, Copy, Debug)]
enum Work {
    Branches(ForkIdx),
    Iterations { map: MapIdx, items: Value, tolerated: Option<Tolerated> },
}

impl Join {
    /// Whether somebody waits.
    pub(super) fn is_live(&self) -> bool {
        self.live
    }

    /// Makes the place free for another join.
    pub(super) fn vacate(&mut self) {
        self.live = false;
    }
}

impl Default for Work {
    fn default() -> Self {
        Self::Branches(ForkIdx(0))
    }
}

/// Failures that a distributed Map tolerates.
#[derive(Clone, Copy, Debug)]
struct Tolerated {
    count: Option<u64>,
    percentage: Option<f64>,
}

impl Tolerated {
    /// Whether `failed` of `total` items are too many; a limit that is not given is not asked,
    /// unless none is: then the first failure is too many.
    fn exceeded(self, failed: u32, total: u32) -> bool {
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
struct Assignment {
    input: Value,
    item: Option<(u32, Value)>,
    /// Items taken.
    taken: u32,
}

/// What the queue had.
pub(super) enum Ready {
    /// A frame runs now.
    Runs,
    /// A parent could not begin its next child; the error is the parent's.
    Raised(Raised),
    /// Nothing is ready.
    Nothing,
}

// Frames in and out of the running place.
impl Machine<'_, '_> {
    /// Whether nothing runs.
    pub(super) fn is_idle(&self) -> bool {
        let frame = &self.execution.frame;
        frame.id == FrameId::NONE || frame.waiting != Waiting::Turn
    }

    /// Puts the running frame, which waits, aside. An execution that has not forked has only one
    /// frame, which can wait where it is.
    pub(super) fn set_aside(&mut self) {
        if !self.execution.frames.is_empty() {
            self.park();
        }
    }

    /// Puts the running frame where it belongs; nothing runs then.
    fn park(&mut self) {
        let Execution { frame, frames, .. } = &mut *self.execution;
        if frames.is_empty() {
            frames.push(Frame::new());
        }
        let id = frame.id;
        std::mem::swap(frame, &mut frames[id.index()]);
        frame.id = FrameId::NONE;
    }

    /// Lets `id` run; whatever ran is parked.
    pub(super) fn switch_to(&mut self, id: FrameId) {
        if self.execution.frame.id == id {
            return;
        }
        if self.execution.frame.id != FrameId::NONE {
            self.park();
        }
        let Execution { frame, frames, .. } = &mut *self.execution;
        std::mem::swap(frame, &mut frames[id.index()]);
        self.enter_domain(self.execution.frame.domain);
    }

    /// Changes which count of events goes on.
    fn enter_domain(&mut self, domain: u32) {
        let Execution { event, domain: current, domains, .. } = &mut *self.execution;
        if *current != domain {
            let places = (*current).max(domain) as usize + 1;
            if domains.len() < places {
                domains.resize(places, 0);
            }
            domains[*current as usize] = *event;
            *event = domains[domain as usize];
            *current = domain;
        }
    }

    /// Goes to the back of the queue with what is left to do.
    pub(super) fn yield_turn(&mut self) {
        if !self.execution.frames.is_empty() {
            self.execution.ready.push_back(self.execution.frame.id);
            self.park();
        }
    }

    /// Lets the next frame run that can.
    pub(super) fn take_ready(&mut self, program: &Program) -> Ready {
        while let Some(id) = self.execution.ready.pop_front() {
            let Waiting::Children(join) = self.execution.frames[id.index()].waiting else {
                self.switch_to(id);
                return Ready::Runs;
            };
            match self.begin_child(program, id, join) {
                Ok(true) => return Ready::Runs,
                Ok(false) => {}
                Err(raised) => {
                    self.give_up(program, id, join, FrameId::NONE);
                    return Ready::Raised(raised);
                }
            }
        }
        Ready::Nothing
    }
}

// Parents.
impl Machine<'_, '_> {
    pub(super) fn begin_branches(&mut self, program: &Program, fork: ForkIdx) -> Outcome {
        self.check_input(program)?;
        let total = program.forks[fork.index()].branches.len() as u32;
        self.event("ParallelStateStarted", |_, _| Vec::new());
        Ok(self.begin_join(Work::Branches(fork), total, total))
    }

    pub(super) fn begin_iterations(&mut self, program: &Program, index: MapIdx) -> Outcome {
        self.check_input(program)?;
        let map = &program.maps[index.index()];
        let items = self.items(map)?;
        let concurrency_max = self.concurrency(map)?;
        let total = self.execution.heap.len(items) as u32;
        self.event("MapStateStarted", |_, _| vec![("length", Detail::Count(u64::from(total)))]);
        let tolerated = self.tolerated(map)?;
        if let Some(distributed) = &map.distributed {
            self.event("MapRunStarted", |machine, program| {
                let world = &program.world;
                let (region, account, name) = (&world.region, &world.account, &world.machine_name);
                let (label, execution) = (&distributed.label, &machine.execution.identity.name);
                let arn =
                    format!("arn:aws:states:{region}:{account}:mapRun:{name}/{label}:{execution}");
                vec![("mapRunArn", Detail::Text(arn.into()))]
            });
        }
        Ok(self.begin_join(
            Work::Iterations { map: index, items, tolerated },
            total,
            concurrency_max,
        ))
    }

    /// The limit on what a state hands to its work.
    fn check_input(&self, program: &Program) -> Result<(), Raised> {
        if self.execution.frame.cur.json_len() > PAYLOAD_BYTES_MAX {
            return Err(self.oversize(program));
        }
        Ok(())
    }

    /// The items, laid out so that each is found at once.
    fn items(&mut self, map: &Map) -> Result<Value, Raised> {
        let Execution { heap, frame, .. } = &mut *self.execution;
        let found = match &map.items {
            None => frame.cur,
            Some(walk) => {
                let roots =
                    Roots { input: frame.cur, context: frame.context, variables: &frame.variables };
                match walk.find(heap, roots) {
                    Ok(found) => found,
                    Err(missing) => {
                        let fault = walk.invalid_path(heap, roots, missing);
                        return Err(self.runtime(&fault));
                    }
                }
            }
        };
        if !matches!(heap.view(found), View::Array) {
            // AWS prints a path into the context object with one `$` (recorded).
            let path = map.items.as_ref().map_or("$", |walk| &walk.text);
            let path = if path.starts_with("$$") { &path[1..] } else { path };
            let fault = Fault::new(format!("Reference path \"{path}\" must point to array."));
            return Err(self.runtime(&fault));
        }
        heap.indexed(frame.arena, found).map_err(|error| self.runtime(&Fault::from(error)))
    }

    /// Iterations that may run at once.
    fn concurrency(&mut self, map: &Map) -> Result<u32, Raised> {
        let limits = self.turn.limits;
        let most = match map.distributed {
            None => limits.map_concurrency_max,
            Some(_) => limits.distributed_concurrency_max,
        };
        let own = self.integer(map.concurrency_max.as_ref(), "MaxConcurrency")?;
        Ok(match own {
            None | Some(0) => most,
            Some(own) => u32::try_from(own).unwrap_or(most).min(most),
        })
    }

    fn tolerated(&mut self, map: &Map) -> Result<Option<Tolerated>, Raised> {
        let Some(distributed) = &map.distributed else { return Ok(None) };
        let count = self.integer(distributed.tolerated_count.as_ref(), "ToleratedFailureCount")?;
        let percentage = match &distributed.tolerated_percentage {
            None => None,
            Some(Amount::Literal(percentage)) => Some(*percentage),
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
            Some(_) => Err(Fault::new("ToleratedFailurePercentage must be between 0 and 100.")),
        }
    }

    /// A whole number that may be read from the state's data.
    fn integer(
        &mut self,
        amount: Option<&Amount<u64>>,
        field: &str,
    ) -> Result<Option<u64>, Raised> {
        let walk = match amount {
            None => return Ok(None),
            Some(Amount::Literal(number)) => return Ok(Some(*number)),
            Some(Amount::Path(walk)) => walk,
        };
        let number = self.number(walk, self.roots(), field);
        number.map(Some).map_err(|fault| self.runtime(&fault))
    }

    /// A whole number that a path names; AWS takes one in quotes, too (recorded).
    fn number(&self, walk: &Walk, roots: Roots<'_>, field: &str) -> Result<u64, Fault> {
        let (number, text) = self.amount(walk, roots)?;
        match number {
            Some(number) if number.fract() != 0.0 => Err(not_a(field, "integer", &text, walk)),
            Some(number) if number < 0.0 => Err(Fault::new(format!("{field} cannot be negative."))),
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

    /// Lets the running frame wait until all of its children are joined.
    fn begin_join(&mut self, work: Work, total: u32, concurrency_max: u32) -> Flow {
        let execution = &mut *self.execution;
        let vacant = execution.joins.iter().position(|join| !join.live);
        let index = vacant.unwrap_or(execution.joins.len());
        if vacant.is_none() {
            execution.joins.push(Join::default());
        }
        let join = &mut execution.joins[index];
        join.running.clear();
        join.results.clear();
        *join = Join {
            live: true,
            work,
            total,
            next: 0,
            running: std::mem::take(&mut join.running),
            concurrency_max,
            begun: 0,
            results: std::mem::take(&mut join.results),
            failed: 0,
            cause_event: execution.frame.last_event,
            last_event: execution.frame.last_event,
            queued: true,
        };
        execution.frame.waiting = Waiting::Children(index as u32);
        Flow::Forked
    }

    /// Puts the running frame, which waits for its children now, into the queue to begin them.
    pub(super) fn freeze(&mut self) {
        self.execution.ready.push_front(self.execution.frame.id);
        self.park();
    }

    /// Lets the parent go on with the results of its children.
    fn end_join(&mut self, program: &Program, parent: FrameId, index: u32) {
        self.switch_to(parent);
        let Execution { heap, frame, joins, .. } = &mut *self.execution;
        let join = &mut joins[index as usize];
        join.live = false;
        frame.waiting = Waiting::Turn;
        frame.last_event = join.last_event;
        let kept = join.results.iter().flatten().count();
        let gathered = heap.open(frame.arena, kept).and_then(|open| {
            for (slot, result) in join.results.iter().flatten().enumerate() {
                heap.set(open, slot, *result);
            }
            heap.close_array(open)
        });
        // Results are payloads, and there are fewer of them than would fill 4 GiB.
        frame.cur = gathered.unwrap_or(Value::NULL);
        if let Work::Iterations { map, .. } = join.work
            && program.maps[map.index()].distributed.is_some()
        {
            self.event("MapRunSucceeded", |_, _| Vec::new());
        }
        let kind = match self.state(program).kind {
            StateKind::Map => "MapStateSucceeded",
            _ => "ParallelStateSucceeded",
        };
        let previous = self.execution.frame.last_event;
        self.side_event(kind, previous, |_| Vec::new());
    }
}

// Children.
impl Machine<'_, '_> {
    /// Begins the next child of a parked parent, or ends the join; false when neither can be now.
    fn begin_child(
        &mut self,
        program: &Program,
        parent: FrameId,
        index: u32,
    ) -> Result<bool, Raised> {
        let join = &mut self.execution.joins[index as usize];
        join.queued = false;
        if join.next == join.total {
            let joined = join.running.is_empty();
            if joined {
                self.end_join(program, parent, index);
            }
            return Ok(joined);
        }
        if join.running.len() >= join.concurrency_max as usize {
            return Ok(false);
        }
        self.enter_domain(self.execution.frames[parent.index()].domain);
        let execution = &mut *self.execution;
        let open = execution.frames.len() - execution.vacant.len();
        let limits = self.turn.limits;
        if open >= limits.frames_max || execution.heap.held_bytes() >= limits.held_bytes_max {
            return Err(self.of_parent(program, parent, &Fault::new(format!(
                "The execution holds {open} open branches and iterations and {} bytes of values, more than it may",
                self.execution.heap.held_bytes()
            ))));
        }
        let arena = execution.heap.open_arena();
        let arena = arena.map_err(|error| self.of_parent(program, parent, &Fault::from(error)))?;
        match self.assignment(program, parent, index, arena) {
            Ok(assignment) => {
                self.spawn(program, parent, index, arena, &assignment);
                Ok(true)
            }
            Err(raised) => {
                self.execution.heap.close_arena(arena);
                Err(raised)
            }
        }
    }

    /// An error of a parked parent.
    #[cold]
    fn of_parent(&self, program: &Program, parent: FrameId, fault: &Fault) -> Raised {
        let parent = &self.execution.frames[parent.index()];
        Raised::runtime(&program.states[parent.state.index()].name, parent.entered_event, fault)
    }

    /// What the next child works on; values that have to be made for it are made in its arena.
    fn assignment(
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
        let parent_frame = &frames[parent.index()];
        let context = if selector.reads_context() {
            context::with_item(heap, arena, &program.keys, parent_frame.context, item)
        } else {
            Ok(parent_frame.context)
        };
        let filled = context.map_err(Fault::from).and_then(|context| {
            selector.fill(&mut Evaluation {
                heap,
                arena,
                roots: Roots {
                    input: parent_frame.cur,
                    context,
                    variables: &parent_frame.variables,
                },
                parser: self.turn.parser,
                entropy: self.turn.entropy,
            })
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
        let items_max =
            self.parent_integer(program, parent, batcher.items_max.as_ref(), "MaxItemsPerBatch")?;
        let bytes_max = self.parent_integer(
            program,
            parent,
            batcher.bytes_max.as_ref(),
            "MaxInputBytesPerBatch",
        )?;
        let bytes_max = bytes_max.unwrap_or(u64::MAX).min(PAYLOAD_BYTES_MAX as u64);
        let mut entries = Vec::with_capacity(2);
        if let Some(input) = &batcher.input {
            let Execution { heap, frames, .. } = &mut *self.execution;
            let frame = &frames[parent.index()];
            let filled = input.fill(&mut Evaluation {
                heap,
                arena,
                roots: Roots {
                    input: frame.cur,
                    context: frame.context,
                    variables: &frame.variables,
                },
                parser: self.turn.parser,
                entropy: self.turn.entropy,
            });
            let filled = filled.map_err(|fault| self.of_parent(program, parent, &fault))?;
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
        let open = heap.open(arena, chosen.len())?;
        for (slot, item) in chosen.iter().enumerate() {
            heap.set(open, slot, *item);
        }
        entries.push((program.keys.items, heap.close_array(open)?));
        let open = heap.open(arena, 2 * entries.len())?;
        for (entry, (key, value)) in entries.into_iter().enumerate() {
            heap.set(open, 2 * entry, key);
            heap.set(open, 2 * entry + 1, value);
        }
        heap.close_object(open)
    }

    /// [`Self::integer`] over the data of a parked parent.
    fn parent_integer(
        &mut self,
        program: &Program,
        parent: FrameId,
        amount: Option<&Amount<u64>>,
        field: &str,
    ) -> Result<Option<u64>, Raised> {
        let walk = match amount {
            None => return Ok(None),
            Some(Amount::Literal(number)) => return Ok(Some(*number)),
            Some(Amount::Path(walk)) => walk,
        };
        let frame = &self.execution.frames[parent.index()];
        let roots = Roots { input: frame.cur, context: frame.context, variables: &frame.variables };
        let number = self.number(walk, roots, field);
        number.map(Some).map_err(|fault| self.of_parent(program, parent, &fault))
    }

    fn spawn(
        &mut self,
        program: &Program,
        parent: FrameId,
        index: u32,
        arena: ArenaId,
        assignment: &Assignment,
    ) {
        let execution = &mut *self.execution;
        execution.children += 1;
        execution.child_input_bytes += assignment.input.json_len() as u64;
        let id = execution.vacant.pop().unwrap_or_else(|| {
            execution.frames.push(Frame::new());
            FrameId(execution.frames.len() as u32 - 1)
        });
        let join = &mut execution.joins[index as usize];
        let number = join.begun;
        join.begun += 1;
        join.next += assignment.taken;
        join.results.push(None);
        join.running.push(id);
        let (work, cause_event) = (join.work, join.cause_event);
        let more = join.next < join.total && join.running.len() < join.concurrency_max as usize;
        if more && !join.queued {
            join.queued = true;
            execution.ready.push_front(parent);
        }
        let last_event = match work {
            Work::Iterations { tolerated: None, .. } => {
                let state = execution.frames[parent.index()].state;
                self.iteration_event("MapIterationStarted", cause_event, state, number)
            }
            _ => cause_event,
        };
        let Execution { frame, frames, domains, .. } = &mut *self.execution;
        std::mem::swap(frame, &mut frames[id.index()]);
        frame.renew();
        let parent_frame = &frames[parent.index()];
        frame.id = id;
        frame.parent = parent;
        frame.index = number;
        frame.arena = arena;
        frame.cur = assignment.input;
        frame.item = assignment.item;
        frame.last_event = last_event;
        frame.domain = parent_frame.domain;
        match work {
            Work::Branches(fork) => {
                frame.pc = program.forks[fork.index()].branches[number as usize];
                frame.variables.extend_from_slice(&parent_frame.variables);
            }
            Work::Iterations { map, tolerated: None, .. } => {
                frame.pc = program.maps[map.index()].entry;
                frame.variables.extend_from_slice(&parent_frame.variables);
            }
            // A child of a distributed Map is an execution of its own: it has a count of events
            // of its own, and does not see the variables outside.
            Work::Iterations { map, tolerated: Some(_), .. } => {
                frame.pc = program.maps[map.index()].entry;
                frame.variables.resize(program.variables.len(), None);
                frame.domain = domains.len().max(1) as u32;
                domains.resize(frame.domain as usize + 1, 1);
                self.enter_domain(self.execution.frame.domain);
            }
        }
    }

    /// The running frame has ended with its result: it goes up to the parent.
    pub(super) fn join(&mut self, program: &Program) -> Option<Raised> {
        let (parent, index, number) = self.parent();
        let Execution { heap, frame, frames, joins, .. } = &mut *self.execution;
        let into = frames[parent.index()].arena;
        let Ok(result) = heap.move_up(frame.cur, frame.arena, into) else {
            return Some(self.oversize(program));
        };
        let join = &mut joins[index as usize];
        join.results[number as usize] = Some(result);
        let last_event = frame.last_event;
        join.cause_event = last_event;
        join.last_event = last_event;
        let inline = matches!(join.work, Work::Iterations { tolerated: None, .. });
        let state = frames[parent.index()].state;
        self.enter_domain(self.execution.frames[parent.index()].domain);
        if inline {
            let id = self.iteration_event("MapIterationSucceeded", last_event, state, number);
            self.execution.joins[index as usize].last_event = id;
        }
        self.retire(parent, index);
        None
    }

    /// The join that the running frame belongs to: parent, number of the join, number of the child.
    fn parent(&self) -> (FrameId, u32, u32) {
        let frame = &self.execution.frame;
        let index = match self.execution.frames[frame.parent.index()].waiting {
            Waiting::Children(index) => index,
            _ => 0,
        };
        (frame.parent, index, frame.index)
    }

    /// Takes the running frame, which is done, out of its join, and lets the parent see to what
    /// comes next.
    fn retire(&mut self, parent: FrameId, index: u32) {
        let id = self.execution.frame.id;
        self.execution.heap.close_arena(self.execution.frame.arena);
        self.park();
        let Execution { joins, vacant, ready, .. } = &mut *self.execution;
        let join = &mut joins[index as usize];
        if let Some(place) = join.running.iter().position(|running| *running == id) {
            join.running.swap_remove(place);
        }
        vacant.push(id);
        if !join.queued {
            join.queued = true;
            ready.push_front(parent);
        }
    }

    /// An event about an iteration; `state` is the Map.
    fn iteration_event(
        &mut self,
        kind: &'static str,
        previous: u32,
        state: StateIdx,
        number: u32,
    ) -> u32 {
        self.side_event(kind, previous, |program| {
            vec![
                ("name", history::text(&program.states[state.index()].name)),
                ("index", Detail::Count(u64::from(number))),
            ]
        })
    }

    /// The running frame has failed and nobody in it took the error. Returns the parent's error,
    /// with the parent running, unless the failure is tolerated.
    pub(super) fn child_failed(&mut self, program: &Program, raised: Raised) -> Option<Raised> {
        let (parent, index, number) = self.parent();
        let join = &mut self.execution.joins[index as usize];
        let mut raised = raised;
        let distributed = match join.work {
            Work::Iterations { tolerated: Some(tolerated), .. } => {
                join.failed += 1;
                if !tolerated.exceeded(join.failed, join.total) {
                    self.retire(parent, index);
                    return None;
                }
                raised = Raised::threshold();
                true
            }
            _ => false,
        };
        let inline = matches!(join.work, Work::Iterations { tolerated: None, .. });
        let (child, mut last_event) = (self.execution.frame.id, self.execution.frame.last_event);
        let frame = &self.execution.frames[parent.index()];
        let (state, domain) = (frame.state, frame.domain);
        self.enter_domain(domain);
        if distributed {
            last_event = self.execution.joins[index as usize].last_event;
        }
        if inline {
            self.iteration_event("MapIterationFailed", last_event, state, number);
        }
        self.give_up(program, parent, index, child);
        self.execution.frame.last_event = last_event;
        if distributed {
            self.event("MapRunFailed", |_, _| Vec::new());
        }
        Some(raised)
    }

    /// Drops all children of a join and lets the parent run. The child `failed` has told its end
    /// already.
    fn give_up(&mut self, program: &Program, parent: FrameId, index: u32, failed: FrameId) {
        if self.execution.frame.id != FrameId::NONE {
            self.park();
        }
        self.drop_children(program, parent, index, failed);
        self.switch_to(parent);
        self.execution.frame.waiting = Waiting::Turn;
    }

    fn drop_children(&mut self, program: &Program, parent: FrameId, index: u32, failed: FrameId) {
        let join = &mut self.execution.joins[index as usize];
        join.live = false;
        let children = std::mem::take(&mut join.running);
        let inline = matches!(join.work, Work::Iterations { tolerated: None, .. });
        let detached = matches!(join.work, Work::Iterations { tolerated: Some(_), .. });
        let map = self.execution.frames[parent.index()].state;
        self.execution.ready.retain(|ready| *ready != parent);
        for child in children {
            self.drop_frame(program, child);
            if child != failed && !detached {
                let Frame { state, last_event, index, .. } = self.execution.frames[child.index()];
                let aborted = history::names(program.states[state.index()].kind).aborted;
                let mut previous = last_event;
                if !aborted.is_empty() {
                    previous = self.side_event(aborted, last_event, |_| Vec::new());
                }
                if inline {
                    self.iteration_event("MapIterationAborted", previous, map, index);
                }
            }
            let arena = self.execution.frames[child.index()].arena;
            self.execution.heap.close_arena(arena);
            self.execution.vacant.push(child);
        }
    }

    /// Withdraws what a parked frame waits for. Nesting is bounded by the definition's.
    fn drop_frame(&mut self, program: &Program, id: FrameId) {
        let frame = &mut self.execution.frames[id.index()];
        if let Some(token) = frame.token.take() {
            self.turn.cancelled.push(token);
        }
        match frame.waiting {
            Waiting::Children(join) => self.drop_children(program, id, join, FrameId::NONE),
            Waiting::Call { .. } | Waiting::Time => {
                // It may have asked in this very run.
                self.turn.effects.retain(|(frame, _)| *frame != id);
            }
            Waiting::Turn => self.execution.ready.retain(|ready| *ready != id),
        }
    }
}

/// AWS's text for a path that names no number.
#[cold]
fn not_a(field: &str, kind: &str, text: &str, walk: &Walk) -> Fault {
    Fault::new(format!(
        "The {field}Path field refers to value \"{text}\" which is not a valid {kind}: {}",
        walk.text
    ))
}
