//! What this program was built from and with, as metrics and `--version` tell it.

use crate::metrics::Build;

/// The build of this program.
pub const BUILD: Build = Build {
    commit: match option_env!("EXPRESSWAY_COMMIT") {
        Some(commit) => commit,
        None => "unknown",
    },
    rustc: env!("EXPRESSWAY_RUSTC"),
    features: match (cfg!(feature = "tls"), cfg!(feature = "otlp")) {
        (false, false) => "",
        (true, false) => "tls",
        (false, true) => "otlp",
        (true, true) => "tls,otlp",
    },
};

/// The machine that it was built for, such as `x86_64-unknown-linux-gnu`.
pub const TARGET: &str = env!("EXPRESSWAY_TARGET");
