//! The states that work and may fail: Task, Parallel, Map; and what takes their errors.

use crate::asl::model::{
    Amount, Assign, Catcher, Distributed, Jitter, Map, Parallel, PathField, Retrier, Task,
    Template, Transition,
};
use crate::asl::source::{Span, Spanned};
use crate::program::{self, ErrorEquals, ForkIdx, MapIdx, Op, Pc, StateKind, TaskIdx};

use super::Error;
use super::emit::{Emitted, Emitter, Runner, Slots};

/// What follows the work, the same in all three.
struct Aftermath<'m> {
    assign: Option<&'m Assign>,
    result_selector: Option<&'m Template>,
    result_path: &'m PathField,
    output_path: &'m PathField,
    transition: &'m Transition,
    retry: &'m [Retrier],
    catch: &'m [Catcher],
}

/// The fields of that name, whatever state they belong to.
macro_rules! aftermath {
    ($state:expr) => {
        Aftermath {
            assign: $state.assign.as_ref(),
            result_selector: $state.result_selector.as_ref(),
            result_path: &$state.result_path,
            output_path: &$state.output_path,
            transition: &$state.transition,
            retry: &$state.retry,
            catch: &$state.catch,
        }
    };
}

impl<'a> Emitter<'a> {
    pub(super) fn task(&mut self, task: &'a Task, slots: &Slots) -> Result<Emitted, Error> {
        self.input_path(&task.input_path)?;
        self.fill(task.parameters.as_ref(), Op::Build)?;
        let compiled = program::Task {
            resource: task.resource.value.as_str().into(),
            timeout: self.amount(task.timeout.as_ref())?,
            heartbeat: self.amount(task.heartbeat.as_ref())?,
            credentials: task.credentials.as_ref().map(|role| self.template(role)).transpose()?,
        };
        self.emit(Op::Call(TaskIdx(self.tasks.len() as u32)), task.resource.span);
        self.tasks.push(compiled);
        self.aftermath(StateKind::Task, &aftermath!(task), slots)
    }

    pub(super) fn parallel(
        &mut self,
        parallel: &'a Parallel,
        span: Span,
        slots: &Slots,
    ) -> Result<Emitted, Error> {
        self.input_path(&parallel.input_path)?;
        self.fill(parallel.parameters.as_ref(), Op::Build)?;
        let fork = ForkIdx(self.forks.len() as u32);
        self.emit(Op::Fork(fork), span);
        for (branch, graph) in parallel.branches.iter().enumerate() {
            self.inner.push_back((graph, Runner::Branch(fork, branch)));
        }
        let branches = vec![Pc(0); parallel.branches.len()].into();
        self.forks.push(program::Fork { branches });
        self.aftermath(StateKind::Parallel, &aftermath!(parallel), slots)
    }

    pub(super) fn map(
        &mut self,
        map: &'a Map,
        name: &Spanned<String>,
        slots: &Slots,
    ) -> Result<Emitted, Error> {
        self.input_path(&map.input_path)?;
        let compiled = program::Map {
            items: map.items_path.as_ref().map(|path| self.walk(path)).transpose()?,
            selector: map.item_selector.as_ref().map(|one| self.template(one)).transpose()?,
            entry: Pc(0),
            concurrency_max: self.amount(map.concurrency_max.as_ref())?,
            distributed: match &map.distributed {
                Some(distributed) => Some(self.distributed(distributed, &name.value)?),
                None => None,
            },
        };
        let index = MapIdx(self.maps.len() as u32);
        self.emit(Op::Map(index), name.span);
        self.maps.push(compiled);
        self.inner.push_back((&map.processor, Runner::Processor(index)));
        self.aftermath(StateKind::Map, &aftermath!(map), slots)
    }

    fn distributed(
        &mut self,
        distributed: &Distributed,
        name: &str,
    ) -> Result<program::Distributed, Error> {
        let batcher = match &distributed.batcher {
            None => None,
            Some(batcher) => Some(program::Batcher {
                items_max: self.amount(batcher.items_max.as_ref())?,
                bytes_max: self.amount(batcher.bytes_max.as_ref())?,
                input: batcher.input.as_ref().map(|input| self.template(input)).transpose()?,
            }),
        };
        Ok(program::Distributed {
            tolerated_count: self.amount(distributed.tolerated_count.as_ref())?,
            tolerated_percentage: self.amount(distributed.tolerated_percentage.as_ref())?,
            batcher,
            label: distributed.label.as_ref().map_or(name, |label| &label.value).into(),
        })
    }

    fn aftermath(
        &mut self,
        kind: StateKind,
        after: &Aftermath<'_>,
        slots: &Slots,
    ) -> Result<Emitted, Error> {
        // Assign sees the raw result.
        self.assign(after.assign)?;
        self.fill(after.result_selector, Op::Pick)?;
        self.result_path(after.result_path)?;
        self.output_path(after.output_path)?;
        self.transition(after.transition, slots);
        let mut catchers = Vec::with_capacity(after.catch.len());
        for catcher in after.catch {
            catchers.push(self.catcher(catcher, slots)?);
        }
        let retriers = after.retry.iter().map(retrier).collect();
        Ok(Emitted { kind, retriers, catchers: catchers.into() })
    }

    /// A handler begins with the error output; of the state's own fields none applies to it.
    fn catcher(&mut self, catcher: &Catcher, slots: &Slots) -> Result<program::Catcher, Error> {
        let handler = Pc(self.ops.len() as u32);
        self.assign(catcher.assign.as_ref())?;
        self.result_path(&catcher.result_path)?;
        self.jump(&catcher.next, slots);
        Ok(program::Catcher { errors: errors(&catcher.errors), handler })
    }

    fn amount<T: Copy>(
        &mut self,
        amount: Option<&Amount<T>>,
    ) -> Result<Option<program::Amount<T>>, Error> {
        Ok(match amount {
            None => None,
            Some(Amount::Literal(number)) => Some(program::Amount::Literal(number.value)),
            Some(Amount::Path(path)) => Some(program::Amount::Path(self.walk(path)?)),
            Some(Amount::Expression(_)) => return Err(Error::Expression { offset: 0 }),
        })
    }
}

fn retrier(retrier: &Retrier) -> program::Retrier {
    program::Retrier {
        errors: errors(&retrier.errors),
        interval_ms: retrier.interval_seconds.saturating_mul(1_000),
        attempts_max: u32::try_from(retrier.attempts_max).unwrap_or(u32::MAX),
        backoff_rate: retrier.backoff_rate,
        delay_ms_max: retrier.delay_seconds_max.map(|seconds| seconds.saturating_mul(1_000)),
        full_jitter: retrier.jitter == Jitter::Full,
    }
}

fn errors(names: &[String]) -> ErrorEquals {
    ErrorEquals(names.iter().map(|name| name.as_str().into()).collect())
}
