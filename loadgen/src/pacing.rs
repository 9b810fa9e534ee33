//! When to send how many: the open loop as arithmetic, without a clock.
//!
//! The producer thread asks once per tick; what the pacer was not woken for in time, or was not
//! allowed to send, it counts. A run can thus always tell "the system was slow" from "the
//! generator was slow" and from "the generator was held back on purpose".

use crate::plan::Plan;

/// How often the producer thread wakes.
pub(crate) const TICK_NS: u64 = 1_000_000;

/// Turns elapsed time into bursts, and keeps the generator's own record of punctuality.
#[derive(Debug)]
pub(crate) struct Pacer {
    plan: Plan,
    sent: u64,
    next_tick: u64,
    /// Whether the last burst was cut short by something other than the generator.
    was_held: bool,
    punctuality: Punctuality,
}

/// How well the generator kept its own schedule.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Punctuality {
    /// Ticks that have come due.
    pub(crate) ticks: u64,
    /// Of them, served more than a whole tick late.
    pub(crate) ticks_late: u64,
    /// Of them, with records due that the outstanding limit did not let through.
    pub(crate) ticks_held_back: u64,
    /// Of them, with records due that the client's full queue did not accept.
    pub(crate) ticks_queue_full: u64,
}

/// What to do at this moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Burst {
    /// Sequence number of the first record to send.
    pub(crate) first: u64,
    /// How many to send now.
    pub(crate) count: u64,
    /// How many are due; more than `count` when the outstanding limit binds.
    pub(crate) owed: u64,
    /// How far the first of them is behind its due time by the generator's own doing; `None`
    /// when nothing is due, or when it waited for the outstanding limit or the client's queue.
    pub(crate) lag_ns: Option<u64>,
    /// Whether this is the last burst of the run.
    pub(crate) last: bool,
}

impl Pacer {
    /// Starts at sequence zero.
    pub(crate) fn new(plan: Plan) -> Self {
        Self {
            plan,
            sent: 0,
            next_tick: 0,
            was_held: false,
            punctuality: Punctuality::default(),
        }
    }

    /// Returns the burst for this moment, at most `room` records long.
    pub(crate) fn wake(&mut self, elapsed_ns: u64, room: u64) -> Burst {
        let ticks = self.count_ticks(elapsed_ns);
        // Past the stop, only what was due before it is still owed.
        let horizon_ns = self
            .plan
            .stop_after_ns
            .map_or(elapsed_ns, |stop| elapsed_ns.min(stop));
        let due = self.plan.rate.due_count(horizon_ns).min(self.plan.count);
        let owed = due.saturating_sub(self.sent);
        let count = owed.min(room);
        let is_held = count < owed;
        if is_held {
            self.punctuality.ticks_held_back += ticks;
        }
        let waited = std::mem::replace(&mut self.was_held, is_held) || is_held;
        let past_stop = self
            .plan
            .stop_after_ns
            .is_some_and(|stop| elapsed_ns >= stop);
        Burst {
            first: self.sent,
            count,
            owed,
            lag_ns: (owed > 0 && !waited)
                .then(|| elapsed_ns.saturating_sub(self.plan.rate.due_offset_ns(self.sent))),
            last: past_stop || self.sent + count >= self.plan.count,
        }
    }

    /// Takes note that `count` records of the burst were accepted by the client.
    pub(crate) fn sent(&mut self, count: u64) {
        self.sent += count;
    }

    /// Takes note that the client's queue refused the rest of the burst.
    pub(crate) fn queue_was_full(&mut self) {
        self.was_held = true;
        self.punctuality.ticks_queue_full += 1;
    }

    /// Returns how long to sleep at `elapsed_ns` until the next tick.
    pub(crate) fn sleep_ns(&self, elapsed_ns: u64) -> u64 {
        (self.next_tick * TICK_NS).saturating_sub(elapsed_ns)
    }

    /// Returns how many records were sent so far.
    pub(crate) fn sent_count(&self) -> u64 {
        self.sent
    }

    /// Returns the record of punctuality so far.
    pub(crate) fn punctuality(&self) -> Punctuality {
        self.punctuality
    }

    /// Counts the ticks since the last call. When several have passed at once, all but the most
    /// recent one waited for more than a tick.
    fn count_ticks(&mut self, elapsed_ns: u64) -> u64 {
        let reached = elapsed_ns / TICK_NS + 1;
        let ticks = reached.saturating_sub(self.next_tick);
        self.punctuality.ticks += ticks;
        self.punctuality.ticks_late += ticks.saturating_sub(1);
        self.next_tick = self.next_tick.max(reached);
        ticks
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pacer(rate: &str, count: u64, stop_after_ns: Option<u64>) -> Pacer {
        Pacer::new(Plan {
            rate: rate.parse().unwrap(),
            count,
            stop_after_ns,
            warmup_ns: 0,
            keys: 0,
            poison_below: 0,
            start_ns: 0,
        })
    }

    fn run(pacer: &mut Pacer, elapsed_ns: u64, room: u64) -> Burst {
        let burst = pacer.wake(elapsed_ns, room);
        pacer.sent(burst.count);
        burst
    }

    #[test]
    fn punctual_ticks_send_exactly_the_rate() {
        let mut pacer = pacer("10000", 1_000, None);
        let mut sent = 0;
        for tick in 0..200 {
            let burst = run(&mut pacer, tick * TICK_NS + 50_000, u64::MAX);
            assert_eq!(burst.first, sent);
            assert!(burst.lag_ns.is_some_and(|lag_ns| lag_ns <= TICK_NS));
            sent += burst.count;
            if burst.last {
                break;
            }
        }
        assert_eq!(sent, 1_000);
        assert_eq!(pacer.punctuality().ticks_late, 0);
        // The last record is due 99.9 ms in, so the tick at 100 ms sends it.
        assert_eq!(pacer.punctuality().ticks, 101);
    }

    #[test]
    fn a_stall_is_caught_up_and_counted_as_late() {
        let mut pacer = pacer("1000", 1_000, None);
        run(&mut pacer, 0, u64::MAX);
        let burst = run(&mut pacer, 10 * TICK_NS, u64::MAX);
        assert_eq!((burst.first, burst.count), (1, 10));
        assert_eq!(burst.lag_ns, Some(9 * TICK_NS));
        let punctuality = pacer.punctuality();
        assert_eq!((punctuality.ticks, punctuality.ticks_late), (11, 9));
    }

    #[test]
    fn the_outstanding_limit_holds_back_and_says_so() {
        let mut pacer = pacer("1000", 1_000, None);
        assert_eq!(run(&mut pacer, 4 * TICK_NS, 2).count, 2);
        assert_eq!(run(&mut pacer, 5 * TICK_NS, 0).count, 0);
        assert_eq!(pacer.punctuality().ticks_held_back, 6);
        let burst = run(&mut pacer, 6 * TICK_NS, 100);
        assert_eq!((burst.first, burst.count), (2, 5));
        assert_eq!(burst.lag_ns, None, "waiting was not its own doing");
        assert_eq!(run(&mut pacer, 7 * TICK_NS, 100).lag_ns, Some(0));
        assert_eq!(pacer.punctuality().ticks_held_back, 6);
    }

    #[test]
    fn a_duration_ends_the_run_even_when_held_back() {
        let mut pacer = pacer("1000", u64::MAX, Some(10 * TICK_NS));
        assert!(!run(&mut pacer, 9 * TICK_NS, 3).last);
        let burst = run(&mut pacer, 30 * TICK_NS, u64::MAX);
        assert!(burst.last);
        assert_eq!(pacer.sent_count(), 11, "only what was due before the stop");
    }

    #[test]
    fn sleep_reaches_the_next_tick_and_no_further() {
        let mut pacer = pacer("1000", 10, None);
        run(&mut pacer, TICK_NS / 4, u64::MAX);
        assert_eq!(pacer.sleep_ns(TICK_NS / 4), TICK_NS * 3 / 4);
        assert_eq!(pacer.sleep_ns(3 * TICK_NS), 0);
    }
}
