//! Functions that look for patterns: texts, regular expressions, or functions that match.
//!
//! A matching function returns `{match, start, end, groups, next}`, as a regular expression does
//! when it is called; a regular expression itself is asked directly.

use super::super::eval::{Arguments, BYTES_PER_STEP, Evaluator};
use super::super::item::{Flags, Item, Kind};
use super::super::number::Number;
use super::super::{Code, Thrown, regex};
use super::Outcome;

/// What looks for the next match.
struct Search {
    text: Item,
    matcher: Item,
    /// Byte that a regular expression goes on at.
    from: usize,
    /// A byte, and its position in UTF-16 code units.
    counted: (usize, i64),
    begun: bool,
}

/// One match.
struct Match {
    /// Bytes of the text.
    range: std::ops::Range<usize>,
    matched: Item,
    /// Position in UTF-16 code units, as JavaScript and Java count.
    start: Item,
    /// Array of texts.
    groups: Item,
}

impl Search {
    fn new(text: Item, matcher: Item) -> Self {
        Self { text, matcher, from: 0, counted: (0, 0), begun: false }
    }

    fn next(&mut self, evaluator: &mut Evaluator<'_>) -> Result<Option<Match>, Thrown> {
        evaluator.step_fuel(1)?;
        let begun = std::mem::replace(&mut self.begun, true);
        match self.matcher.kind() {
            Kind::Regex(regex) => self.next_of_regex(evaluator, regex, begun),
            _ => self.next_of_function(evaluator, begun),
        }
    }

    fn next_of_regex(
        &mut self,
        evaluator: &mut Evaluator<'_>,
        regex: u32,
        begun: bool,
    ) -> Result<Option<Match>, Thrown> {
        let Some(captured) = evaluator.captured(regex, self.text, self.from, begun)? else {
            return Ok(None);
        };
        let range = captured.range.clone();
        let text = evaluator.text(self.text).unwrap_or_default();
        let (byte, units) = self.counted;
        let between = text.get(byte..range.start).unwrap_or_default();
        let units = units + between.encode_utf16().count() as i64;
        self.counted = (range.start, units);
        evaluator.step_fuel((range.end - self.from) / BYTES_PER_STEP)?;
        self.from = range.end;
        let (matched, groups) = evaluator.captured_texts(self.text, &captured)?;
        Ok(Some(Match { range, matched, start: Item::int(units), groups }))
    }

    fn next_of_function(
        &mut self,
        evaluator: &mut Evaluator<'_>,
        begun: bool,
    ) -> Result<Option<Match>, Thrown> {
        let found = if begun {
            if !self.matcher.is_function() {
                return Ok(None);
            }
            evaluator.invoke(self.matcher, &[])?
        } else {
            evaluator.invoke(self.matcher, &[self.text])?
        };
        if found.is_undefined() {
            return Ok(None);
        }
        let [matched, start, end, groups, next] =
            ["match", "start", "end", "groups", "next"].map(|key| evaluator.member(found, key));
        let (start_at, end_at) = (evaluator.number(start)?, evaluator.number(end)?);
        let well_formed = start_at.is_some()
            || end_at.is_some()
            || evaluator.is_array(groups)
            || next.is_function();
        if !well_formed {
            return Err(Thrown::new(Code::T1010));
        }
        self.matcher = next;
        let bytes = evaluator.text(self.text).map_or(0, str::len);
        evaluator.step_fuel(bytes / BYTES_PER_STEP)?;
        let text = evaluator.text(self.text).unwrap_or_default();
        let begin = byte_of_utf16(text, start_at);
        let end = begin + evaluator.text(matched).map_or(0, str::len);
        Ok(Some(Match { range: begin..end.min(text.len()), matched, start, groups }))
    }
}

/// The byte at a position that counts UTF-16 code units.
pub(in super::super) fn byte_of_utf16(text: &str, position: Option<Number>) -> usize {
    let mut units = position.map_or(0, Number::floor).max(0);
    for (at, char) in text.char_indices() {
        if units <= 0 {
            return at;
        }
        units -= char.len_utf16() as i64;
    }
    text.len()
}

/// A limit that must not be negative.
fn limit(
    evaluator: &Evaluator<'_>,
    arguments: Arguments,
    index: usize,
    code: Code,
) -> Result<Option<f64>, Thrown> {
    let limit = evaluator.number(arguments.get(evaluator, index))?.map(Number::as_f64);
    match limit {
        Some(limit) if limit < 0.0 => Err(Thrown::new(code).with("value", limit.to_string())),
        limit => Ok(limit),
    }
}

fn within(count: usize, limit: Option<f64>) -> bool {
    limit.is_none_or(|limit| (count as f64) < limit)
}

/// `$contains(text, pattern)`
pub(super) fn contains(evaluator: &mut Evaluator<'_>, arguments: Arguments) -> Outcome {
    let (text, pattern) = (arguments.get(evaluator, 0), arguments.get(evaluator, 1));
    if text.is_undefined() || pattern.is_undefined() {
        return Ok(Item::UNDEFINED);
    }
    if let (Some(text), Some(pattern)) = (evaluator.text(text), evaluator.text(pattern)) {
        return Ok(Item::bool(text.contains(pattern)));
    }
    if let Kind::Regex(regex) = pattern.kind() {
        let text = evaluator.text(text).unwrap_or_default();
        return Ok(Item::bool(evaluator.program.regexes[regex as usize].is_match(text)));
    }
    Ok(Item::bool(Search::new(text, pattern).next(evaluator)?.is_some()))
}

/// `$match(text, pattern, limit)`
pub(super) fn matches(evaluator: &mut Evaluator<'_>, arguments: Arguments) -> Outcome {
    let (text, pattern) = (arguments.get(evaluator, 0), arguments.get(evaluator, 1));
    if text.is_undefined() {
        return Ok(text);
    }
    let limit = limit(evaluator, arguments, 2, Code::D3040)?;
    let mut search = Search::new(text, pattern);
    let base = evaluator.scratch.stack.len();
    let mut count = 0;
    while within(count, limit)
        && let Some(found) = search.next(evaluator)?
    {
        let begin = evaluator.scratch.stack.len();
        let members = [("match", found.matched), ("index", found.start), ("groups", found.groups)];
        for (key, member) in members {
            let key = evaluator.make_text(key)?;
            evaluator.scratch.stack.extend([key, member]);
        }
        let object = evaluator.finish_object(begin)?;
        evaluator.scratch.stack.push(object);
        count += 1;
    }
    evaluator.finish_array(base, Flags::SEQUENCE)
}

/// `$split(text, separator, limit)`
pub(super) fn split(evaluator: &mut Evaluator<'_>, arguments: Arguments) -> Outcome {
    let (text, separator) = (arguments.get(evaluator, 0), arguments.get(evaluator, 1));
    let Some(whole) = evaluator.text(text) else { return Ok(Item::UNDEFINED) };
    let len = whole.len();
    let limit = limit(evaluator, arguments, 2, Code::D3020)?;
    let ranges = match evaluator.text(separator) {
        Some(separator) => split_ranges(whole, separator, limit),
        None if separator.is_undefined() => std::iter::once(0..len).collect(),
        None => {
            let mut search = Search::new(text, separator);
            let (mut ranges, mut from) = (Vec::new(), 0);
            while within(ranges.len(), limit)
                && let Some(found) = search.next(evaluator)?
            {
                ranges.push(from..found.range.start.max(from));
                from = found.range.end;
            }
            if within(ranges.len(), limit) {
                ranges.push(from..len);
            }
            ranges
        }
    };
    let base = evaluator.scratch.stack.len();
    for range in ranges {
        let part = evaluator.slice_text(text, range)?;
        evaluator.scratch.stack.push(part);
    }
    evaluator.finish_array(base, Flags::NONE)
}

/// Parts of a text between separators; an empty one stands between all characters.
fn split_ranges(text: &str, separator: &str, limit: Option<f64>) -> Vec<std::ops::Range<usize>> {
    let most = limit.map_or(usize::MAX, |limit| limit as usize);
    if separator.is_empty() {
        let chars = text.char_indices().map(|(at, char)| at..at + char.len_utf8());
        return chars.take(most).collect();
    }
    let mut from = 0;
    let parts = text.split(separator).map(|part| {
        let range = from..from + part.len();
        from = range.end + separator.len();
        range
    });
    parts.take(most).collect()
}

/// `$replace(text, pattern, replacement, limit)`
pub(super) fn replace(evaluator: &mut Evaluator<'_>, arguments: Arguments) -> Outcome {
    let (text, pattern) = (arguments.get(evaluator, 0), arguments.get(evaluator, 1));
    let replacement = arguments.get(evaluator, 2);
    if text.is_undefined() {
        return Ok(text);
    }
    if evaluator.text(pattern).is_some_and(str::is_empty) {
        return Err(Thrown::new(Code::D3010));
    }
    let limit = limit(evaluator, arguments, 3, Code::D3011)?;
    if let Some(wanted) = evaluator.text(pattern) {
        let count = limit.map_or(usize::MAX, |limit| limit.ceil() as usize);
        let text = evaluator.text(text).unwrap_or_default();
        // JavaScript writes the text "undefined" then.
        let replacement = evaluator.text(replacement).unwrap_or("undefined");
        let found = text.matches(wanted).take(count).count();
        evaluator
            .check_value(text.len().saturating_add(found.saturating_mul(replacement.len())))?;
        let replaced = text.replacen(wanted, replacement, count);
        return evaluator.make_text(&replaced);
    }
    replace_matches(evaluator, text, pattern, replacement, limit)
}

fn replace_matches(
    evaluator: &mut Evaluator<'_>,
    text: Item,
    pattern: Item,
    replacement: Item,
    limit: Option<f64>,
) -> Outcome {
    let mut search = Search::new(text, pattern);
    let (mut out, mut from, mut count) = (String::new(), 0, 0);
    while within(count, limit)
        && let Some(found) = search.next(evaluator)?
    {
        let whole = evaluator.text(text).unwrap_or_default();
        out.push_str(whole.get(from..found.range.start).unwrap_or_default());
        from = found.range.end;
        count += 1;
        if let Some(template) = evaluator.text(replacement) {
            let groups = expansion_groups(evaluator, &found);
            out.push_str(&regex::expand(template, &groups));
        } else {
            let object = match_argument(evaluator, &found)?;
            let made = evaluator.invoke(replacement, &[object])?;
            let Some(made) = evaluator.text(made) else {
                return Err(Thrown::new(Code::D3012).with("value", evaluator.quoted(made)));
            };
            out.push_str(made);
        }
        evaluator.check_value(out.len())?;
        evaluator.check_room(out.len())?;
    }
    out.push_str(evaluator.text(text).and_then(|text| text.get(from..)).unwrap_or_default());
    evaluator.make_text(&out)
}

/// The whole match and its groups, as a replacement's `$0`, `$1`, … name them.
fn expansion_groups<'t>(evaluator: &'t Evaluator<'_>, found: &Match) -> Vec<Option<&'t str>> {
    let groups = 0..evaluator.len(found.groups);
    let groups = groups.map(|group| evaluator.text(evaluator.element(found.groups, group)));
    std::iter::once(evaluator.text(found.matched)).chain(groups).collect()
}

/// What a replacing function is given.
fn match_argument(evaluator: &mut Evaluator<'_>, found: &Match) -> Outcome {
    let units = evaluator.text(found.matched).map_or(0, |text| text.encode_utf16().count());
    let end = evaluator.number(found.start)?.map_or(0, Number::floor) + units as i64;
    let base = evaluator.scratch.stack.len();
    let members = [
        ("match", found.matched),
        ("start", found.start),
        ("end", Item::int(end)),
        ("groups", found.groups),
    ];
    for (key, member) in members {
        let key = evaluator.make_text(key)?;
        evaluator.scratch.stack.extend([key, member]);
    }
    evaluator.finish_object(base)
}
