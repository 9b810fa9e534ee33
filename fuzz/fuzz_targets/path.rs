//! Any text as a JSONPath: see `checks/path.rs`.
//!
//! `RUSTC_BOOTSTRAP=1 cargo fuzz run path`
#![no_main]

#[path = "../checks/mod.rs"]
mod checks;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| checks::path::check(bytes));
