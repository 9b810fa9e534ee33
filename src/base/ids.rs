//! Identities as their own types, so that one kind of index cannot be passed for another.

/// Index of a registered, compiled state machine; the same on every shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct MachineIdx(pub u16);

/// Index of a configured pipeline, in configuration order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct PipelineIdx(pub u16);

/// Number of a shard thread, from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ShardId(pub u16);

/// Address of a suspended execution: slab index and generation.
///
/// A token whose generation is not the slot's current one is stale and ignored; that one rule
/// makes timeouts, cancelled calls and duplicate completions harmless.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct WakeToken {
    /// Slab slot.
    pub index: u32,
    /// Generation of the slot when the token was made.
    pub generation: u32,
}

/// Where an event came from, as the source that fed it wants to see it again.
///
/// `slot` and `epoch` belong to the source alone (its in-flight table and assignment epoch); the
/// rest also goes into the billing record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct Origin {
    /// Pipeline that read the record.
    pub pipeline: PipelineIdx,
    /// Index into the pipeline's list of source topics.
    pub topic: u16,
    /// Kafka partition; 0 for files.
    pub partition: i32,
    /// Kafka offset; line number from 0 for files.
    pub offset: i64,
    /// The source's own in-flight slot.
    pub slot: u32,
    /// The source's own assignment epoch of the partition.
    pub epoch: u32,
}

/// First 128 bits of the execution's identity hash; printed in UUID form as the ARN's last part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ExecutionSuffix(pub [u8; 16]);

impl std::fmt::Display for ExecutionSuffix {
    /// Writes the 8-4-4-4-12 lower-case hexadecimal form.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (index, byte) in self.0.iter().enumerate() {
            if matches!(index, 4 | 6 | 8 | 10) {
                f.write_str("-")?;
            }
            write!(f, "{byte:02x}")?;
        }
        Ok(())
    }
}
