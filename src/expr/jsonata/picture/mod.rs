//! Pictures: numbers, integers and times as text, and back.
