//! A set of sequence numbers that stays small: one bit per open number, none for finished runs.
//!
//! Sequence numbers are dense and arrive roughly in order, so all pages but the youngest are
//! soon full, and a full page is a marker without memory: a run of 10⁹ records costs about
//! 0.5 MB here, and still tells every duplicate from every first arrival.

/// A set of `u64` in pages; memory grows with the open pages, not with the members.
#[derive(Debug, Default)]
pub(crate) struct SequenceSet {
    pages: Vec<Page>,
    members: u64,
}

#[derive(Debug)]
enum Page {
    Empty,
    Open(Box<OpenPage>),
    Full,
}

#[derive(Debug)]
struct OpenPage {
    words: [u64; PAGE_WORDS],
    members: u32,
}

impl SequenceSet {
    /// Adds `sequence`; returns whether it was new.
    ///
    /// Callers check the number against the plan first: the page table is as long as the
    /// highest member asks for.
    pub(crate) fn insert(&mut self, sequence: u64) -> bool {
        let (page, word, bit) = place(sequence);
        if page >= self.pages.len() {
            self.pages.resize_with(page + 1, || Page::Empty);
        }
        let slot = &mut self.pages[page];
        if matches!(slot, Page::Empty) {
            *slot = Page::Open(Box::new(OpenPage { words: [0; PAGE_WORDS], members: 0 }));
        }
        let Page::Open(open) = slot else {
            return false;
        };
        if open.words[word] & bit != 0 {
            return false;
        }
        open.words[word] |= bit;
        open.members += 1;
        self.members += 1;
        if open.members as usize == PAGE_BITS {
            *slot = Page::Full;
        }
        true
    }

    /// Returns whether `sequence` is a member.
    pub(crate) fn contains(&self, sequence: u64) -> bool {
        let (page, word, bit) = place(sequence);
        match self.pages.get(page) {
            None | Some(Page::Empty) => false,
            Some(Page::Full) => true,
            Some(Page::Open(open)) => open.words[word] & bit != 0,
        }
    }

    /// Returns the number of members.
    pub(crate) fn len(&self) -> u64 {
        self.members
    }

    /// Returns the number of members below `end`.
    pub(crate) fn count_below(&self, end: u64) -> u64 {
        let beyond = end..(self.pages.len() * PAGE_BITS) as u64;
        self.members - beyond.filter(|sequence| self.contains(*sequence)).count() as u64
    }

    /// Returns the numbers below `end` that are not members, ascending.
    pub(crate) fn missing(&self, end: u64) -> impl Iterator<Item = u64> {
        let pages = end.div_ceil(PAGE_BITS as u64);
        (0..pages)
            .filter(|page| !matches!(self.pages.get(*page as usize), Some(Page::Full)))
            .flat_map(move |page| {
                let first = page * PAGE_BITS as u64;
                first..end.min(first + PAGE_BITS as u64)
            })
            .filter(|sequence| !self.contains(*sequence))
    }
}

fn place(sequence: u64) -> (usize, usize, u64) {
    let within = (sequence % PAGE_BITS as u64) as usize;
    ((sequence / PAGE_BITS as u64) as usize, within / 64, 1 << (within % 64))
}

const PAGE_WORDS: usize = 512;
const PAGE_BITS: usize = PAGE_WORDS * 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_arrivals_are_new_and_repeats_are_not_across_page_ends() {
        let mut set = SequenceSet::default();
        let end = PAGE_BITS as u64 * 2 + 100;
        for sequence in (0..end).rev() {
            assert!(set.insert(sequence));
        }
        assert_eq!(set.len(), end);
        for sequence in 0..end {
            assert!(!set.insert(sequence), "{sequence}");
            assert!(set.contains(sequence));
        }
        assert!(!set.contains(end));
        assert_eq!(set.missing(end).count(), 0);
    }

    #[test]
    fn members_below_a_bound_are_counted() {
        let mut set = SequenceSet::default();
        for sequence in [0, 5, 9, PAGE_BITS as u64 + 1] {
            set.insert(sequence);
        }
        for (end, count) in [(0, 0), (5, 1), (6, 2), (100, 3), (1 << 40, 4)] {
            assert_eq!(set.count_below(end), count, "{end}");
        }
    }

    #[test]
    fn full_pages_hold_no_memory() {
        let mut set = SequenceSet::default();
        for sequence in 0..PAGE_BITS as u64 * 10 {
            set.insert(sequence);
        }
        assert!(set.pages.iter().all(|page| matches!(page, Page::Full)));
        assert_eq!(size_of::<Page>(), 16);
    }

    #[test]
    fn missing_names_every_hole_also_beyond_the_last_member() {
        let mut set = SequenceSet::default();
        let end = PAGE_BITS as u64 + 5;
        for sequence in 0..PAGE_BITS as u64 {
            if sequence != 17 && sequence != 32_000 {
                set.insert(sequence);
            }
        }
        let tail = (end - 5)..end;
        let expected: Vec<u64> = [17, 32_000].into_iter().chain(tail).collect();
        assert_eq!(set.missing(end).collect::<Vec<_>>(), expected);
        assert_eq!(SequenceSet::default().missing(3).count(), 3);
    }
}
