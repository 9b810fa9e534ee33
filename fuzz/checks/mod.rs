//! What the fuzz targets do with their bytes, apart from the fuzzer, so that an ordinary test can
//! replay the corpora.

#![allow(dead_code, reason = "each target and each test uses the part it needs")]

pub(crate) mod billing;
pub(crate) mod definition;
pub(crate) mod event;
pub(crate) mod intrinsic;
pub(crate) mod jsonata;
pub(crate) mod path;
mod running;
