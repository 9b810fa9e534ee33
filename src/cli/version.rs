//! `expressway --version`: what whoever reports a fault is asked for first.

use std::sync::LazyLock;

use crate::app::{BUILD, TARGET};

/// Version, commit, features, target and compiler, a line each.
pub fn long() -> &'static str {
    &LONG
}

static LONG: LazyLock<String> = LazyLock::new(|| {
    let features = if BUILD.features.is_empty() { "none" } else { BUILD.features };
    format!(
        "{}\ncommit    {}\nfeatures  {features}\ntarget    {TARGET}\nrustc     {}",
        env!("CARGO_PKG_VERSION"),
        BUILD.commit,
        BUILD.rustc
    )
});
