//! The syntax of paths: `$.a['b'][0]`, `$$.Execution.Id`, `$orders[*].lines[?(@.price > 10)]`.
//!
//! Follows Jayway JsonPath, which AWS names as its dialect (developer guide,
//! "amazon-states-language-paths"). A definite path, of names and indices only, names one value;
//! any other names a list of values. Path functions (`length()`, `sum()`) are refused, as on AWS.

mod filter;
mod scan;

pub use filter::{Anchor, Filter, Literal, Operand, Relation, Relative};

use super::SyntaxError;
use scan::Scanner;

/// A path as written in a definition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path {
    /// The text it was parsed from.
    pub text: String,
    /// What it starts at.
    pub root: Root,
    /// Name of the variable that it starts at, without the `$`; empty for another root.
    pub variable: String,
    /// Steps from the root down.
    pub segments: Vec<Segment>,
    /// Where in the text the first step stands that may lead to several values.
    pub several_at: Option<usize>,
}

/// Where a path starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Root {
    /// `$$`, the context object.
    Context,
    /// `$`, the input of the field that holds the path.
    Input,
    /// `$name`, a variable: see [`Path::variable`].
    Variable,
}

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Segment {
    /// `..`: the next step is taken from the value here and from every container below it.
    Descend,
    /// `[?(…)]`
    Filter(Filter),
    /// `[3]`, from the end when negative.
    Index(i32),
    /// `[0,2]`
    Indices(Vec<i32>),
    /// `.name` or `['name']`
    Name(String),
    /// `['a','b']`
    Names(Vec<String>),
    /// `[1:3]`
    Slice(Slice),
    /// `.*` or `[*]`
    Wildcard,
}

/// The bounds of `[from:to]`; at least one is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slice {
    /// `[from:]`
    From(i32),
    /// `[:to]`
    To(i32),
    /// `[from:to]`
    Between(i32, i32),
}

impl Path {
    /// Parses a path.
    ///
    /// # Errors
    /// [`SyntaxError`] with the offset of what cannot be read.
    pub fn parse(text: &str) -> Result<Self, SyntaxError> {
        let mut scanner = Scanner::new(text, 0);
        let path = scanner.path()?;
        // Jayway trims a path.
        if scanner.at < text.trim_end().len() {
            return Err(scanner.unexpected("the end of the path"));
        }
        Ok(path)
    }

    /// Parses a Reference Path that is read: it names exactly one node, of any root.
    ///
    /// # Errors
    /// As for [`Path::parse`], or where the path may name several nodes.
    pub fn parse_single(text: &str) -> Result<Self, SyntaxError> {
        let path = Self::parse(text)?;
        if let Some(at) = path.several_at {
            return Err(SyntaxError::new("this may name several places, but one is needed", at));
        }
        let mut quoted = false;
        let stray = text.find(|c| {
            quoted ^= c == '\'' || c == '"';
            !quoted && ['@', ',', ':', '?'].contains(&c)
        });
        // ASL specification, "Reference Paths".
        stray.map_or(Ok(path), |at| {
            Err(SyntaxError::new("'@', ',', ':' and '?' need brackets and quotes: ['a:b']", at))
        })
    }

    /// Parses a Reference Path that is written to: it names exactly one node of the state's own
    /// data, so it starts neither at `$$` nor at a variable.
    ///
    /// # Errors
    /// As for [`Path::parse_single`].
    pub fn parse_reference(text: &str) -> Result<Self, SyntaxError> {
        let path = Self::parse_single(text)?;
        match path.root {
            Root::Input => Ok(path),
            Root::Context => Err(SyntaxError::new("a Reference Path may not start with '$$'", 0)),
            Root::Variable => {
                Err(SyntaxError::new("a Reference Path may not start with a variable", 0))
            }
        }
    }

    /// Whether the path names exactly one node: names and indices only.
    pub fn is_definite(&self) -> bool {
        self.several_at.is_none()
    }
}

/// Reads a path at the beginning of a longer text, as in the arguments of an intrinsic call.
pub(in crate::expr) fn parse_prefix(text: &str, at: usize) -> Result<(Path, usize), SyntaxError> {
    let mut scanner = Scanner::new(text, at);
    let path = scanner.path()?;
    Ok((path, scanner.at))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn segments(text: &str) -> Vec<Segment> {
        Path::parse(text).unwrap().segments
    }

    fn name(text: &str) -> Segment {
        Segment::Name(text.into())
    }

    #[test]
    fn names_and_indices_are_read() {
        assert_eq!(segments("$"), []);
        assert_eq!(segments("$.a.b-c.d_1"), [name("a"), name("b-c"), name("d_1")]);
        assert_eq!(segments("$['a b'][\"c\"]['it\\'s']"), [name("a b"), name("c"), name("it's")]);
        assert_eq!(segments("$['a\\u0041\\n\\q']"), [name("aA\nq")]);
        assert_eq!(segments("$.a[0][-1]"), [name("a"), Segment::Index(0), Segment::Index(-1)]);
        assert_eq!(Path::parse("$$.Execution.Id").unwrap().root, Root::Context);
        assert_eq!(segments("$.été"), [name("été")]);
        assert_eq!(segments("$.soap:Body.@type "), [name("soap:Body"), name("@type")]);
        assert_eq!(segments("$.['a'].[0]"), [name("a"), Segment::Index(0)]);
    }

    #[test]
    fn steps_to_several_values_are_read() {
        use Segment::{Descend, Indices, Names, Wildcard};
        let slice = |slice| Segment::Slice(slice);
        assert_eq!(segments("$.*[*]"), [Wildcard, Wildcard]);
        assert_eq!(segments("$..a..*"), [Descend, name("a"), Descend, Wildcard]);
        assert_eq!(segments("$..['a'][*]"), [Descend, name("a"), Wildcard]);
        assert_eq!(segments("$[ 0 , -2]"), [Indices(vec![0, -2])]);
        assert_eq!(segments("$['a', \"b\"]"), [Names(vec!["a".into(), "b".into()])]);
        assert_eq!(segments("$[1:]"), [slice(Slice::From(1))]);
        assert_eq!(segments("$[:-1]"), [slice(Slice::To(-1))]);
        assert_eq!(segments("$[-3:2].a"), [slice(Slice::Between(-3, 2)), name("a")]);
        // Jayway splits at the colons and never looks at a third number.
        assert_eq!(segments("$[0:9:2]"), [slice(Slice::Between(0, 9))]);
        for text in ["$.*", "$..a", "$[0,1]", "$['a','b']", "$[1:]", "$[?(@.a)]", "$v[*]"] {
            assert!(!Path::parse(text).unwrap().is_definite(), "{text}");
            assert!(Path::parse_single(text).is_err(), "{text}");
        }
    }

    #[test]
    fn faults_have_an_offset() {
        for (text, offset) in [
            ("", 0),
            ("a", 0),
            ("$.", 2),
            ("$..", 3),
            ("$...a", 3),
            ("$[", 2),
            ("$['a'", 5),
            ("$['a',]", 6),
            ("$.a b", 3),
            ("$[1x]", 3),
            ("$[0,]", 4),
            ("$[:]", 3),
            ("$[*", 3),
            ("$.a.length()", 4),
            ("$..length()", 3),
            ("$[99999999999]", 2),
            ("$[?(@.a]", 7),
            ("$[?@.a]", 3),
            ("$[?(@.a ==)]", 10),
            ("$[?(@.a ~~ 1)]", 8),
            ("$[?(1)]", 4),
            ("$[?(@.a =~ /(/)]", 11),
            ("$[?(@.a == 'x)]", 11),
            ("$[?(@.a type 1)]", 8),
        ] {
            let error = Path::parse(text).unwrap_err();
            assert_eq!(error.offset, offset, "{text}: {error}");
        }
    }

    #[test]
    fn nesting_is_bounded() {
        let deep = format!("${}", "[?(@".repeat(100) + &")]".repeat(100));
        assert!(Path::parse(&deep).is_err());
        assert!(Path::parse(&format!("$[?({}@.a{})]", "(".repeat(99), ")".repeat(99))).is_err());
        assert!(Path::parse(&format!("$[?({}(@.a))]", "!".repeat(99))).is_err());
        assert!(Path::parse(&format!("$[?(@ == {}1{})]", "[".repeat(99), "]".repeat(99))).is_err());
        assert!(Path::parse(&format!("${}", ".*".repeat(1_000))).is_err());
        assert!(Path::parse(&format!("${}", ".a".repeat(1_000))).is_ok());
    }

    #[test]
    fn the_step_that_makes_a_path_indefinite_is_known() {
        for (text, at) in [("$.a[*]", 4), ("$[1:2]", 2), ("$.a..b[*]", 3), ("$.*.a", 2)] {
            assert_eq!(Path::parse(text).unwrap().several_at, Some(at), "{text}");
            assert_eq!(Path::parse_single(text).unwrap_err().offset, at, "{text}");
        }
    }

    #[test]
    fn reference_paths_name_one_node() {
        assert!(Path::parse_reference("$.a[0]").is_ok());
        assert!(Path::parse_reference("$['a:b'].c").is_ok());
        assert!(Path::parse_single("$$.Map.Item.Value").is_ok());
        assert!(Path::parse_single("$name.a").is_ok());
        for text in ["$$.State", "$name.a", "$.a:b", "$.a[*]", "$.@a", "$['a'].b?"] {
            assert!(Path::parse_reference(text).is_err(), "{text}");
        }
    }

    #[test]
    fn variables_have_a_name_and_a_rest() {
        let path = Path::parse("$order_1.a[0]").unwrap();
        assert_eq!((path.root, &*path.variable), (Root::Variable, "order_1"));
        assert_eq!(path.segments, [name("a"), Segment::Index(0)]);
        assert_eq!(Path::parse("$été").unwrap().variable, "été");
        for text in ["$1a", "$$name", "$na-me"] {
            assert!(Path::parse(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(text in "\\$[-$@.*\\[\\]?()'\"/!=<>~&|:, 0-9a-e\\\\{}é]{0,40}") {
            if let Err(error) = Path::parse(&text) {
                prop_assert!(text.is_char_boundary(error.offset), "{error:?}");
            }
        }

        #[test]
        fn no_filter_makes_the_parser_panic(text in "[-$@.*\\[\\]?()'\"/!=<>~&|:, 0-9a-e\\\\{}é]{0,40}") {
            if let Err(error) = Path::parse(&format!("$[?({text})]")) {
                prop_assert!(error.offset <= text.len() + 7, "{error:?}");
            }
        }
    }
}
