//! Any bytes as billing records: see `checks/billing.rs`.
//!
//! `RUSTC_BOOTSTRAP=1 cargo fuzz run billing`
#![no_main]

#[path = "../checks/mod.rs"]
mod checks;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| checks::billing::check(bytes));
