//! How single values must be written, by the name that the schema gives under `format`.

use crate::base::limits::NAME_CHARS_MAX;
use crate::otlp::Endpoint;
use crate::task::http::Allow;

use super::values::{Listen, period};

/// Checks a text against a named format.
pub(super) fn check(format: &str, text: &str) -> Result<(), String> {
    match format {
        "period" => period::parse(text).map(drop),
        "listen" => Listen::parse(text).map(drop),
        "broker" => broker(text),
        "topic" => topic(text),
        "name" => name(text),
        "region" => region(text),
        "account" => account(text),
        "role" => role(text),
        "host-pattern" => host_pattern(text),
        "log-filter" => log_filter(text),
        "otlp-endpoint" => otlp_endpoint(text),
        // Formats that schemars writes for Rust's number types do not concern texts.
        _ => Ok(()),
    }
}

fn otlp_endpoint(text: &str) -> Result<(), String> {
    match text {
        "" | "off" => Ok(()),
        _ => text.parse().map(|_: Endpoint| ()).map_err(|error| format!("{error}, or \"off\"")),
    }
}

fn broker(text: &str) -> Result<(), String> {
    let wrong = || Err("expected host:port".to_owned());
    if text.contains(',') {
        return Err("expected one host:port; give several as a list".to_owned());
    }
    let Some((host, port)) = text.rsplit_once(':') else {
        return wrong();
    };
    if host.is_empty() || host.contains(char::is_whitespace) {
        return wrong();
    }
    match port.parse::<u16>() {
        Ok(1..) => Ok(()),
        _ => wrong(),
    }
}

/// Kafka: letters, digits, `.`, `_`, `-`, at most 249, not `.` or `..`.
fn topic(text: &str) -> Result<(), String> {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    if text.is_empty() || text.len() > 249 || text == "." || text == ".." {
        return Err("a topic name has 1 to 249 characters and is not \".\" or \"..\"".to_owned());
    }
    if !text.bytes().all(legal) {
        return Err("a topic name has letters, digits, '.', '_' and '-' only".to_owned());
    }
    Ok(())
}

/// AWS: names of state machines have 1 to 80 characters, none of a list.
fn name(text: &str) -> Result<(), String> {
    let count = text.chars().count();
    if count == 0 || count > NAME_CHARS_MAX {
        return Err(format!("a name has 1 to {NAME_CHARS_MAX} characters"));
    }
    let forbidden = |c: char| {
        c.is_whitespace()
            || c.is_control()
            || "<>{}[]?*\"#%\\^|~`$&,;:/".contains(c)
            || matches!(c, '\u{fffe}' | '\u{ffff}' | '\u{10ffff}')
    };
    match text.chars().find(|c| forbidden(*c)) {
        Some(c) => Err(format!("{c:?} is not allowed in a name")),
        None => Ok(()),
    }
}

fn region(text: &str) -> Result<(), String> {
    let legal = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if text.len() >= 4 && text.len() <= 32 && text.bytes().all(legal) {
        Ok(())
    } else {
        Err("expected a region such as \"us-east-1\"".to_owned())
    }
}

fn account(text: &str) -> Result<(), String> {
    if text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit()) {
        Ok(())
    } else {
        Err("expected twelve digits".to_owned())
    }
}

fn role(text: &str) -> Result<(), String> {
    let parts: Vec<_> = text.splitn(6, ':').collect();
    match parts[..] {
        ["arn", partition, "iam", "", account_id, resource]
            if partition.starts_with("aws")
                && account(account_id).is_ok()
                && resource.strip_prefix("role/").is_some_and(|name| !name.is_empty()) =>
        {
            Ok(())
        }
        _ => Err("expected arn:aws:iam::ACCOUNT:role/NAME".to_owned()),
    }
}

fn host_pattern(text: &str) -> Result<(), String> {
    Allow::new([text])
        .map(drop)
        .map_err(|_| "expected host, host:port or *.domain, without scheme and path".to_owned())
}

/// Levels by module, as tracing reads them; a bare word would pass there as the name of a module.
fn log_filter(text: &str) -> Result<(), String> {
    let is_level = |word: &str| word.parse::<tracing_subscriber::filter::LevelFilter>().is_ok();
    let legal = |directive: &str| match directive.split_once('=') {
        Some((target, level)) => !target.is_empty() && is_level(level),
        None => is_level(directive),
    };
    if text.split(',').all(|directive| legal(directive.trim())) {
        Ok(())
    } else {
        Err("expected a level (error, warn, info, debug, trace, off) or MODULE=LEVEL,…".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepts(format: &str, texts: &[&str]) {
        for text in texts {
            assert_eq!(check(format, text), Ok(()), "{format} {text}");
        }
    }

    fn refuses(format: &str, texts: &[&str]) {
        for text in texts {
            assert!(check(format, text).is_err(), "{format} {text}");
        }
    }

    #[test]
    fn formats_accept_what_is_meant() {
        accepts("broker", &["127.0.0.1:9092", "kafka-0.kafka:9092", "[::1]:9092"]);
        accepts("topic", &["orders", "a.b_c-D9"]);
        accepts("name", &["pass-choice", "Zahlung_ä"]);
        accepts("region", &["us-east-1", "ap-southeast-2"]);
        accepts("account", &["000000000000"]);
        accepts("role", &["arn:aws:iam::123456789012:role/service/x"]);
        accepts(
            "host-pattern",
            &[
                "localhost",
                "localhost:80",
                "*.example.com",
                "*.example.com:443",
                "[::1]:80",
                "[::1]",
            ],
        );
        accepts("log-filter", &["info", "warn,expressway::ingest=debug"]);
    }

    #[test]
    fn formats_refuse_what_is_not() {
        refuses("broker", &["", "host", "host:", ":1", "a:1,b:2", "host:0", "host:70000"]);
        refuses("topic", &["", ".", "..", "a b", "ä", &"x".repeat(250)]);
        refuses("name", &["", "a b", "a:b", "a/b", "a\u{7f}", &"x".repeat(81)]);
        refuses("region", &["", "US", "us east"]);
        refuses("account", &["", "12345678901", "12345678901x"]);
        refuses("role", &["admin", "arn:aws:iam::1:role/x", "arn:aws:iam::123456789012:user/x"]);
        refuses(
            "host-pattern",
            &["", "*", "*.", "http://x", "x/y", "x:0", "x:y", "[nope]", "a*.com", "*.*.com"],
        );
        refuses("log-filter", &["loud", "a=b=c"]);
    }
}
