//! The dead letter: an event that could not become an execution, with why and from where.

/// Why an event is a dead letter. The names are part of the record format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DeadLetterClass {
    /// The value is not JSON, or not UTF-8.
    NotJson,
    /// The value is over 256 KiB.
    TooLarge,
    /// The value nests too deep.
    TooDeep,
    /// The `execution-name` header is not a valid name.
    InvalidName,
}

impl DeadLetterClass {
    /// The name as it stands in `dlq.class`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotJson => "not-json",
            Self::TooLarge => "too-large",
            Self::TooDeep => "too-deep",
            Self::InvalidName => "invalid-name",
        }
    }
}

/// The `dlq.*` headers, in the order in which they are written. Original headers stand before
/// them, unchanged.
#[derive(Clone, Copy, Debug)]
pub struct DeadLetterHeaders<'a> {
    /// Source topic.
    pub topic: &'a str,
    /// Source partition.
    pub partition: i32,
    /// Source offset.
    pub offset: i64,
    /// Timestamp of the source record in ms since the epoch; -1 when it has none.
    pub timestamp_ms: i64,
    /// Stable class, see [`DeadLetterClass`].
    pub class: &'a str,
    /// What was wrong, for people.
    pub cause: &'a str,
    /// Pipeline that read the record.
    pub pipeline: &'a str,
}

impl DeadLetterHeaders<'_> {
    /// Number of headers.
    pub const COUNT: usize = 7;

    /// Calls `add` with name and value of each header.
    pub fn for_each(&self, mut add: impl FnMut(&'static str, &[u8])) {
        let mut digits = itoa::Buffer::new();
        add("dlq.topic", self.topic.as_bytes());
        add("dlq.partition", digits.format(self.partition).as_bytes());
        add("dlq.offset", digits.format(self.offset).as_bytes());
        add("dlq.timestamp", digits.format(self.timestamp_ms).as_bytes());
        add("dlq.class", self.class.as_bytes());
        add("dlq.cause", self.cause.as_bytes());
        add("dlq.pipeline", self.pipeline.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_these_in_this_order() {
        let mut seen = Vec::new();
        DeadLetterHeaders {
            topic: "in",
            partition: 3,
            offset: 41,
            timestamp_ms: -1,
            class: DeadLetterClass::TooDeep.as_str(),
            cause: "why",
            pipeline: "p",
        }
        .for_each(|name, value| seen.push(format!("{name}={}", String::from_utf8_lossy(value))));
        assert_eq!(seen.len(), DeadLetterHeaders::COUNT);
        assert_eq!(
            seen.join(" "),
            "dlq.topic=in dlq.partition=3 dlq.offset=41 dlq.timestamp=-1 dlq.class=too-deep \
             dlq.cause=why dlq.pipeline=p"
        );
    }
}
