//! The `expressway` binary.

fn main() {}
