//! TestState as a library.
