use policy::Span;
use sim::Platform;
use sim::api::Op;
use sim::fault::{Fault, FaultKind, ForeignDeploy, Trouble};
use sim::platform::Trigger;

use crate::lab::{Lab, NEW, service};

#[test]
fn a_saved_platform_goes_on_as_if_nothing_had_happened() {
    let mut lab = Lab::waiting();
    lab.trouble(Op::Rollback, Trouble::Lost);
    lab.deploy(NEW);
    lab.trigger("third");
    let foreign = ForeignDeploy {
        at: lab.now + Span::from_secs(500).to_delta(),
        commit: "foreign".into(),
        trigger: Trigger::NewCommit,
        live_after: None,
    };
    lab.arm(Fault::of(&service(), FaultKind::ForeignDeploy(foreign)));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("render.json");
    lab.platform.save(&file).unwrap();
    let platform = Platform::load(&file).unwrap();
    let mut again = Lab {
        platform,
        now: lab.now,
    };
    for _ in 0..8 {
        assert_eq!(lab.pass(100).listed(), again.pass(100).listed());
    }
    let text = |platform: &Platform| serde_json::to_string(platform).unwrap();
    assert_eq!(text(&lab.platform), text(&again.platform));
    assert_eq!(lab.version(), "foreign");
}

#[test]
fn a_damaged_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("render.json");
    std::fs::write(&file, "{").unwrap();
    assert!(Platform::load(&file).is_err());
}
