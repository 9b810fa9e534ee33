//! Signatures of functions: which types the arguments have, `<s-n?:s>`.
//!
//! Letters and modifiers are read as the reference implementation reads them: what it does not know
//! is skipped, and what a function returns is not looked at. Arguments are matched elsewhere.

use super::error::{Code, Thrown};

/// A set of the types that a signature's letters stand for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Types(pub(super) u8);

impl Types {
    /// An empty set.
    const NOTHING: Self = Self(0);
    pub(super) const STRING: Self = Self(1);
    pub(super) const NUMBER: Self = Self(2);
    pub(super) const BOOL: Self = Self(4);
    pub(super) const NULL: Self = Self(8);
    pub(super) const ARRAY: Self = Self(16);
    pub(super) const OBJECT: Self = Self(32);
    pub(super) const FUNCTION: Self = Self(64);
    /// An argument that is undefined; every letter but `f` takes it, too.
    pub(super) const MISSING: Self = Self(128);

    pub(super) fn has(self, one: Self) -> bool {
        self.0 & one.0 != 0
    }

    const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// What a letter stands for, absence not counted.
    fn of(letter: u8) -> Option<Self> {
        const PLAIN: Types = Types::STRING.and(Types::NUMBER).and(Types::BOOL).and(Types::NULL);
        const JSON: Types = PLAIN.and(Types::ARRAY).and(Types::OBJECT);
        Some(match letter {
            b's' => Self::STRING,
            b'n' => Self::NUMBER,
            b'b' => Self::BOOL,
            b'l' => Self::NULL,
            b'o' => Self::OBJECT,
            b'a' => Self::ARRAY,
            b'f' => Self::FUNCTION,
            b'u' => PLAIN,
            b'j' => JSON,
            b'x' => JSON.and(Self::FUNCTION),
            _ => return None,
        })
    }

    /// All that the letters in `text` stand for.
    fn of_all(text: &[u8]) -> Self {
        text.iter().filter_map(|&letter| Self::of(letter)).fold(Self::NOTHING, Self::and)
    }
}

/// A signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Signature {
    pub(super) parameters: Box<[Parameter]>,
}

impl Signature {
    /// Reads what stands between `<` and `>`.
    ///
    /// # Errors
    /// `S0401` for `<…>` behind what is neither `a` nor `f`, `S0402` for one within `(…)` and, for
    /// want of a code of its own, for more than [`PARAMETERS_MAX`] parameters.
    pub(super) fn parse(text: &str) -> Result<Self, Thrown> {
        let mut parameters: Vec<Parameter> = Vec::new();
        // The letter of the parameter read last.
        let mut letter = 0;
        let mut rest = text.as_bytes();
        while let [symbol, behind @ ..] = rest {
            rest = behind;
            match symbol {
                b':' => break,
                b'-' | b'?' | b'+' => {
                    if let Some(parameter) = parameters.last_mut() {
                        parameter.modify(*symbol);
                    }
                }
                b'(' => {
                    let (choice, after) = enclosed(behind, b'(', b')');
                    if choice.contains(&b'<') {
                        return Err(Thrown::new(Code::S0402));
                    }
                    parameters
                        .push(Parameter::new(Types::of_all(choice).and(Types::MISSING), false));
                    (letter, rest) = (*symbol, after);
                }
                b'<' => {
                    let (inner, after) = enclosed(behind, b'<', b'>');
                    match parameters.last_mut() {
                        Some(array) if letter == b'a' => {
                            array.elements = Some(Parameter::elements_of(inner));
                        }
                        Some(_) if letter == b'f' => {}
                        _ => return Err(Thrown::new(Code::S0401)),
                    }
                    rest = after;
                }
                _ => {
                    if let Some(parameter) = Parameter::of(*symbol) {
                        parameters.push(parameter);
                        letter = *symbol;
                    }
                }
            }
            if parameters.len() > PARAMETERS_MAX {
                return Err(Thrown::new(Code::S0402));
            }
        }
        Ok(Self { parameters: parameters.into() })
    }
}

/// One parameter of a signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Parameter {
    /// What it takes.
    pub(super) types: Types,
    /// `a<n>`: what an array's elements must be.
    pub(super) elements: Option<Types>,
    /// `-`: the context item stands in when the argument is absent.
    pub(super) context: bool,
    /// `?`, and `-`
    pub(super) optional: bool,
    /// `+`: one or more arguments.
    pub(super) many: bool,
    /// It is an array and nothing else: what is no array is wrapped into one.
    pub(super) array: bool,
}

impl Parameter {
    fn new(types: Types, array: bool) -> Self {
        Self { types, elements: None, context: false, optional: false, many: false, array }
    }

    fn of(letter: u8) -> Option<Self> {
        let types = match letter {
            // Anything but an array becomes an array of one.
            b'a' => Types::of(b'x')?.and(Types::MISSING),
            b'f' => Types::FUNCTION,
            _ => Types::of(letter)?.and(Types::MISSING),
        };
        Some(Self::new(types, letter == b'a'))
    }

    fn modify(&mut self, modifier: u8) {
        match modifier {
            b'-' => (self.context, self.optional) = (true, true),
            b'?' => self.optional = true,
            _ => self.many = true,
        }
    }

    /// Only the outermost type of `a<a<n>>` is looked at.
    fn elements_of(inner: &[u8]) -> Types {
        match inner.first() {
            Some(b'(') => Types::of_all(inner),
            _ => Types::of_all(inner.get(..1).unwrap_or_default()),
        }
    }
}

/// What stands before the bracket that closes the one in front of `text`, and what behind it.
fn enclosed(text: &[u8], open: u8, close: u8) -> (&[u8], &[u8]) {
    let mut depth = 1_u32;
    for (at, &byte) in text.iter().enumerate() {
        if byte == open {
            depth += 1;
        } else if byte == close {
            depth -= 1;
            if depth == 0 {
                return (&text[..at], &text[at + 1..]);
            }
        }
    }
    (text, &[])
}

/// Far more than anyone writes; what arguments are matched with grows with it.
pub(super) const PARAMETERS_MAX: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<Parameter> {
        Signature::parse(text).unwrap().parameters.into_vec()
    }

    #[test]
    fn letters_stand_for_types_and_what_is_returned_is_skipped() {
        let [text, number, function] = &read("snf:a<s>")[..] else { panic!("three") };
        assert_eq!(text.types, Types::STRING.and(Types::MISSING));
        assert_eq!(number.types, Types::NUMBER.and(Types::MISSING));
        assert_eq!(function.types, Types::FUNCTION);
        assert!(read("x")[0].types.has(Types::FUNCTION));
        assert!(!read("j")[0].types.has(Types::FUNCTION));
        assert_eq!(read(":n"), []);
    }

    #[test]
    fn modifiers_belong_to_the_parameter_before_them() {
        let [first, second, third] = &read("s-n?b+")[..] else { panic!("three") };
        assert!(first.context && first.optional && !first.many);
        assert!(second.optional && !second.context);
        assert!(third.many && !third.optional);
        assert_eq!(read("-"), []);
    }

    #[test]
    fn arrays_take_anything_and_know_their_elements() {
        let array = &read("a<n>")[0];
        assert!(array.array && array.types.has(Types::STRING));
        assert_eq!(array.elements, Some(Types::NUMBER));
        assert_eq!(read("a<a<n>>")[0].elements, Some(Types::ARRAY));
        assert_eq!(read("a")[0].elements, None);
        assert_eq!(read("f<s:o>n").len(), 2);
    }

    #[test]
    fn choices_are_sets() {
        let choice = &read("(sa)")[0];
        assert!(choice.types.has(Types::STRING) && choice.types.has(Types::ARRAY));
        assert!(!choice.array && !choice.types.has(Types::NUMBER));
    }

    #[test]
    fn parameterized_types_stand_at_arrays_and_functions_only() {
        let refused = |text| Signature::parse(text).unwrap_err().code();
        assert_eq!(refused("s<n>"), Code::S0401);
        assert_eq!(refused("<n>"), Code::S0401);
        assert_eq!(refused("(sn)<n>"), Code::S0401);
        assert_eq!(refused("(sa<n>)"), Code::S0402);
    }

    #[test]
    fn parameters_are_bounded() {
        assert_eq!(read(&"s-".repeat(PARAMETERS_MAX)).len(), PARAMETERS_MAX);
        let refused = Signature::parse(&"(sn)".repeat(PARAMETERS_MAX + 1));
        assert_eq!(refused.unwrap_err().code(), Code::S0402);
    }

    #[test]
    fn unbalanced_brackets_reach_to_the_end() {
        assert_eq!(read("a<n").len(), 1);
        assert_eq!(read("(sn").len(), 1);
        assert_eq!(read("é(").len(), 1);
    }
}
