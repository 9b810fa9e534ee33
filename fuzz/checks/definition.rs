//! Any text as a definition: it is refused with reasons, or it compiles and runs.

use super::running;

/// Takes any bytes; what is not UTF-8 is nobody's definition.
pub(crate) fn check(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    running::run(text, b"{}");
}
