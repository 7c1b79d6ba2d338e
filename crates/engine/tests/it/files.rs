//! The project's files reach the core when they are edited (R6).

use std::collections::BTreeSet;
use std::fs;

use engine::{EngineOptions, Files, Reader};
use policy::CustomerId;
use rollout::Kind;
use rollout::request::FilesRead;

use crate::lab::{Lab, eventually, kinds};
use crate::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_is_told_once_and_a_mere_touch_not_at_all() {
    let lab = Lab::new();
    let path = lab.folder.path().join("customers.yaml");
    fs::write(&path, "acme").unwrap();
    let source = path.clone();
    let read = move |_: &rollout::Product| {
        let customers = fs::read_to_string(&source)
            .unwrap()
            .lines()
            .map(CustomerId::from)
            .collect::<BTreeSet<_>>();
        FilesRead {
            customers,
            ..FilesRead::default()
        }
    };
    let files = Files::new(vec![lab.folder.path().to_owned()], Box::new(read));
    let _engine = World::new().engine(
        &lab,
        EngineOptions {
            files: Some(files),
            ..EngineOptions::default()
        },
    );
    let told = || {
        let events = Reader::open(&lab.state)
            .unwrap()
            .events(None, 0, 100)
            .unwrap();
        kinds(&events)
            .into_iter()
            .filter(|kind| *kind == Kind::FilesRead)
            .count()
    };
    eventually("the files at the start", || told() == 1);
    fs::write(&path, "acme\n").unwrap();
    fs::write(&path, "acme\nbeta").unwrap();
    eventually("the edit", || told() == 2);
}
