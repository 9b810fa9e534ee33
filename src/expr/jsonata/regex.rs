//! Regular expressions as JavaScript writes them, on an engine that takes linear time.
//!
//! A pattern is translated construct by construct; what cannot be matched in linear time, or
//! means something else there, is refused when the expression is compiled. Positions are those of
//! characters, not of UTF-16 units: `.` takes a whole character.

use std::borrow::Cow;
use std::fmt::Write;
use std::iter::Peekable;
use std::str::Chars;

use super::cast::quoted;
use super::{Code, Thrown};

/// Compiles `/pattern/flags`; of the flags only `i` and `m` matter.
///
/// # Errors
/// `S0301` for an empty pattern, `S0303` for one that is malformed, too large, or not supported.
pub(super) fn compile(pattern: &str, flags: &str) -> Result<regex::Regex, Thrown> {
    if pattern.is_empty() {
        return Err(Thrown::new(Code::S0301));
    }
    let translated = Translator::new(pattern, flags).translate().map_err(|why| {
        Thrown::new(Code::S0303).with("value", format!("{why} in {}", quoted(pattern)))
    })?;
    regex::RegexBuilder::new(&translated)
        .size_limit(PROGRAM_BYTES_MAX)
        .dfa_size_limit(CACHE_BYTES_MAX)
        .nest_limit(NESTING_MAX)
        .build()
        .map_err(|error| {
            let why = match error {
                regex::Error::CompiledTooBig(_) => "it is too large",
                _ => "it is malformed",
            };
            Thrown::new(Code::S0303).with("value", format!("{why}: {}", quoted(pattern)))
        })
}

/// `$replace`'s replacement text with `$0`, `$1`, … and `$$` filled in; group 0 is the match.
///
/// As many digits belong to `$n` as the number of groups has, but one fewer if there is no such
/// group. What is no group's number leaves the `$` as it is.
pub(super) fn expand(replacement: &str, groups: &[Option<&str>]) -> String {
    let captures = groups.len().saturating_sub(1);
    let digits_max = captures.checked_ilog10().unwrap_or_default() as usize + 1;
    let mut expanded = String::with_capacity(replacement.len());
    let mut rest = replacement;
    while let Some((before, behind)) = rest.split_once('$') {
        expanded.push_str(before);
        rest = behind;
        if let Some(behind) = rest.strip_prefix('$') {
            expanded.push('$');
            rest = behind;
            continue;
        }
        let digits = rest.bytes().take(digits_max).take_while(u8::is_ascii_digit).count();
        let number = |len: usize| rest.get(..len).and_then(|digits| digits.parse::<usize>().ok());
        let (group, len) = match (number(digits), digits) {
            (None, _) => {
                expanded.push('$');
                continue;
            }
            (Some(_), _) if rest.starts_with('0') => (0, 1),
            (Some(group), 2..) if group > captures => {
                (number(digits - 1).unwrap_or(group), digits - 1)
            }
            (Some(group), len) => (group, len),
        };
        expanded.push_str(groups.get(group).copied().flatten().unwrap_or_default());
        rest = rest.get(len..).unwrap_or_default();
    }
    expanded.push_str(rest);
    expanded
}

/// Why a pattern is refused: the construct's name.
type Why = &'static str;

/// Reads a JavaScript pattern and writes the same one for the crate `regex`.
struct Translator<'p> {
    rest: Peekable<Chars<'p>>,
    out: String,
    ignore_case: bool,
    /// Capturing groups of the whole pattern: `\3` means a group only if there are three.
    groups: u32,
    /// The pattern has a group with a name, hence `\k` is a reference to one.
    named: bool,
}

/// One member of a class.
enum Atom {
    Char(char),
    /// `\d` and the like, as written inside of a class.
    Set(Cow<'static, str>),
}

impl<'p> Translator<'p> {
    fn new(pattern: &'p str, flags: &str) -> Self {
        let (groups, named) = count_groups(pattern);
        let mut out = String::with_capacity(pattern.len() + 8);
        // Line terminators include the carriage return.
        out.push_str(if flags.contains('m') { "(?mR)" } else { "" });
        out.push_str(if flags.contains('i') { "(?i)" } else { "" });
        let ignore_case = flags.contains('i');
        Self { rest: pattern.chars().peekable(), out, ignore_case, groups, named }
    }

    fn translate(mut self) -> Result<String, Why> {
        // Whether the last construct is one that can be repeated.
        let mut repeatable = false;
        while let Some(char) = self.rest.next() {
            repeatable = match char {
                '^' | '$' | '|' => {
                    self.out.push(char);
                    false
                }
                '(' => {
                    self.open_group()?;
                    false
                }
                ')' => {
                    self.out.push(')');
                    true
                }
                '.' => {
                    self.out.push_str(r"[^\n\r\x{2028}\x{2029}]");
                    true
                }
                '[' => {
                    self.class()?;
                    true
                }
                '\\' => self.escape()?,
                '*' | '+' | '?' => {
                    self.repeat(repeatable, &char.to_string())?;
                    false
                }
                '{' => match self.counts() {
                    Some(counts) => {
                        self.repeat(repeatable, &counts)?;
                        false
                    }
                    None => self.literal('{'),
                },
                char => self.literal(char),
            };
        }
        Ok(self.out)
    }

    /// Behind `(`.
    fn open_group(&mut self) -> Result<(), Why> {
        self.out.push('(');
        if self.rest.next_if_eq(&'?').is_none() {
            return Ok(());
        }
        match (self.rest.next(), self.rest.peek()) {
            (Some(':'), _) => self.out.push_str("?:"),
            (Some('='), _) => return Err("look-ahead (?=)"),
            (Some('!'), _) => return Err("look-ahead (?!)"),
            (Some('<'), Some('=')) => return Err("look-behind (?<=)"),
            (Some('<'), Some('!')) => return Err("look-behind (?<!)"),
            // Nothing asks for groups by name: numbers are all that they need.
            (Some('<'), _) => {
                let name = self.rest.by_ref().take_while(|&char| char != '>').count();
                if name == 0 {
                    return Err("a group without a name");
                }
            }
            _ => return Err("a group that starts with (?"),
        }
        Ok(())
    }

    /// A quantifier, with the `?` that makes it lazy.
    fn repeat(&mut self, repeatable: bool, quantifier: &str) -> Result<(), Why> {
        if !repeatable {
            return Err("nothing to repeat");
        }
        self.out.push_str(quantifier);
        if self.rest.next_if_eq(&'?').is_some() {
            self.out.push('?');
        }
        Ok(())
    }

    /// Behind `{`: `n}`, `n,}` or `n,m}` as a quantifier; anything else makes the brace a literal.
    fn counts(&mut self) -> Option<String> {
        let mut ahead = self.rest.clone();
        let mut counts = String::from("{");
        let mut commas = 0;
        loop {
            let char = ahead.next()?;
            counts.push(char);
            match char {
                '0'..='9' => {}
                ',' if commas == 0 && counts.len() > 2 => commas = 1,
                '}' if counts.len() > 2 => break,
                _ => return None,
            }
        }
        self.rest = ahead;
        Some(counts)
    }

    /// Writes a character for itself.
    fn literal(&mut self, char: char) -> bool {
        match char {
            // The only ASCII letters that fold to others; JavaScript keeps ASCII to itself.
            'k' | 'K' if self.ignore_case => self.out.push_str("(?-i:[kK])"),
            's' | 'S' if self.ignore_case => self.out.push_str("(?-i:[sS])"),
            char => push_char(&mut self.out, char),
        }
        true
    }

    /// Behind `\` outside of a class; says whether what it wrote can be repeated.
    fn escape(&mut self) -> Result<bool, Why> {
        match self.rest.peek().copied() {
            Some('b' | 'B') => {
                let negated = self.rest.next() == Some('B');
                self.out.push_str(if negated { r"(?-u:\B)" } else { r"(?-u:\b)" });
                return Ok(false);
            }
            Some('1'..='9') if self.is_reference() => return Err("a back-reference"),
            Some('k') if self.named => return Err("a back-reference"),
            _ => {}
        }
        match self.escaped()? {
            Atom::Char(char) => self.literal(char),
            Atom::Set(set) => {
                let _ = write!(self.out, "(?-i:[{set}])");
                true
            }
        };
        Ok(true)
    }

    /// Whether the digits ahead are the number of a group.
    fn is_reference(&self) -> bool {
        let digits: String = self.rest.clone().take_while(char::is_ascii_digit).collect();
        digits.parse::<u32>().is_ok_and(|number| number <= self.groups)
    }

    /// `p{Name}` behind `\`. JavaScript would take it for the letter p here, which nobody means.
    // AWS: expressions run on Java there, which knows Unicode's properties without a flag.
    fn property(&mut self) -> Option<String> {
        let mut ahead = self.rest.clone();
        let letter = ahead.next_if(|char| matches!(char, 'p' | 'P'))?;
        ahead.next_if_eq(&'{')?;
        let name: String =
            ahead.by_ref().take_while(|&char| char != '}').take(PROPERTY_CHARS_MAX).collect();
        if !name.chars().all(is_property_char) {
            return None;
        }
        self.rest = ahead;
        Some(format!("\\{letter}{{{name}}}"))
    }

    /// Behind `\`: what inside and outside of a class means the same.
    fn escaped(&mut self) -> Result<Atom, Why> {
        if let Some(property) = self.property() {
            return Ok(Atom::Set(property.into()));
        }
        let char = self.rest.next().ok_or("a \\ at the end")?;
        Ok(Atom::Char(match char {
            'd' => return Ok(Atom::Set("0-9".into())),
            'D' => return Ok(Atom::Set("[^0-9]".into())),
            'w' => return Ok(Atom::Set("0-9A-Z_a-z".into())),
            'W' => return Ok(Atom::Set("[^0-9A-Z_a-z]".into())),
            's' => return Ok(Atom::Set(SPACE.into())),
            'S' => return Ok(Atom::Set(format!("[^{SPACE}]").into())),
            't' => '\t',
            'n' => '\n',
            'r' => '\r',
            'v' => '\u{b}',
            'f' => '\u{c}',
            '0'..='7' => self.octal(char),
            'c' => match self.rest.next_if(char::is_ascii_alphabetic) {
                Some(letter) => char::from(letter as u8 & 31),
                // The backslash stands for itself, and so will the c.
                None => return Err("\\c without a letter"),
            },
            'x' => self.hex(2).and_then(char::from_u32).unwrap_or('x'),
            'u' => self.unicode()?,
            char => char,
        }))
    }

    /// `\0` and the octal numbers up to `\377`.
    fn octal(&mut self, first: char) -> char {
        let mut code = first.to_digit(8).unwrap_or_default();
        for _ in 0..2 {
            let Some(&next) = self.rest.peek() else { break };
            match next.to_digit(8).map(|digit| code * 8 + digit) {
                Some(longer) if longer < 256 => code = longer,
                _ => break,
            }
            self.rest.next();
        }
        char::from_u32(code).unwrap_or_default()
    }

    /// `\uXXXX`, two of them for a character beyond 16 bits.
    fn unicode(&mut self) -> Result<char, Why> {
        let Some(unit) = self.hex(4) else { return Ok('u') };
        let mut units = vec![unit as u16];
        if (0xd800..0xdc00).contains(&unit) {
            let mut ahead = self.rest.clone();
            if ahead.next() == Some('\\') && ahead.next() == Some('u') {
                self.rest = ahead;
                units.extend(self.hex(4).map(|unit| unit as u16));
            }
        }
        match char::decode_utf16(units).collect::<Vec<_>>()[..] {
            [Ok(char)] => Ok(char),
            _ => Err("half of a surrogate pair"),
        }
    }

    /// Exactly `len` hexadecimal digits, or nothing is taken.
    fn hex(&mut self, len: usize) -> Option<u32> {
        let mut ahead = self.rest.clone();
        let mut code = 0;
        for _ in 0..len {
            code = code * 16 + ahead.next()?.to_digit(16)?;
        }
        self.rest = ahead;
        Some(code)
    }

    /// Behind `[`.
    fn class(&mut self) -> Result<(), Why> {
        let negated = self.rest.next_if_eq(&'^').is_some();
        if self.rest.next_if_eq(&']').is_some() {
            // Nothing at all, or any character.
            self.out.push_str(if negated { "(?s:.)" } else { r"[^\x00-\x{10FFFF}]" });
            return Ok(());
        }
        self.out.push_str(if negated { "[^" } else { "[" });
        loop {
            let first = match self.rest.next().ok_or("a [ without its ]")? {
                ']' => break,
                char => self.member(char)?,
            };
            let mut ahead = self.rest.clone();
            let is_range = ahead.next() == Some('-') && ahead.peek().is_some_and(|&c| c != ']');
            if !is_range {
                push_atom(&mut self.out, &first);
                continue;
            }
            self.rest = ahead;
            let last = self.rest.next().ok_or("a [ without its ]")?;
            match (first, self.member(last)?) {
                (Atom::Char(first), Atom::Char(last)) if first > last => {
                    return Err("a range that runs backwards");
                }
                (Atom::Char(first), Atom::Char(last)) => {
                    push_char(&mut self.out, first);
                    self.out.push('-');
                    push_char(&mut self.out, last);
                }
                // A set is no end of a range: the hyphen stands for itself.
                (first, last) => {
                    push_atom(&mut self.out, &first);
                    push_char(&mut self.out, '-');
                    push_atom(&mut self.out, &last);
                }
            }
        }
        self.out.push(']');
        Ok(())
    }

    /// A member of a class that starts with `char`.
    fn member(&mut self, char: char) -> Result<Atom, Why> {
        match char {
            '\\' if self.rest.next_if_eq(&'b').is_some() => Ok(Atom::Char('\u{8}')),
            '\\' if self.rest.next_if_eq(&'-').is_some() => Ok(Atom::Char('-')),
            '\\' => self.escaped(),
            char => Ok(Atom::Char(char)),
        }
    }
}

/// Capturing groups, and whether one of them has a name.
fn count_groups(pattern: &str) -> (u32, bool) {
    let mut groups = 0;
    let mut named = false;
    let mut in_class = false;
    let mut chars = pattern.chars();
    while let Some(char) = chars.next() {
        match char {
            '\\' => drop(chars.next()),
            '[' => in_class = true,
            ']' => in_class = false,
            '(' if !in_class => {
                let is_named = chars.as_str().starts_with("?<");
                named |= is_named;
                groups += u32::from(is_named || !chars.as_str().starts_with('?'));
            }
            _ => {}
        }
    }
    (groups, named)
}

fn push_atom(out: &mut String, atom: &Atom) {
    match atom {
        Atom::Char(char) => push_char(out, *char),
        Atom::Set(set) => out.push_str(set),
    }
}

/// A character that stands for itself, inside and outside of classes.
fn push_char(out: &mut String, char: char) {
    if char.is_ascii() && !char.is_ascii_alphanumeric() {
        // Writing to a string does not fail.
        let _ = write!(out, "\\x{:02X}", u32::from(char));
    } else {
        out.push(char);
    }
}

fn is_property_char(char: char) -> bool {
    char.is_ascii_alphanumeric() || matches!(char, '_' | '=')
}

/// What JavaScript takes for white space, line terminators included.
const SPACE: &str =
    r"\x09-\x0D\x20\xA0\x{1680}\x{2000}-\x{200A}\x{2028}\x{2029}\x{202F}\x{205F}\x{3000}\x{FEFF}";

/// Of one compiled pattern.
const PROGRAM_BYTES_MAX: usize = 1 << 20;

/// Of the automaton that is built while matching.
const CACHE_BYTES_MAX: usize = 1 << 20;

const NESTING_MAX: u32 = 100;

const PROPERTY_CHARS_MAX: usize = 64;

#[cfg(test)]
mod tests;
