//! The syntax of intrinsic calls: `States.Format('order {}', $.id)`.
//!
//! The eighteen functions are those of the developer guide, "intrinsic-functions". Counts and types
//! of arguments are checked when a call is evaluated, as AWS does.

use super::SyntaxError;
use super::path::{self, Path};

/// A call as written in a definition.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// The text it was parsed from; AWS quotes it in causes.
    pub text: String,
    /// What is called.
    pub function: Function,
    /// Arguments in order.
    pub arguments: Vec<Argument>,
}

/// An argument of a call.
#[derive(Clone, Debug, PartialEq)]
pub enum Argument {
    /// `true` or `false`
    Bool(bool),
    /// A nested call.
    Call(Call),
    /// `null`
    Null,
    /// A number, as written.
    Number(String),
    /// A path.
    Path(Path),
    /// A string between single quotes, escapes not yet resolved: see [`unescape`].
    Text(String),
}

/// Defines the functions once: variant, name.
macro_rules! functions {
    ($($variant:ident $name:literal),* $(,)?) => {
        /// The intrinsic functions of ASL.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Function {
            $(#[doc = $name] $variant,)*
        }

        impl Function {
            /// All functions, in alphabetical order.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The name as written in ASL.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }
        }
    };
}

functions! {
    Array "States.Array",
    ArrayContains "States.ArrayContains",
    ArrayGetItem "States.ArrayGetItem",
    ArrayLength "States.ArrayLength",
    ArrayPartition "States.ArrayPartition",
    ArrayRange "States.ArrayRange",
    ArrayUnique "States.ArrayUnique",
    Base64Decode "States.Base64Decode",
    Base64Encode "States.Base64Encode",
    Format "States.Format",
    Hash "States.Hash",
    JsonMerge "States.JsonMerge",
    JsonToString "States.JsonToString",
    MathAdd "States.MathAdd",
    MathRandom "States.MathRandom",
    StringSplit "States.StringSplit",
    StringToJson "States.StringToJson",
    Uuid "States.UUID",
}

impl Function {
    /// The function called `name`.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|function| function.name() == name)
    }
}

impl Call {
    /// Parses a call.
    ///
    /// # Errors
    /// [`SyntaxError`] with the offset of what cannot be read.
    pub fn parse(text: &str) -> Result<Self, SyntaxError> {
        let mut parser = Parser { text, at: 0, depth: 0 };
        parser.blanks();
        let call = parser.call()?;
        parser.blanks();
        if parser.at < text.len() {
            return Err(parser.unexpected("the end of the call"));
        }
        Ok(call)
    }
}

/// Resolves the escapes of a quoted argument: `\'` `\{` `\}` `\\`; any other backslash stays.
pub fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match (c, chars.peek()) {
            ('\\', Some(&next @ ('\'' | '{' | '}' | '\\'))) => {
                out.push(next);
                chars.next();
            }
            _ => out.push(c),
        }
    }
    out
}

/// Nested calls a field may hold (developer guide: "up to 10 intrinsic functions within a field").
const DEPTH_MAX: usize = 10;

struct Parser<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
}

impl Parser<'_> {
    fn call(&mut self) -> Result<Call, SyntaxError> {
        let start = self.at;
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(SyntaxError::new(format!("more than {DEPTH_MAX} nested calls"), start));
        }
        let function = self.function()?;
        let mut arguments = Vec::new();
        self.blanks();
        if !self.eat(')') {
            loop {
                arguments.push(self.argument()?);
                self.blanks();
                if self.eat(')') {
                    break;
                }
                if !self.eat(',') {
                    return Err(self.unexpected("',' or ')'"));
                }
            }
        }
        self.depth -= 1;
        Ok(Call { text: self.text[start..self.at].to_owned(), function, arguments })
    }

    fn function(&mut self) -> Result<Function, SyntaxError> {
        let start = self.at;
        let len = self.rest().find(|c: char| c != '.' && !c.is_alphanumeric());
        let name = &self.rest()[..len.unwrap_or(self.rest().len())];
        if name.is_empty() {
            return Err(self.unexpected("a path or an intrinsic function call"));
        }
        let Some(function) = Function::named(name) else {
            let names = Function::ALL.iter().map(|function| function.name());
            let nearest = names.max_by(|a, b| {
                strsim::jaro_winkler(a, name).total_cmp(&strsim::jaro_winkler(b, name))
            });
            let hint = nearest
                .filter(|nearest| strsim::jaro_winkler(nearest, name) > 0.85)
                .map_or(String::new(), |nearest| format!(", did you mean '{nearest}'?"));
            return Err(SyntaxError::new(
                format!("'{name}' is no intrinsic function{hint}"),
                start,
            ));
        };
        self.at += name.len();
        self.blanks();
        if !self.eat('(') {
            return Err(self.unexpected("'('"));
        }
        Ok(function)
    }

    fn argument(&mut self) -> Result<Argument, SyntaxError> {
        self.blanks();
        match self.rest().as_bytes().first() {
            Some(b'\'') => self.quoted(),
            Some(b'$') => {
                let (path, end) = path::parse_prefix(self.text, self.at)?;
                self.at = end;
                Ok(Argument::Path(path))
            }
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => self.word(),
        }
    }

    fn quoted(&mut self) -> Result<Argument, SyntaxError> {
        let start = self.at;
        self.at += 1;
        let mut chars = self.rest().char_indices();
        while let Some((offset, c)) = chars.next() {
            if c == '\'' {
                let text = self.rest()[..offset].to_owned();
                self.at += offset + 1;
                return Ok(Argument::Text(text));
            }
            if c == '\\' && !matches!(chars.next(), Some((_, '\'' | '{' | '}' | '\\'))) {
                let message = "only \\' \\{ \\} and \\\\ are escapes in a call";
                return Err(SyntaxError::new(message, self.at + offset));
            }
        }
        Err(SyntaxError::new("missing ' at the end of the string", start))
    }

    fn number(&mut self) -> Result<Argument, SyntaxError> {
        let start = self.at;
        let len = self.rest().find(|c: char| !matches!(c, '0'..='9' | '+' | '-' | '.' | 'e' | 'E'));
        let text = &self.rest()[..len.unwrap_or(self.rest().len())];
        if text.parse::<f64>().is_err() {
            return Err(SyntaxError::new(format!("'{text}' is no number"), start));
        }
        let number = text.to_owned();
        self.at += number.len();
        Ok(Argument::Number(number))
    }

    fn word(&mut self) -> Result<Argument, SyntaxError> {
        for (word, argument) in [
            ("true", Argument::Bool(true)),
            ("false", Argument::Bool(false)),
            ("null", Argument::Null),
        ] {
            if let Some(rest) = self.rest().strip_prefix(word)
                && !rest.starts_with(|c: char| c == '.' || c.is_alphanumeric())
            {
                self.at += word.len();
                return Ok(argument);
            }
        }
        self.call().map(Argument::Call)
    }

    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn eat(&mut self, wanted: char) -> bool {
        let found = self.rest().starts_with(wanted);
        if found {
            self.at += wanted.len_utf8();
        }
        found
    }

    fn blanks(&mut self) {
        self.at += self.rest().len() - self.rest().trim_start().len();
    }

    fn unexpected(&self, wanted: &str) -> SyntaxError {
        let found = self.rest().chars().next();
        let found = found.map_or_else(|| "the end".to_owned(), |c| format!("'{c}'"));
        SyntaxError::new(format!("expected {wanted}, found {found}"), self.at)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(text in "(States\\.(Format|MathAdd|UUID|X)?\\(?)?[-$.,'() 0-9a-e\\\\{}\\[\\]é]{0,30}") {
            if let Err(error) = Call::parse(&text) {
                prop_assert!(text.is_char_boundary(error.offset), "{error:?}");
            }
        }
    }

    #[test]
    fn arguments_of_every_kind_are_read() {
        let call = Call::parse("States.Format('it\\'s {}', $.a['b'], 1.5, null, true, States.MathAdd($$.State.RetryCount, -1))").unwrap();
        assert_eq!(call.function, Function::Format);
        assert_eq!(call.arguments[0], Argument::Text("it\\'s {}".into()));
        assert!(matches!(&call.arguments[1], Argument::Path(path) if path.text == "$.a['b']"));
        assert_eq!(
            call.arguments[2..5],
            [Argument::Number("1.5".into()), Argument::Null, Argument::Bool(true)]
        );
        let Argument::Call(inner) = &call.arguments[5] else { panic!("a nested call") };
        assert_eq!(inner.text, "States.MathAdd($$.State.RetryCount, -1)");
        assert_eq!(Call::parse("States.Format( )").unwrap().arguments, []);
    }

    #[test]
    fn faults_have_an_offset() {
        for (text, offset) in [
            ("", 0),
            ("States.Format", 13),
            ("States.Format('a'", 17),
            ("States.Format('a)", 14),
            ("States.Format('a',)", 18),
            ("States.Format('a') x", 19),
            ("States.MathAdd(1-, 2)", 15),
            ("States.Format('a'][0])", 17),
            ("Date()", 0),
            ("States.MathAdd($.a, Foo())", 20),
        ] {
            let error = Call::parse(text).unwrap_err();
            assert_eq!(error.offset, offset, "{text}: {error}");
        }
        assert!(
            Call::parse("States.format('a')")
                .unwrap_err()
                .message
                .contains("did you mean 'States.Format'")
        );
        assert!(
            Call::parse(&format!("{}1{}", "States.MathAdd(1,".repeat(11), ")".repeat(11))).is_err()
        );
    }

    #[test]
    fn all_eighteen_are_known() {
        assert_eq!(Function::ALL.len(), 18);
        for function in Function::ALL {
            let call = Call::parse(&format!("{}($.a[*], $v)", function.name())).unwrap();
            assert_eq!(call.function, *function);
        }
    }

    #[test]
    fn a_backslash_that_escapes_nothing_is_refused() {
        // Recorded on AWS: `\"` is refused when a machine is created.
        for (text, offset) in [
            (r#"States.Format('He said, \"Hello\"', 1)"#, 24),
            (r"States.Format('a\n')", 16),
            (r"States.Format('a', 'b\", 21),
        ] {
            assert_eq!(Call::parse(text).unwrap_err().offset, offset, "{text}");
        }
    }

    #[test]
    fn escapes_are_resolved() {
        assert_eq!(unescape(r"a\'b\{c\}d\\e\n"), r"a'b{c}d\e\n");
    }
}
