//! Any text as a JSONata expression: see `checks/jsonata.rs`.
//!
//! `RUSTC_BOOTSTRAP=1 cargo fuzz run jsonata`
#![no_main]

#[path = "../checks/mod.rs"]
mod checks;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| checks::jsonata::check(bytes));
