//! Any text as a definition: it is refused with places inside the text, or it compiles.
//!
//! `cargo +nightly fuzz run definition`
#![no_main]

use expressway::asl;
use expressway::asl::source::Source;
use expressway::compile::compile;
use expressway::program::World;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    match asl::parse(text, "fuzz") {
        Ok(machine) => {
            let world = World::express("us-east-1", "111111111111", "fuzz", "");
            compile(&machine, Source { file: "fuzz", text }, world).expect("a checked machine compiles");
        }
        Err(diagnostics) => assert!(!diagnostics.is_empty()),
    }
});
