//! The files by which it is installed elsewhere: as far as they can be checked here.

use std::fs;
use std::process::Command;

use crate::source::root;

fn read(name: &str) -> String {
    fs::read_to_string(root().join(name)).unwrap()
}

/// The highest exposure, of 10, that the unit may have.
const EXPOSURE: &str = "15";

/// Needs `systemd-analyze`, in Debian's package `systemd`.
#[test]
#[expect(
    clippy::print_stderr,
    reason = "who runs the tests is told what was skipped"
)]
fn systemd_finds_no_mistake_in_the_unit_and_little_that_it_exposes() {
    if Command::new("systemd-analyze")
        .arg("--version")
        .output()
        .is_err()
    {
        eprintln!("skipped: install systemd for systemd-analyze");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let unit = folder.path().join("tranche.service");
    // The binary must be where the unit says; the manual pages need not be.
    let text = read("deploy/tranche.service").replace("/usr/local/bin/tranche", "/bin/true");
    fs::write(&unit, text).unwrap();
    let threshold = format!("--threshold={EXPOSURE}");
    for args in [
        &["verify", "--man=no"][..],
        &["security", "--offline=true", &threshold],
    ] {
        let mut command = Command::new("systemd-analyze");
        let output = command.args(args).arg(&unit).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success() && said.is_empty(),
            "{args:?}: {said}"
        );
    }
}

#[test]
fn the_container_is_not_root_and_builds_with_the_release_that_the_workspace_needs() {
    let dockerfile = read("Dockerfile");
    let instructions = |name: &str| {
        let lines = dockerfile.lines();
        let found = lines.filter_map(|line| line.strip_prefix(name));
        found.map(str::trim).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(instructions("USER "), ["10001:10001"]);
    let manifest = read("Cargo.toml");
    let rust = manifest
        .lines()
        .find_map(|line| line.strip_prefix("rust-version = "))
        .unwrap()
        .trim_matches('"');
    assert!(
        instructions("FROM ")[0].starts_with(&format!("rust:{rust}-")),
        "{rust}"
    );
    for secret in ["API_KEY", "TOKEN", "PASSWORD"] {
        assert!(!dockerfile.contains(secret), "{secret}");
    }
}

#[test]
fn the_blueprint_has_one_instance_with_a_disk_and_no_secret() {
    let blueprint: serde_json::Value = serde_yaml::from_str(&read("render.yaml")).unwrap();
    let [service] = blueprint["services"].as_array().unwrap().as_slice() else {
        panic!("{blueprint}");
    };
    assert_eq!(service["numInstances"], 1);
    assert_eq!(service["autoDeployTrigger"], "off");
    assert_eq!(service["disk"]["mountPath"], "/data");
    let command = service["dockerCommand"].as_str().unwrap();
    assert!(command.contains("/data/project"), "{command}");
    for variable in service["envVars"].as_array().unwrap() {
        let key = variable["key"].as_str().unwrap();
        if key.starts_with("RENDER_API") || key == "PROJECT_REPOSITORY" {
            assert_eq!(variable["sync"], false, "{key}");
            assert!(variable.get("value").is_none(), "{key}");
        }
    }
}
