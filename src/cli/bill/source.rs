//! Where billing records come from: files of lines, or topics.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;

use super::{Topics, ledger_failure};
use crate::billing::{
    Attributes, Closed, Ledger, Reading, RecordError, read_binary, read_structured,
};
use crate::cli::{Failure, USAGE};
use crate::ingest::{self, TopicOptions, TopicRecord, read_topics};
use crate::shard::outbox::{
    CE_ID_HEADER, CE_SOURCE_HEADER, CE_SPECVERSION_HEADER, CE_SUBJECT_HEADER, CE_TIME_HEADER,
    CE_TYPE_HEADER,
};

/// Takes records in and says what is wrong with those that it cannot take.
pub(super) struct Intake<'a> {
    ledger: Ledger,
    err: &'a mut dyn Write,
    /// Records that are not sound.
    pub(super) refused: u64,
    /// Events of other types.
    pub(super) foreign: u64,
}

impl<'a> Intake<'a> {
    /// Nothing taken in yet; complaints go to `err`.
    pub(super) fn new(ledger: Ledger, err: &'a mut dyn Write) -> Self {
        Self { ledger, err, refused: 0, foreign: 0 }
    }

    /// Reads a file, or stdin for `-`.
    pub(super) fn read_file(&mut self, path: &Path) -> Result<(), Failure> {
        let cannot = |error: &dyn std::fmt::Display| {
            Failure::new(USAGE, format!("cannot read {}: {error}", path.display()))
        };
        let input: Box<dyn Read> = if path == Path::new("-") {
            Box::new(std::io::stdin())
        } else {
            Box::new(File::open(path).map_err(|error| cannot(&error))?)
        };
        let mut reader = BufReader::with_capacity(READ_BYTES, input);
        let mut line = Vec::new();
        for number in 1_u64.. {
            let place = || format!("{}:{number}", path.display());
            match read_line(&mut reader, &mut line).map_err(|error| cannot(&error))? {
                Line::None => break,
                Line::TooLong => {
                    let why = format!("longer than {RECORD_BYTES_MAX} bytes");
                    self.refuse(&place(), &why)?;
                }
                Line::Whole => {
                    let text = if number == 1 { without_mark(&line) } else { &line };
                    let text = text.trim_ascii();
                    if !text.is_empty() {
                        self.take(read_structured(text), place)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Reads topics from their beginning to their present end.
    pub(super) fn read_topics(&mut self, topics: &Topics) -> Result<(), Failure> {
        let options = TopicOptions {
            bootstrap_servers: topics.brokers.clone(),
            topics: topics.names.clone(),
            client_settings: topics.client.clone().into_iter().collect(),
            timeout: topics.timeout,
        };
        let mut failure = None;
        let read = read_topics(&options, &mut |record| {
            let taken = self.take_record(record);
            failure = taken.err();
            failure.is_none()
        });
        match failure {
            Some(failure) => Err(failure),
            None => read.map_err(|error| kafka_failure(&error, topics)),
        }
    }

    fn take_record(&mut self, record: &TopicRecord<'_>) -> Result<(), Failure> {
        let place =
            || format!("{} partition {} offset {}", record.topic, record.partition, record.offset);
        let Some(value) = record.value else {
            self.foreign += 1;
            return Ok(());
        };
        let header = |name: &str| record.header(name).unwrap_or_default();
        // Binary mode: the attributes are headers.
        let reading = if record.header(CE_SPECVERSION_HEADER).is_some() {
            let attributes = Attributes {
                specversion: header(CE_SPECVERSION_HEADER).into(),
                kind: header(CE_TYPE_HEADER).into(),
                source: header(CE_SOURCE_HEADER).into(),
                id: header(CE_ID_HEADER).into(),
                subject: header(CE_SUBJECT_HEADER).into(),
                time: header(CE_TIME_HEADER).into(),
            };
            read_binary(&attributes, value)
        } else {
            read_structured(value)
        };
        self.take(reading, place)
    }

    /// Drops repetitions and sums.
    pub(super) fn close(self) -> Result<Closed, Failure> {
        if self.refused > SHOWN_MAX {
            writeln!(self.err, "bill: {} records are left out in all", self.refused)?;
        }
        self.ledger.close().map_err(|error| ledger_failure(&error))
    }

    fn take(
        &mut self,
        reading: Result<Reading<'_>, RecordError>,
        place: impl Fn() -> String,
    ) -> Result<(), Failure> {
        match reading {
            Ok(Reading::Usage(usage)) => match self.ledger.add(&usage) {
                Ok(()) => Ok(()),
                Err(error) if error.is_the_record() => self.refuse(&place(), &error),
                Err(error) => Err(ledger_failure(&error)),
            },
            Ok(Reading::Range(range)) => match self.ledger.add_range(&range) {
                Ok(()) => Ok(()),
                Err(error) if error.is_the_record() => self.refuse(&place(), &error),
                Err(error) => Err(ledger_failure(&error)),
            },
            Ok(Reading::Foreign) => {
                self.foreign += 1;
                Ok(())
            }
            Err(error) => self.refuse(&place(), &error),
        }
    }

    fn refuse(&mut self, place: &str, why: &dyn std::fmt::Display) -> Result<(), Failure> {
        self.refused += 1;
        match self.refused {
            ..=SHOWN_MAX => writeln!(self.err, "bill: {place}: left out: {why}")?,
            TOO_MANY => writeln!(self.err, "bill: more are left out; their number follows")?,
            _ => {}
        }
        Ok(())
    }
}

/// What was read.
enum Line {
    /// The end of the file.
    None,
    /// A line; the last one may go without a line break.
    Whole,
    /// One that is no record, read over; the next one can be read.
    TooLong,
}

/// Reads a line, and never holds more of it than a record may have, whatever the file is.
fn read_line(reader: &mut impl BufRead, line: &mut Vec<u8>) -> std::io::Result<Line> {
    line.clear();
    // And its line break.
    let most = RECORD_BYTES_MAX + 1;
    let length = reader.by_ref().take(most).read_until(b'\n', line)? as u64;
    if length == most && line.last() != Some(&b'\n') {
        reader.skip_until(b'\n')?;
        return Ok(Line::TooLong);
    }
    Ok(if length == 0 { Line::None } else { Line::Whole })
}

/// Programs that write UTF-8 with a byte order mark put it at the start of a file.
fn without_mark(line: &[u8]) -> &[u8] {
    line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line)
}

/// Says what to correct: the flag, where there was one.
fn kafka_failure(error: &ingest::Error, topics: &Topics) -> Failure {
    let code = crate::cli::run::source_code(error);
    let flags = topics.flags;
    match error {
        ingest::Error::Unreachable { servers, waited, reason } if flags.brokers => {
            let what =
                format!("no Kafka broker at `{servers}` answered within {waited:?} ({reason})");
            Failure::new(code, format!("{what}; check --brokers and that the broker is up"))
        }
        ingest::Error::NoSuchTopics { missing, servers } if flags.topic => {
            let names: Vec<_> = missing.iter().map(|topic| format!("`{}`", topic.name)).collect();
            let names = names.join(", ");
            Failure::new(
                code,
                format!("topic {names} does not exist on `{servers}`; check --topic"),
            )
        }
        ingest::Error::Settings(_) if flags.client => {
            Failure::new(code, format!("{error}; check --client"))
        }
        _ => Failure::new(code, error),
    }
}

const READ_BYTES: usize = 1 << 20;
/// A billing record has about a kilobyte; tags can make it some twenty.
const RECORD_BYTES_MAX: u64 = 1 << 20;
/// So many complaints are shown.
const SHOWN_MAX: u64 = 10;
const TOO_MANY: u64 = SHOWN_MAX + 1;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::Flags;
    use super::*;

    #[test]
    fn what_to_correct_is_the_flag_where_there_was_one() {
        let unreachable = ingest::Error::Unreachable {
            servers: "h:1".to_owned(),
            waited: Duration::from_secs(1),
            reason: "silence".to_owned(),
        };
        let missing = ingest::Error::NoSuchTopics {
            missing: vec![ingest::MissingTopic { role: "billing", name: "t".to_owned() }],
            servers: "h:1".to_owned(),
        };
        let settings = ingest::Error::Settings("no such property".to_owned());
        let flags = Flags { topic: true, brokers: true, client: true };
        let by_flag = Topics { flags, ..Topics::default() };
        let configured = Topics::default();
        for (error, flag, key) in [
            (unreachable, "--brokers", "kafka.brokers"),
            (missing, "--topic", "the pipeline's configuration"),
            (settings, "--client", ""),
        ] {
            let (one, other) =
                (kafka_failure(&error, &by_flag), kafka_failure(&error, &configured));
            assert!(one.text.contains(flag), "{}", one.text);
            assert!(key.is_empty() || !one.text.contains(key), "{}", one.text);
            assert!(!other.text.contains(flag) && other.text.contains(key), "{}", other.text);
            assert_eq!(one.code, other.code);
        }
    }
}
