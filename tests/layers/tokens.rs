//! A tokenizer that is just good enough: identifiers and punctuation with their lines; comments
//! and the insides of literals are gone.

/// An identifier, a lifetime or one character of punctuation. `::` is one token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Token<'a> {
    /// The text, e.g. `crate`, `::`, `{`.
    pub(crate) text: &'a str,
    /// Line, from 1.
    pub(crate) line: usize,
}

/// Splits Rust source into tokens. Never fails: what it does not know is punctuation.
pub(crate) fn tokenize(text: &str) -> Vec<Token<'_>> {
    let mut scanner = Scanner { text, at: 0, line: 1 };
    let mut tokens = Vec::new();
    while let Some(token) = scanner.next_token() {
        tokens.push(token);
    }
    tokens
}

struct Scanner<'a> {
    text: &'a str,
    at: usize,
    line: usize,
}

impl<'a> Scanner<'a> {
    fn next_token(&mut self) -> Option<Token<'a>> {
        loop {
            let rest = self.rest();
            let first = rest.chars().next()?;
            if first.is_whitespace() {
                self.skip(first.len_utf8());
            } else if rest.starts_with("//") {
                self.skip(rest.find('\n').unwrap_or(rest.len()));
            } else if rest.starts_with("/*") {
                self.skip(block_comment_len(rest));
            } else if let Some(length) = literal_len(rest) {
                self.skip(length);
            } else {
                return Some(self.take(token_len(rest, first)));
            }
        }
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn skip(&mut self, length: usize) {
        self.line += self.rest()[..length].matches('\n').count();
        self.at += length;
    }

    fn take(&mut self, length: usize) -> Token<'a> {
        let token = Token { text: &self.rest()[..length], line: self.line };
        self.skip(length);
        token
    }
}

fn token_len(rest: &str, first: char) -> usize {
    if first == '_' || first.is_alphanumeric() {
        // `r#type` is the identifier `r`, `#`, `type` here; no rule cares.
        rest.find(|c: char| c != '_' && !c.is_alphanumeric()).unwrap_or(rest.len())
    } else if rest.starts_with("::") {
        2
    } else {
        first.len_utf8()
    }
}

fn block_comment_len(rest: &str) -> usize {
    let mut depth = 0;
    let mut at = 0;
    while at < rest.len() {
        if rest[at..].starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest[at..].starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += rest[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    rest.len()
}

/// Returns the length of the string, byte string, raw string or character literal that `rest`
/// starts with, or `None` when it starts with something else (a lifetime, too).
fn literal_len(rest: &str) -> Option<usize> {
    let prefix = ["br", "cr", "b", "c", "r", ""]
        .into_iter()
        .find(|prefix| {
            let after = rest.strip_prefix(prefix);
            after.is_some_and(|after| after.starts_with(['"', '\'', '#']))
        })
        .unwrap_or("");
    let body = &rest[prefix.len()..];
    let body_len = if prefix.ends_with('r') {
        raw_string_len(body)
    } else if body.starts_with('"') {
        Some(quoted_len(body, '"'))
    } else if body.starts_with('\'') {
        character_len(body)
    } else {
        None
    };
    body_len.map(|length| prefix.len() + length)
}

fn raw_string_len(body: &str) -> Option<usize> {
    let hashes = body.len() - body.trim_start_matches('#').len();
    let end = format!("\"{}", &body[..hashes]);
    let inside = body[hashes..].strip_prefix('"')?;
    let length = inside.find(&end).map_or(inside.len(), |at| at + end.len());
    Some(hashes + 1 + length)
}

/// `'a'` and `'\n'` are characters, `'a` is a lifetime.
fn character_len(body: &str) -> Option<usize> {
    let mut inside = body[1..].chars();
    let first = inside.next()?;
    if first == '\\' {
        return Some(quoted_len(body, '\''));
    }
    (inside.next() == Some('\'')).then(|| 2 + first.len_utf8())
}

fn quoted_len(body: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in body.char_indices().skip(1) {
        if escaped {
            escaped = false;
        } else if c == '\\' {
            escaped = true;
        } else if c == quote {
            return at + c.len_utf8();
        }
    }
    body.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(source: &str) -> Vec<&str> {
        tokenize(source).into_iter().map(|token| token.text).collect()
    }

    #[test]
    fn comments_and_literals_are_gone() {
        assert_eq!(texts("a // todo!()\nb /* x /* y */ z */ c"), ["a", "b", "c"]);
        assert_eq!(texts(r#"f("unsafe \" {", 'x', b'\'', b"q")"#), ["f", "(", ",", ",", ",", ")"]);
        assert_eq!(texts("r#\"a \" unsafe\"# + br\"\\\" - c\"z\""), ["+", "-"]);
    }

    #[test]
    fn lifetimes_are_not_characters() {
        assert_eq!(
            texts("<'a>(x: &'a str)"),
            "< ' a > ( x : & ' a str )".split(' ').collect::<Vec<_>>()
        );
        assert_eq!(texts("'{' 'é' '_'"), [""; 0]);
    }

    #[test]
    fn paths_and_lines_are_kept() {
        let tokens = tokenize("use crate::a;\n\"x\ny\"\nb");
        assert_eq!(tokens[2], Token { text: "::", line: 1 });
        assert_eq!(tokens[5], Token { text: "b", line: 4 });
    }
}
