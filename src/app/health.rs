//! What `/livez` and `/readyz` ask: do the shards turn, are there brokers, are there partitions.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::base::tally::ShardReader;
use crate::http::{Check, Condition, Health};
use crate::ingest::Counters;

/// The checks of a service with these shards and sources.
pub(super) fn health(
    shards: Vec<ShardReader>,
    sources: Vec<(String, Arc<Counters>)>,
    consuming: &Condition,
) -> Health {
    let turns = move || shards.iter().map(turns_of).collect();
    let live = vec![
        Check::new("process", || Ok(())),
        Check::new("shards", Advancing::new(turns, "shard", STUCK_AFTER).probe()),
    ];
    let started = Instant::now();
    let (brokers, groups) = (sources.clone(), sources.clone());
    let (names, loops): (Vec<_>, Vec<_>) = sources.into_iter().unzip();
    let loops = move || loops.iter().map(|source| source.loops.get()).collect();
    let sources = Advancing { names, ..Advancing::new(loops, "the source of", STUCK_AFTER) };
    let ready = vec![
        consuming.check("sources"),
        Check::new("loops", sources.probe()),
        Check::new("brokers", move || with_brokers(&brokers)),
        Check::new("partitions", move || with_group(&groups, started.elapsed())),
    ];
    Health::new(live, ready)
}

fn turns_of(shard: &ShardReader) -> u64 {
    shard.shard().turns.buckets.iter().sum()
}

fn with_brokers(sources: &[(String, Arc<Counters>)]) -> Result<(), String> {
    let down = sources.iter().find(|(_, counters)| counters.brokers_down.get() > 0);
    match down {
        Some((name, _)) => Err(format!("no broker answers the source of {name}")),
        None => Ok(()),
    }
}

/// An instance of a group with more members than partitions has none, and that is no fault: it only
/// has to have been told, or to have waited long enough for that.
fn with_group(sources: &[(String, Arc<Counters>)], waited: Duration) -> Result<(), String> {
    if waited >= GROUP_SETTLED_AFTER {
        return Ok(());
    }
    let told = |counters: &Counters| counters.rebalances.iter().any(|one| one.get() > 0);
    let waiting = sources.iter().find(|(_, counters)| !told(counters));
    match waiting {
        Some((name, _)) => Err(format!("the group of {name} has assigned no partitions yet")),
        None => Ok(()),
    }
}

/// Counts that have to go on growing.
struct Advancing<F> {
    counts: F,
    what: &'static str,
    names: Vec<String>,
    stuck_after: Duration,
    /// The counts that were seen last, each with when it changed.
    seen: Mutex<Vec<(u64, Instant)>>,
}

impl<F: Fn() -> Vec<u64> + Send + Sync + 'static> Advancing<F> {
    fn new(counts: F, what: &'static str, stuck_after: Duration) -> Self {
        Self { counts, what, names: Vec::new(), stuck_after, seen: Mutex::default() }
    }

    fn probe(self) -> impl Fn() -> Result<(), String> + Send + Sync + 'static {
        move || self.ask(Instant::now())
    }

    fn ask(&self, now: Instant) -> Result<(), String> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let mut stuck = None;
        for (index, count) in (self.counts)().into_iter().enumerate() {
            if index == seen.len() {
                seen.push((count, now));
            }
            let (last, changed) = &mut seen[index];
            if *last != count {
                (*last, *changed) = (count, now);
            }
            let still = now.saturating_duration_since(*changed);
            if still >= self.stuck_after && stuck.is_none() {
                stuck = Some((index, still));
            }
        }
        let Some((index, still)) = stuck else { return Ok(()) };
        let name = self.names.get(index).cloned().unwrap_or_else(|| index.to_string());
        Err(format!("{} {name} has not turned for {} s", self.what, still.as_secs()))
    }
}

/// A shard turns once a second at least, a source ten times.
const STUCK_AFTER: Duration = Duration::from_secs(30);
/// By then a group that has partitions for us has said so.
const GROUP_SETTLED_AFTER: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    #[test]
    fn a_count_that_stands_still_is_named_and_one_that_moves_again_is_well() {
        let count = Arc::new(AtomicU64::new(0));
        let shared = Arc::clone(&count);
        let counts =
            move || vec![shared.load(Ordering::Relaxed) + 1, shared.load(Ordering::Relaxed)];
        let advancing = Advancing::new(counts, "shard", Duration::from_secs(30));
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(advancing.ask(at(0)), Ok(()));
        assert_eq!(advancing.ask(at(29)), Ok(()));
        let stuck = Err("shard 0 has not turned for 31 s".to_owned());
        assert_eq!(advancing.ask(at(31)), stuck);
        count.store(5, Ordering::Relaxed);
        assert_eq!(advancing.ask(at(32)), Ok(()));
        // Nobody asked for a long time: what moved meanwhile is well.
        count.store(6, Ordering::Relaxed);
        assert_eq!(advancing.ask(at(900)), Ok(()));
    }

    #[test]
    fn a_group_has_to_answer_but_not_for_ever() {
        let sources = [("orders".to_owned(), Arc::new(Counters::default()))];
        let early = Duration::from_secs(1);
        let reason = "the group of orders has assigned no partitions yet".to_owned();
        assert_eq!(with_group(&sources, early), Err(reason));
        assert_eq!(with_group(&sources, GROUP_SETTLED_AFTER), Ok(()));
        assert_eq!(with_brokers(&sources), Ok(()));
    }
}
