//! What an I/O thread counts: records by source topic and by sink topic.

use super::cells::{Cells, LINE_CELLS, add_each};
use super::{REJECTED, rejected_index};

/// Makes the cells of one I/O thread that reads `sources` and writes `sinks`, both lists of topics.
pub fn io(sources: usize, sinks: usize) -> (IoTally, IoReader) {
    let cells = Cells::new(IO_CELLS + sources * SOURCE_CELLS + sinks * SINK_CELLS);
    let reader = IoReader { cells: cells.clone(), sources };
    (IoTally { cells, sources, sinks }, reader)
}

/// What became of an output record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// The broker acknowledged it.
    Delivered,
    /// The broker or the client gave it up.
    Failed,
    /// Not sent, because a stop came first.
    Dropped,
}

/// Label values of [`Delivery`], in its order.
pub const DELIVERIES: [&str; 3] = ["delivered", "failed", "dropped"];

/// The cells of one I/O thread, which is their only writer.
#[derive(Debug)]
pub struct IoTally {
    cells: Cells,
    sources: usize,
    sinks: usize,
}

impl IoTally {
    /// Records of one poll that go to the shards.
    pub fn consumed(&mut self, source: usize, records: u64, bytes: u64) {
        let base = self.source(source);
        self.cells.add(base, records);
        self.cells.add(base + SOURCE_BYTES, bytes);
    }

    /// A record with a null value.
    pub fn skipped(&mut self, source: usize) {
        let base = self.source(source);
        self.cells.add(base + SOURCE_SKIPPED, 1);
    }

    /// A record that cannot start an execution; `class` is one of [`REJECTED`].
    pub fn rejected(&mut self, source: usize, class: &str) {
        let base = self.source(source);
        self.cells.add(base + SOURCE_REJECTED + rejected_index(class), 1);
    }

    /// An output record went into the producer's queue.
    pub fn produced(&mut self, sink: usize) {
        let base = self.sink(sink);
        self.cells.add(base + SINK_PRODUCED, 1);
    }

    /// An output record left the producer.
    pub fn delivered(&mut self, sink: usize, delivery: Delivery, bytes: u64) {
        let base = self.sink(sink);
        self.cells.add(base + SINK_DELIVERIES + delivery as usize, 1);
        if delivery == Delivery::Delivered {
            self.cells.add(base + SINK_BYTES, bytes);
        }
    }

    /// A record was written to the dead letters, for a class of [`REJECTED`].
    pub fn dead_lettered(&mut self, source: usize, class: &str) {
        let base = self.source(source);
        self.cells.add(base + SOURCE_DEAD_LETTERED + rejected_index(class), 1);
    }

    /// Reading stood still for want of room.
    pub fn held_back(&mut self, held_back_ns: u64) {
        self.cells.add(HELD_BACK_NS, held_back_ns);
    }

    fn source(&self, source: usize) -> usize {
        debug_assert!(source < self.sources, "a source without cells");
        IO_CELLS + source * SOURCE_CELLS
    }

    fn sink(&self, sink: usize) -> usize {
        debug_assert!(sink < self.sinks, "a sink without cells");
        IO_CELLS + self.sources * SOURCE_CELLS + sink * SINK_CELLS
    }
}

/// Reads the cells of one I/O thread from any thread.
#[derive(Clone, Debug)]
pub struct IoReader {
    cells: Cells,
    sources: usize,
}

/// What was read from one topic.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SourceCounts {
    /// Records handed to the router.
    pub records: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Records with a null value.
    pub skipped: u64,
    /// Records that could not start an execution, by [`REJECTED`].
    pub rejected: [u64; 5],
    /// Records written to the dead letters, by [`REJECTED`].
    pub dead_lettered: [u64; 5],
}

impl SourceCounts {
    /// Adds what another I/O thread counted.
    pub fn add(&mut self, other: &Self) {
        self.records += other.records;
        self.bytes += other.bytes;
        self.skipped += other.skipped;
        add_each(&mut self.rejected, &other.rejected);
        add_each(&mut self.dead_lettered, &other.dead_lettered);
    }
}

/// What was written to one topic.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SinkCounts {
    /// Records put into the producer's queue.
    pub produced: u64,
    /// What became of them, by [`DELIVERIES`].
    pub deliveries: [u64; 3],
    /// Bytes acknowledged.
    pub bytes: u64,
}

impl SinkCounts {
    /// Records in the producer's queue or on their way.
    pub fn in_flight(&self) -> u64 {
        self.produced.saturating_sub(self.deliveries.iter().sum())
    }

    /// Adds what another I/O thread counted.
    pub fn add(&mut self, other: &Self) {
        self.produced += other.produced;
        add_each(&mut self.deliveries, &other.deliveries);
        self.bytes += other.bytes;
    }
}

impl IoReader {
    /// Reads the counts of one source; of an unknown one they are zero.
    pub fn source(&self, source: usize) -> SourceCounts {
        if source >= self.sources {
            return SourceCounts::default();
        }
        let base = IO_CELLS + source * SOURCE_CELLS;
        SourceCounts {
            records: self.cells.get(base),
            bytes: self.cells.get(base + SOURCE_BYTES),
            skipped: self.cells.get(base + SOURCE_SKIPPED),
            rejected: self.cells.array(base + SOURCE_REJECTED),
            dead_lettered: self.cells.array(base + SOURCE_DEAD_LETTERED),
        }
    }

    /// Reads the counts of one sink; of an unknown one they are zero.
    pub fn sink(&self, sink: usize) -> SinkCounts {
        let base = IO_CELLS + self.sources * SOURCE_CELLS + sink * SINK_CELLS;
        let deliveries = self.cells.array(base + SINK_DELIVERIES);
        SinkCounts {
            deliveries,
            produced: self.cells.get(base + SINK_PRODUCED),
            bytes: self.cells.get(base + SINK_BYTES),
        }
    }

    /// Time for which reading stood still.
    pub fn held_back_ns(&self) -> u64 {
        self.cells.get(HELD_BACK_NS)
    }
}

const HELD_BACK_NS: usize = 0;
const IO_CELLS: usize = LINE_CELLS;

const SOURCE_BYTES: usize = 1;
const SOURCE_SKIPPED: usize = 2;
const SOURCE_REJECTED: usize = 3;
const SOURCE_DEAD_LETTERED: usize = SOURCE_REJECTED + REJECTED.len();
const SOURCE_CELLS: usize = (SOURCE_DEAD_LETTERED + REJECTED.len()).next_multiple_of(LINE_CELLS);

const SINK_PRODUCED: usize = 0;
const SINK_DELIVERIES: usize = 1;
const SINK_BYTES: usize = 4;
const SINK_CELLS: usize = LINE_CELLS;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_and_sinks_do_not_overlap() {
        let (mut tally, reader) = io(2, 2);
        tally.consumed(1, 10, 100);
        tally.skipped(1);
        tally.rejected(1, "other");
        tally.dead_lettered(1, "other");
        tally.produced(0);
        tally.produced(0);
        tally.delivered(0, Delivery::Failed, 7);
        tally.delivered(1, Delivery::Delivered, 9);
        tally.held_back(3);
        let source = reader.source(1);
        assert_eq!((source.records, source.bytes, source.skipped), (10, 100, 1));
        assert_eq!(source.dead_lettered, [0, 0, 0, 0, 1]);
        assert_eq!(reader.source(0), SourceCounts::default());
        assert_eq!(reader.source(2), SourceCounts::default());
        assert_eq!((reader.sink(0).in_flight(), reader.sink(0).bytes), (1, 0));
        assert_eq!((reader.sink(1).in_flight(), reader.sink(1).bytes), (0, 9));
        assert_eq!(reader.held_back_ns(), 3);
    }
}
