//! The table of layers (design §2.2) and the house rules that a machine can check.
//!
//! Reads the sources as text, so it sees what a compiler forgives: an import upwards, a clock read
//! in the core, a file that has grown past reading. It knows tokens, not types: what macros make
//! and what a glob import hides is outside its sight. Code under `#[cfg(test)]` may import upwards
//! (a test of the machine may compile a definition) and is bound by everything else.

#[path = "layers/rules.rs"]
mod rules;
#[path = "layers/table.rs"]
mod table;
#[path = "layers/tokens.rs"]
mod tokens;

use std::fs;
use std::path::{Path, PathBuf};

use rules::Source;

/// Folders whose Rust files are ours.
const ROOTS: &[&str] = &["src", "loadgen/src", "loadgen/tests", "tests", "benches"];

/// Those of them that go into the binaries.
const SHIPPED: &[&str] = &["src", "loadgen/src"];

#[test]
fn imports_go_downwards_only() {
    assert_none(&check_each(&["src"], rules::imports));
}

#[test]
fn core_does_no_input_output_and_reads_no_clock() {
    assert_none(&check_each(&["src"], rules::core_purity));
}

#[test]
fn money_and_metering_know_no_floats() {
    assert_none(&check_each(&["src"], rules::floats));
}

#[test]
fn shipped_unsafe_stands_only_in_the_listed_modules() {
    assert_none(&check_each(SHIPPED, rules::unsafe_code));
}

#[test]
fn nothing_is_left_unfinished_or_ignored() {
    assert_none(&check_each(ROOTS, rules::markers));
}

#[test]
fn every_file_says_what_it_is() {
    assert_none(&check_each(ROOTS, rules::module_docs));
}

#[test]
fn no_file_is_too_long_to_read() {
    assert_none(&check_each(ROOTS, rules::length));
}

/// Applies one rule to every source below `folders`; returns `path:line: what` for each breach.
fn check_each(folders: &[&str], rule: fn(&Source) -> Vec<rules::Breach>) -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut breaches = Vec::new();
    let mut files = Vec::new();
    for folder in folders {
        collect_sources(&root.join(folder), &mut files);
    }
    assert!(!files.is_empty(), "no sources below {folders:?}");
    files.sort();
    for file in files {
        let text = fs::read_to_string(&file).expect("a source is readable text");
        let path = file.strip_prefix(root).expect("below the root");
        let source = Source::new(path, &text);
        breaches.extend(
            rule(&source)
                .into_iter()
                .map(|breach| format!("{}:{}: {}", path.display(), breach.line, breach.what)),
        );
    }
    breaches
}

fn collect_sources(folder: &Path, files: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for entry in entries {
        let path = entry.expect("a folder of ours is readable").path();
        if path.is_dir() {
            collect_sources(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

fn assert_none(breaches: &[String]) {
    assert!(breaches.is_empty(), "{} found:\n{}", breaches.len(), breaches.join("\n"));
}
