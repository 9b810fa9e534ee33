//! Pictures: numbers, integers and times as text, and back.

pub(super) mod base;
pub(super) mod datetime;
pub(super) mod integer;
pub(super) mod number;
