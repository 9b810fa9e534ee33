//! Writing events as lines, by the clock.

use std::io::{self, Write};
use std::time::Duration;

use super::Sending;
use crate::clock::Clock;
use crate::pacing::{Pacer, TICK_NS};
use crate::punctual;
use crate::report::{Verdict, too_many_unsent};
use crate::run::Interrupts;
use crate::scenario::Scenario;
use crate::stamp::{ProducerId, Stamp};

/// A line cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write events to stdout: {0}")]
pub(crate) struct SendError(io::Error);

/// Writes the events of the scenario to `out`, each when it is due.
///
/// A reader that does not keep up blocks the writing. That is its doing, so these ticks are
/// counted as blocked; due times do not move.
pub(crate) fn send(
    scenario: &Scenario,
    interrupts: &Interrupts,
    out: &mut dyn Write,
) -> Result<Sending, SendError> {
    let clock = Clock::start();
    let mut plan = scenario.plan.clone();
    plan.start_ns = clock.now_ns();
    let producer = ProducerId::from_number(plan.seed);
    let payload = scenario.payload(plan.clone(), producer);
    let mut pacer = Pacer::new(&plan);
    punctual::ask();
    let mut batch = Vec::new();
    let mut line = Vec::new();
    let (mut bytes, mut malformed) = (0, 0);
    let mut last_ns = 0;
    // What was written to the end; the rest of a batch may or may not have been.
    let mut written = 0;
    let mut reader_gone = false;
    while interrupts.signal().is_none() {
        pacer.wake(plan.offset_ns(clock.now_ns()));
        batch.clear();
        while let Some(due) = pacer.next_due() {
            let stamp = Stamp {
                sequence: due.sequence,
                due_ns: plan.start_ns.saturating_add(due.offset_ns),
            };
            payload.render(stamp, &mut line);
            batch.extend_from_slice(&line);
            batch.push(b'\n');
            malformed += u64::from(plan.poison(due.sequence).is_some());
            pacer.sent();
            if batch.len() >= BATCH_BYTES {
                break;
            }
        }
        if !batch.is_empty() {
            match out.write_all(&batch).and_then(|()| out.flush()) {
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                    reader_gone = true;
                    break;
                }
                written => written.map_err(SendError)?,
            }
            bytes += batch.len() as u64;
            written = pacer.sent_count();
            last_ns = plan.offset_ns(clock.now_ns());
            pacer.blocked_until(last_ns);
        }
        let owes = pacer.next_due().is_some();
        if pacer.is_at_end() || (pacer.is_past_stop() && !owes) {
            break;
        }
        if !owes {
            let pause_ns = pacer.sleep_ns(plan.offset_ns(clock.now_ns())).min(TICK_NS);
            std::thread::sleep(Duration::from_nanos(pause_ns));
        }
    }
    let complete = pacer.is_at_end() && !reader_gone;
    let count = written;
    let planned = if complete { count } else { plan.schedule.planned().max(count + 1) };
    let seconds = plan.schedule.seconds_of(complete, last_ns);
    let sent = Sending::new(planned, count, seconds, pacer.punctuality());
    let mut sent = Sending { malformed, bytes, reader_gone, ..sent };
    judge(&mut sent, scenario, interrupts.signal().is_some());
    Ok(sent)
}

/// Gives the verdict, and says why it is not better.
fn judge(sent: &mut Sending, scenario: &Scenario, interrupted: bool) {
    let unsent = sent.planned - sent.sent;
    sent.verdict = if interrupted {
        Verdict::Interrupted
    } else if let Some(violation) = too_many_unsent(unsent, sent.planned, &scenario.limits) {
        sent.violations.push(violation);
        Verdict::Fail
    } else if sent.late_share() > scenario.late_share_max {
        Verdict::Invalid
    } else {
        Verdict::Pass
    };
}

/// A pipe's worth: enough to make a write cheap, little enough to keep to the clock.
const BATCH_BYTES: usize = 64 * 1024;
