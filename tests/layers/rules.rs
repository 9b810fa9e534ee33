//! The rules, each a function from one source file to its breaches.

use std::collections::BTreeSet;
use std::path::Path;

use crate::table::{self, May};
use crate::tokens::{Token, tokenize};

/// One place that breaks a rule.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Breach {
    /// Line, from 1.
    pub(crate) line: usize,
    /// What is wrong there, and what would be right.
    pub(crate) what: String,
}

/// One source file, as the rules see it.
pub(crate) struct Source<'a> {
    path: String,
    text: &'a str,
    tokens: Vec<Token<'a>>,
    /// For each token: whether it stands in code that only tests compile.
    in_tests: Vec<bool>,
}

impl<'a> Source<'a> {
    /// Reads the file at `path` (relative to the root, with forward slashes) with this text.
    pub(crate) fn new(path: &Path, text: &'a str) -> Self {
        let tokens = tokenize(text);
        let path = path.to_string_lossy().replace('\\', "/");
        let all =
            path.ends_with("/tests.rs") || path.contains("/tests/") || path.starts_with("tests/");
        let in_tests = if all { vec![true; tokens.len()] } else { test_only(&tokens) };
        Self { path, text, tokens, in_tests }
    }

    /// The top-level module of `src/` that this file belongs to.
    fn module(&self) -> &str {
        let inside = self.path.strip_prefix("src/").unwrap_or(&self.path);
        let first = inside.split('/').next().unwrap_or(inside);
        first.strip_suffix(".rs").unwrap_or(first)
    }

    /// Depth of the file's module below the crate root: 1 for `src/vm/mod.rs`, 2 for `src/vm/raise.rs`.
    fn depth(&self) -> usize {
        let inside = self.path.strip_prefix("src/").unwrap_or(&self.path);
        let parts = inside.split('/').count();
        match inside {
            "lib.rs" | "main.rs" => 0,
            _ if inside.ends_with("/mod.rs") => parts - 1,
            _ => parts,
        }
    }

    fn is_below(&self, place: &str) -> bool {
        self.path == place
            || self.path.strip_prefix(place).is_some_and(|rest| rest.starts_with('/'))
    }

    fn is_at(&self, index: usize, texts: &[&str]) -> bool {
        self.tokens[index..]
            .iter()
            .map(|token| token.text)
            .take(texts.len())
            .eq(texts.iter().copied())
    }
}

/// Imports go down the table; a module that is not in the table has no place yet.
pub(crate) fn imports(source: &Source) -> Vec<Breach> {
    let module = source.module();
    let Some((_, may)) = table::LAYERS.iter().find(|(name, _)| *name == module) else {
        let what = format!("`{module}` has no layer: give it a row in tests/layers/table.rs");
        return vec![Breach { line: 1, what }];
    };
    let May::Import(allowed) = may else {
        return Vec::new();
    };
    let mut breaches = Vec::new();
    for (line, target) in root_paths(source) {
        if matches!(target, "*" | "self") || target.starts_with(char::is_uppercase) {
            let what = "an import from the crate root hides which layer is meant".to_owned();
            breaches.push(Breach { line, what });
        } else if target != module && is_module(target) && !allowed.contains(&target) {
            let what = if allowed.is_empty() {
                format!("`{module}` imports `{target}`; it may import nothing of ours")
            } else {
                format!("`{module}` imports `{target}`; it may import {}", allowed.join(", "))
            };
            breaches.push(Breach { line, what });
        }
    }
    breaches
}

/// Macros exported at the root are named like modules in a path; only modules have layers.
fn is_module(name: &str) -> bool {
    table::LAYERS.iter().any(|(module, _)| *module == name)
}

/// The pure modules name no clock, file, socket, thread or channel; some others no Kafka.
pub(crate) fn core_purity(source: &Source) -> Vec<Breach> {
    let pure = table::PURE.iter().any(|place| source.is_below(place));
    let without_kafka = table::WITHOUT_KAFKA.iter().any(|place| source.is_below(place));
    let mut breaches = Vec::new();
    for (path, reason) in table::IMPURE_PATHS {
        if pure || (without_kafka && path[0] == "rdkafka") {
            breaches.extend(
                named(source, path)
                    .into_iter()
                    .map(|line| Breach { line, what: format!("`{}` {reason}", path.join("::")) }),
            );
        }
    }
    breaches
}

/// Lines outside tests where `path` stands, written out or in the first level of a use tree.
fn named(source: &Source, path: &[&str]) -> Vec<usize> {
    let mut lines = BTreeSet::new();
    for (index, token) in source.tokens.iter().enumerate() {
        let follows_path = index > 0 && matches!(source.tokens[index - 1].text, "::" | ".");
        let starts = path.len() > 1 || (!follows_path && source.is_at(index + 1, &["::"]));
        if source.in_tests[index] || token.text != path[0] || !starts {
            continue;
        }
        if path.len() == 1 {
            lines.insert(token.line);
        } else if source.is_at(index + 1, &["::"]) {
            lines.extend(
                children(source, index + 2)
                    .filter(|(_, name)| *name == path[1])
                    .map(|(line, _)| line),
            );
        }
    }
    lines.into_iter().collect()
}

/// Metering and money are computed in integers.
pub(crate) fn floats(source: &Source) -> Vec<Breach> {
    if !table::WITHOUT_FLOATS.iter().any(|place| source.is_below(place)) {
        return Vec::new();
    }
    let is_number = |index: usize| {
        source
            .tokens
            .get(index)
            .is_some_and(|token| token.text.starts_with(|c: char| c.is_ascii_digit()))
    };
    let is_float = |index: usize| {
        let text = source.tokens[index].text;
        let is_suffixed = is_number(index) && (text.ends_with("f64") || text.ends_with("f32"));
        // `a.0.1` are fields.
        let is_field = index > 0 && source.tokens[index - 1].text == ".";
        let is_literal =
            is_number(index) && source.is_at(index + 1, &["."]) && is_number(index + 2);
        is_suffixed || (is_literal && !is_field) || FLOAT_WORDS.contains(&text)
    };
    (0..source.tokens.len())
        .filter(|&index| !source.in_tests[index] && is_float(index))
        .map(|index| Breach {
            line: source.tokens[index].line,
            what: "a float: what is metered and billed is counted in integers".to_owned(),
        })
        .collect()
}

/// What brings a float in without a literal.
const FLOAT_WORDS: [&str; 4] = ["f64", "f32", "as_secs_f64", "as_secs_f32"];

/// `unsafe` stands only where the table says.
pub(crate) fn unsafe_code(source: &Source) -> Vec<Breach> {
    if table::UNSAFE_FILES.contains(&source.path.as_str()) {
        return Vec::new();
    }
    let lines = source.tokens.iter().filter(|token| token.text == "unsafe").map(|token| token.line);
    lines
        .map(|line| Breach {
            line,
            what: "`unsafe` outside the modules that are listed for it".to_owned(),
        })
        .collect()
}

/// Nothing unfinished, no debugging left in, no test switched off.
pub(crate) fn markers(source: &Source) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for (index, token) in source.tokens.iter().enumerate() {
        let what = match token.text {
            "todo" | "unimplemented" | "dbg" if source.is_at(index + 1, &["!"]) => {
                format!("`{}!` is left in", token.text)
            }
            "#" if source.is_at(index, &["#", "[", "ignore"]) => {
                "a test is switched off with `#[ignore]`".to_owned()
            }
            _ => continue,
        };
        breaches.push(Breach { line: token.line, what });
    }
    breaches
}

/// Every file starts with `//!`.
pub(crate) fn module_docs(source: &Source) -> Vec<Breach> {
    if source.text.starts_with("//!") {
        return Vec::new();
    }
    let what = "the file does not start with `//!`: say what it is and where it stands".to_owned();
    vec![Breach { line: 1, what }]
}

/// No file is longer than the table says.
pub(crate) fn length(source: &Source) -> Vec<Breach> {
    let lines = source.text.lines().count();
    if lines <= table::FILE_LINES_MAX {
        return Vec::new();
    }
    let what = format!("{lines} lines, at most {}: it holds two ideas", table::FILE_LINES_MAX);
    vec![Breach { line: lines, what }]
}

/// Top-level modules that code outside tests names, with their lines: after `crate::` and after
/// as many `super::` as lead to the crate root.
fn root_paths<'a>(source: &'a Source) -> Vec<(usize, &'a str)> {
    let tokens = &source.tokens;
    let mut found = Vec::new();
    let mut depth = source.depth();
    // Depths to return to at the closing brace of each open block.
    let mut outer = Vec::new();
    let mut index = 0;
    while index < tokens.len() {
        let mut next = index + 1;
        match tokens[index].text {
            "{" => {
                outer.push(depth);
                // `mod name {` opens a module, everything else a block.
                if index >= 2 && tokens[index - 2].text == "mod" {
                    depth += 1;
                }
            }
            "}" => depth = outer.pop().unwrap_or(depth),
            "crate" if source.is_at(next, &["::"]) => {
                extend_outside_tests(source, index, next + 1, &mut found);
            }
            "super" => {
                let mut ups = 1;
                while source.is_at(next, &["::", "super"]) {
                    next += 2;
                    ups += 1;
                }
                if ups == depth && source.is_at(next, &["::"]) {
                    extend_outside_tests(source, index, next + 1, &mut found);
                }
            }
            _ => {}
        }
        index = next;
    }
    found
}

fn extend_outside_tests<'a>(
    source: &'a Source,
    at: usize,
    from: usize,
    found: &mut Vec<(usize, &'a str)>,
) {
    if !source.in_tests[at] {
        found.extend(children(source, from));
    }
}

/// The names that follow a `::` at `from`: one, or the first of each branch of `{a::b, c}`.
fn children<'a>(source: &'a Source, from: usize) -> impl Iterator<Item = (usize, &'a str)> {
    let tokens = &source.tokens;
    let mut names = Vec::new();
    if source.is_at(from, &["{"]) {
        let mut depth = 0;
        for index in from..tokens.len() {
            match tokens[index].text {
                "{" => depth += 1,
                "}" => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                break;
            }
            let starts_branch = matches!(tokens[index].text, "{" | ",") && depth == 1;
            if let Some(name) =
                tokens.get(index + 1).filter(|name| starts_branch && name.text != "}")
            {
                names.push((name.line, name.text));
            }
        }
    } else if let Some(name) = tokens.get(from) {
        names.push((name.line, name.text));
    }
    names.into_iter()
}

/// Marks the tokens of items under `#[cfg(test)]` and `#[test]`.
fn test_only(tokens: &[Token]) -> Vec<bool> {
    let mut marks = vec![false; tokens.len()];
    let starts = |index: usize, texts: &[&str]| {
        tokens[index..].iter().map(|token| token.text).take(texts.len()).eq(texts.iter().copied())
    };
    for index in 0..tokens.len() {
        let is_test = starts(index, &["#", "[", "cfg", "(", "test", ")", "]"])
            || starts(index, &["#", "[", "test", "]"]);
        if is_test {
            let end = item_end(tokens, index);
            marks[index..end].fill(true);
        }
    }
    marks
}

/// Index after the item that starts at `from` with its attributes: after its block or its `;`.
fn item_end(tokens: &[Token], from: usize) -> usize {
    let mut depth = 0;
    for (index, token) in tokens.iter().enumerate().skip(from) {
        match token.text {
            "{" | "(" | "[" => depth += 1,
            "}" | ")" | "]" => depth -= 1,
            _ => {}
        }
        let closes_block = token.text == "}" && depth <= 0;
        if closes_block || (token.text == ";" && depth == 0) {
            return index + 1;
        }
    }
    tokens.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    type Rule = fn(&Source) -> Vec<Breach>;

    /// Asserts on which lines of `text`, as the file at `path`, the rule finds something.
    fn breaks(rule: Rule, path: &str, text: &str, lines: &[usize]) {
        let source = Source::new(Path::new(path), text);
        let found = rule(&source);
        let found_lines = found.iter().map(|breach| breach.line).collect::<Vec<_>>();
        assert_eq!(found_lines, lines, "{path}: {text}\n{found:?}");
    }

    #[test]
    fn an_import_upwards_is_found_however_it_is_written() {
        for text in [
            "use crate::vm::Machine;",
            "use crate::{base::ids, vm::Machine};",
            "use crate::{base::{ids, clock}, vm};",
            "fn f(m: &crate::vm::Machine) {}",
            "use super::super::vm::Machine;",
            "mod inner { use super::super::super::vm::Machine; }",
            "pub(in crate::vm) fn f() {}",
            "use crate::*;",
            "use crate::Machine;",
            "use crate::{self as root};",
            "macro_rules! m { () => { $crate::vm::f() } }",
        ] {
            breaks(imports, "src/expr/path.rs", text, &[1]);
        }
        breaks(imports, "src/expr/mod.rs", "use super::vm::Machine;", &[1]);
        breaks(imports, "src/base/ids.rs", "\nuse crate::value::Value;", &[2]);
        breaks(imports, "src/expr/jsonata/eval.rs", "use super::super::super::asl::Model;", &[1]);
    }

    #[test]
    fn imports_downwards_sideways_and_of_others_are_fine() {
        for text in [
            "use crate::value::Value;\nuse crate::base::{clock::Now, ids::ShardId};",
            "use crate::expr::rule::Rule;",
            "use super::vm::Machine;",
            "use super::{rule, template};",
            "use std::fmt; // crate::vm",
            "/// See [`crate::vm::Machine`].\nconst S: &str = \"crate::vm\";",
            "use crate::for_each_op;",
            "#[cfg(test)]\nmod tests { use crate::compile::compile; }",
            "#[cfg(test)]\nuse crate::compile;\nuse crate::base::ids;",
        ] {
            breaks(imports, "src/expr/path.rs", text, &[]);
        }
        breaks(imports, "src/vm/tests.rs", "use crate::compile::compile;", &[]);
        breaks(imports, "src/main.rs", "use crate::vm::Machine;", &[]);
        breaks(imports, "src/shard/core.rs", "use crate::{program::Program, vm::Machine};", &[]);
    }

    #[test]
    fn code_after_a_test_item_is_bound_again() {
        let text = "#[cfg(test)]\nmod tests { fn f() { {} } }\nuse crate::vm::Machine;";
        breaks(imports, "src/expr/path.rs", text, &[3]);
        let text = "#[cfg(test)]\nfn f(a: [u8; 2]) {}\nuse crate::vm::Machine;";
        breaks(imports, "src/expr/path.rs", text, &[3]);
    }

    #[test]
    fn edges_do_not_import_each_other_nor_the_top() {
        breaks(imports, "src/ingest/route.rs", "use crate::outcome::meter;", &[1]);
        breaks(imports, "src/outcome/mod.rs", "use crate::metrics;", &[1]);
        breaks(imports, "src/metrics.rs", "use crate::ingest::Ledger;", &[1]);
        breaks(imports, "src/http/mod.rs", "use crate::config::Config;", &[1]);
        breaks(imports, "src/task/http.rs", "use crate::shard::{CallRequest, CallResult};", &[]);
    }

    #[test]
    fn the_machine_does_not_know_asl_text() {
        breaks(imports, "src/vm/mod.rs", "use crate::asl::Model;", &[1]);
        breaks(imports, "src/vm/mod.rs", "use crate::compile::compile;", &[1]);
        breaks(imports, "src/program/op.rs", "use crate::asl::Model;", &[1]);
        breaks(imports, "src/shard/core.rs", "use crate::compile::compile;", &[1]);
    }

    #[test]
    fn a_module_without_a_layer_is_found() {
        breaks(imports, "src/helpers/mod.rs", "", &[1]);
        breaks(imports, "src/helpers.rs", "", &[1]);
    }

    #[test]
    fn the_core_reads_no_clock_and_does_no_io() {
        for text in [
            "let t = Instant::now();",
            "let t = std::time::SystemTime::now();",
            "use std::fs::File;",
            "use std::{fs, io};",
            "use tokio::sync::Notify;",
            "let (a, b) = crossbeam::channel::bounded(1);",
        ] {
            breaks(core_purity, "src/vm/mod.rs", text, &[1]);
            breaks(core_purity, "src/shard/core.rs", text, &[1]);
            breaks(core_purity, "src/shard/runtime.rs", text, &[]);
        }
        breaks(core_purity, "src/shard/inbox.rs", "use rdkafka::Message;", &[1]);
        breaks(core_purity, "src/ingest/consumer.rs", "use rdkafka::Message;", &[]);
        breaks(core_purity, "src/vm/mod.rs", "use crate::base::clock::Now;\nlet tokio = 1;", &[]);
        breaks(core_purity, "src/vm/mod.rs", "#[test]\nfn t() { Instant::now(); }", &[]);
    }

    #[test]
    fn floats_in_money_are_found() {
        breaks(floats, "src/billing/invoice.rs", "fn f(a: f64) {}\nlet b = 1;", &[1]);
        breaks(
            floats,
            "src/outcome/price.rs",
            "let a = x as f64;\nlet b = 2f64;\nlet c = 1.5;",
            &[1, 2, 3],
        );
        breaks(floats, "src/outcome/price.rs", "let a = 1..2; // f64\nlet b = \"1.5\";", &[]);
        breaks(floats, "src/outcome/price.rs", "let a = b.0.1;", &[]);
        breaks(floats, "src/billing/mod.rs", "#[test]\nfn t() { let a: f64 = b; }", &[]);
        breaks(floats, "src/cli/bench.rs", "let a = x as f64;", &[]);
    }

    #[test]
    fn unsafe_outside_its_modules_is_found() {
        breaks(unsafe_code, "src/vm/mod.rs", "fn f() {\n unsafe { g() }\n}", &[2]);
        breaks(unsafe_code, "src/value/tape.rs", "unsafe { g() }", &[]);
        breaks(unsafe_code, "src/vm/mod.rs", "#![deny(unsafe_code)] // unsafe", &[]);
    }

    #[test]
    fn leftovers_are_found() {
        breaks(markers, "src/vm/mod.rs", "todo!()\nunimplemented!(\"x\")\ndbg!(1)", &[1, 2, 3]);
        breaks(markers, "tests/a.rs", "#[test]\n#[ignore = \"slow\"]\nfn f() {}", &[2]);
        breaks(markers, "src/vm/mod.rs", "let ignore = todo; // todo!()\n#[must_use]", &[]);
    }

    #[test]
    fn a_file_needs_docs_and_an_end() {
        breaks(module_docs, "src/vm/mod.rs", "use std::fmt;", &[1]);
        breaks(module_docs, "src/vm/mod.rs", "//! The machine.", &[]);
        breaks(length, "src/vm/mod.rs", &"\n".repeat(table::FILE_LINES_MAX), &[]);
        breaks(length, "src/vm/mod.rs", &"\n".repeat(1_001), &[1_001]);
    }
}
