//! The syntax of paths: `$.a['b'][0]`, `$$.Execution.Id`.
//!
//! Follows Jayway JsonPath, which AWS names as its dialect (developer guide,
//! "amazon-states-language-paths"). Only definite paths are read here: names and indices.

use super::SyntaxError;

/// A path as written in a definition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path {
    /// The text it was parsed from.
    pub text: String,
    /// What it starts at.
    pub root: Root,
    /// Name of the variable that it starts at, without the `$`; empty for another root.
    pub variable: String,
    /// Names and indices, from the root down.
    pub segments: Vec<Segment>,
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

/// One step of a definite path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Segment {
    /// `[3]`, from the end when negative.
    Index(i32),
    /// `.name` or `['name']`
    Name(String),
}

impl Path {
    /// Parses a path.
    ///
    /// # Errors
    /// [`SyntaxError`] with the offset of what cannot be read; `unsupported` for wildcards,
    /// slices, unions, filters and descendants.
    pub fn parse(text: &str) -> Result<Self, SyntaxError> {
        let mut scanner = Scanner { text, at: 0 };
        let path = scanner.path()?;
        if scanner.at < text.len() {
            return Err(scanner.unexpected("the end of the path"));
        }
        Ok(path)
    }

    /// Parses a Reference Path that is written to: it names exactly one node of the state's own
    /// data, so it starts neither at `$$` nor at a variable.
    ///
    /// # Errors
    /// As for [`Path::parse`].
    pub fn parse_reference(text: &str) -> Result<Self, SyntaxError> {
        let path = Self::parse(text)?;
        match path.root {
            Root::Input => Ok(path),
            Root::Context => Err(SyntaxError::new("a Reference Path may not start with '$$'", 0)),
            Root::Variable => {
                Err(SyntaxError::new("a Reference Path may not start with a variable", 0))
            }
        }
    }
}

/// Reads a path at the beginning of a longer text, as in the arguments of an intrinsic call.
pub(in crate::expr) fn parse_prefix(text: &str, at: usize) -> Result<(Path, usize), SyntaxError> {
    let mut scanner = Scanner { text, at };
    let path = scanner.path()?;
    Ok((path, scanner.at))
}

struct Scanner<'a> {
    text: &'a str,
    at: usize,
}

impl Scanner<'_> {
    fn path(&mut self) -> Result<Path, SyntaxError> {
        let start = self.at;
        if !self.eat("$") {
            return Err(SyntaxError::new("path does not start with '$'", start));
        }
        let mut root = if self.eat("$") { Root::Context } else { Root::Input };
        let variable = self.variable();
        if !variable.is_empty() {
            if root == Root::Context {
                return Err(self.unexpected("'.' or '['"));
            }
            self.at += variable.len();
            root = Root::Variable;
        }
        let mut segments = Vec::new();
        loop {
            if self.rest().starts_with("..") {
                return Err(SyntaxError::unsupported("'..' in a path", self.at));
            } else if self.eat(".") {
                segments.push(self.dotted()?);
            } else if self.eat("[") {
                segments.push(self.bracketed()?);
            } else {
                let text = self.text[start..self.at].to_owned();
                return Ok(Path { text, root, variable, segments });
            }
        }
    }

    /// The variable's name that stands here; empty when there is none.
    fn variable(&self) -> String {
        let mut chars = self.rest().chars();
        match chars.next() {
            Some(first) if first.is_alphabetic() || first == '_' => {
                let rest = chars.take_while(|c| c.is_alphanumeric() || *c == '_');
                std::iter::once(first).chain(rest).collect()
            }
            _ => String::new(),
        }
    }

    fn dotted(&mut self) -> Result<Segment, SyntaxError> {
        let start = self.at;
        if self.rest().starts_with('*') {
            return Err(SyntaxError::unsupported("'*' in a path", start));
        }
        let len = self.rest().find(|c: char| ".[]()'\",{} \t\n?@:&|!=<>".contains(c));
        let len = len.unwrap_or(self.rest().len());
        if len == 0 {
            return Err(self.unexpected("a name"));
        }
        self.at += len;
        if self.rest().starts_with('(') {
            return Err(SyntaxError::new("functions are not allowed in a path", start));
        }
        Ok(Segment::Name(self.text[start..self.at].to_owned()))
    }

    fn bracketed(&mut self) -> Result<Segment, SyntaxError> {
        let start = self.at;
        self.blanks();
        let segment = match self.rest().as_bytes().first() {
            Some(&quote @ (b'\'' | b'"')) => {
                self.at += 1;
                Segment::Name(self.quoted(char::from(quote))?)
            }
            Some(b'?') => return Err(SyntaxError::unsupported("a filter in a path", start)),
            Some(b'*') => return Err(SyntaxError::unsupported("'*' in a path", start)),
            Some(b':') => return Err(SyntaxError::unsupported("a slice in a path", start)),
            _ => self.index()?,
        };
        self.blanks();
        match self.rest().as_bytes().first() {
            Some(b']') => self.at += 1,
            Some(b':') => return Err(SyntaxError::unsupported("a slice in a path", start)),
            Some(b',') => return Err(SyntaxError::unsupported("a union in a path", start)),
            _ => return Err(self.unexpected("']'")),
        }
        Ok(segment)
    }

    fn quoted(&mut self, quote: char) -> Result<String, SyntaxError> {
        let start = self.at;
        let mut name = String::new();
        let mut chars = self.rest().char_indices();
        while let Some((offset, c)) = chars.next() {
            if c == quote {
                self.at = start + offset + 1;
                return Ok(name);
            }
            name.push(if c == '\\' { chars.next().map_or(c, |(_, next)| next) } else { c });
        }
        Err(SyntaxError::new(format!("missing {quote} at the end of the name"), start))
    }

    fn index(&mut self) -> Result<Segment, SyntaxError> {
        let len = self.rest().find(|c: char| c != '-' && !c.is_ascii_digit());
        let digits = &self.rest()[..len.unwrap_or(self.rest().len())];
        let Ok(index) = digits.parse() else {
            return Err(self.unexpected("a name in quotes or an index"));
        };
        self.at += digits.len();
        Ok(Segment::Index(index))
    }

    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn eat(&mut self, prefix: &str) -> bool {
        let found = self.rest().starts_with(prefix);
        if found {
            self.at += prefix.len();
        }
        found
    }

    fn blanks(&mut self) {
        self.at += self.rest().len() - self.rest().trim_start_matches(' ').len();
    }

    fn unexpected(&self, wanted: &str) -> SyntaxError {
        let found = self.rest().chars().next();
        let found = found.map_or_else(|| "the end".to_owned(), |c| format!("'{c}'"));
        SyntaxError::new(format!("expected {wanted}, found {found}"), self.at)
    }
}

#[cfg(test)]
mod tests {
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
        assert_eq!(segments("$.a[0][-1]"), [name("a"), Segment::Index(0), Segment::Index(-1)]);
        assert_eq!(Path::parse("$$.Execution.Id").unwrap().root, Root::Context);
        assert_eq!(segments("$.été"), [name("été")]);
    }

    #[test]
    fn faults_have_an_offset() {
        for (text, offset) in [
            ("", 0),
            ("a", 0),
            ("$.", 2),
            ("$[", 2),
            ("$['a'", 5),
            ("$.a b", 3),
            ("$[1x]", 3),
            ("$.a.length()", 4),
            ("$[99999999999]", 2),
        ] {
            let error = Path::parse(text).unwrap_err();
            assert_eq!((error.offset, error.unsupported), (offset, false), "{text}: {error}");
        }
    }

    #[test]
    fn what_comes_later_is_refused_by_name() {
        for text in ["$..a", "$.*", "$[*]", "$[1:2]", "$[:2]", "$[0,1]", "$['a','b']", "$[?(@.a)]"]
        {
            let error = Path::parse(text).unwrap_err();
            assert!(error.unsupported, "{text}: {error}");
            assert!(error.message.ends_with("is not supported yet"), "{error}");
        }
    }

    #[test]
    fn a_reference_path_starts_at_the_input() {
        assert!(Path::parse_reference("$.a[0]").is_ok());
        assert!(Path::parse_reference("$$.State").is_err());
        assert!(Path::parse_reference("$name.a").is_err());
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
}
