//! `expressway relay`: the yardstick of the Kafka pipeline, for benches; hidden from the help.

use std::io::Write;
use std::time::{Duration, Instant};

use clap::Args;

use crate::base::ids::{MachineIdx, PipelineIdx};
use crate::ingest::{self, Options, RelayReport};

/// Copies records and does nothing else.
#[derive(Args, Clone, Debug)]
pub struct RelayArgs {
    /// Brokers to begin with.
    #[arg(long)]
    pub brokers: String,
    /// Source topic.
    #[arg(long)]
    pub from: String,
    /// Topic to write to.
    #[arg(long)]
    pub to: String,
    /// Topic for a second record per event, as long as a billing record; the first then gets as
    /// many headers as a result has.
    #[arg(long)]
    pub billing: Option<String>,
    /// State machine that headers and second records name.
    #[arg(long, default_value = "arn:aws:states:us-east-1:000000000000:stateMachine:relay")]
    pub machine_arn: String,
    /// Consumer group.
    #[arg(long, default_value = "expressway-relay")]
    pub group: String,
    /// Stop after so many records.
    #[arg(long)]
    pub records: Option<u64>,
    /// Stop after so many seconds.
    #[arg(long, default_value_t = 30)]
    pub seconds: u64,
    /// Further librdkafka settings of the consumer, `key=value`.
    #[arg(long = "consumer")]
    pub consumer_settings: Vec<String>,
    /// Further librdkafka settings of the producer, `key=value`.
    #[arg(long = "producer")]
    pub producer_settings: Vec<String>,
}

/// Runs the relay and writes one line of JSON: records, CPU and wall seconds, CPU per record.
///
/// # Errors
/// As the relay's, and when `out` cannot be written.
pub fn run(args: &RelayArgs, out: &mut dyn Write) -> Result<RelayReport, ingest::Error> {
    let mut options = Options::new(PipelineIdx(0), MachineIdx(0));
    options.bootstrap_servers.clone_from(&args.brokers);
    options.group.clone_from(&args.group);
    options.topics = vec![args.from.clone()];
    let billing = args.billing.as_ref().unwrap_or(&args.to);
    options.result_topic.clone_from(&args.to);
    options.failure_topic.clone_from(&args.to);
    options.billing_topic.clone_from(billing);
    options.dead_letter_topic.clone_from(&args.to);
    options.consumer_settings = pairs(&args.consumer_settings);
    options.producer_settings = pairs(&args.producer_settings);
    options.machine_arn.clone_from(&args.machine_arn);
    options.pipeline_name.clone_from(&args.from);
    // Counted from the first record: joining the group is not the relay's work.
    let mut first: Option<(Instant, f64)> = None;
    let deadline = Instant::now() + Duration::from_secs(args.seconds);
    let report = ingest::relay(&options, args.billing.is_some(), |relayed| {
        if relayed > 0 && first.is_none() {
            first = Some((Instant::now(), cpu_seconds()));
        }
        Instant::now() >= deadline || args.records.is_some_and(|records| relayed >= records)
    })?;
    let (wall, cpu) = first.map_or((0.0, 0.0), |(instant, cpu)| {
        (instant.elapsed().as_secs_f64(), cpu_seconds() - cpu)
    });
    let micros = cpu * 1e6 / (report.relayed.max(1) as f64);
    writeln!(
        out,
        "{{\"records\":{},\"delivered\":{},\"failed\":{},\"cpu_seconds\":{cpu:.3},\
         \"wall_seconds\":{wall:.3},\"cpu_micros_per_record\":{micros:.3}}}",
        report.relayed, report.delivered, report.failed
    )
    .map_err(|source| ingest::Error::File { what: "cannot write the report".into(), source })?;
    Ok(report)
}

fn pairs(settings: &[String]) -> Vec<(String, String)> {
    settings
        .iter()
        .filter_map(|setting| setting.split_once('='))
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect()
}

/// User and system time of this process so far, from `/proc/self/stat`; 0 where there is none.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The command's name stands in parentheses and may hold spaces: fields count from behind it.
    let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
    let ticks: f64 = fields
        .split_whitespace()
        .skip(11)
        .take(2)
        .filter_map(|field| field.parse::<f64>().ok())
        .sum();
    // The kernel reports in 1/100 s whatever its own tick.
    ticks / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_time_advances() {
        let before = cpu_seconds();
        let deadline = Instant::now() + Duration::from_secs(20);
        while cpu_seconds() <= before {
            assert!(Instant::now() < deadline, "no CPU time was counted");
        }
    }
}
