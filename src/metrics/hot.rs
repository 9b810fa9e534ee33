//! Tier 1: sums the cells of all threads and writes them.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use super::Options;
use super::admission::{Admission, Admissions};
use super::catalogue as names;
use super::catalogue::Family;
use super::flow::FlowCounts;
use super::states::States;
use super::text::{Page, Samples, by};
use super::{MachineLabel, SAMPLED};
use crate::base::ids::MachineIdx;
use crate::base::tally::{
    ATTEMPTED, ENDED, ERRORS_LEARNED_MAX, EVENT_KINDS, EXPRESSION_KINDS, Histogram, MachineCounts,
    OTHER_ERROR, ProgramCounts, REJECTED, RESOURCES, Resource, SPAN_RESULTS, STATES_ERRORS,
    STOPPED, ShardCounts, TaskCounts,
};

/// The readers and the names under which their counts appear.
pub(super) struct Hot {
    options: Options,
    /// Label of each machine, in the order of `MachineIdx`.
    labels: Vec<String>,
    states: States,
    /// The error names of a workflow's own that have a series, by label of the machine.
    errors: Mutex<BTreeMap<String, Admissions<String>>>,
}

impl Hot {
    pub(super) fn new(options: Options) -> Self {
        let labels: Vec<String> = options
            .machines
            .iter()
            .enumerate()
            .map(|(index, machine)| {
                let has_own = index < options.state_machines_max;
                if has_own { machine.name.clone() } else { OTHER.to_owned() }
            })
            .collect();
        let none = |label: &String| (label.clone(), Admissions::new(ERRORS_LEARNED_MAX));
        let errors = Mutex::new(labels.iter().map(none).collect());
        Self { states: States::new(&options), options, labels, errors }
    }

    /// Machines without a label of their own.
    pub(super) fn folded_machines(&self) -> u64 {
        let machines = self.options.machines.len();
        machines.saturating_sub(self.options.state_machines_max) as u64
    }

    /// Series by state that have no room from the start, by family.
    pub(super) fn states_dropped(&self) -> &[(&'static str, u64)] {
        self.states.dropped()
    }

    /// Returns the family of each series that was refused for the first time.
    pub(super) fn render(&self, page: &mut Page<'_>) -> Vec<&'static str> {
        let flows: Vec<_> = self.options.flows.iter().map(|flow| flow.counts()).collect();
        self.executions(&flows, page);
        let refused = self.states.render(&self.options, &self.labels, page);
        self.tasks(page);
        super::flow::render(&flows, &self.labels, page);
        self.shards(page);
        self.programs(page);
        self.definitions(page);
        self.sampled(page);
        self.telling(page);
        refused
    }

    fn executions(&self, flows: &[FlowCounts], page: &mut Page<'_>) {
        let mut machines: BTreeMap<&str, MachineCounts> = BTreeMap::new();
        for (index, label) in self.labels.iter().enumerate() {
            let sum = machines.entry(label).or_default();
            for shard in &self.options.shards {
                sum.add(&shard.machine(MachineIdx(index as u16)));
            }
        }
        let each = |page: &mut Page<'_>,
                    family: &Family,
                    write: &dyn Fn(&mut Samples<'_>, &str, &MachineCounts)| {
            page.family(family, |samples| {
                for (name, counts) in &machines {
                    write(samples, name, counts);
                }
            });
        };
        let count = |page: &mut Page<'_>, family: &Family, of: fn(&MachineCounts) -> u64| {
            each(page, family, &|samples, name, counts| {
                samples.count(&[name], of(counts));
            });
        };
        let histogram =
            |page: &mut Page<'_>, family: &Family, of: fn(&MachineCounts) -> &Histogram| {
                each(page, family, &|samples, name, counts| {
                    samples.histogram(&[name], of(counts));
                });
            };
        count(page, &names::EXECUTIONS_STARTED, |counts| counts.started);
        each(page, &names::EXECUTIONS_FINISHED, &|samples, name, counts| {
            by(samples, name, &ENDED, &counts.ended);
        });
        count(page, &names::EXECUTIONS_OPEN, MachineCounts::open);
        page.family(&names::EXECUTIONS_OPEN_LIMIT, |samples| {
            samples.count(&[], self.options.open_executions_max);
        });
        histogram(page, &names::EXECUTION_DURATION, |counts| &counts.duration);
        self.failures(&machines, page);
        self.throttled(flows, &machines, page);
        each(page, &names::EXECUTIONS_REJECTED, &|samples, name, counts| {
            by(samples, name, &REJECTED, &counts.rejected);
        });
        count(page, &names::STATE_TRANSITIONS, |counts| counts.transitions);
        each(page, &names::BILLED_DURATION, &|samples, name, counts| {
            samples.seconds(&[name], counts.billed_ms.saturating_mul(1_000_000));
        });
        count(page, &names::BILLED_MEMORY, |counts| counts.billed_mb.saturating_mul(1_000_000));
        count(page, &names::BILLED_MB_MS, |counts| counts.billed_mb_ms);
        self.prices(page);
        histogram(page, &names::MEMORY_ESTIMATE, |counts| &counts.memory);
        histogram(page, &names::ARENA_BYTES, |counts| &counts.held);
        histogram(page, &names::INPUT_BYTES, |counts| &counts.input);
        histogram(page, &names::OUTPUT_BYTES, |counts| &counts.output);
    }

    /// The language's names that occurred, three that always have a series, the first of a machine's
    /// own, and the rest as `other`.
    fn failures(&self, machines: &BTreeMap<&str, MachineCounts>, page: &mut Page<'_>) {
        let zeros = ["States.Runtime", "States.TaskFailed", "States.Timeout"];
        let mut shown = self.errors.lock().unwrap_or_else(PoisonError::into_inner);
        page.family(&names::EXECUTION_FAILURES, |samples| {
            for (machine, counts) in machines {
                for error in STATES_ERRORS {
                    let count = counts.errors.get(error).copied().unwrap_or(0);
                    if count > 0 || zeros.contains(&error) {
                        samples.count(&[machine, error], count);
                    }
                }
                let mut own = shown.get_mut(*machine);
                let mut has_series = |error: &String| {
                    let own = own.as_mut().filter(|_| error != OTHER_ERROR);
                    own.is_some_and(|own| own.admit(error.clone()) == Admission::Shown)
                };
                let mut other = 0;
                // Each shard learned its own, so all together may be more than there is room for.
                for (error, count) in &counts.errors {
                    if STATES_ERRORS.contains(&error.as_str()) {
                        continue;
                    }
                    if has_series(error) {
                        samples.count(&[machine, error], *count);
                    } else {
                        other += count;
                    }
                }
                samples.count(&[machine, OTHER_ERROR], other);
            }
        });
    }

    /// At a shard's door or before it, and at the door of a resource.
    fn throttled(
        &self,
        flows: &[FlowCounts],
        machines: &BTreeMap<&str, MachineCounts>,
        page: &mut Page<'_>,
    ) {
        let mut tasks: BTreeMap<&str, u64> = BTreeMap::new();
        for (index, label) in self.labels.iter().enumerate() {
            let readers = self.options.tasks.iter();
            *tasks.entry(label).or_default() +=
                readers.map(|reader| reader.throttled(MachineIdx(index as u16))).sum::<u64>();
        }
        page.family(&names::EXECUTIONS_THROTTLED, |samples| {
            for (name, counts) in machines {
                let of_machine = |flow: &&FlowCounts| {
                    self.labels.get(usize::from(flow.machine.0)).is_some_and(|own| own == name)
                };
                let waited = flows.iter().filter(of_machine).map(|flow| flow.throttled);
                samples.count(&[name, "open_limit"], counts.throttled + waited.sum::<u64>());
                samples.count(&[name, "task_limit"], tasks.get(name).copied().unwrap_or(0));
            }
        });
    }

    fn prices(&self, page: &mut Page<'_>) {
        let prices = self.options.prices.as_ref();
        let place = prices.map_or(["", ""], |prices| [&prices.region, &prices.currency]);
        for (family, price) in [
            (&names::PRICE_REQUEST, prices.map(|prices| &prices.per_request)),
            (&names::PRICE_TRANSITION, prices.map(|prices| &prices.per_transition)),
        ] {
            page.family(family, |samples| {
                if let Some(price) = price {
                    samples.decimal(&place, price);
                }
            });
        }
        let tiers = prices.map_or(&[][..], |prices| &prices.tiers);
        let number = |tier: usize| (tier + 1).to_string();
        page.family(&names::DURATION_PRICE, |samples| {
            for (tier, (_, price)) in tiers.iter().enumerate() {
                samples.decimal(&[place[0], place[1], &number(tier)], price);
            }
        });
        page.family(&names::DURATION_PRICE_TIER_START, |samples| {
            for (tier, (start, _)) in tiers.iter().enumerate() {
                samples.count(&[place[0], place[1], &number(tier)], *start);
            }
        });
    }

    fn tasks(&self, page: &mut Page<'_>) {
        let mut counts = TaskCounts::default();
        for reader in &self.options.tasks {
            counts.add(&reader.resource(Resource::HttpInvoke));
        }
        let [resource] = RESOURCES;
        for (family, value) in [
            (&names::TASKS_SCHEDULED, counts.scheduled),
            (&names::TASKS_STARTED, counts.started),
            (&names::TASKS_IN_FLIGHT, counts.in_flight()),
            (&names::TASKS_IN_FLIGHT_LIMIT, self.options.tasks_in_flight_max),
        ] {
            page.family(family, |samples| samples.count(&[resource], value));
        }
        page.family(&names::TASKS_FINISHED, |samples| {
            by(samples, resource, &ATTEMPTED, &counts.finished);
        });
        page.family(&names::TASK_CONNECTIONS, |samples| {
            by(samples, resource, &["idle", "active"], &counts.connections);
        });
        for (family, histogram) in
            [(&names::TASK_SCHEDULE, &counts.waited), (&names::TASK_RUN, &counts.ran)]
        {
            page.family(family, |samples| samples.histogram(&[resource], histogram));
        }
    }

    fn shards(&self, page: &mut Page<'_>) {
        let shards: Vec<(String, ShardCounts)> = self
            .options
            .shards
            .iter()
            .enumerate()
            .map(|(shard, reader)| (shard.to_string(), reader.shard()))
            .collect();
        let each = |page: &mut Page<'_>,
                    family: &Family,
                    write: &dyn Fn(&mut Samples<'_>, &str, &ShardCounts)| {
            page.family(family, |samples| {
                for (shard, counts) in &shards {
                    write(samples, shard, counts);
                }
            });
        };
        each(page, &names::SHARD_BUSY, &|samples, shard, counts| {
            samples.seconds(&[shard], counts.busy_ns);
        });
        each(page, &names::SHARD_PARKED, &|samples, shard, counts| {
            samples.seconds(&[shard], counts.parked_ns);
        });
        each(page, &names::SHARD_EVENTS, &|samples, shard, counts| {
            by(samples, shard, &EVENT_KINDS, &counts.events);
        });
        each(page, &names::SHARD_QUEUE, &|samples, shard, counts| {
            let levels = counts.levels;
            samples.count(&[shard, "inbox"], levels.inbox);
            samples.count(&[shard, "ready"], levels.ready);
            samples.count(&[shard, "completions"], levels.completions);
        });
        each(page, &names::SHARD_QUEUE_CAPACITY, &|samples, shard, _| {
            samples.count(&[shard, "inbox"], self.options.inbox_batches);
        });
        each(page, &names::SHARD_STOPPED, &|samples, shard, counts| {
            for (reason, stopped_ns) in STOPPED.iter().zip(counts.stopped_ns) {
                samples.seconds(&[shard, reason], stopped_ns);
            }
        });
        each(page, &names::SHARD_LOOP, &|samples, shard, counts| {
            samples.histogram(&[shard], &counts.turns);
        });
        each(page, &names::SHARD_TIMERS, &|samples, shard, counts| {
            samples.count(&[shard], counts.levels.timers);
        });
        let mut delay = Histogram::default();
        for reader in &self.options.runs {
            delay.add(&reader.timer_delay());
        }
        page.family(&names::TIMER_DELAY, |samples| samples.histogram(&[], &delay));
        each(page, &names::SHARD_ARENA, &|samples, shard, counts| {
            samples.count(&[shard], counts.levels.arena_bytes);
        });
    }

    fn programs(&self, page: &mut Page<'_>) {
        let mut programs: BTreeMap<&str, ProgramCounts> = BTreeMap::new();
        for (index, label) in self.labels.iter().enumerate() {
            let sum = programs.entry(label).or_default();
            for reader in &self.options.runs {
                sum.add(reader.machine(MachineIdx(index as u16)));
            }
        }
        page.family(&names::VM_INSTRUCTIONS, |samples| {
            for (name, counts) in &programs {
                samples.count(&[name], counts.instructions);
            }
        });
        page.family(&names::VM_EXPRESSION_ERRORS, |samples| {
            for (name, counts) in &programs {
                by(samples, name, &EXPRESSION_KINDS, &counts.expression_errors);
            }
        });
    }

    fn sampled(&self, page: &mut Page<'_>) {
        let kept = self.options.sampled.as_ref().map_or_else(Vec::new, |sampled| sampled());
        let mut machines: BTreeMap<&str, [u64; SAMPLED.len()]> = BTreeMap::new();
        for (index, label) in self.labels.iter().enumerate() {
            let sum = machines.entry(label).or_default();
            for (sum, count) in sum.iter_mut().zip(kept.get(index).into_iter().flatten()) {
                *sum += count;
            }
        }
        page.family(&names::TRACES_SAMPLED, |samples| {
            for (name, counts) in &machines {
                by(samples, name, &SAMPLED, counts);
            }
        });
    }

    fn definitions(&self, page: &mut Page<'_>) {
        page.family(&names::BUILD_INFO, |samples| {
            let build = &self.options.build;
            let version = env!("CARGO_PKG_VERSION");
            samples.count(&[version, build.commit, build.rustc, build.features], 1);
        });
        page.family(&names::MACHINE_INFO, |samples| {
            let shown = self.options.machines.iter().take(self.options.state_machines_max);
            for MachineLabel { name, revision, query_language, source } in shown {
                samples.count(&[name, revision, query_language, source], 1);
            }
        });
        page.family(&names::CONFIG_LOADED, |samples| {
            samples.count(&[], self.options.configured_at);
        });
        page.family(&names::MACHINES_LOADED, |samples| {
            samples.count(&[], self.options.machines.len() as u64);
        });
    }

    /// What the process tells of itself beside this page.
    fn telling(&self, page: &mut Page<'_>) {
        page.family(&names::TRACE_SPANS, |samples| {
            for (result, count) in SPAN_RESULTS.iter().zip(self.options.spans.get()) {
                samples.count(&[result], count);
            }
        });
        let [dropped] = self.options.log_dropped.get();
        page.family(&names::LOG_DROPPED, |samples| samples.count(&[], dropped));
    }
}

const OTHER: &str = "other";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::tally;

    #[test]
    fn an_error_that_has_a_series_keeps_it() {
        let (mut shards, readers): (Vec<_>, _) = (0..2).map(|_| tally::shard(1)).unzip();
        let machine = MachineLabel { name: "a".to_owned(), ..MachineLabel::default() };
        let hot = Hot::new(Options {
            machines: vec![machine],
            shards: readers,
            state_machines_max: 1,
            ..Options::default()
        });
        let shows = |error: &str, count: u64| {
            let mut out = Vec::new();
            hot.render(&mut Page::new(&mut out));
            let labels = format!("{{state_machine=\"a\",error=\"{error}\"}}");
            let line = format!("{}{labels} {count}\n", names::EXECUTION_FAILURES.name);
            String::from_utf8(out).unwrap().contains(&line)
        };
        for number in 0..ERRORS_LEARNED_MAX {
            shards[0].failed(MachineIdx(0), &format!("M{number:02}"));
        }
        assert!(shows("M19", 1));
        // Another shard learns a name that sorts before all of them.
        shards[1].failed(MachineIdx(0), "A");
        shards[1].failed(MachineIdx(0), "M19");
        assert!(shows("M19", 2));
        assert!(shows(OTHER_ERROR, 1));
        assert!(!shows("A", 1));
    }
}
