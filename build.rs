//! Tells the program which compiler built it and for what machine, for `--version` and the metric
//! `expressway_build_info`.

use std::env;
use std::process::Command;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    // Cargo names the compiler that it uses; one that does not tell its version is still one.
    let compiler = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let told = Command::new(compiler).arg("--version").output();
    let told = told.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    // `rustc 1.95.0 (59807616e 2026-04-14)`
    let version = told.ok().and_then(|told| Some(told.split_whitespace().nth(1)?.to_owned()));
    println!("cargo:rustc-env=EXPRESSWAY_RUSTC={}", version.as_deref().unwrap_or("unknown"));
    let target = env::var("TARGET");
    println!("cargo:rustc-env=EXPRESSWAY_TARGET={}", target.as_deref().unwrap_or("unknown"));
}
