//! The project's files reach the core when they are edited (R6).

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use engine::{EngineOptions, Reader, WatchedFiles};
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
    let files = WatchedFiles::new(vec![lab.folder.path().to_owned()], Box::new(read));
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

#[tokio::test(flavor = "multi_thread")]
async fn what_an_edit_names_is_watched_from_then_on() {
    let lab = Lab::new();
    // A folder that nobody watches, so that only what is named is seen.
    let folder = tempfile::tempdir().unwrap();
    let (index, fleet) = (folder.path().join("index"), folder.path().join("fleet"));
    fs::write(&index, "").unwrap();
    fs::write(&fleet, "acme").unwrap();
    let named = {
        let index = index.clone();
        move || -> Vec<PathBuf> {
            let text = fs::read_to_string(&index).unwrap();
            text.lines().map(PathBuf::from).collect()
        }
    };
    let watched = {
        let (index, named) = (index.clone(), named.clone());
        move || named().into_iter().chain([index.clone()]).collect()
    };
    let read = move |_: &rollout::Product| {
        let texts = named()
            .into_iter()
            .map(|path| fs::read_to_string(path).unwrap());
        let texts: Vec<String> = texts.collect();
        let customers = texts.iter().flat_map(|text| text.lines());
        FilesRead {
            customers: customers.map(CustomerId::from).collect(),
            ..FilesRead::default()
        }
    };
    let _engine = World::new().engine(
        &lab,
        EngineOptions {
            files: Some(WatchedFiles::listed_by(Box::new(watched), Box::new(read))),
            ..EngineOptions::default()
        },
    );
    let told = || {
        let events = Reader::open(&lab.state)
            .unwrap()
            .events(None, 0, 100)
            .unwrap();
        let kinds = kinds(&events).into_iter();
        kinds.filter(|kind| *kind == Kind::FilesRead).count()
    };
    eventually("the files at the start", || told() == 1);
    fs::write(&index, fleet.to_str().unwrap()).unwrap();
    eventually("the file that is named now", || told() == 2);
    fs::write(&fleet, "acme\nbeta").unwrap();
    eventually("its edit", || told() == 3);
}
