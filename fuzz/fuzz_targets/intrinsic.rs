//! Any text as an intrinsic call: see `checks/intrinsic.rs`.
//!
//! `RUSTC_BOOTSTRAP=1 cargo fuzz run intrinsic`
#![no_main]

#[path = "../checks/mod.rs"]
mod checks;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| checks::intrinsic::check(bytes));
