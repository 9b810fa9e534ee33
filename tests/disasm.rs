//! Listings of small definitions, held against those in `tests/golden`.
//!
//! A listing that changed on purpose is written anew with `EXPRESSWAY_UPDATE_GOLDEN=1`; the
//! difference is then what a review looks at.

use std::fs;
use std::path::{Path, PathBuf};

use expressway::program::{Op, World, for_each_op};
use expressway::registry::Definition;

/// Definitions, from the root of the repository.
const DEFINITIONS: [&str; 7] = [
    "config/state-machines/pass-choice.asl.json",
    "tests/golden/choice-fail.asl.json",
    "tests/golden/fork.asl.json",
    "tests/golden/jsonata.asl.json",
    "tests/golden/nulls.asl.json",
    "tests/golden/task.asl.json",
    "tests/golden/waits.asl.json",
];

#[test]
fn listings_are_as_they_were() {
    let updating = std::env::var_os("EXPRESSWAY_UPDATE_GOLDEN").is_some();
    for definition in DEFINITIONS {
        let name = Path::new(definition).file_name().expect("a file").to_string_lossy();
        let listing = listing(definition);
        let golden = root().join(format!("tests/golden/{}", name.replace(".asl.json", ".txt")));
        if updating {
            fs::write(&golden, &listing).expect("the golden folder can be written");
        }
        let expected = fs::read_to_string(&golden).unwrap_or_default();
        for (line, (found, expected)) in listing.lines().zip(expected.lines()).enumerate() {
            assert_eq!(found, expected, "line {} of {}", line + 1, golden.display());
        }
        let lines = listing.lines().count();
        assert_eq!(lines, expected.lines().count(), "lines of {}", golden.display());
    }
}

macro_rules! mnemonics {
    ($($(#[$doc:meta])* $variant:ident $handler:ident $mnemonic:literal ($($operand:ident: $type:ty),*),)*) => {
        [$($mnemonic),*]
    };
}

/// A new instruction has to appear in a listing before this passes.
#[test]
fn every_instruction_is_in_some_listing() {
    let listings: String = DEFINITIONS.map(listing).concat();
    for mnemonic in for_each_op!(mnemonics) {
        assert!(listings.contains(&format!("  {mnemonic} ")), "{mnemonic} is in no listing");
    }
    assert_eq!(size_of::<Op>(), 8);
}

fn listing(definition: &str) -> String {
    let path = root().join(definition);
    let definition = Definition::read(&path).expect("a definition");
    let world = World::express("us-east-1", "111111111111", &definition.machine_name(), "role");
    let compiled =
        definition.compile(world, true).unwrap_or_else(|error| panic!("{}", error.render()));
    compiled.image.disassemble(&path.file_name().expect("a file").to_string_lossy())
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}
