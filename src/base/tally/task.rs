//! What a shard's task edge counts: attempts by resource.

use super::LATENCY_BOUNDS_NS;
use super::cells::{Cells, Histogram, LINE_CELLS, add_each};

/// Makes the cells of one shard's task edge.
pub fn tasks() -> (TaskTally, TaskReader) {
    let cells = Cells::new(RESOURCES.len() * RESOURCE_CELLS);
    let reader = TaskReader { cells: cells.clone() };
    (TaskTally { cells }, reader)
}

/// What serves a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resource {
    /// `arn:aws:states:::http:invoke`.
    HttpInvoke,
}

/// Label values of [`Resource`], in its order.
pub const RESOURCES: [&str; 1] = ["http:invoke"];

/// How an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attempted {
    /// With a result.
    Succeeded,
    /// With an error, the service's or the network's.
    Failed,
    /// At the time limit of the edge.
    TimedOut,
    /// The execution no longer waits: its own time limit, or it ended.
    Cancelled,
}

/// Label values of [`Attempted`], in its order.
pub const ATTEMPTED: [&str; 4] = ["succeeded", "failed", "timed_out", "cancelled"];

/// The cells of one shard's task edge; the shard's thread is their only writer.
#[derive(Debug)]
pub struct TaskTally {
    cells: Cells,
}

impl TaskTally {
    /// An attempt came in.
    pub fn scheduled(&mut self, resource: Resource) {
        self.cells.add(base(resource) + SCHEDULED, 1);
    }

    /// An attempt got its place, having waited so long.
    pub fn started(&mut self, resource: Resource, waited_ns: u64) {
        let base = base(resource);
        self.cells.add(base + STARTED, 1);
        self.cells.observe(base + WAITED, &LATENCY_BOUNDS_NS, waited_ns);
    }

    /// An attempt that had its place ended, having run so long.
    pub fn finished(&mut self, resource: Resource, attempted: Attempted, ran_ns: u64) {
        let base = base(resource);
        self.cells.add(base + FINISHED + attempted as usize, 1);
        self.cells.observe(base + RAN, &LATENCY_BOUNDS_NS, ran_ns);
    }
}

/// Reads the cells of one shard's task edge from any thread.
#[derive(Clone, Debug)]
pub struct TaskReader {
    cells: Cells,
}

/// What was counted of one resource.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TaskCounts {
    /// Attempts that came in.
    pub scheduled: u64,
    /// Attempts that got their place.
    pub started: u64,
    /// Attempts that had their place and ended, by [`ATTEMPTED`].
    pub finished: [u64; 4],
    /// Nanoseconds from scheduled to started.
    pub waited: Histogram,
    /// Nanoseconds from started to ended.
    pub ran: Histogram,
}

impl TaskCounts {
    /// Attempts under way.
    pub fn in_flight(&self) -> u64 {
        self.started.saturating_sub(self.finished.iter().sum())
    }

    /// Adds what another shard counted.
    pub fn add(&mut self, other: &Self) {
        self.scheduled += other.scheduled;
        self.started += other.started;
        add_each(&mut self.finished, &other.finished);
        self.waited.add(&other.waited);
        self.ran.add(&other.ran);
    }
}

impl TaskReader {
    /// Reads the counts of one resource.
    pub fn resource(&self, resource: Resource) -> TaskCounts {
        let base = base(resource);
        let finished = self.cells.array(base + FINISHED);
        TaskCounts {
            finished,
            started: self.cells.get(base + STARTED),
            scheduled: self.cells.get(base + SCHEDULED),
            waited: self.cells.histogram(base + WAITED, LATENCY_BOUNDS_NS.len()),
            ran: self.cells.histogram(base + RAN, LATENCY_BOUNDS_NS.len()),
        }
    }
}

fn base(resource: Resource) -> usize {
    resource as usize * RESOURCE_CELLS
}

const SCHEDULED: usize = 0;
const STARTED: usize = 1;
const FINISHED: usize = 2;
const WAITED: usize = FINISHED + ATTEMPTED.len();
const RAN: usize = WAITED + LATENCY_BOUNDS_NS.len() + 2;
const RESOURCE_CELLS: usize = (RAN + LATENCY_BOUNDS_NS.len() + 2).next_multiple_of(LINE_CELLS);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attempt_is_in_flight_from_its_start_to_its_end() {
        let (mut tally, reader) = tasks();
        let read = || reader.resource(Resource::HttpInvoke);
        tally.scheduled(Resource::HttpInvoke);
        assert_eq!((read().scheduled, read().in_flight()), (1, 0));
        tally.started(Resource::HttpInvoke, 60_000);
        assert_eq!(read().in_flight(), 1);
        tally.finished(Resource::HttpInvoke, Attempted::Cancelled, 1);
        let counts = read();
        assert_eq!((counts.in_flight(), counts.finished), (0, [0, 0, 0, 1]));
        assert_eq!((counts.waited.buckets[1], counts.waited.sum), (1, 60_000));
        assert_eq!((counts.ran.buckets[0], counts.ran.sum), (1, 1));
        let mut sum = counts.clone();
        sum.add(&counts);
        assert_eq!((sum.started, sum.ran.count()), (2, 2));
    }
}
