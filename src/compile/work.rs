//! The states that work and may fail: Task, Parallel, Map; and what takes their errors.

use crate::asl::model::{
    Amount, Assign, Catcher, Distributed, Jitter, Map, Parallel, PathField, QueryLanguage, Retrier,
    Task, Template, Transition,
};
use crate::asl::source::{Span, Spanned};
use crate::program::{
    self, ErrorEquals, ForkIdx, Items, MapIdx, Op, Payload, Pc, Sees, StateKind, TaskIdx,
};

use super::Error;
use super::emit::{Emitted, Emitter, Runner, Slots};
use super::form::Around;

/// What follows the work, the same in all three.
struct Aftermath<'m> {
    assign: Option<&'m Assign>,
    result_selector: Option<&'m Template>,
    result_path: &'m PathField,
    output_path: &'m PathField,
    output: Option<&'m Template>,
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
            output: $state.output.as_ref(),
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
        self.arguments(task.arguments.as_ref())?;
        let compiled = program::Task {
            resource: task.resource.value.as_str().into(),
            timeout: self.amount(task.timeout.as_ref(), "TimeoutSeconds")?,
            heartbeat: self.amount(task.heartbeat.as_ref(), "HeartbeatSeconds")?,
            credentials: self.optional(task.credentials.as_ref(), "Credentials")?,
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
        self.arguments(parallel.arguments.as_ref())?;
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
            items: self.items(map)?,
            selector: self.optional(map.item_selector.as_ref(), "ItemSelector")?,
            entry: Pc(0),
            concurrency_max: self.amount(map.concurrency_max.as_ref(), "MaxConcurrency")?,
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

    fn items(&mut self, map: &Map) -> Result<Items, Error> {
        Ok(match self.language {
            QueryLanguage::JsonPath => {
                Items::Path(map.items_path.as_ref().map(|path| self.walk(path)).transpose()?)
            }
            QueryLanguage::Jsonata => {
                Items::Form(map.items.as_ref().map(|items| self.form(items, "Items")).transpose()?)
            }
        })
    }

    fn distributed(
        &mut self,
        distributed: &Distributed,
        name: &str,
    ) -> Result<program::Distributed, Error> {
        let batcher = match &distributed.batcher {
            None => None,
            Some(batcher) => Some(program::Batcher {
                items_max: self
                    .amount(batcher.items_max.as_ref(), "ItemBatcher/MaxItemsPerBatch")?,
                bytes_max: self
                    .amount(batcher.bytes_max.as_ref(), "ItemBatcher/MaxInputBytesPerBatch")?,
                input: self.optional(batcher.input.as_ref(), "ItemBatcher/BatchInput")?,
            }),
        };
        Ok(program::Distributed {
            tolerated_count: self
                .amount(distributed.tolerated_count.as_ref(), "ToleratedFailureCount")?,
            tolerated_percentage: self
                .amount(distributed.tolerated_percentage.as_ref(), "ToleratedFailurePercentage")?,
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
        let around = Around::state(Sees::Result);
        self.assign(after.assign, around)?;
        self.fill(after.result_selector, Op::Pick)?;
        self.result_path(after.result_path)?;
        self.output_path(after.output_path)?;
        self.output(after.output, around)?;
        self.transition(after.transition, slots);
        let mut catchers = Vec::with_capacity(after.catch.len());
        for (index, catcher) in after.catch.iter().enumerate() {
            catchers.push(self.catcher(catcher, index, slots)?);
        }
        let retriers = after.retry.iter().map(retrier).collect();
        Ok(Emitted { kind, retriers, catchers: catchers.into() })
    }

    /// A handler begins with the error output; of the state's own fields none applies to it.
    fn catcher(
        &mut self,
        catcher: &Catcher,
        index: usize,
        slots: &Slots,
    ) -> Result<program::Catcher, Error> {
        let handler = Pc(self.ops.len() as u32);
        let prefix = format!("Catch[{index}]/");
        let around = Around { prefix: &prefix, sees: Sees::Error };
        self.assign(catcher.assign.as_ref(), around)?;
        self.result_path(&catcher.result_path)?;
        self.output(catcher.output.as_ref(), around)?;
        self.jump(&catcher.next, slots);
        Ok(program::Catcher { errors: errors(&catcher.errors), handler })
    }

    fn amount<T: Copy>(
        &mut self,
        amount: Option<&Amount<T>>,
        field: &str,
    ) -> Result<Option<program::Amount<T>>, Error> {
        Ok(match amount {
            None => None,
            Some(Amount::Literal(number)) => Some(program::Amount::Literal(number.value)),
            Some(Amount::Path(path)) => Some(program::Amount::Path(self.walk(path)?)),
            Some(Amount::Expression(text)) => {
                Some(program::Amount::Expression(self.expression(text, field)?))
            }
        })
    }

    fn optional(
        &mut self,
        template: Option<&Template>,
        field: &str,
    ) -> Result<Option<Payload>, Error> {
        template.map(|template| self.payload(template, field)).transpose()
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
