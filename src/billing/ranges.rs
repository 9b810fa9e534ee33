//! Of records that stand for ranges of offsets, those that hold each execution once.
//!
//! A range runs again as a whole after a crash, perhaps cut elsewhere, and an instance that was
//! taken for dead may write one more. But a source writes ranges side by side, and which offsets
//! start an execution depends on the records alone. So of all sets of ranges that do not overlap,
//! the one that holds the most executions holds every one of them, once: the ranges of the instance
//! that committed are such a set, and no set holds an execution twice. It is found as any weighted
//! interval schedule.

/// A range `from..to` of offsets with so many executions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) from: i64,
    pub(super) to: i64,
    pub(super) requests: u64,
}

/// Says for each span whether it is one of those; of equal sets the one of what came first.
pub(super) fn choose(spans: &[Span]) -> Vec<bool> {
    let mut order: Vec<usize> = (0..spans.len()).collect();
    // Stable: of equal ends the one that came first is tried first.
    order.sort_by_key(|&index| spans[index].to);
    let mut best = vec![0_u64; order.len() + 1];
    let mut before = Vec::with_capacity(order.len());
    for (place, &index) in order.iter().enumerate() {
        let span = spans[index];
        let compatible = order[..place].partition_point(|&other| spans[other].to <= span.from);
        before.push(compatible);
        best[place + 1] = best[place].max(best[compatible] + span.requests);
    }
    let mut chosen = vec![false; spans.len()];
    let mut place = order.len();
    while place > 0 {
        if best[place] == best[place - 1] {
            place -= 1;
        } else {
            chosen[order[place - 1]] = true;
            place = before[place - 1];
        }
    }
    chosen
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn chosen(spans: &[(i64, i64, u64)]) -> Vec<usize> {
        let spans: Vec<Span> =
            spans.iter().map(|&(from, to, requests)| Span { from, to, requests }).collect();
        let chosen = choose(&spans).into_iter().zip(0..);
        chosen.filter(|(chosen, _)| *chosen).map(|(_, index)| index).collect()
    }

    #[test]
    fn ranges_that_ran_again_count_once() {
        assert_eq!(chosen(&[]), [0; 0]);
        assert_eq!(chosen(&[(0, 100, 100), (100, 250, 150)]), [0, 1]);
        // The same again, and cut elsewhere.
        assert_eq!(chosen(&[(0, 100, 100), (0, 100, 100), (100, 250, 150)]), [0, 2]);
        assert_eq!(chosen(&[(0, 100, 100), (0, 60, 60), (60, 300, 240)]), [1, 2]);
    }

    #[test]
    fn an_instance_taken_for_dead_changes_nothing() {
        // 100..160 came late, from one that had lost the partition.
        let spans = [(0, 100, 100), (100, 150, 50), (150, 200, 50), (100, 160, 60)];
        assert_eq!(chosen(&spans), [0, 1, 2]);
        // Offsets without executions between ranges change nothing either.
        let spans = [(0, 100, 90), (120, 160, 40), (100, 150, 30), (160, 200, 40)];
        assert_eq!(chosen(&spans), [0, 1, 3]);
    }

    proptest! {
        /// Sessions that each begin where another has committed, cut their ranges anywhere and die
        /// anywhere: each execution is counted once.
        #[test]
        fn every_execution_is_counted_once(
            executions in proptest::collection::vec(any::<bool>(), 1..120),
            sessions in proptest::collection::vec((any::<u8>(), any::<u64>()), 0..6),
            order in any::<u64>(),
        ) {
            let end = executions.len() as i64;
            let count = |from: i64, to: i64| {
                executions[from as usize..to as usize].iter().filter(|one| **one).count() as u64
            };
            let mut spans = Vec::new();
            let mut run = |start: i64, dies_at: i64, mut cuts: u64| {
                let (mut from, mut ends) = (start, vec![start]);
                for to in start + 1..=dies_at {
                    cuts = cuts.rotate_left(7).wrapping_mul(0x9e37_79b9_7f4a_7c15);
                    if cuts.is_multiple_of(5) || to == end {
                        if count(from, to) > 0 {
                            spans.push(Span { from, to, requests: count(from, to) });
                        }
                        from = to;
                        ends.push(to);
                    }
                }
                ends
            };
            let mut committed = 0;
            for (dies, cuts) in sessions {
                let dies_at = committed + i64::from(dies) % (end - committed + 1);
                // What was written is committed up to some end of a range, the rest runs again.
                let ends = run(committed, dies_at, cuts);
                committed = ends[cuts as usize % ends.len()];
            }
            run(committed, end, 1);
            // In whatever order the records are read.
            let mut mixed: Vec<Span> = spans.clone();
            mixed.sort_by_key(|span| {
                (span.from as u64).wrapping_mul(order | 1) ^ (span.to as u64).wrapping_mul(order >> 7 | 1)
            });
            let chosen = choose(&mixed);
            let sum: u64 =
                mixed.iter().zip(chosen).filter(|(_, chosen)| *chosen).map(|(span, _)| span.requests).sum();
            prop_assert_eq!(sum, count(0, end));
        }
    }
}
