//! The few forms of Python that the probes are written in: sums of repeated strings, and joined
//! lists of one repeated string.

/// Evaluates `'a'*3 + 'b'` and `'.'.join(['a']*3)`, and nothing else.
pub(crate) fn generate(python: &str) -> Result<String, String> {
    let mut rest = python.trim_start();
    let mut out = String::new();
    loop {
        let text;
        (text, rest) = string(rest)?;
        if let Some(list) = rest.strip_prefix(".join([") {
            let (item, after) = string(list)?;
            let (count, after) = repeated(after.strip_prefix(']').ok_or("expected ]")?)?;
            rest = after.strip_prefix(')').ok_or("expected )")?.trim_start();
            out.push_str(&vec![item; count].join(text));
        } else {
            let count;
            (count, rest) = repeated(rest)?;
            out.push_str(&text.repeat(count));
        }
        if rest.is_empty() {
            return Ok(out);
        }
        rest = rest.strip_prefix('+').ok_or("expected +")?.trim_start();
    }
}

/// A string in single quotes, which may hold no escapes, and what follows it.
fn string(python: &str) -> Result<(&str, &str), String> {
    let (text, rest) = python
        .strip_prefix('\'')
        .and_then(|rest| rest.split_once('\''))
        .ok_or("expected a string in single quotes")?;
    if text.contains('\\') { Err("an escape".to_owned()) } else { Ok((text, rest)) }
}

/// A number behind a `*`, else 1, and what follows.
fn repeated(python: &str) -> Result<(usize, &str), String> {
    let python = python.trim_start();
    let Some(rest) = python.strip_prefix('*') else { return Ok((1, python)) };
    let rest = rest.trim_start();
    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    let count = rest[..end].parse().map_err(|error| format!("{error}"))?;
    Ok((count, rest[end..].trim_start()))
}

#[test]
fn the_forms_in_use_are_generated_and_others_are_errors() {
    assert_eq!(generate("'('*3 + '1' + ')'*2").as_deref(), Ok("(((1))"));
    assert_eq!(generate("'.'.join(['a']*3)").as_deref(), Ok("a.a.a"));
    assert_eq!(generate("'{\"a\":' * 2").as_deref(), Ok("{\"a\":{\"a\":"));
    for wrong in ["", "1", "'a'*", "'a'*b", "'a' 'b'", "'a'+", "'\\n'", "''.join('a')"] {
        assert!(generate(wrong).is_err(), "{wrong}");
    }
}
