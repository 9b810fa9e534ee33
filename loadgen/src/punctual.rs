//! Being woken in time on a machine that has other work.
//!
//! The sending thread sleeps most of the time, and whatever delays it would be measured as the
//! system's latency. As a real-time thread it is woken when its time comes: with a load average of
//! five on two processors, a thread that only sleeps a millisecond at a time was late in 4 to 7 %
//! of its ticks, and in 0.2 to 0.5 % as a real-time thread. It gives the processor back as soon as
//! what is due is sent, and the kernel keeps a share for others whatever it does.

use thread_priority::{
    RealtimeThreadSchedulePolicy, ThreadPriority, ThreadSchedulePolicy,
    set_thread_priority_and_policy, thread_native_id,
};

/// Asks for the lowest real-time priority. Only root and those whom `RLIMIT_RTPRIO` allows it get
/// it; anyone else is late a little more often.
pub(crate) fn ask() {
    let policy = ThreadSchedulePolicy::Realtime(RealtimeThreadSchedulePolicy::RoundRobin);
    // A refusal is fine: lateness is measured in any case.
    let _ = set_thread_priority_and_policy(thread_native_id(), ThreadPriority::Min, policy);
}
