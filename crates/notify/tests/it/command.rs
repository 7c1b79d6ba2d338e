//! Commands get JSON and say how it went by their exit code.

use std::fs;

use notify::Address;
use serde_json::Value;

use crate::lab::{Lab, halted};

#[tokio::test]
async fn a_command_gets_json_in_the_project_folder() {
    let lab = Lab::new(&[], "", None);
    let command = Address::Command("cat > told.json".to_owned());
    lab.notifier.deliver(&command, &halted()).await.unwrap();
    let told = fs::read_to_string(lab.folder.path().join("told.json")).unwrap();
    let told: Value = serde_json::from_str(&told).unwrap();
    assert_eq!(told["type"], "rollout_halted");
    assert_eq!(told["data"]["id"], "e42-1f0a9c3e");
    assert_eq!(told["data"]["about"][0]["seq"], 42);
    assert_eq!(
        told["data"]["subject"],
        "[securewatch] r1 (v1.1.0) has halted"
    );
}

#[tokio::test]
async fn a_command_that_fails_says_why_and_is_tried_again() {
    let lab = Lab::new(&[], "", None);
    let command = Address::Command("echo no paper >&2; exit 3".to_owned());
    let error = lab.notifier.deliver(&command, &halted()).await.unwrap_err();
    assert_eq!(error.reason, "it ended with exit status: 3: no paper");
    assert!(!error.is_permanent);
}

#[tokio::test]
async fn a_command_that_reads_nothing_may_succeed() {
    let lab = Lab::new(&[], "", None);
    let command = Address::Command("true".to_owned());
    lab.notifier.deliver(&command, &halted()).await.unwrap();
}

#[tokio::test]
async fn of_a_flood_of_complaints_the_end_is_kept() {
    let lab = Lab::new(&[], "", None);
    let flood = "head -c 50000000 /dev/zero | tr '\\0' x >&2; echo ' no paper' >&2; exit 3";
    let command = Address::Command(flood.to_owned());
    let error = lab.notifier.deliver(&command, &halted()).await.unwrap_err();
    assert!(
        error.reason.len() < 600,
        "{} bytes are kept",
        error.reason.len()
    );
    assert!(error.reason.ends_with("x no paper"));
}
