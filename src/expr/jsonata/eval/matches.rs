//! Regular expressions as functions, and what they capture.

use std::ops::Range;

use super::super::functions;
use super::super::item::{Flags, Item};
use super::super::scratch::Closure;
use super::super::{Code, Thrown};
use super::{BYTES_PER_STEP, Evaluator};

/// A match: bytes of the text, and of each group that took part.
pub(in super::super) struct Captured {
    pub(in super::super) range: Range<usize>,
    groups: Vec<Option<Range<usize>>>,
}

impl Evaluator<'_> {
    /// The next match of a regular expression in `text` from the byte `from` on; `again` after
    /// another one.
    ///
    /// # Errors
    /// D1004 for a match of nothing after another one.
    pub(in super::super) fn captured(
        &self,
        regex: u32,
        text: Item,
        from: usize,
        again: bool,
    ) -> Result<Option<Captured>, Thrown> {
        let Some(text) = self.text(text) else { return Ok(None) };
        if again && from >= text.len() {
            return Ok(None);
        }
        let Some(found) = self.program.regexes[regex as usize].captures_at(text, from) else {
            return Ok(None);
        };
        let range = found.get(0).map_or(0..0, |all| all.range());
        if again && range.is_empty() {
            return Err(Thrown::new(Code::D1004));
        }
        let groups = (1..found.len()).map(|group| found.get(group).map(|part| part.range()));
        Ok(Some(Captured { range, groups: groups.collect() }))
    }

    /// What was matched, and the array of what its groups captured.
    ///
    /// # Errors
    /// Memory.
    pub(in super::super) fn captured_texts(
        &mut self,
        text: Item,
        captured: &Captured,
    ) -> Result<(Item, Item), Thrown> {
        let matched = self.slice_text(text, captured.range.clone())?;
        let base = self.scratch.stack.len();
        for group in &captured.groups {
            let part = match group {
                Some(range) => self.slice_text(text, range.clone())?,
                None => Item::UNDEFINED,
            };
            self.scratch.stack.push(part);
        }
        Ok((matched, self.finish_array(base, Flags::NONE)?))
    }

    /// The byte that a match is looked for from: a regular expression takes a position as its
    /// second argument.
    pub(super) fn match_start(&self, text: Item, from: Item) -> Result<usize, Thrown> {
        let from = self.number(from)?;
        Ok(self.text(text).map_or(0, |text| functions::byte_of_utf16(text, from)))
    }

    /// The next match as the object that the language defines: `{match, start, end, groups, next}`.
    ///
    /// # Errors
    /// As [`Self::captured`] and [`Self::captured_texts`].
    pub(super) fn match_from(
        &mut self,
        regex: u32,
        text: Item,
        from: usize,
        again: bool,
    ) -> Result<Item, Thrown> {
        self.step_fuel(self.text(text).map_or(0, str::len) / BYTES_PER_STEP)?;
        let Some(captured) = self.captured(regex, text, from, again)? else {
            return Ok(Item::UNDEFINED);
        };
        let Range { start, end } = captured.range;
        let whole = self.text(text).unwrap_or_default();
        let [starts, ends] =
            [start, end].map(|at| Item::int(whole[..at].encode_utf16().count() as i64));
        let (matched, groups) = self.captured_texts(text, &captured)?;
        let next = self.scratch.closure(Closure::Next { regex, text, from: end as u32 });
        let base = self.scratch.stack.len();
        for (key, member) in [
            ("match", matched),
            ("start", starts),
            ("end", ends),
            ("groups", groups),
            ("next", next),
        ] {
            let key = self.make_text(key)?;
            self.scratch.stack.extend([key, member]);
        }
        self.finish_object(base)
    }
}
