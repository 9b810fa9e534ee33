//! What the fuzzers have tried and kept, replayed: `fuzz/corpus/<target>/`.

#[path = "../fuzz/checks/mod.rs"]
mod checks;

use std::fs;
use std::io::Write as _;
use std::path::Path;

#[test]
fn definitions() {
    replay("definition", checks::definition::check);
}

#[test]
fn paths() {
    replay("path", checks::path::check);
}

#[test]
fn intrinsic_calls() {
    replay("intrinsic", checks::intrinsic::check);
}

#[test]
fn jsonata_expressions() {
    replay("jsonata", checks::jsonata::check);
}

#[test]
fn events() {
    replay("event", checks::event::check);
}

#[test]
fn billing_records() {
    replay("billing", checks::billing::check);
}

/// Runs every input of one target; a panic names the file that it was in.
fn replay(target: &str, check: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let files = fs::read_dir(&folder).expect("a corpus for each target");
    let mut count = 0;
    for file in files {
        let path = file.expect("a file that can be read").path();
        let bytes = fs::read(&path).expect("a file that can be read");
        if let Err(panic) = std::panic::catch_unwind(|| check(&bytes)) {
            let _ = writeln!(std::io::stderr().lock(), "in {}", path.display());
            std::panic::resume_unwind(panic);
        }
        count += 1;
    }
    assert!(count > 10, "{} holds {count} inputs", folder.display());
}
