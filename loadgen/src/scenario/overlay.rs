//! Flags over a scenario file: a flag stands for the key of the same meaning and wins.

use super::file::{File, SizeValue, Stage};
use crate::args::Args;
use crate::fields::Scalar;
use crate::keys::Distribution;
use crate::quantity::Span;

/// Writes what the flags say into `file`.
pub(super) fn apply(args: &Args, file: &mut File) {
    kafka(args, file);
    timing(args, file);
    events(args, file);
    limits(args, file);
}

/// Makes of `file` what a trial at one rate needs: no stages, a duration and a warm-up.
pub(super) fn for_trials(file: &mut File) {
    file.stages.clear();
    file.count = None;
    file.duration.get_or_insert(Span::from_secs(10));
    // Before the pipeline is full, latencies and lag say nothing.
    file.warmup.get_or_insert(Span::from_secs(2));
}

fn kafka(args: &Args, file: &mut File) {
    let kafka = &mut file.kafka;
    or(&mut kafka.brokers, args.brokers.as_ref());
    or(&mut kafka.topic, args.topic.as_ref());
    if !args.result_topic.is_empty() {
        kafka.result_topics.clone_from(&args.result_topic);
    }
    or(&mut kafka.failure_topic, args.failure_topic.as_ref());
    or(&mut kafka.billing_topic, args.billing_topic.as_ref());
    or(&mut kafka.dead_letter_topic, args.dead_letter_topic.as_ref());
    or(&mut kafka.group, args.group.as_ref());
    or(&mut kafka.create_topics, args.create_topics.as_ref());
    or(&mut kafka.connect_timeout, args.connect_timeout.as_ref());
    let overrides = args.overrides.iter();
    kafka
        .properties
        .extend(overrides.map(|(key, value)| (key.clone(), Scalar::Text(value.clone()))));
}

fn timing(args: &Args, file: &mut File) {
    or(&mut file.seed, args.seed.as_ref());
    or(&mut file.arrivals, args.arrivals.as_ref());
    or(&mut file.count, args.count.as_ref());
    or(&mut file.duration, args.duration.as_ref());
    or(&mut file.warmup, args.warmup.as_ref());
    or(&mut file.drain_timeout, args.drain_timeout.as_ref());
    or(&mut file.settle, args.settle.as_ref());
    or(&mut file.generator.outstanding_max, args.outstanding_max.as_ref());
    or(&mut file.generator.late_share_max, args.max_late.as_ref());
    // One rate for the whole run instead of the stages of the file, for as long as those take.
    if args.rate.is_some() && !file.stages.is_empty() {
        let seconds: f64 = file
            .stages
            .iter()
            .filter_map(Stage::duration)
            .map(|span| span.duration().as_secs_f64())
            .sum();
        if file.duration.is_none() && file.count.is_none() {
            file.duration = format!("{seconds}s").parse().ok();
        }
        file.stages.clear();
    }
    or(&mut file.rate, args.rate.as_ref());
}

fn events(args: &Args, file: &mut File) {
    // A flag that says there are no keys leaves nothing of what the file says of them.
    if args.keys == Some(0) && args.key_distribution.is_none() {
        (file.keys.distribution, file.keys.exponent) = (None, None);
    }
    if args.key_distribution == Some(Distribution::None) && args.keys.is_none() {
        (file.keys.count, file.keys.exponent) = (None, None);
    }
    or(&mut file.keys.count, args.keys.as_ref());
    or(&mut file.keys.distribution, args.key_distribution.as_ref());
    or(&mut file.keys.exponent, args.zipf_exponent.as_ref());
    if let Some(path) = &args.payload {
        file.payload.template = None;
        file.payload.file = Some(path.clone());
    }
    if let Some(bytes) = args.payload_size {
        file.payload.size = Some(SizeValue::Bytes(bytes));
    }
    or(&mut file.poison.share, args.poison_share.as_ref());
    if let Some(path) = &args.expect {
        file.expect.template = None;
        file.expect.file = Some(path.clone());
    }
}

fn limits(args: &Args, file: &mut File) {
    let limits = &mut file.thresholds;
    or(&mut limits.p99_ms, args.max_p99_ms.as_ref());
    or(&mut limits.lost, args.max_lost.as_ref());
    or(&mut limits.duplicated, args.max_duplicated.as_ref());
    or(&mut limits.wrong, args.max_wrong.as_ref());
    or(&mut limits.bill_faults, args.max_bill_faults.as_ref());
    or(&mut limits.reordered, args.max_reordered.as_ref());
    or(&mut limits.failed, args.max_failed.as_ref());
    or(&mut limits.unsent, args.max_unsent.as_ref());
}

fn or<T: Clone>(key: &mut Option<T>, flag: Option<&T>) {
    if let Some(value) = flag {
        *key = Some(value.clone());
    }
}
