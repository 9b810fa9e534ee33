//! The text of an intrinsic call, read into a tree.

use serde_json::Value;

use crate::paths::Path;
use crate::scan::Scan;

/// A call with its arguments, and the text it was written as.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Call {
    /// Without the `States.`.
    pub(crate) function: String,
    pub(crate) arguments: Vec<Argument>,
}

/// One argument.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Argument {
    /// What stood between the quotes, its escapes still in it.
    Text(String),
    Literal(Value),
    /// A path and the text it was written as.
    Path(Path, String),
    Call(Call),
}

impl Call {
    /// Reads a call that is all of `text`.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut scan = Scan::new(text);
        let call = Self::read(&mut scan)?;
        scan.blanks();
        if scan.at_end() { Ok(call) } else { Err(format!("left over: {}", scan.rest())) }
    }

    fn read(scan: &mut Scan<'_>) -> Result<Self, String> {
        scan.blanks();
        scan.expect("States.")?;
        let function = scan.name().to_owned();
        scan.blanks();
        scan.expect("(")?;
        scan.blanks();
        let mut arguments = Vec::new();
        if !scan.eat(")") {
            loop {
                scan.blanks();
                arguments.push(Argument::read(scan)?);
                scan.blanks();
                if scan.eat(")") {
                    break;
                }
                scan.expect(",")?;
            }
        }
        Ok(Self { function, arguments })
    }
}

impl Argument {
    fn read(scan: &mut Scan<'_>) -> Result<Self, String> {
        if scan.peek() == Some('\'') {
            return text(scan).map(Self::Text);
        }
        if scan.peek() == Some('$') {
            let before = scan.rest();
            let path = Path::read(scan)?;
            let length = before.len() - scan.rest().len();
            return Ok(Self::Path(path, before[..length].to_owned()));
        }
        if scan.rest().starts_with("States.") {
            return Call::read(scan).map(Self::Call);
        }
        for (word, value) in
            [("true", Value::from(true)), ("false", Value::from(false)), ("null", Value::Null)]
        {
            if scan.eat(word) {
                return Ok(Self::Literal(value));
            }
        }
        scan.number().map(Self::Literal).ok_or_else(|| format!("no argument at {}", scan.rest()))
    }
}

fn text(scan: &mut Scan<'_>) -> Result<String, String> {
    scan.expect("'")?;
    let mut text = String::new();
    loop {
        text.push_str(scan.take_while(|c| c != '\'' && c != '\\'));
        if scan.eat("'") {
            return Ok(text);
        }
        scan.expect("\\")?;
        let next = scan.peek().ok_or("a dangling backslash")?;
        text.extend(['\\', next]);
        let mut buffer = [0; 4];
        scan.expect(next.encode_utf8(&mut buffer))?;
    }
}

/// A quoted argument as the string that it means.
pub(crate) fn unescaped(text: &str) -> String {
    let mut plain = String::new();
    let mut characters = text.chars();
    while let Some(c) = characters.next() {
        plain.extend(if c == '\\' { characters.next() } else { Some(c) });
    }
    plain
}
