//! Counts each identity once, in bounded memory: what does not fit lies on disk.
//!
//! An entry is 32 bytes: 128 bits of identity and what is added up. Entries are dealt into 256
//! partitions by the first byte of their identity, so all that could be equal lie together. When
//! the partitions hold as much as they may, each is appended to one temporary file (without a name,
//! so it is gone when the process is, however it ends). In the end one partition after the other
//! is read back, sorted, and given out; one that is too large for memory is read in several passes,
//! each for a part of its identities.
//!
//! 100 million records are 3.2 GB on disk, 12.5 MB per partition in memory, and every byte is
//! written and read once.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::PathBuf;

/// One billing record, reduced to what an invoice needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Who it is.
    pub identity: u128,
    /// Which row it is added to.
    pub row: u32,
    /// Billed duration in steps of 100 ms.
    pub steps: u32,
    /// Billed memory in chunks of 64 MB.
    pub chunks: u32,
    /// State transitions.
    pub transitions: u32,
}

/// How much may be held, and where the rest goes.
#[derive(Clone, Debug)]
pub struct Budget {
    /// Bytes of entries in memory; at least [`Budget::MEMORY_BYTES_MIN`] are used.
    pub memory_bytes: usize,
    /// Folder of the temporary file.
    pub folder: PathBuf,
}

impl Budget {
    /// With less than this, files would be written in pieces of no use.
    pub const MEMORY_BYTES_MIN: usize = 1 << 20;
}

/// Takes entries in, gives each identity out once: the entry that came first.
#[derive(Debug)]
pub struct Distinct {
    partitions: Vec<Vec<u8>>,
    held_bytes: usize,
    budget: Budget,
    spill: Option<Spill>,
}

/// What lies on disk.
#[derive(Debug)]
struct Spill {
    file: File,
    end: u64,
    /// By partition: offset and length of its pieces, oldest first.
    pieces: Vec<Vec<(u64, usize)>>,
}

impl Distinct {
    /// Holds nothing yet.
    pub fn new(budget: Budget) -> Self {
        let memory_bytes = budget.memory_bytes.max(Budget::MEMORY_BYTES_MIN);
        Self {
            partitions: vec![Vec::new(); PARTITIONS],
            held_bytes: 0,
            budget: Budget { memory_bytes, ..budget },
            spill: None,
        }
    }

    /// Takes one entry.
    ///
    /// # Errors
    /// When the temporary file cannot be written.
    pub fn push(&mut self, entry: &Entry) -> io::Result<()> {
        if self.held_bytes + ENTRY_BYTES > self.budget.memory_bytes {
            self.spill()?;
        }
        let partition = (entry.identity >> 120) as usize;
        self.partitions[partition].extend_from_slice(&entry.to_bytes());
        self.held_bytes += ENTRY_BYTES;
        Ok(())
    }

    /// Bytes that lie on disk.
    pub fn spilled_bytes(&self) -> u64 {
        self.spill.as_ref().map_or(0, |spill| spill.end)
    }

    /// Gives every first entry to `first`; returns how many repetitions there were.
    ///
    /// # Errors
    /// When the temporary file cannot be read.
    pub fn finish(mut self, mut first: impl FnMut(&Entry)) -> io::Result<u64> {
        if self.spill.is_some() {
            // Then every partition is read the same way, and what is held here is free for them.
            self.spill()?;
            self.partitions = vec![Vec::new(); PARTITIONS];
        }
        let mut repeated = 0;
        for partition in 0..PARTITIONS {
            let held = std::mem::take(&mut self.partitions[partition]);
            let Some(spill) = &mut self.spill else {
                repeated += give_out(entries(&held).collect(), &mut first);
                continue;
            };
            let bytes = spill.partition_bytes(partition);
            // Entries and the sort's scratch space, half of them again.
            let passes = (bytes * 2).div_ceil(self.budget.memory_bytes).next_power_of_two();
            for pass in 0..passes {
                let mut part = Vec::with_capacity(bytes / ENTRY_BYTES / passes);
                spill.read(partition, |entry| {
                    if (entry.identity >> 88) as usize % passes == pass {
                        part.push(entry);
                    }
                })?;
                repeated += give_out(part, &mut first);
            }
        }
        Ok(repeated)
    }

    fn spill(&mut self) -> io::Result<()> {
        let spill = match &mut self.spill {
            Some(spill) => spill,
            None => self.spill.insert(Spill {
                file: tempfile::tempfile_in(&self.budget.folder)?,
                end: 0,
                pieces: vec![Vec::new(); PARTITIONS],
            }),
        };
        for (partition, held) in self.partitions.iter_mut().enumerate() {
            if !held.is_empty() {
                spill.file.write_all(held)?;
                spill.pieces[partition].push((spill.end, held.len()));
                spill.end += held.len() as u64;
                held.clear();
            }
        }
        self.held_bytes = 0;
        Ok(())
    }
}

impl Spill {
    fn partition_bytes(&self, partition: usize) -> usize {
        self.pieces[partition].iter().map(|(_, length)| length).sum()
    }

    /// Gives out the entries of a partition in the order in which they came.
    fn read(&mut self, partition: usize, mut each: impl FnMut(Entry)) -> io::Result<()> {
        let mut buffer = vec![0; READ_BYTES];
        for &(offset, length) in &self.pieces[partition] {
            self.file.seek(SeekFrom::Start(offset))?;
            let mut left = length;
            while left > 0 {
                let part = &mut buffer[..left.min(READ_BYTES)];
                self.file.read_exact(part)?;
                left -= part.len();
                entries(part).for_each(&mut each);
            }
        }
        Ok(())
    }
}

/// Sorts by identity, the order of arrival kept, and gives out the first of each.
fn give_out(mut part: Vec<Entry>, first: &mut impl FnMut(&Entry)) -> u64 {
    part.sort_by_key(|entry| entry.identity);
    let mut repeated = 0;
    for same in part.chunk_by(|one, other| one.identity == other.identity) {
        first(&same[0]);
        repeated += same.len() as u64 - 1;
    }
    repeated
}

fn entries(bytes: &[u8]) -> impl Iterator<Item = Entry> {
    bytes.as_chunks::<ENTRY_BYTES>().0.iter().map(Entry::from_bytes)
}

impl Entry {
    fn to_bytes(self) -> [u8; ENTRY_BYTES] {
        let numbers = [self.row, self.steps, self.chunks, self.transitions];
        let mut bytes = [0; ENTRY_BYTES];
        bytes[..16].copy_from_slice(&self.identity.to_le_bytes());
        for (index, number) in numbers.into_iter().enumerate() {
            bytes[16 + index * 4..20 + index * 4].copy_from_slice(&number.to_le_bytes());
        }
        bytes
    }

    fn from_bytes(bytes: &[u8; ENTRY_BYTES]) -> Self {
        let number = |at: usize| {
            let mut number = [0; 4];
            number.copy_from_slice(&bytes[at..at + 4]);
            u32::from_le_bytes(number)
        };
        let mut identity = [0; 16];
        identity.copy_from_slice(&bytes[..16]);
        Self {
            identity: u128::from_le_bytes(identity),
            row: number(16),
            steps: number(20),
            chunks: number(24),
            transitions: number(28),
        }
    }
}

const PARTITIONS: usize = 256;
const ENTRY_BYTES: usize = 32;
/// A multiple of an entry.
const READ_BYTES: usize = ENTRY_BYTES * 8_192;

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn distinct(memory_bytes: usize) -> (Distinct, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let budget = Budget { memory_bytes, folder: folder.path().to_owned() };
        (Distinct::new(budget), folder)
    }

    /// A number spread over all bits, as a hash is.
    fn spread(number: u64) -> u128 {
        let mixed = u128::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
        mixed ^ (mixed >> 61)
    }

    fn entry(number: u64, row: u32) -> Entry {
        Entry { identity: spread(number), row, steps: number as u32, chunks: 2, transitions: 3 }
    }

    #[test]
    fn the_first_one_counts_in_memory() {
        let (mut distinct, _folder) = distinct(1 << 30);
        for (number, row) in [(1, 10), (2, 20), (1, 30), (1, 40)] {
            distinct.push(&entry(number, row)).unwrap();
        }
        assert_eq!(distinct.spilled_bytes(), 0);
        let mut seen = BTreeMap::new();
        let repeated = distinct.finish(|entry| assert!(seen.insert(entry.steps, *entry).is_none()));
        assert_eq!(repeated.unwrap(), 2);
        assert_eq!(seen.values().map(|entry| entry.row).collect::<Vec<_>>(), [10, 20]);
        assert_eq!(seen[&2], entry(2, 20));
    }

    #[test]
    fn on_disk_too_however_far_apart_repetitions_lie() {
        const COUNT: u64 = 200_000;
        let (mut distinct, folder) = distinct(Budget::MEMORY_BYTES_MIN);
        for row in 0..3 {
            for number in 0..COUNT {
                distinct.push(&entry(number, row)).unwrap();
                assert!(distinct.held_bytes <= Budget::MEMORY_BYTES_MIN);
            }
        }
        assert!(distinct.spilled_bytes() > 18_000_000);
        assert_eq!(folder.path().read_dir().unwrap().count(), 0, "the file has no name");
        let (mut count, mut sum) = (0, 0);
        let repeated = distinct.finish(|entry| {
            assert_eq!(entry.row, 0, "not the first");
            count += 1;
            sum += u64::from(entry.steps);
        });
        assert_eq!((repeated.unwrap(), count, sum), (2 * COUNT, COUNT, COUNT * (COUNT - 1) / 2));
    }

    #[test]
    fn a_partition_larger_than_memory_is_read_in_parts() {
        const COUNT: u64 = 100_000;
        let (mut distinct, _folder) = distinct(Budget::MEMORY_BYTES_MIN);
        for number in 0..COUNT * 2 {
            let identity = spread(number % COUNT) >> 8;
            distinct.push(&Entry { identity, ..entry(number, 0) }).unwrap();
        }
        let mut count = 0;
        assert_eq!(distinct.finish(|_| count += 1).unwrap(), COUNT);
        assert_eq!(count, COUNT);
    }

    proptest! {
        #[test]
        fn bytes_are_the_entry(identity: u128, row: u32, steps: u32, chunks: u32, transitions: u32) {
            let entry = Entry { identity, row, steps, chunks, transitions };
            prop_assert_eq!(Entry::from_bytes(&entry.to_bytes()), entry);
        }
    }
}
