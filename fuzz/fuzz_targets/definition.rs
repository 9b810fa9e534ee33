//! Any text as a definition: see `checks/definition.rs`.
//!
//! `RUSTC_BOOTSTRAP=1 cargo fuzz run definition`
#![no_main]

#[path = "../checks/mod.rs"]
mod checks;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| checks::definition::check(bytes));
