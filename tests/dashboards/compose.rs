//! The compose set-up: every path exists, every port and name is the one that the others use.
//!
//! No container is started here; what can be wrong without one is looked for.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::root;

#[test]
fn every_mounted_path_and_the_build_file_exist() {
    let folder = folder();
    let text = read("compose.yaml");
    let mounts: Vec<&str> = text
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- ")?.strip_suffix(":ro"))
        .collect();
    assert_eq!(mounts.len(), 7, "{mounts:?}");
    for mount in mounts {
        let (source, _) = mount.split_once(':').unwrap();
        assert!(folder.join(source).exists(), "{source} is not there");
    }
    let top = folder.join(value(&text, "context:"));
    assert_eq!(top.canonicalize().unwrap(), root().canonicalize().unwrap());
    assert!(top.join(value(&text, "dockerfile:")).exists());
}

#[test]
fn the_service_accepts_its_configuration() {
    // In the container the definitions are mounted beside it.
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let text = read("expressway.toml");
    let definitions = root().join("config/state-machines");
    let text = text.replace("state-machines/", &format!("{}/", definitions.display()));
    let file = directory.path().join("expressway.toml");
    fs::write(&file, text).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_expressway"))
        .args(["config", "check"])
        .arg(&file)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn ports_and_names_agree() {
    let compose = read("compose.yaml");
    let service = read("expressway.toml");
    let prometheus = read("prometheus.yml");
    let source = read("grafana/provisioning/datasources/prometheus.yaml");
    let provider = read("grafana/provisioning/dashboards/express.yaml");
    for (place, needed) in [
        (&service, "listen = \"0.0.0.0:9640\""),
        (&prometheus, "job_name: expressway"),
        (&prometheus, "\"expressway:9640\""),
        (&compose, "--metrics-listen=0.0.0.0:9641"),
        (&prometheus, "\"loadgen:9641\""),
        (&compose, "--brokers=kafka:29092"),
        (&service, "\"kafka:29092\""),
        (&compose, "INSIDE://kafka:29092"),
        (&source, "url: http://prometheus:9090"),
        (&source, "uid: prometheus"),
        (&provider, "allowUiUpdates: false"),
        (&provider, "path: /var/lib/grafana/dashboards"),
        (&compose, "dashboards/grafana:/var/lib/grafana/dashboards:ro"),
        (&compose, "expressway.rules.yml:/etc/prometheus/expressway.rules.yml:ro"),
    ] {
        assert!(place.contains(needed), "no {needed}");
    }
    for name in ["kafka", "expressway", "loadgen", "prometheus", "grafana"] {
        assert!(compose.lines().any(|line| line == format!("  {name}:")), "no service {name}");
    }
    // Every topic of the pipeline is created, and the load goes to it.
    let created = compose.lines().find(|line| line.contains("for topic in")).unwrap();
    for line in service.lines().filter(|line| line.contains("topic")) {
        let topic = line.split('"').nth(1).unwrap();
        let mut names = created.split([' ', ';']);
        assert!(names.any(|name| name == topic), "{topic} is not created");
    }
    let home = value(&compose, "GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH:");
    let file = Path::new(home).file_name().unwrap();
    assert!(root().join("dashboards/grafana").join(file).exists());
}

/// The load generator takes every flag that it is given.
#[test]
fn the_load_generator_knows_its_flags() {
    let known = fs::read_to_string(root().join("loadgen/src/args.rs")).unwrap();
    let compose = read("compose.yaml");
    let own = compose.split("- expressway-loadgen").nth(1).unwrap();
    let own = own.split("volumes:").next().unwrap();
    let mut checked = 0;
    for flag in own.lines().filter_map(|line| line.trim().strip_prefix("- --")) {
        let name = flag.split('=').next().unwrap().replace('-', "_");
        assert!(known.contains(&format!("pub(crate) {name}:")), "no flag --{flag}");
        checked += 1;
    }
    assert!(checked >= 8, "only {checked}");
}

fn folder() -> PathBuf {
    root().join("config/deploy/compose")
}

fn read(file: &str) -> String {
    fs::read_to_string(folder().join(file)).unwrap()
}

/// What stands behind the first occurrence of a key.
fn value<'a>(text: &'a str, key: &str) -> &'a str {
    let line = text.lines().find(|line| line.trim().starts_with(key)).unwrap();
    line.trim().strip_prefix(key).unwrap().trim()
}
