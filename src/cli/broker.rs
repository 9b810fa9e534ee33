//! `expressway broker`: the embedded broker in a process of its own, for benches that must not
//! count its CPU time as the service's; hidden from the help.

use std::io::{Read, Write};

use super::{Failure, INTERNAL};
use crate::ingest::EmbeddedBroker;

/// Arguments of `broker`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A topic and its number of partitions.
    #[arg(long = "topic", value_name = "NAME:PARTITIONS", required = true, value_parser = read_topic)]
    pub topics: Vec<(String, i32)>,
}

/// Prints the broker's address, then serves until `until` comes to its end.
///
/// # Errors
/// [`Failure`] when the broker cannot start, or when `until` or `out` break.
pub fn run(args: &Args, until: &mut dyn Read, out: &mut dyn Write) -> Result<(), Failure> {
    let topics: Vec<(&str, i32)> =
        args.topics.iter().map(|(name, partitions)| (name.as_str(), *partitions)).collect();
    let broker = EmbeddedBroker::start(&topics)
        .map_err(|error| Failure::new(INTERNAL, format!("embedded broker: {error}")))?;
    writeln!(out, "{}", broker.bootstrap_servers())?;
    out.flush()?;
    std::io::copy(until, &mut std::io::sink())?;
    Ok(())
}

fn read_topic(text: &str) -> Result<(String, i32), String> {
    text.rsplit_once(':')
        .and_then(|(name, partitions)| Some((name.to_owned(), partitions.parse::<i32>().ok()?)))
        .filter(|(name, partitions)| !name.is_empty() && *partitions > 0)
        .ok_or_else(|| "write NAME:PARTITIONS, as in orders:16".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_are_read_and_refused() {
        assert_eq!(read_topic("a.b:16"), Ok(("a.b".to_owned(), 16)));
        for text in ["a", "a:", ":3", "a:0", "a:-1", "a:x"] {
            assert!(read_topic(text).is_err(), "{text}");
        }
    }

    #[test]
    fn serves_until_its_input_ends() {
        let args = Args { topics: vec![("t".to_owned(), 2)] };
        let mut out = Vec::new();
        run(&args, &mut std::io::empty(), &mut out).unwrap();
        assert!(String::from_utf8(out).unwrap().starts_with("127.0.0.1:"));
    }
}
