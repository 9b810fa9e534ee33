//! A cursor over text, for the small languages inside a definition.

/// What is left to read.
pub(crate) struct Scan<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Scan<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    pub(crate) fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    pub(crate) fn at_end(&self) -> bool {
        self.rest().is_empty()
    }

    pub(crate) fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    pub(crate) fn eat(&mut self, what: &str) -> bool {
        let found = self.rest().starts_with(what);
        if found {
            self.at += what.len();
        }
        found
    }

    /// [`Self::eat`] with blanks allowed on both sides.
    pub(crate) fn eat_spaced(&mut self, what: &str) -> bool {
        let before = self.at;
        self.blanks();
        let found = self.eat(what);
        if found {
            self.blanks();
        } else {
            self.at = before;
        }
        found
    }

    pub(crate) fn expect(&mut self, what: &str) -> Result<(), String> {
        if self.eat(what) {
            Ok(())
        } else {
            Err(format!("expected {what:?} at {:?} of {:?}", self.rest(), self.text))
        }
    }

    pub(crate) fn blanks(&mut self) {
        self.take_while(char::is_whitespace);
    }

    pub(crate) fn take_while(&mut self, wanted: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let length = rest.find(|c: char| !wanted(c)).unwrap_or(rest.len());
        self.at += length;
        &rest[..length]
    }

    /// A variable's or a function's name; empty when there is none.
    pub(crate) fn name(&mut self) -> &'a str {
        self.take_while(|c| c.is_alphanumeric() || c == '_')
    }

    /// A name after a dot, which ends where the next segment or argument begins.
    pub(crate) fn dotted_name(&mut self) -> &'a str {
        self.take_while(|c| !".[]()?,'\"=<>!&|".contains(c) && !c.is_whitespace())
    }

    /// A whole number; a lone sign is left alone.
    pub(crate) fn integer(&mut self) -> Option<i64> {
        self.blanks();
        let digits = self.rest().trim_start_matches('-').find(|c: char| !c.is_ascii_digit());
        let sign = usize::from(self.rest().starts_with('-'));
        let length = sign + digits.unwrap_or(self.rest().len() - sign);
        let number = self.rest().get(..length)?.parse().ok()?;
        self.at += length;
        Some(number)
    }

    /// A JSON number.
    pub(crate) fn number(&mut self) -> Option<serde_json::Value> {
        let before = self.at;
        let text = self.take_while(|c| c.is_ascii_digit() || "+-.eE".contains(c));
        let number = serde_json::from_str(text).ok();
        if number.is_none() {
            self.at = before;
        }
        number
    }

    /// A name in single or double quotes; a backslash keeps the next character as it is.
    pub(crate) fn quoted(&mut self) -> Result<String, String> {
        let mark = self.peek().filter(|c| "'\"".contains(*c)).ok_or("a quoted name is missing")?;
        self.at += 1;
        let mut name = String::new();
        let mut rest = self.rest().char_indices();
        while let Some((offset, c)) = rest.next() {
            if c == mark {
                self.at += offset + 1;
                return Ok(name);
            }
            if c == '\\' {
                name.extend(rest.next().map(|(_, c)| c));
            } else {
                name.push(c);
            }
        }
        Err("an unclosed quote".to_owned())
    }
}
