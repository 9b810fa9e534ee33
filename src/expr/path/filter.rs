//! The syntax of filters: `[?(@.price > 10 && @.tag in ['a', 'b'])]`.
//!
//! As Jayway reads them: `||` binds weaker than `&&`; a comparison has a path or a literal on each
//! side; a path alone asks whether it names anything.

use super::Segment;
use super::scan::Scanner;
use crate::expr::{SyntaxError, query};

/// Filters, parentheses and lists inside one another.
const DEPTH_MAX: usize = 16;

/// A condition on an element.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Filter {
    /// `a && b`
    And(Vec<Filter>),
    /// A comparison.
    Compare(Operand, Relation, Operand),
    /// A path alone; false when it stands behind `!`.
    Exists(Relative, bool),
    /// `!(a)`
    Not(Box<Filter>),
    /// `a || b`
    Or(Vec<Filter>),
}

/// One side of a comparison.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operand {
    /// A value as written.
    Literal(Literal),
    /// A path from the element or from the document.
    Path(Relative),
    /// `/…/flags`, as the `regex` crate reads it, anchored at both ends.
    Pattern(String),
}

/// A value in a filter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Literal {
    /// `[…]`
    Array(Vec<Literal>),
    /// `true` or `false`
    Bool(bool),
    /// `null`
    Null,
    /// As written.
    Number(String),
    /// `{…}`
    Object(Vec<(String, Literal)>),
    /// In either quotes.
    Text(String),
}

/// A path inside a filter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Relative {
    /// Where it starts.
    pub anchor: Anchor,
    /// Steps from there.
    pub segments: Vec<Segment>,
}

/// Where a path inside a filter starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Anchor {
    /// `@`, the element that the filter looks at.
    Element,
    /// `$`, what the whole path starts at.
    Document,
}

/// Defines the operators once: variant, spelling.
macro_rules! relations {
    ($($variant:ident $text:literal),* $(,)?) => {
        /// What a comparison asks.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Relation {
            $(#[doc = $text] $variant,)*
        }

        impl Relation {
            /// The operator spelt `text`; words in any case.
            fn named(text: &str) -> Option<Self> {
                $(if text.eq_ignore_ascii_case($text) {
                    return Some(Self::$variant);
                })*
                None
            }
        }
    };
}

relations! {
    Equals "==",
    SameType "===",
    Differs "!=",
    DiffersOrOtherType "!==",
    Less "<",
    LessOrEqual "<=",
    Greater ">",
    GreaterOrEqual ">=",
    Matches "=~",
    In "in",
    NotIn "nin",
    Contains "contains",
    All "all",
    Size "size",
    Empty "empty",
    SubsetOf "subsetof",
    AnyOf "anyof",
    NoneOf "noneof",
}

impl Scanner<'_> {
    /// What follows `[?`.
    pub(super) fn filter(&mut self) -> Result<Filter, SyntaxError> {
        self.blanks();
        if !self.rest().starts_with('(') {
            return Err(self.unexpected("'('"));
        }
        self.parenthesised()
    }

    fn parenthesised(&mut self) -> Result<Filter, SyntaxError> {
        self.enter()?;
        self.at += 1;
        let filter = self.any()?;
        self.blanks();
        if !self.eat(")") {
            return Err(self.unexpected("')' or an operator"));
        }
        self.depth -= 1;
        Ok(filter)
    }

    fn enter(&mut self) -> Result<(), SyntaxError> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            let message = format!("more than {DEPTH_MAX} filters, parentheses or lists nested");
            return Err(SyntaxError::new(message, self.at));
        }
        Ok(())
    }

    fn any(&mut self) -> Result<Filter, SyntaxError> {
        let mut parts = vec![self.all()?];
        while self.operator("||") {
            parts.push(self.all()?);
        }
        Ok(sole(parts).unwrap_or_else(Filter::Or))
    }

    fn all(&mut self) -> Result<Filter, SyntaxError> {
        let mut parts = vec![self.one()?];
        while self.operator("&&") {
            parts.push(self.one()?);
        }
        Ok(sole(parts).unwrap_or_else(Filter::And))
    }

    fn operator(&mut self, text: &str) -> bool {
        self.blanks();
        self.eat(text)
    }

    fn one(&mut self) -> Result<Filter, SyntaxError> {
        self.blanks();
        if self.rest().starts_with('(') {
            return self.parenthesised();
        }
        let negated = self.operator("!");
        self.blanks();
        if negated && !self.rest().starts_with(['@', '$']) {
            self.enter()?;
            let inner = self.one()?;
            self.depth -= 1;
            return Ok(Filter::Not(Box::new(inner)));
        }
        let start = self.at;
        let left = self.operand()?;
        self.blanks();
        if self.rest().is_empty()
            || [")", "&&", "||"].iter().any(|end| self.rest().starts_with(end))
        {
            return match left {
                Operand::Path(path) => Ok(Filter::Exists(path, !negated)),
                _ => Err(SyntaxError::new("expected a path, found a value", start)),
            };
        }
        let relation = self.relation()?;
        // Jayway passes over a `!` before the path of a comparison.
        Ok(Filter::Compare(left, relation, self.operand()?))
    }

    fn relation(&mut self) -> Result<Relation, SyntaxError> {
        let is_sign = |c: char| matches!(c, '<' | '>' | '=' | '~' | '!');
        let rest = self.rest();
        let len = if rest.starts_with(is_sign) {
            rest.find(|c| !is_sign(c))
        } else {
            rest.find(|c: char| !c.is_ascii_alphabetic())
        };
        let text = &rest[..len.unwrap_or(rest.len())];
        let relation = Relation::named(text).ok_or_else(|| {
            SyntaxError::new(format!("'{text}' is no operator of a filter"), self.at)
        })?;
        self.at += text.len();
        Ok(relation)
    }

    fn operand(&mut self) -> Result<Operand, SyntaxError> {
        self.blanks();
        Ok(match self.rest().as_bytes().first() {
            Some(b'@') => Operand::Path(self.relative(Anchor::Element)?),
            Some(b'$') => Operand::Path(self.relative(Anchor::Document)?),
            Some(b'/') => Operand::Pattern(self.pattern()?),
            _ => Operand::Literal(self.literal()?),
        })
    }

    fn relative(&mut self, anchor: Anchor) -> Result<Relative, SyntaxError> {
        self.at += 1;
        let (segments, _) = self.segments()?;
        Ok(Relative { anchor, segments })
    }

    /// A literal; lists and objects may use either quotes.
    fn literal(&mut self) -> Result<Literal, SyntaxError> {
        self.blanks();
        match self.rest().as_bytes().first() {
            Some(b'\'' | b'"') => self.quoted().map(Literal::Text).map_err(|mut error| {
                error.offset = error.offset.saturating_sub(1);
                error
            }),
            Some(b'[') => self.array(),
            Some(b'{') => self.object(),
            Some(b'-' | b'+' | b'.' | b'0'..=b'9') => self.decimal(),
            _ => self.word(),
        }
    }

    fn array(&mut self) -> Result<Literal, SyntaxError> {
        self.enter()?;
        self.at += 1;
        let mut items = Vec::new();
        self.blanks();
        if !self.eat("]") {
            loop {
                items.push(self.literal()?);
                if self.operator("]") {
                    break;
                }
                if !self.eat(",") {
                    return Err(self.unexpected("',' or ']'"));
                }
            }
        }
        self.depth -= 1;
        Ok(Literal::Array(items))
    }

    fn object(&mut self) -> Result<Literal, SyntaxError> {
        self.enter()?;
        self.at += 1;
        let mut members: Vec<(String, Literal)> = Vec::new();
        self.blanks();
        if !self.eat("}") {
            loop {
                self.blanks();
                if !self.rest().starts_with(['\'', '"']) {
                    return Err(self.unexpected("a name in quotes"));
                }
                let name = self.quoted()?;
                if !self.operator(":") {
                    return Err(self.unexpected("':'"));
                }
                let value = self.literal()?;
                members.retain(|(known, _)| *known != name);
                members.push((name, value));
                if self.operator("}") {
                    break;
                }
                if !self.eat(",") {
                    return Err(self.unexpected("',' or '}'"));
                }
            }
        }
        self.depth -= 1;
        Ok(Literal::Object(members))
    }

    fn decimal(&mut self) -> Result<Literal, SyntaxError> {
        let start = self.at;
        let len = self.rest().find(|c: char| !matches!(c, '0'..='9' | '+' | '-' | '.' | 'e' | 'E'));
        let text = &self.rest()[..len.unwrap_or(self.rest().len())];
        if !text.parse::<f64>().is_ok_and(f64::is_finite) {
            return Err(SyntaxError::new(format!("'{text}' is no number"), start));
        }
        self.at += text.len();
        Ok(Literal::Number(text.to_owned()))
    }

    fn word(&mut self) -> Result<Literal, SyntaxError> {
        for (word, literal) in [
            ("true", Literal::Bool(true)),
            ("false", Literal::Bool(false)),
            ("null", Literal::Null),
        ] {
            if self.eat(word) {
                return Ok(literal);
            }
        }
        Err(self.unexpected("a path or a value"))
    }

    /// `/…/flags` as the `regex` crate would have it written.
    fn pattern(&mut self) -> Result<String, SyntaxError> {
        let start = self.at;
        let mut escaped = false;
        let end = self.rest()[1..].find(|c| {
            let ends = c == '/' && !escaped;
            escaped = c == '\\' && !escaped;
            ends
        });
        let Some(len) = end else {
            return Err(SyntaxError::new("missing / at the end of the pattern", start));
        };
        let pattern = &self.rest()[1..=len];
        self.at += len + 2;
        let count = self.rest().find(|c: char| !"dixmsuU".contains(c)).unwrap_or(self.rest().len());
        let given = &self.rest()[..count];
        self.at += count;
        // `d`, `u` and `U` change nothing: case folding and classes are those of Unicode anyway.
        let flags: String = "ixms".chars().filter(|flag| given.contains(*flag)).collect();
        let flags = if flags.is_empty() { flags } else { format!("(?{flags})") };
        let pattern = pattern.replace(r"\/", "/");
        // The pattern has to stand on its own, and a comment in it ends before the parenthesis.
        let end = if given.contains('x') { "\n" } else { "" };
        let anchored = format!(r"{flags}\A(?:{pattern}{end})\z");
        if [format!("{flags}{pattern}"), anchored.clone()]
            .iter()
            .all(|one| query::regex(one).is_some())
        {
            return Ok(anchored);
        }
        Err(SyntaxError::new("this is no regular expression that we know", start))
    }
}

/// The only part, or all of them.
fn sole(parts: Vec<Filter>) -> Result<Filter, Vec<Filter>> {
    <[Filter; 1]>::try_from(parts).map(|[only]| only)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expr::path::Path;

    fn filter(text: &str) -> Filter {
        let path = Path::parse(&format!("$[?({text})]")).unwrap();
        match path.segments.into_iter().next() {
            Some(Segment::Filter(filter)) => filter,
            other => panic!("{other:?}"),
        }
    }

    fn path(name: &str) -> Relative {
        Relative { anchor: Anchor::Element, segments: vec![Segment::Name(name.into())] }
    }

    #[test]
    fn or_binds_weaker_than_and() {
        let exists = |name| Filter::Exists(path(name), true);
        assert_eq!(
            filter("@.a || @.b&&@.c"),
            Filter::Or(vec![exists("a"), Filter::And(vec![exists("b"), exists("c")])])
        );
        assert_eq!(
            filter("(@.a||@.b) && !@.c && !(@.a)"),
            Filter::And(vec![
                Filter::Or(vec![exists("a"), exists("b")]),
                Filter::Exists(path("c"), false),
                Filter::Not(Box::new(exists("a"))),
            ])
        );
    }

    #[test]
    fn operands_are_paths_and_literals() {
        let text = |text: &str| Literal::Text(text.into());
        let Filter::Compare(left, relation, right) = filter("@.a.b[0]>=-1.5") else { panic!() };
        assert!(matches!(left, Operand::Path(path) if path.segments.len() == 3));
        assert_eq!(relation, Relation::GreaterOrEqual);
        assert_eq!(right, Operand::Literal(Literal::Number("-1.5".into())));
        assert_eq!(
            filter(r#"@.a IN ['x', "y)\"", null, {'k': [true]}]"#),
            Filter::Compare(
                Operand::Path(path("a")),
                Relation::In,
                Operand::Literal(Literal::Array(vec![
                    text("x"),
                    text("y)\""),
                    Literal::Null,
                    Literal::Object(vec![("k".into(), Literal::Array(vec![Literal::Bool(true)]))]),
                ])),
            )
        );
        assert_eq!(
            filter(r"@.a =~ /a\/b.*/i"),
            Filter::Compare(
                Operand::Path(path("a")),
                Relation::Matches,
                Operand::Pattern(r"(?i)\A(?:a/b.*)\z".into()),
            )
        );
        assert!(matches!(filter("$.limit == @"), Filter::Compare(..)));
    }
}
