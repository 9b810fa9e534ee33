//! All benches.

fn main() {}
