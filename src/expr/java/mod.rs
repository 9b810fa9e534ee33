//! What AWS's implementation language shows through: the text, equality and hash codes of plain
//! Java values, the iteration order of its hash set, its random generator.
//!
//! Recorded results of `States.Format`, `States.ArrayUnique` and `States.MathRandom` are those of
//! `java.util` collections over what Jackson reads: `Integer`, `Long`, `BigInteger`, `Double`,
//! `String`, `Boolean`, `null`, lists and maps.

mod hash;
mod number;
mod random;
mod text;

pub(super) use hash::{identity, set_order};
pub(super) use random::Random;
pub(super) use text::{Style, class_name, print};
