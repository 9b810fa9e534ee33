//! Where in the order of events a line belongs: its own place, a later one, one that has passed.
//!
//! Expected documents are looked up by what they mean, within a window of events before and after
//! the one whose turn it is, and only once a line is not that one's. Knows nothing of files,
//! verdicts or what an event is: what is expected at a place is the caller's to say.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::hash::BuildHasherDefault;

use serde_json::Value;

use crate::bills::PassThrough;
use crate::fingerprint::Fingerprint;

/// What is expected, place by place.
pub(super) trait Script {
    /// Goes on to the next place; returns whether there is one.
    fn extend(&mut self) -> bool;
    /// Returns whether `line` is what belongs to `place`.
    fn fits(&mut self, place: u64, line: &[u8]) -> bool;
    /// Replaces `out` by what belongs to `place`.
    fn write(&mut self, place: u64, out: &mut Vec<u8>);
    /// Forgets the places before `place`, which will not be asked for again.
    fn forget(&mut self, place: u64);
}

/// What a line turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Placed {
    /// The line of the event whose turn it is, or of a later one: those between are missing.
    Right,
    /// That of an event that had its line.
    Repeated,
    /// That of an event, named by its place, that later ones had overtaken.
    Late(u64),
    /// None that was expected; it came where this place's was due.
    Unknown(u64),
}

/// What became of a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mark {
    /// Its line has not come.
    Open,
    /// A later one came first.
    Missing,
    /// An unknown line came where it was due.
    Spoilt,
    /// Its line came.
    Seen,
}

/// The window of places, and what is known of them.
#[derive(Debug, Default)]
pub(super) struct Places {
    /// Of the places from `first` on.
    marks: VecDeque<Mark>,
    first: u64,
    /// Whose turn it is.
    next: u64,
    /// One beyond the highest place that had its line.
    reached: u64,
    /// Unknown lines since a line was last placed: they may stand for as many events.
    unknown: u64,
    /// Unknown lines of before that may do so too: where results are alike, a line that came
    /// after them fits the place whose turn it is and the one that would be its own if each of
    /// them stood in the place of an event. The first line that fits only one of both decides.
    spare: u64,
    missing: u64,
    /// Places by what their document means; every list ascends.
    known: HashMap<Fingerprint, VecDeque<u64>, BuildHasherDefault<PassThrough>>,
    /// The meaning of the places from `meanings_from` on, so that they can be forgotten.
    meanings: VecDeque<Fingerprint>,
    meanings_from: u64,
    rendered: Vec<u8>,
}

impl Places {
    /// Places a line, and goes on from there.
    pub(super) fn place(&mut self, line: &[u8], script: &mut dyn Script) -> Placed {
        while self.mark(self.next, script) == Some(Mark::Seen) {
            self.next += 1;
        }
        // In its turn, or in step with the lines so far if every unknown one was in a place. That some
        // of them were and some not is only seen where results differ: to try every number of them
        // would cost as many comparisons for each line.
        let in_turn = self.fits(self.next, line, script).then_some(self.next);
        let in_step = self.next + self.in_doubt();
        let place = in_turn.or_else(|| {
            (in_step > self.next && self.fits(in_step, line, script)).then_some(in_step)
        });
        if let Some(place) = place {
            self.take(place, line, script);
            self.trim(script);
            return Placed::Right;
        }
        let placed = self.look_up(line, script);
        self.trim(script);
        placed
    }

    /// Returns how many events have no line, of those that the script has named.
    pub(super) fn missing(&self) -> u64 {
        let open = self.marks.iter().filter(|mark| **mark == Mark::Open).count() as u64;
        self.missing + open.saturating_sub(self.in_doubt())
    }

    /// Returns how many more events the unknown lines at the end may stand for.
    pub(super) fn unknown_left(&self) -> u64 {
        let open = self.marks.iter().filter(|mark| **mark == Mark::Open).count() as u64;
        self.in_doubt().saturating_sub(open)
    }

    /// How many unknown lines may yet turn out to stand in the place of an event.
    fn in_doubt(&self) -> u64 {
        self.unknown + self.spare
    }

    fn fits(&mut self, place: u64, line: &[u8], script: &mut dyn Script) -> bool {
        self.mark(place, script).is_some() && script.fits(place, line)
    }

    fn look_up(&mut self, line: &[u8], script: &mut dyn Script) -> Placed {
        let Ok(document) = serde_json::from_slice::<Value>(line) else {
            return self.unknown();
        };
        self.learn(script);
        let nearest = self.known.get(&meaning(&document)).and_then(|places| {
            let ahead = places.partition_point(|place| *place < self.next);
            let ahead_of = places.get(ahead).copied();
            let behind = ahead.checked_sub(1).and_then(|nth| places.get(nth)).copied();
            match (behind, ahead_of) {
                (Some(behind), Some(ahead)) if self.next - behind < ahead - self.next => {
                    Some(behind)
                }
                (behind, ahead) => ahead.or(behind),
            }
        });
        let Some(place) = nearest.filter(|place| script.fits(*place, line)) else {
            return self.unknown();
        };
        match self.marks[(place - self.first) as usize] {
            Mark::Seen => Placed::Repeated,
            _ if place >= self.next => {
                self.take(place, line, script);
                Placed::Right
            }
            _ => {
                self.take(place, line, script);
                Placed::Late(place)
            }
        }
    }

    /// The place has its line: what was open before it is missing, as far as unknown lines do not
    /// stand for it, and the next line belongs to the next place.
    fn take(&mut self, place: u64, line: &[u8], script: &mut dyn Script) {
        let mut in_doubt = self.in_doubt();
        for skipped in self.next..place {
            let mark = &mut self.marks[(skipped - self.first) as usize];
            if *mark != Mark::Open {
                continue;
            }
            *mark = if in_doubt > 0 { Mark::Spoilt } else { Mark::Missing };
            self.missing += u64::from(in_doubt == 0);
            in_doubt = in_doubt.saturating_sub(1);
        }
        // One that came late says nothing of where the others are: all doubt is left as it was.
        if place >= self.next {
            self.unknown = 0;
            self.spare = in_doubt;
            // What does not fit further on was beside the events; each is asked for once.
            while self.spare > 0 && !self.fits(place + self.spare, line, script) {
                self.spare -= 1;
            }
        }
        let mark = &mut self.marks[(place - self.first) as usize];
        self.missing -= u64::from(*mark == Mark::Missing);
        *mark = Mark::Seen;
        self.next = place + 1;
        self.reached = self.reached.max(self.next);
    }

    fn unknown(&mut self) -> Placed {
        let place = self.next + self.in_doubt();
        self.unknown += 1;
        if self.in_doubt() > WINDOW
            && let Some(mark) = self.marks.get_mut((self.next - self.first) as usize)
        {
            // So many of them in a row stand for the events that were due.
            if *mark == Mark::Open {
                *mark = Mark::Spoilt;
            }
            if self.spare > 0 {
                self.spare -= 1;
            } else {
                self.unknown -= 1;
            }
            self.next += 1;
            self.reached = self.reached.max(self.next);
        }
        Placed::Unknown(place)
    }

    /// Returns what became of `place`, of which the script is asked if need be.
    fn mark(&mut self, place: u64, script: &mut dyn Script) -> Option<Mark> {
        let nth = (place - self.first) as usize;
        while self.marks.len() <= nth {
            if !script.extend() {
                return None;
            }
            self.marks.push_back(Mark::Open);
        }
        Some(self.marks[nth])
    }

    /// Makes the meaning of every place of the window known; each is rendered once.
    fn learn(&mut self, script: &mut dyn Script) {
        self.mark(self.next + self.in_doubt() + WINDOW, script);
        if self.meanings.is_empty() {
            self.meanings_from = self.first;
        }
        let end = self.first + self.marks.len() as u64;
        for place in self.meanings_from + self.meanings.len() as u64..end {
            script.write(place, &mut self.rendered);
            // What is expected was found to be JSON before.
            let document = serde_json::from_slice(&self.rendered).unwrap_or_default();
            let meaning = meaning(&document);
            self.known.entry(meaning).or_default().push_back(place);
            self.meanings.push_back(meaning);
        }
    }

    /// Drops what lies further behind than a line is looked for.
    fn trim(&mut self, script: &mut dyn Script) {
        let keep = self.reached.saturating_sub(WINDOW).min(self.next);
        while self.first < keep {
            self.marks.pop_front();
            if self.meanings_from == self.first
                && let Some(meaning) = self.meanings.pop_front()
            {
                self.meanings_from += 1;
                self.forget(meaning);
            }
            self.first += 1;
        }
        script.forget(self.first);
    }

    /// The first place of this meaning is the one that goes.
    fn forget(&mut self, meaning: Fingerprint) {
        if let Entry::Occupied(mut places) = self.known.entry(meaning) {
            places.get_mut().pop_front();
            if places.get().is_empty() {
                places.remove();
            }
        }
    }
}

/// Returns the same for documents that mean the same; the order of members and the spelling of
/// numbers do not count. Numbers beyond binary64 may share a meaning, so whoever finds one looks
/// twice.
fn meaning(document: &Value) -> Fingerprint {
    let mut text = Vec::new();
    spell(document, &mut text);
    Fingerprint::of(&text)
}

fn spell(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Null => out.push(b'n'),
        Value::Bool(value) => out.push(if *value { b't' } else { b'f' }),
        Value::Number(number) => {
            // Minus zero is zero.
            let number = number.as_f64().unwrap_or_default() + 0.0;
            out.push(b'#');
            out.extend_from_slice(&number.to_bits().to_be_bytes());
        }
        Value::String(text) => spell_text(text, out),
        Value::Array(items) => {
            out.push(b'[');
            for item in items {
                spell(item, out);
            }
            out.push(b']');
        }
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            members.sort_unstable_by_key(|(name, _)| name.as_str());
            out.push(b'{');
            for (name, value) in members {
                spell_text(name, out);
                spell(value, out);
            }
            out.push(b'}');
        }
    }
}

fn spell_text(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    out.extend_from_slice(&(text.len() as u64).to_be_bytes());
    out.extend_from_slice(text.as_bytes());
}

/// How many places before and after its own a line is looked for.
pub(super) const WINDOW: u64 = 16_384;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Places whose documents are numbers.
    #[derive(Default)]
    struct Numbers {
        named: u64,
        end: u64,
        written: u64,
        forgotten: u64,
    }

    impl Script for Numbers {
        fn extend(&mut self) -> bool {
            let more = self.named < self.end;
            self.named += u64::from(more);
            more
        }

        fn fits(&mut self, place: u64, line: &[u8]) -> bool {
            assert!((self.forgotten..self.named).contains(&place), "{place}");
            line == place.to_string().as_bytes()
        }

        fn write(&mut self, place: u64, out: &mut Vec<u8>) {
            self.written += 1;
            *out = place.to_string().into_bytes();
        }

        fn forget(&mut self, place: u64) {
            self.forgotten = place;
        }
    }

    #[test]
    fn memory_and_work_stay_bounded_whatever_comes() {
        let mut places = Places::default();
        let mut script = Numbers { end: 1_000_000, ..Numbers::default() };
        let mut unknown = 0;
        for number in 0..200_000_u64 {
            let line = if number % 3 == 0 { "no".to_owned() } else { number.to_string() };
            let placed = places.place(line.as_bytes(), &mut script);
            unknown += u64::from(matches!(placed, Placed::Unknown(_)));
            assert!(places.marks.len() as u64 <= 3 * WINDOW + 2);
        }
        assert_eq!((unknown, places.missing), (66_667, 0));
        // A document is rendered once, for all lines that are looked up.
        let line = b"\"neither\"";
        assert!(matches!(places.place(line, &mut script), Placed::Unknown(_)));
        assert!(script.written <= script.named, "{} of {}", script.written, script.named);
        let known: usize = places.known.values().map(VecDeque::len).sum();
        assert_eq!(known, places.meanings.len());
        assert!(known as u64 <= 3 * WINDOW + 2);
    }

    #[test]
    fn a_beginning_that_is_unknown_for_longer_than_the_window_does_not_spoil_the_rest() {
        let mut places = Places::default();
        let mut script = Numbers { end: 100_000, ..Numbers::default() };
        for _ in 0..50_000 {
            assert!(matches!(places.place(b"\"no\"", &mut script), Placed::Unknown(_)));
        }
        for number in 50_000..60_000_u64 {
            let placed = places.place(number.to_string().as_bytes(), &mut script);
            assert_eq!(placed, Placed::Right, "{number}");
        }
        assert_eq!(places.missing, 0);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn every_mishap_is_counted_once_whatever_came_before(
            mishaps in prop::collection::vec((0..4_u8, 1..90_u64), 0..20),
        ) {
            let mut lines = Vec::new();
            let (mut garbage, mut repeated, mut lost) = (0, 0, 0);
            let mut number = 0;
            for (kind, far) in mishaps {
                lines.extend((number..number + 100).map(|number| number.to_string()));
                number += 100;
                match kind {
                    0 => {
                        lines.push("\"no\"".to_owned());
                        garbage += 1;
                    }
                    1 => {
                        lines.push((number - far).to_string());
                        repeated += 1;
                    }
                    2 => {
                        number += far;
                        lost += far;
                    }
                    _ => {
                        // In the place of a line.
                        lines.push("no".to_owned());
                        number += 1;
                        garbage += 1;
                    }
                }
            }
            let mut places = Places::default();
            let mut script = Numbers { end: number + 1, ..Numbers::default() };
            lines.push(number.to_string());
            let mut found = (0, 0);
            for line in lines {
                match places.place(line.as_bytes(), &mut script) {
                    Placed::Right => {}
                    Placed::Repeated => found.1 += 1,
                    Placed::Unknown(_) => found.0 += 1,
                    Placed::Late(place) => prop_assert!(false, "{} is late", place),
                }
            }
            prop_assert_eq!(found, (garbage, repeated));
            prop_assert_eq!(places.missing(), lost);
        }
    }

    /// Places with these numbers for documents.
    struct Alike {
        documents: Vec<u64>,
        named: u64,
    }

    impl Script for Alike {
        fn extend(&mut self) -> bool {
            let more = self.named < self.documents.len() as u64;
            self.named += u64::from(more);
            more
        }

        fn fits(&mut self, place: u64, line: &[u8]) -> bool {
            assert!(place < self.named, "{place}");
            line == self.documents[place as usize].to_string().as_bytes()
        }

        fn write(&mut self, place: u64, out: &mut Vec<u8>) {
            *out = self.documents[place as usize].to_string().into_bytes();
        }

        fn forget(&mut self, _: u64) {}
    }

    /// Lost, repeated, late and unknown lines.
    fn alike(documents: &[u64], lines: &[&str]) -> [u64; 4] {
        let mut places = Places::default();
        let mut script = Alike { documents: documents.to_vec(), named: 0 };
        let mut found = [0; 4];
        for line in lines {
            match places.place(line.as_bytes(), &mut script) {
                Placed::Right => {}
                Placed::Repeated => found[1] += 1,
                Placed::Late(_) => found[2] += 1,
                Placed::Unknown(_) => found[3] += 1,
            }
        }
        let unnamed = documents.len() as u64 - script.named;
        found[0] = places.missing() + unnamed.saturating_sub(places.unknown_left());
        found
    }

    #[test]
    fn a_changed_line_among_alike_ones_is_one_wrong_line() {
        let all = [7; 8];
        assert_eq!(alike(&all, &["7", "7", "x", "7", "7", "7", "7", "7"]), [0, 0, 0, 1]);
        assert_eq!(alike(&all, &["7", "7", "7", "7", "7", "7", "7", "x"]), [0, 0, 0, 1]);
        // Beside the events it is one too.
        assert_eq!(alike(&all, &["7", "x", "7", "7", "7", "7", "7", "7", "7"]), [0, 0, 0, 1]);
        // An event that is lost besides is lost; one that is repeated, repeated.
        assert_eq!(alike(&all, &["7", "x", "7", "7", "7", "7", "7"]), [1, 0, 0, 1]);
        let repeated = ["7", "x", "7", "7", "7", "7", "7", "7", "7", "7"];
        assert_eq!(alike(&all, &repeated), [0, 1, 0, 1]);
    }

    #[test]
    fn a_line_that_comes_late_leaves_the_doubt_about_others() {
        assert_eq!(alike(&[0, 1, 2, 3, 4, 5], &["0", "2", "x", "1", "4", "5"]), [0, 0, 1, 1]);
        assert_eq!(alike(&[1, 2, 7, 7, 7, 7], &["2", "x", "7", "7", "1", "7"]), [0, 0, 1, 1]);
        // It excuses no loss: there are fewer lines than events.
        assert_eq!(alike(&[0, 1, 2, 3, 4, 5], &["0", "2", "x", "1", "5"]), [1, 0, 1, 1]);
    }

    #[test]
    fn what_is_lost_among_others_is_not_excused_by_a_line_beside_the_events() {
        let runs = [1, 1, 1, 1, 2, 2, 2, 2, 3];
        // The unknown line is known to be one too many when the first stretch is whole.
        assert_eq!(alike(&runs, &["1", "x", "1", "1", "1", "2", "2", "2", "3"]), [1, 0, 0, 1]);
        assert_eq!(alike(&runs, &["1", "x", "1", "1", "2", "2", "2", "2", "3"]), [0, 0, 0, 1]);
        assert_eq!(alike(&runs, &["1", "x", "1", "1", "2", "2", "2", "3"]), [1, 0, 0, 1]);
        // Of two one is.
        let two = ["1", "x", "y", "1", "1", "2", "2", "2", "3"];
        assert_eq!(alike(&runs, &two), [1, 0, 0, 2]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn in_a_stream_that_is_in_step_every_changed_line_is_wrong_and_no_more(
            kinds in 1..4_u64,
            events in prop::collection::vec((0..100_u64, prop::bool::weighted(0.2)), 0..300),
        ) {
            let documents: Vec<u64> = events.iter().map(|(number, _)| number % kinds).collect();
            let texts: Vec<String> = documents.iter().map(u64::to_string).collect();
            let lines = texts.iter().zip(&events);
            let lines: Vec<&str> =
                lines.map(|(text, (_, changed))| if *changed { "x" } else { text }).collect();
            let changed = events.iter().filter(|(_, changed)| *changed).count() as u64;
            prop_assert_eq!(alike(&documents, &lines), [0, 0, 0, changed]);
        }

        #[test]
        fn of_results_that_are_all_alike_as_many_are_lost_as_lines_are_too_few(
            events in 1..200_usize,
            lines in prop::collection::vec(prop::bool::weighted(0.1), 0..220),
        ) {
            let lines: Vec<&str> = lines.iter().map(|bad| if *bad { "x" } else { "7" }).collect();
            let bad = lines.iter().filter(|line| **line == "x").count();
            let lost = events.saturating_sub(lines.len()) as u64;
            let repeated = (lines.len() - bad).saturating_sub(events) as u64;
            prop_assert_eq!(alike(&vec![7; events], &lines), [lost, repeated, 0, bad as u64]);
        }
    }

    #[test]
    fn many_unknown_lines_among_alike_ones_take_no_more_than_the_window() {
        let mut places = Places::default();
        let mut script = Alike { documents: vec![7; 200_000], named: 0 };
        for number in 0..200_000 {
            let line: &[u8] = if number % 3 == 0 { b"x" } else { b"7" };
            places.place(line, &mut script);
            assert!(places.marks.len() as u64 <= 3 * WINDOW + 2);
        }
        assert_eq!(places.missing(), 0);
    }

    #[test]
    fn documents_that_mean_the_same_have_one_meaning() {
        let of = |text: &str| meaning(&serde_json::from_str(text).unwrap());
        assert_eq!(of(r#"{"a":1,"b":[-0.0]}"#), of(r#"{"b": [0], "a": 1.0}"#));
        assert_ne!(of(r#"{"a":1}"#), of(r#"{"a":"1"}"#));
        assert_ne!(of("[[1],2]"), of("[[1,2]]"));
    }
}
