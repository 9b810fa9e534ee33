//! What a shard's task edge counts: attempts and connections by resource, waits by state machine.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::LATENCY_BOUNDS_NS;
use super::cells::{Cells, Histogram, add_each};
use crate::base::ids::MachineIdx;

/// Makes the cells of one shard's task edge for `machines` state machines.
pub fn tasks(machines: usize) -> (TaskTally, TaskReader) {
    let cells = Cells::new(MACHINES_AT + machines);
    let connections = Connections::default();
    let reader = TaskReader { cells: cells.clone(), connections: connections.clone(), machines };
    (TaskTally { cells, connections }, reader)
}

/// The connections of one shard to the services that it calls.
#[derive(Clone, Debug, Default)]
pub struct Connections(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    open: AtomicU64,
    active: AtomicU64,
}

impl Connections {
    /// A connection was made; it is idle.
    pub fn opened(&self) -> Connection {
        self.0.open.fetch_add(1, Ordering::Relaxed);
        Connection(Arc::new(Open { all: self.clone(), active: AtomicBool::new(false) }))
    }

    /// Connections by state: idle, active.
    pub fn get(&self) -> [u64; 2] {
        let active = self.0.active.load(Ordering::Relaxed);
        [self.0.open.load(Ordering::Relaxed).saturating_sub(active), active]
    }
}

/// One connection; it is closed when its last handle is dropped.
#[derive(Clone, Debug)]
pub struct Connection(Arc<Open>);

#[derive(Debug)]
struct Open {
    all: Connections,
    active: AtomicBool,
}

impl Connection {
    /// A call has taken it, or is done with it.
    pub fn set_active(&self, active: bool) {
        if self.0.active.swap(active, Ordering::Relaxed) != active {
            let count = &self.0.all.0.active;
            if active {
                count.fetch_add(1, Ordering::Relaxed);
            } else {
                count.fetch_sub(1, Ordering::Relaxed);
            }
        }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        if *self.active.get_mut() {
            self.all.0.active.fetch_sub(1, Ordering::Relaxed);
        }
        self.all.0.open.fetch_sub(1, Ordering::Relaxed);
    }
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
    connections: Connections,
}

impl TaskTally {
    /// Where connections are counted.
    pub fn connections(&self) -> Connections {
        self.connections.clone()
    }

    /// An attempt of this machine found no place and has to wait.
    pub fn throttled(&mut self, machine: MachineIdx) {
        self.cells.add(MACHINES_AT + usize::from(machine.0), 1);
    }

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
    connections: Connections,
    machines: usize,
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
    /// Connections open now: idle, active.
    pub connections: [u64; 2],
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
        add_each(&mut self.connections, &other.connections);
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
            waited: self.cells.histogram(base + WAITED, &LATENCY_BOUNDS_NS),
            ran: self.cells.histogram(base + RAN, &LATENCY_BOUNDS_NS),
            connections: match resource {
                Resource::HttpInvoke => self.connections.get(),
            },
        }
    }

    /// Attempts of a machine that had to wait for a place.
    pub fn throttled(&self, machine: MachineIdx) -> u64 {
        let machine = usize::from(machine.0);
        if machine < self.machines { self.cells.get(MACHINES_AT + machine) } else { 0 }
    }
}

fn base(resource: Resource) -> usize {
    resource as usize * RESOURCE_CELLS
}

const SCHEDULED: usize = 0;
const STARTED: usize = 1;
const FINISHED: usize = 2;
const WAITED: usize = FINISHED + ATTEMPTED.len();
const RAN: usize = WAITED + LATENCY_BOUNDS_NS.cells();
const RESOURCE_CELLS: usize = RAN + LATENCY_BOUNDS_NS.cells();
/// Behind the resources: one cell for each machine.
const MACHINES_AT: usize = RESOURCES.len() * RESOURCE_CELLS;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attempt_is_in_flight_from_its_start_to_its_end() {
        let (mut tally, reader) = tasks(0);
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

    #[test]
    fn a_connection_is_idle_or_active_until_it_is_closed() {
        let (tally, reader) = tasks(0);
        let read = || reader.resource(Resource::HttpInvoke).connections;
        let first = tally.connections().opened();
        let second = tally.connections().opened();
        assert_eq!(read(), [2, 0]);
        // The pool and the response have handles of one connection.
        let same = first.clone();
        first.set_active(true);
        same.set_active(true);
        second.set_active(true);
        second.set_active(false);
        assert_eq!(read(), [1, 1]);
        drop(first);
        assert_eq!(read(), [1, 1]);
        drop(same);
        assert_eq!(read(), [1, 0]);
        drop(second);
        assert_eq!(read(), [0, 0]);
    }

    #[test]
    fn attempts_without_a_place_are_counted_by_machine() {
        let (mut tally, reader) = tasks(2);
        tally.throttled(MachineIdx(1));
        assert_eq!([0, 1, 2].map(|machine| reader.throttled(MachineIdx(machine))), [0, 1, 0]);
    }
}
