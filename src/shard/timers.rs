//! A hierarchical timer wheel in milliseconds, sized to the five minutes of an Express execution.
//!
//! Three levels of 256 slots reach 4.6 hours; what lies beyond (the case runner's Standard world)
//! waits in an ordered map. Timers are set and cancelled in constant time, and an idle wheel says
//! when it wants to be looked at again, so nobody has to tick.

use std::collections::BTreeSet;

/// Address of a set timer; stale once it fired or was cancelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimerKey {
    index: u32,
    generation: u32,
}

/// The timers of a shard, each carrying a `T`.
#[derive(Debug)]
pub struct Timers<T> {
    /// Everything due up to and including this millisecond has fired.
    current_ms: u64,
    entries: Vec<Entry<T>>,
    free: u32,
    levels: [Level; LEVELS],
    far: BTreeSet<(u64, u32)>,
    count: usize,
}

#[derive(Debug)]
struct Entry<T> {
    generation: u32,
    due_ms: u64,
    place: Place,
    previous: u32,
    next: u32,
    payload: Option<T>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Free,
    Far,
    Slot { level: u8, slot: u8 },
}

#[derive(Debug)]
struct Level {
    heads: [u32; SLOTS],
    occupied: [u64; SLOTS / 64],
}

impl<T: Copy> Timers<T> {
    /// An empty wheel that starts at `now_ms`.
    pub fn new(now_ms: u64) -> Self {
        Self {
            current_ms: now_ms,
            entries: Vec::new(),
            free: NONE,
            levels: std::array::from_fn(|_| Level {
                heads: [NONE; SLOTS],
                occupied: [0; SLOTS / 64],
            }),
            far: BTreeSet::new(),
            count: 0,
        }
    }

    /// Sets a timer; one that is already due fires at the next [`Timers::advance`].
    pub fn set(&mut self, due_ms: u64, payload: T) -> TimerKey {
        let index = self.allocate();
        let entry = &mut self.entries[index as usize];
        entry.payload = Some(payload);
        entry.due_ms = due_ms.max(self.current_ms + 1);
        let generation = entry.generation;
        self.count += 1;
        self.link(index);
        TimerKey { index, generation }
    }

    /// Cancels a timer; a stale key does nothing.
    pub fn cancel(&mut self, key: TimerKey) {
        let known = self.entries.get(key.index as usize);
        if known
            .is_some_and(|entry| entry.generation == key.generation && entry.place != Place::Free)
        {
            self.unlink(key.index);
            self.release(key.index);
        }
    }

    /// Moves on to `now_ms` and hands every timer that is due by then to `fire` with its due time,
    /// in order of these.
    pub fn advance(&mut self, now_ms: u64, mut fire: impl FnMut(T, u64)) {
        while let Some((at, wheel_level)) = self.next_look() {
            if at > now_ms {
                break;
            }
            self.current_ms = at;
            match wheel_level {
                Some(level) => self.empty_slot(level, digit(at, level), &mut fire),
                None => self.bring_near(at),
            }
        }
        self.current_ms = self.current_ms.max(now_ms);
    }

    /// When [`Timers::advance`] next has something to do; never later than the first due timer.
    pub fn next_look_ms(&self) -> Option<u64> {
        self.next_look().map(|(at, _)| at)
    }

    /// Timers set and neither fired nor cancelled.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether no timer is set.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The next time and the level to look at then; no level means the far timers.
    fn next_look(&self) -> Option<(u64, Option<usize>)> {
        if self.count == 0 {
            return None;
        }
        for level in 0..LEVELS {
            // All timers of a level share the digits above it with the current time, and their
            // own digit is greater, so the first occupied slot behind the current one is next.
            if let Some(slot) = self.levels[level].first_after(digit(self.current_ms, level)) {
                let shift = BITS * (level as u32);
                let above = self.current_ms >> (shift + BITS) << (shift + BITS);
                return Some((above | (slot as u64) << shift, Some(level)));
            }
        }
        let (due_ms, _) = self.far.first()?;
        Some((due_ms >> REACH_BITS << REACH_BITS, None))
    }

    /// Fires what is due in a slot and moves the rest to lower levels.
    fn empty_slot(&mut self, level: usize, slot: usize, fire: &mut impl FnMut(T, u64)) {
        let mut index = self.levels[level].heads[slot];
        self.levels[level].clear(slot);
        while index != NONE {
            let entry = &self.entries[index as usize];
            let next = entry.next;
            self.fire_or_link(index, fire);
            index = next;
        }
    }

    fn fire_or_link(&mut self, index: u32, fire: &mut impl FnMut(T, u64)) {
        let entry = &mut self.entries[index as usize];
        if entry.due_ms <= self.current_ms {
            let (payload, due_ms) = (entry.payload.take(), entry.due_ms);
            self.release(index);
            if let Some(payload) = payload {
                fire(payload, due_ms);
            }
        } else {
            self.link(index);
        }
    }

    /// Moves the far timers of the window that begins at `window_ms` into the wheel. Those due at
    /// its very first millisecond are put one later: the window's first slot has passed.
    fn bring_near(&mut self, window_ms: u64) {
        let beyond = self.far.split_off(&(window_ms + (1 << REACH_BITS), 0));
        for (_, index) in std::mem::replace(&mut self.far, beyond) {
            let entry = &mut self.entries[index as usize];
            entry.due_ms = entry.due_ms.max(window_ms + 1);
            self.link(index);
        }
    }

    fn link(&mut self, index: u32) {
        let due_ms = self.entries[index as usize].due_ms;
        let differing = (due_ms ^ self.current_ms) | ((1 << BITS) - 1);
        let level = ((u64::BITS - 1 - differing.leading_zeros()) / BITS) as usize;
        if level >= LEVELS {
            self.far.insert((due_ms, index));
            self.entries[index as usize].place = Place::Far;
            return;
        }
        let slot = digit(due_ms, level);
        let head = self.levels[level].heads[slot];
        if head != NONE {
            self.entries[head as usize].previous = index;
        }
        let entry = &mut self.entries[index as usize];
        entry.place = Place::Slot { level: level as u8, slot: slot as u8 };
        entry.previous = NONE;
        entry.next = head;
        self.levels[level].heads[slot] = index;
        self.levels[level].occupied[slot / 64] |= 1 << (slot % 64);
    }

    fn unlink(&mut self, index: u32) {
        let Entry { due_ms, place, previous, next, .. } = self.entries[index as usize];
        match place {
            Place::Free => {}
            Place::Far => {
                self.far.remove(&(due_ms, index));
            }
            Place::Slot { level, slot } => {
                let (level, slot) = (&mut self.levels[usize::from(level)], usize::from(slot));
                if next != NONE {
                    self.entries[next as usize].previous = previous;
                }
                if previous != NONE {
                    self.entries[previous as usize].next = next;
                } else if next != NONE {
                    level.heads[slot] = next;
                } else {
                    level.clear(slot);
                }
            }
        }
    }

    fn allocate(&mut self) -> u32 {
        if self.free == NONE {
            let index = self.entries.len() as u32;
            self.entries.push(Entry {
                generation: 0,
                due_ms: 0,
                place: Place::Free,
                previous: NONE,
                next: NONE,
                payload: None,
            });
            return index;
        }
        let index = self.free;
        self.free = self.entries[index as usize].next;
        index
    }

    fn release(&mut self, index: u32) {
        let entry = &mut self.entries[index as usize];
        entry.generation = entry.generation.wrapping_add(1);
        entry.place = Place::Free;
        entry.payload = None;
        entry.next = self.free;
        self.free = index;
        self.count -= 1;
    }
}

impl Level {
    /// The first occupied slot behind `slot`.
    fn first_after(&self, slot: usize) -> Option<usize> {
        let from = slot + 1;
        (from / 64..SLOTS / 64).find_map(|word| {
            let skipped = if word == from / 64 { from % 64 } else { 0 };
            let bits = self.occupied[word] >> skipped << skipped;
            (bits != 0).then(|| word * 64 + bits.trailing_zeros() as usize)
        })
    }

    fn clear(&mut self, slot: usize) {
        self.heads[slot] = NONE;
        self.occupied[slot / 64] &= !(1 << (slot % 64));
    }
}

/// The slot of a time at a level.
fn digit(time_ms: u64, level: usize) -> usize {
    (time_ms >> (BITS * level as u32)) as usize & (SLOTS - 1)
}

const BITS: u32 = 8;
const SLOTS: usize = 1 << BITS;
const LEVELS: usize = 3;
const REACH_BITS: u32 = BITS * LEVELS as u32;
const NONE: u32 = u32::MAX;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn fired(timers: &mut Timers<u64>, now_ms: u64) -> Vec<u64> {
        let mut fired = Vec::new();
        timers.advance(now_ms, |payload, due_ms| {
            assert!(due_ms <= now_ms);
            fired.push(payload);
        });
        fired
    }

    #[test]
    fn timers_fire_at_their_millisecond_and_not_before() {
        let mut timers = Timers::new(1_000);
        for due in [1_001, 1_255, 1_256, 1_257, 66_000, 300_000, 20_000_000, 400_000_000_000] {
            timers.set(due, due);
        }
        for due in [1_001, 1_255, 1_256, 1_257, 66_000, 300_000, 20_000_000, 400_000_000_000] {
            assert_eq!(fired(&mut timers, due - 1), [0; 0], "before {due}");
            assert_eq!(fired(&mut timers, due), [due]);
        }
        assert!(timers.is_empty());
        assert_eq!(timers.next_look_ms(), None);
    }

    #[test]
    fn a_past_timer_fires_at_the_next_look() {
        let mut timers = Timers::new(500);
        timers.set(3, 3);
        assert_eq!(timers.next_look_ms(), Some(501));
        assert_eq!(fired(&mut timers, 501), [3]);
    }

    #[test]
    fn a_stale_key_cancels_nothing() {
        let mut timers = Timers::new(0);
        let first = timers.set(10, 1);
        timers.cancel(first);
        let second = timers.set(10, 2);
        timers.cancel(first);
        assert_eq!(fired(&mut timers, 10), [2]);
        timers.cancel(second);
        assert_eq!(timers.len(), 0);
    }

    proptest! {
        #[test]
        fn the_wheel_agrees_with_a_sorted_list(
            start in 0_u64..1 << 40,
            steps in proptest::collection::vec((0_u64..1 << 26, 0_u8..4, 0_usize..32), 1..200),
        ) {
            let mut timers = Timers::new(start);
            let mut now = start;
            let mut model: Vec<(u64, u64, TimerKey)> = Vec::new();
            for (serial, (span, action, pick)) in steps.into_iter().enumerate() {
                match action {
                    0 | 1 => {
                        // Short spans matter most: half of the timers are due within a second.
                        let due = now + if action == 0 { span % 1_000 } else { span };
                        let key = timers.set(due, serial as u64);
                        model.push((due.max(now + 1), serial as u64, key));
                    }
                    2 if !model.is_empty() => {
                        let (_, _, key) = model.swap_remove(pick % model.len());
                        timers.cancel(key);
                    }
                    _ => {
                        let first = model.iter().map(|(due, _, _)| *due).min();
                        if let (Some(first), Some(look)) = (first, timers.next_look_ms()) {
                            prop_assert!(look <= first, "looks at {look}, first is due at {first}");
                        }
                        now += span % 100_000;
                        let mut got = fired(&mut timers, now);
                        let mut due: Vec<u64> = model.iter().filter(|(due, _, _)| *due <= now).map(|(_, serial, _)| *serial).collect();
                        model.retain(|(due, _, _)| *due > now);
                        got.sort_unstable();
                        due.sort_unstable();
                        prop_assert_eq!(got, due);
                    }
                }
                prop_assert_eq!(timers.len(), model.len());
            }
        }
    }
}
