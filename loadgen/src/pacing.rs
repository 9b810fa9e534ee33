//! When to send what: the open loop as arithmetic, without a clock.
//!
//! The producer thread asks once per tick; what the pacer was not woken for in time, or was not
//! allowed to send, it counts. A run can thus always tell "the system was slow" from "the
//! generator was slow" and from "the generator was held back on purpose".

use crate::plan::Plan;
use crate::schedule::Dues;

/// How often the producer thread wakes.
pub(crate) const TICK_NS: u64 = 1_000_000;

/// Hands out events as they come due, and keeps the generator's own record of punctuality.
#[derive(Debug)]
pub(crate) struct Pacer {
    dues: Dues,
    /// When the next event is due; `None` once the schedule has ended.
    next_ns: Option<u64>,
    stop_after_ns: Option<u64>,
    sent: u64,
    next_tick: u64,
    /// Ticks that the current wake serves.
    ticks: u64,
    /// Up to when events may be sent now.
    horizon_ns: u64,
    elapsed_ns: u64,
    /// Whether the last wake was cut short by something other than the generator.
    was_held: bool,
    /// Whether this wake may send what the one before it had to keep back.
    catches_up: bool,
    punctuality: Punctuality,
}

/// How well the generator kept its own schedule.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Punctuality {
    /// Ticks that have come due.
    pub(crate) ticks: u64,
    /// Of them, served more than a whole tick late.
    pub(crate) ticks_late: u64,
    /// Of them, with events due that the outstanding limit did not let through, or late because
    /// such events were sent first.
    pub(crate) ticks_held_back: u64,
    /// Of them, with events due that the client's full queue did not accept.
    pub(crate) ticks_queue_full: u64,
}

/// An event that is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Due {
    /// Its number.
    pub(crate) sequence: u64,
    /// When it was due, from the start of the run.
    pub(crate) offset_ns: u64,
}

impl Pacer {
    /// Starts at sequence zero.
    pub(crate) fn new(plan: &Plan) -> Self {
        let mut dues = plan.schedule.dues();
        Self {
            next_ns: dues.next(),
            dues,
            stop_after_ns: plan.stop_after_ns,
            sent: 0,
            next_tick: 0,
            ticks: 0,
            horizon_ns: 0,
            elapsed_ns: 0,
            was_held: false,
            catches_up: false,
            punctuality: Punctuality::default(),
        }
    }

    /// Takes note of the time. Returns how far the first event that is due now is behind, by the
    /// generator's own doing; `None` when nothing is due, or when it had to wait for the
    /// outstanding limit or the client's queue.
    pub(crate) fn wake(&mut self, elapsed_ns: u64) -> Option<u64> {
        self.elapsed_ns = elapsed_ns;
        // Past the stop, only what was due before it is still owed.
        self.horizon_ns = self.stop_after_ns.map_or(elapsed_ns, |stop| elapsed_ns.min(stop));
        let released = std::mem::take(&mut self.was_held);
        let waited = released || self.catches_up;
        self.catches_up = released;
        self.ticks = self.count_ticks(elapsed_ns, waited);
        let due = self.next_due()?;
        (!waited).then(|| elapsed_ns.saturating_sub(due.offset_ns))
    }

    /// Returns the next event that is due at this wake.
    pub(crate) fn next_due(&self) -> Option<Due> {
        let offset_ns = self.next_ns.filter(|next_ns| *next_ns <= self.horizon_ns)?;
        Some(Due { sequence: self.sent, offset_ns })
    }

    /// Takes note that the client accepted the event that was due.
    pub(crate) fn sent(&mut self) {
        self.sent += 1;
        self.next_ns = self.dues.next();
    }

    /// Takes note that the outstanding limit keeps back what is due.
    pub(crate) fn held_back(&mut self) {
        self.was_held = true;
        self.punctuality.ticks_held_back += self.ticks.min(1);
    }

    /// Takes note that the client's queue refused the event that was due.
    pub(crate) fn queue_was_full(&mut self) {
        self.was_held = true;
        self.punctuality.ticks_queue_full += 1;
    }

    /// Takes note that handing over what was due took until `elapsed_ns`, because its taker was
    /// slow: ticks that passed meanwhile are held back, not late.
    pub(crate) fn blocked_until(&mut self, elapsed_ns: u64) {
        let reached = elapsed_ns / TICK_NS + 1;
        let ticks = reached.saturating_sub(self.next_tick);
        self.punctuality.ticks += ticks;
        self.punctuality.ticks_held_back += ticks;
        self.was_held |= ticks > 0;
        self.next_tick = self.next_tick.max(reached);
    }

    /// Returns whether nothing more will come due.
    pub(crate) fn is_at_end(&self) -> bool {
        self.next_ns.is_none()
    }

    /// Returns whether the time to send is over.
    pub(crate) fn is_past_stop(&self) -> bool {
        self.stop_after_ns.is_some_and(|stop| self.elapsed_ns >= stop)
    }

    /// Returns how long to sleep at `elapsed_ns` until the next tick.
    pub(crate) fn sleep_ns(&self, elapsed_ns: u64) -> u64 {
        (self.next_tick * TICK_NS).saturating_sub(elapsed_ns)
    }

    /// Returns how many events were sent so far.
    pub(crate) fn sent_count(&self) -> u64 {
        self.sent
    }

    /// Returns the record of punctuality so far.
    pub(crate) fn punctuality(&self) -> Punctuality {
        self.punctuality
    }

    /// Counts the ticks since the last call. When several have passed at once, all but the most
    /// recent one waited for more than a tick: late, unless the last wake was cut short or sent
    /// what an earlier one had kept back; that time is not the generator's doing.
    fn count_ticks(&mut self, elapsed_ns: u64, waited: bool) -> u64 {
        let reached = elapsed_ns / TICK_NS + 1;
        let ticks = reached.saturating_sub(self.next_tick);
        self.punctuality.ticks += ticks;
        let late = ticks.saturating_sub(1);
        if waited {
            self.punctuality.ticks_held_back += late;
        } else {
            self.punctuality.ticks_late += late;
        }
        self.next_tick = self.next_tick.max(reached);
        ticks
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pacer(rate: f64, count: u64) -> Pacer {
        Pacer::new(&Plan::for_tests(rate, count))
    }

    /// What one wake sent.
    struct Burst {
        first: u64,
        count: u64,
        lag_ns: Option<u64>,
    }

    /// Wakes the pacer and sends what is due, at most `room` events.
    fn run(pacer: &mut Pacer, elapsed_ns: u64, room: u64) -> Burst {
        let lag_ns = pacer.wake(elapsed_ns);
        let first = pacer.sent_count();
        let mut count = 0;
        while let Some(due) = pacer.next_due() {
            assert!(due.offset_ns <= elapsed_ns, "sent before its time");
            if count == room {
                pacer.held_back();
                break;
            }
            pacer.sent();
            count += 1;
        }
        Burst { first, count, lag_ns }
    }

    #[test]
    fn punctual_ticks_send_exactly_the_rate() {
        let mut pacer = pacer(10_000.0, 1_000);
        let mut sent = 0;
        for tick in 0..200 {
            let burst = run(&mut pacer, tick * TICK_NS + 50_000, u64::MAX);
            assert_eq!(burst.first, sent);
            assert!(burst.lag_ns.is_some_and(|lag_ns| lag_ns <= TICK_NS));
            sent += burst.count;
            if pacer.is_at_end() {
                break;
            }
        }
        assert_eq!(sent, 1_000);
        assert_eq!(pacer.punctuality().ticks_late, 0);
        // The last event is due 99.9 ms in, so the tick at 100 ms sends it.
        assert_eq!(pacer.punctuality().ticks, 101);
    }

    #[test]
    fn a_stall_is_caught_up_and_counted_as_late() {
        let mut pacer = pacer(1_000.0, 1_000);
        run(&mut pacer, 0, u64::MAX);
        let burst = run(&mut pacer, 10 * TICK_NS, u64::MAX);
        assert_eq!((burst.first, burst.count), (1, 10));
        assert_eq!(burst.lag_ns, Some(9 * TICK_NS));
        let punctuality = pacer.punctuality();
        assert_eq!((punctuality.ticks, punctuality.ticks_late), (11, 9));
    }

    #[test]
    fn the_outstanding_limit_holds_back_and_says_so() {
        let mut pacer = pacer(1_000.0, 1_000);
        assert_eq!(run(&mut pacer, 4 * TICK_NS, 2).count, 2);
        assert_eq!(run(&mut pacer, 5 * TICK_NS, 0).count, 0);
        assert_eq!(pacer.punctuality().ticks_held_back, 2);
        let burst = run(&mut pacer, 6 * TICK_NS, 100);
        assert_eq!((burst.first, burst.count), (2, 5));
        assert_eq!(burst.lag_ns, None, "waiting was not its own doing");
        assert_eq!(run(&mut pacer, 7 * TICK_NS, 100).lag_ns, None, "nor was catching up");
        assert_eq!(run(&mut pacer, 8 * TICK_NS, 100).lag_ns, Some(0));
        assert_eq!(pacer.punctuality().ticks_held_back, 2);
    }

    #[test]
    fn sending_what_was_kept_back_makes_no_tick_late() {
        let mut pacer = pacer(1_000.0, 1_000);
        assert_eq!(run(&mut pacer, 0, 0).count, 0);
        assert_eq!(run(&mut pacer, 10 * TICK_NS, u64::MAX).count, 11);
        // Sending the eleven took ten milliseconds.
        assert_eq!(run(&mut pacer, 20 * TICK_NS, u64::MAX).lag_ns, None);
        let punctuality = pacer.punctuality();
        assert_eq!((punctuality.ticks_late, punctuality.ticks_held_back), (0, 19));
        // From there on lateness is its own again.
        run(&mut pacer, 23 * TICK_NS, u64::MAX);
        assert_eq!(pacer.punctuality().ticks_late, 2);
    }

    #[test]
    fn a_full_queue_is_no_lateness_of_the_generator() {
        let mut pacer = pacer(1_000.0, 1_000);
        assert_eq!(pacer.wake(0), Some(0));
        pacer.queue_was_full();
        assert_eq!(pacer.wake(5 * TICK_NS), None);
        assert_eq!(pacer.punctuality().ticks_queue_full, 1);
    }

    #[test]
    fn a_slow_taker_is_no_lateness_of_the_generator() {
        let mut pacer = pacer(1_000.0, 1_000);
        run(&mut pacer, 0, u64::MAX);
        pacer.blocked_until(TICK_NS / 2);
        pacer.blocked_until(5 * TICK_NS);
        let burst = run(&mut pacer, 5 * TICK_NS + 1, u64::MAX);
        assert_eq!((burst.count, burst.lag_ns), (5, None));
        let punctuality = pacer.punctuality();
        assert_eq!((punctuality.ticks_late, punctuality.ticks_held_back), (0, 5));
        assert_eq!(punctuality.ticks, 6);
    }

    #[test]
    fn a_duration_ends_the_run_even_when_held_back() {
        let plan = Plan { stop_after_ns: Some(10 * TICK_NS), ..Plan::for_tests(1_000.0, 1 << 40) };
        let mut pacer = Pacer::new(&plan);
        run(&mut pacer, 9 * TICK_NS, 3);
        assert!(!pacer.is_past_stop());
        run(&mut pacer, 30 * TICK_NS, u64::MAX);
        assert!(pacer.is_past_stop());
        assert_eq!(pacer.sent_count(), 11, "only what was due before the stop");
    }

    #[test]
    fn sleep_reaches_the_next_tick_and_no_further() {
        let mut pacer = pacer(1_000.0, 10);
        run(&mut pacer, TICK_NS / 4, u64::MAX);
        assert_eq!(pacer.sleep_ns(TICK_NS / 4), TICK_NS * 3 / 4);
        assert_eq!(pacer.sleep_ns(3 * TICK_NS), 0);
    }
}
