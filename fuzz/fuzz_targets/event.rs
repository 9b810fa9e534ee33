//! Any bytes as an event: see `checks/event.rs`.
//!
//! `RUSTC_BOOTSTRAP=1 cargo fuzz run event`
#![no_main]

#[path = "../checks/mod.rs"]
mod checks;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| checks::event::check(bytes));
