//! Name and identity of an execution, both derived from the record it came from.
//!
//! The scheme is frozen (`docs/execution-identity.md`): a record that runs again after a crash
//! gets the same name and the same suffix, so everything downstream can drop the duplicate. A file
//! has no cluster and no timestamps, so what tells its lines from those of other files is hashed
//! too: its name and their bytes.

use sha2::{Digest, Sha256};

use crate::base::ids::ExecutionSuffix;
use crate::base::limits::NAME_CHARS_MAX;

/// What stands for the cluster id when records come from a file.
pub const FILE_CLUSTER_ID: &str = "file";
/// What stands for the topic when records come from a file, in names; the hash takes the file's
/// own name.
pub const FILE_TOPIC: &str = "file";

/// Hash state over everything that is the same for all records of a partition.
///
/// The state sits on a block boundary, so that each record costs one compression.
#[derive(Clone, Debug)]
pub struct IdentityPrefix {
    state: Sha256,
}

impl IdentityPrefix {
    /// Hashes scheme version, cluster id, pipeline, machine ARN, topic and partition, and pads to
    /// a whole number of blocks.
    pub fn new(
        cluster_id: &str,
        pipeline: &str,
        machine_arn: &str,
        topic: &str,
        partition: i32,
    ) -> Self {
        Self::over(cluster_id, pipeline, machine_arn, topic.as_bytes(), partition)
    }

    /// The same for the lines of a file, by its name as the user wrote it (`-` for stdin).
    pub fn of_file(pipeline: &str, machine_arn: &str, file_name: &[u8]) -> Self {
        Self::over(FILE_CLUSTER_ID, pipeline, machine_arn, file_name, 0)
    }

    fn over(
        cluster_id: &str,
        pipeline: &str,
        machine_arn: &str,
        topic: &[u8],
        partition: i32,
    ) -> Self {
        let mut fields = Vec::with_capacity(4 * BLOCK_BYTES);
        push_field(&mut fields, SCHEME);
        push_field(&mut fields, cluster_id.as_bytes());
        push_field(&mut fields, pipeline.as_bytes());
        push_field(&mut fields, machine_arn.as_bytes());
        push_field(&mut fields, topic);
        push_field(&mut fields, &partition.to_be_bytes());
        fields.resize(fields.len().next_multiple_of(BLOCK_BYTES), 0);
        let mut state = Sha256::new();
        state.update(&fields);
        Self { state }
    }

    /// The suffix of one record. `timestamp_ms` is -1 when the record has none; `replay` is empty
    /// except when a person asked for the record to be run again.
    pub fn suffix(&self, offset: i64, timestamp_ms: i64, replay: &[u8]) -> ExecutionSuffix {
        ExecutionSuffix(first_half(&self.record(offset, timestamp_ms, replay).finalize()))
    }

    /// The suffix of a line of a file: `number` is counted from 0, `line` is without its end. What
    /// is hashed is that of a record without a timestamp, and the line.
    pub fn line_suffix(&self, number: i64, line: &[u8]) -> ExecutionSuffix {
        let mut state = self.record(number, -1, b"");
        state.update((line.len() as u32).to_be_bytes());
        state.update(line);
        ExecutionSuffix(first_half(&state.finalize()))
    }

    fn record(&self, offset: i64, timestamp_ms: i64, replay: &[u8]) -> Sha256 {
        let mut tail = [0; 2 * (4 + 8) + 4];
        tail[..4].copy_from_slice(&8u32.to_be_bytes());
        tail[4..12].copy_from_slice(&offset.to_be_bytes());
        tail[12..16].copy_from_slice(&8u32.to_be_bytes());
        tail[16..24].copy_from_slice(&timestamp_ms.to_be_bytes());
        tail[24..].copy_from_slice(&(replay.len() as u32).to_be_bytes());
        let mut state = self.state.clone();
        state.update(tail);
        state.update(replay);
        state
    }
}

/// Appends the name of an execution whose record does not bring one: `topic-partition-offset`, or
/// when that is over 80 characters its first 47, `-`, and 32 hex digits of its SHA-256.
pub fn push_default_name(out: &mut Vec<u8>, topic: &str, partition: i32, offset: i64) {
    let mut digits = itoa::Buffer::new();
    let start = out.len();
    out.extend_from_slice(topic.as_bytes());
    out.push(b'-');
    out.extend_from_slice(digits.format(partition).as_bytes());
    out.push(b'-');
    out.extend_from_slice(digits.format(offset).as_bytes());
    if out.len() - start <= NAME_CHARS_MAX {
        return;
    }
    let hash = first_half(&Sha256::digest(&out[start..]));
    // Topic names are ASCII, so 47 bytes are 47 characters.
    out.truncate(start + NAME_HEAD_CHARS);
    out.push(b'-');
    for byte in hash {
        for nibble in [byte >> 4, byte & 15] {
            out.push(b"0123456789abcdef"[usize::from(nibble)]);
        }
    }
}

fn push_field(out: &mut Vec<u8>, field: &[u8]) {
    out.extend_from_slice(&(field.len() as u32).to_be_bytes());
    out.extend_from_slice(field);
}

fn first_half(hash: &[u8]) -> [u8; 16] {
    let mut half = [0; 16];
    half.copy_from_slice(&hash[..16]);
    half
}

const SCHEME: &[u8] = b"expressway-execution-v1";
const BLOCK_BYTES: usize = 64;
const NAME_HEAD_CHARS: usize = 47;

#[cfg(test)]
mod tests {
    use crate::base::name::name_is_valid;

    use super::*;

    fn name(topic: &str, partition: i32, offset: i64) -> String {
        let mut out = b"kept ".to_vec();
        push_default_name(&mut out, topic, partition, offset);
        String::from_utf8(out).unwrap().split_off(5)
    }

    /// Frozen: these values may never change, consumers de-duplicate by them. Checked with an
    /// independent implementation of `docs/execution-identity.md`.
    #[test]
    fn suffixes_are_frozen() {
        let arn = "arn:aws:states:eu-west-1:111111111111:stateMachine:order";
        let prefix = IdentityPrefix::new("lkc-1", "orders", arn, "orders.in", 7);
        let golden =
            |offset, timestamp, replay: &[u8]| prefix.suffix(offset, timestamp, replay).to_string();
        assert_eq!(golden(0, -1, b""), "0c18c2aa-46ad-8b37-ea52-7efe967f1684");
        assert_eq!(golden(42, 1_767_225_600_000, b""), "d5e4361c-d774-c8f1-16c8-cef497baf8be");
        assert_eq!(
            golden(42, 1_767_225_600_000, b"replay-1"),
            "48566d3e-8266-20f9-0b83-3768a0bdff47"
        );
        assert_eq!(golden(i64::MAX, 0, &[b'x'; 80]), "6422875c-7bac-2365-9dd0-0a50d77be4a1");
    }

    #[test]
    fn every_field_counts() {
        let base = ["c", "p", "m", "t"];
        let reference = IdentityPrefix::new("c", "p", "m", "t", 0).suffix(1, 2, b"");
        for index in 0..4 {
            let mut fields = base;
            fields[index] = "other";
            let other = IdentityPrefix::new(fields[0], fields[1], fields[2], fields[3], 0);
            assert_ne!(other.suffix(1, 2, b""), reference);
        }
        let moved = IdentityPrefix::new("cp", "", "m", "t", 0).suffix(1, 2, b"");
        assert_ne!(moved, reference);
        let prefix = IdentityPrefix::new("c", "p", "m", "t", 1);
        assert_ne!(prefix.suffix(1, 2, b""), reference);
        assert_ne!(prefix.suffix(1, 3, b""), prefix.suffix(1, 2, b""));
        assert_ne!(prefix.suffix(2, 2, b""), prefix.suffix(1, 2, b""));
        assert_ne!(prefix.suffix(1, 2, b"\0"), prefix.suffix(1, 2, b""));
    }

    /// Frozen too, and checked the same way.
    #[test]
    fn suffixes_of_lines_are_frozen_and_tell_files_and_lines_apart() {
        let arn = "arn:aws:states:us-east-1:000000000000:stateMachine:pass-choice";
        let file = |name: &[u8]| IdentityPrefix::of_file("pass-choice", arn, name);
        let events = file(b"events.ndjson");
        let first = events.line_suffix(0, br#"{"n":1}"#);
        assert_eq!(first.to_string(), "903e2904-187b-ce3d-0d03-74753864afd5");
        assert_eq!(file(b"events.ndjson").line_suffix(0, br#"{"n":1}"#), first);
        assert_ne!(events.line_suffix(0, br#"{"n":2}"#), first);
        assert_ne!(events.line_suffix(1, br#"{"n":1}"#), first);
        assert_ne!(file(b"./events.ndjson").line_suffix(0, br#"{"n":1}"#), first);
        assert_ne!(file(b"-").line_suffix(0, br#"{"n":1}"#), first);
        // Never that of a record, whatever its topic.
        assert_ne!(events.line_suffix(0, b""), events.suffix(0, -1, b""));
    }

    #[test]
    fn default_names() {
        assert_eq!(name("orders.in", 7, 42), "orders.in-7-42");
        let fits = "t".repeat(76);
        assert_eq!(name(&fits, 1, 2).len(), 80);
        let long = name(&"t".repeat(77), 1, 2);
        assert_eq!(long, format!("{}-a04bce15931154fa52270dcc58f4f704", "t".repeat(47)));
        assert!(name_is_valid(&name(&"x".repeat(249), i32::MAX, i64::MAX)));
    }
}
