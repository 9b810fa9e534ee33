//! Records between intake and their last acknowledgement.
//!
//! A slab on the I/O thread. It keeps what results and dead letters repeat of the record (key,
//! headers, timestamp), where it came from, and how many acknowledgements are still to come. The
//! value is not kept: it went to the shard, which hands it back if the event is refused.

use super::librdkafka::Headers;
use super::producer::Target;

/// Where a held record came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// Index into the table of partitions.
    pub(super) partition: u32,
    /// The partition's assignment epoch when the record came.
    pub(super) epoch: u32,
    /// Offset.
    pub(super) offset: i64,
}

/// All held records.
#[derive(Default)]
pub(super) struct Held {
    slots: Vec<Slot>,
    free: Vec<u32>,
}

pub(super) struct Slot {
    pub(super) place: Place,
    pub(super) timestamp_ms: i64,
    pub(super) headers: Option<Headers>,
    key: Vec<u8>,
    has_key: bool,
    /// Outputs whose delivery is not yet reported.
    pending: u32,
    generation: u16,
    taken: bool,
}

impl Slot {
    pub(super) fn key(&self) -> Option<&[u8]> {
        self.has_key.then_some(self.key.as_slice())
    }
}

impl Held {
    /// Number of records held.
    pub(super) fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// Whether one more fits.
    pub(super) fn has_room(&self) -> bool {
        !self.free.is_empty() || self.slots.len() < SLOTS_MAX
    }

    /// Holds a record; `None` when [`Held::has_room`] is false.
    pub(super) fn insert(
        &mut self,
        place: Place,
        timestamp_ms: i64,
        key: Option<&[u8]>,
        headers: Option<Headers>,
    ) -> Option<u32> {
        let index = if let Some(index) = self.free.pop() {
            index
        } else if self.slots.len() < SLOTS_MAX {
            self.slots.push(Slot {
                place,
                timestamp_ms,
                headers: None,
                key: Vec::new(),
                has_key: false,
                pending: 0,
                generation: 0,
                taken: false,
            });
            (self.slots.len() - 1) as u32
        } else {
            return None;
        };
        let slot = &mut self.slots[index as usize];
        debug_assert!(!slot.taken, "a free slot was taken");
        slot.place = place;
        slot.timestamp_ms = timestamp_ms;
        slot.headers = headers;
        slot.has_key = key.is_some();
        // The key's memory is kept from record to record.
        slot.key.clear();
        slot.key.extend_from_slice(key.unwrap_or_default());
        slot.pending = 0;
        slot.taken = true;
        Some(index)
    }

    /// A held record.
    pub(super) fn get_mut(&mut self, index: u32) -> Option<&mut Slot> {
        self.slots.get_mut(index as usize).filter(|slot| slot.taken)
    }

    /// Where the record came from that an output belongs to; nothing once its slot has been
    /// released, whoever has it now.
    pub(super) fn place_of(&mut self, tag: Tag) -> Option<Place> {
        self.get_mut(tag.slot)
            .filter(|slot| slot.generation == tag.generation)
            .map(|slot| slot.place)
    }

    /// Says how many outputs the record has; it is released when that many are acknowledged.
    pub(super) fn expect(&mut self, index: u32, outputs: u32) {
        if let Some(slot) = self.get_mut(index) {
            slot.pending = outputs;
        }
    }

    /// The tag under which an output of this record is produced.
    pub(super) fn tag(&self, index: u32, target: Target) -> Tag {
        Tag {
            slot: index,
            generation: self.slots.get(index as usize).map_or(0, |slot| slot.generation),
            target,
            attempt: 0,
            solo: false,
            sums: false,
            cut: false,
        }
    }

    /// Takes one acknowledgement; returns the record's place and timestamp when it was the last one.
    pub(super) fn acknowledge(&mut self, tag: Tag) -> Option<(Place, i64)> {
        let slot = self.get_mut(tag.slot)?;
        if slot.generation != tag.generation || slot.pending == 0 {
            return None;
        }
        slot.pending -= 1;
        if slot.pending > 0 {
            return None;
        }
        let done = (slot.place, slot.timestamp_ms);
        self.release(tag.slot);
        Some(done)
    }

    /// Lets a record go, whatever is still to come for it.
    pub(super) fn release(&mut self, index: u32) {
        if let Some(slot) = self.get_mut(index) {
            slot.taken = false;
            slot.headers = None;
            slot.generation = slot.generation.wrapping_add(1);
            self.free.push(index);
        }
    }
}

/// What rides with a produced record as its opaque number and comes back with its report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tag {
    pub(super) slot: u32,
    pub(super) generation: u16,
    pub(super) target: Target,
    /// Sends before this one.
    pub(super) attempt: u8,
    /// Sent alone in its batch, so that a size refusal can only mean this record.
    pub(super) solo: bool,
    /// The record of a range of offsets, not of the one record that its slot holds.
    pub(super) sums: bool,
    /// Already cut down as far as it can be: refused for its size once more, it is undeliverable.
    pub(super) cut: bool,
}

impl Tag {
    pub(super) fn pack(self) -> usize {
        (self.slot as usize & SLOT_MASK)
            | usize::from(self.generation) << 24
            | (self.target as usize) << 40
            | usize::from(self.attempt.min(15)) << 44
            | usize::from(self.solo) << 48
            | usize::from(self.cut) << 49
            | usize::from(self.sums) << 50
    }

    pub(super) fn unpack(bits: usize) -> Self {
        Self {
            slot: (bits & SLOT_MASK) as u32,
            generation: (bits >> 24) as u16,
            target: Target::from_bits(bits >> 40),
            attempt: (bits >> 44) as u8 & 15,
            solo: bits >> 48 & 1 == 1,
            cut: bits >> 49 & 1 == 1,
            sums: bits >> 50 & 1 == 1,
        }
    }
}

const SLOT_MASK: usize = (1 << 24) - 1;
/// Slots are 24 bits wide in `Origin::slot` and in a tag.
const SLOTS_MAX: usize = 1 << 24;

const _: () = assert!(usize::BITS == 64, "delivery tags are packed into 64 bits");

#[cfg(test)]
mod tests {
    use super::*;

    fn place(offset: i64) -> Place {
        Place { partition: 1, epoch: 2, offset }
    }

    #[test]
    fn the_last_acknowledgement_releases() {
        let mut held = Held::default();
        let slot = held.insert(place(5), 0, Some(b"key"), None).unwrap();
        held.expect(slot, 2);
        let (result, billing) = (held.tag(slot, Target::Result), held.tag(slot, Target::Billing));
        assert_eq!(held.get_mut(slot).unwrap().key(), Some(&b"key"[..]));
        assert_eq!(held.acknowledge(billing), None);
        assert_eq!(held.acknowledge(result), Some((place(5), 0)));
        assert_eq!(held.len(), 0);
        assert_eq!(held.acknowledge(result), None);
    }

    #[test]
    fn an_acknowledgement_of_the_slots_former_record_is_ignored() {
        let mut held = Held::default();
        let slot = held.insert(place(5), 0, None, None).unwrap();
        held.expect(slot, 1);
        let late = held.tag(slot, Target::Result);
        held.release(slot);
        let again = held.insert(place(6), 0, Some(b""), None).unwrap();
        assert_eq!(again, slot);
        held.expect(again, 1);
        assert_eq!(held.get_mut(again).unwrap().key(), Some(&b""[..]));
        assert_eq!(held.acknowledge(late), None);
        assert_eq!(held.acknowledge(held.tag(again, Target::Result)), Some((place(6), 0)));
    }

    #[test]
    fn tags_survive_packing() {
        use Target::{Billing, DeadLetter, Failure, History, Result};
        for target in [Result, Failure, Billing, DeadLetter, History] {
            for solo in [false, true] {
                let tag = Tag {
                    slot: 0x00ab_cdef,
                    generation: 0xfedc,
                    target,
                    attempt: 9,
                    solo,
                    sums: solo,
                    cut: !solo,
                };
                assert_eq!(Tag::unpack(tag.pack()), tag);
            }
        }
    }
}
