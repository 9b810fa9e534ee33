//! Bounds of AWS's evaluation, as they were measured (there is no documentation of them).

/// What one value may measure, 8 bytes an item and the bytes of its text: `[1..873782]` passes,
/// `[1..873783]` does not; 2^22 characters pass, 2^23 do not.
pub(super) const VALUE_BYTES_MAX: usize = 6_990_256;

/// Levels of evaluation, see [`super::compile`]: 100 pass, 101 do not, whatever they are made of.
pub(super) const DEPTH_MAX: u16 = 100;

/// Elements that `$range` makes: 360,145 pass, more do not.
pub(super) const RANGE_ELEMENTS_MAX: usize = 360_145;
