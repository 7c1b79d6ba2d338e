//! Requests and reads through the trait, where no engine runs.

use std::collections::BTreeSet;
use std::fs;
use std::sync::Arc;
use std::time::Duration;

use project::view::Standing;
use project::{Caller, ErrorKind, Location, Requester, Session, TokenOwner, TokenTerms};
use rollout::{Kind, Verb};
use tokio::time::timeout;

use crate::folder::{Folder, Noting, silent};

fn freeze(name: &str) -> Verb {
    Verb::Freeze {
        name: name.to_owned(),
        until: project::now() + Duration::from_hours(1),
        reason: "audit".to_owned(),
        customers: BTreeSet::new(),
    }
}

#[tokio::test]
async fn a_request_is_answered_and_can_be_read_by_whoever_looks() {
    let folder = Folder::alone();
    let session = Session::open(&folder.location(), silent()).await.unwrap();
    let backend = session.backend();
    assert_eq!(
        backend.head().await.unwrap_err().kind(),
        ErrorKind::Absent,
        "nothing was stored yet"
    );
    assert!(backend.product().await.unwrap().overview().is_empty());

    let answer = session.ask(None, freeze("audit")).await.unwrap().unwrap();
    assert!(answer.without_engine);
    let frozen = answer.events.iter().find(|it| it.line.kind == Kind::Frozen);
    let frozen = frozen.unwrap();

    let other = folder.location().backend(&silent()).unwrap();
    let head = other.head().await.unwrap();
    assert!(head.seq >= frozen.seq);
    let events = other.events(None, frozen.seq - 1, 1).await.unwrap();
    assert_eq!(events, std::slice::from_ref(frozen));
    let lines = other.lines(None, frozen.seq - 1, 1).await.unwrap();
    assert!(lines[0].json.contains("audit"), "{}", lines[0].json);
    let verified = other.verify(Some(head)).await.unwrap();
    assert!(verified.problems.is_empty(), "{:?}", verified.problems);
    assert!(!other.is_driven().await.unwrap());
    assert_eq!(
        other.product().await.unwrap().product_view().freezes.len(),
        1
    );
}

#[tokio::test]
async fn what_is_refused_is_an_error_with_a_way_out() {
    let folder = Folder::alone();
    let requester = Requester::open(&folder.location(), silent()).await;
    let requester = requester.unwrap();
    let block = Verb::Block {
        version: "v1.1.0".to_owned(),
        reason: "broken".to_owned(),
    };
    assert!(requester.ask(None, block.clone()).await.unwrap().is_some());
    let refused = requester.ask(None, block).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Refused, "{refused:?}");
    assert_eq!(refused.way_out().unwrap(), "tranche unblock v1.1.0");
    let none = requester.only_unfinished().await.unwrap_err();
    assert_eq!(none.kind(), ErrorKind::Refused);
    let backend = requester.backend();
    let nothing = Standing::read(backend, None, || None, project::now()).await;
    let nothing = nothing.unwrap_err();
    assert_eq!(nothing.way_out().unwrap(), "tranche start VERSION");
}

#[tokio::test]
async fn whoever_follows_is_told_of_what_others_commit() {
    let folder = Folder::alone();
    let session = Session::open(&folder.location(), silent()).await.unwrap();
    session.ask(None, freeze("audit")).await.unwrap();
    let other = folder.location().backend(&silent()).unwrap();
    let mut changes = other.changes().await.unwrap();
    let moment = Duration::from_millis(600);
    assert!(
        timeout(moment, changes.next()).await.is_err(),
        "nothing new"
    );
    session.ask(None, freeze("holiday")).await.unwrap();
    timeout(Duration::from_secs(10), changes.next())
        .await
        .expect("a commit is noticed")
        .unwrap();
}

#[tokio::test]
async fn what_is_stored_is_examined_for_whoever_looks_and_not_at_each_look_of_whoever_follows() {
    let folder = Folder::alone();
    let session = Session::open(&folder.location(), silent()).await.unwrap();
    session.ask(None, freeze("audit")).await.unwrap();
    let block = Verb::Block {
        version: "v1.1.0".to_owned(),
        reason: "broken".to_owned(),
    };
    session.ask(None, block).await.unwrap();
    change_by_hand(&folder);

    let noting = [Arc::new(Noting::default()), Arc::new(Noting::default())];
    for caller in &noting {
        let said: Arc<dyn Caller> = Arc::clone(caller) as _;
        let backend = folder.location().backend(&said).unwrap();
        let mut changes = backend.changes().await.unwrap();
        for _ in 0..3 {
            let product = changes.product().await.unwrap();
            assert_eq!(product.product_view().freezes.len(), 1);
            assert!(!changes.events(None, 0, 10).await.unwrap().is_empty());
            assert!(!changes.lines(None, 0, 10).await.unwrap().is_empty());
        }
        assert!(caller.said().is_empty(), "{:?}", caller.said());
        backend.product().await.unwrap();
        let said = caller.said();
        assert_eq!(said.len(), 1, "each caller is told: {said:?}");
        assert!(said[0].contains("what is shown may be wrong"), "{said:?}");
    }
}

/// A freeze by another name, also in its event: of the events, whoever looks checks only the last.
fn change_by_hand(folder: &Folder) {
    let database = folder.path().join(".tranche/tranche.db");
    let mut bytes = fs::read(&database).unwrap();
    let (from, to) = (b"audit", b"audiT");
    let found: Vec<usize> = bytes
        .windows(from.len())
        .enumerate()
        .filter_map(|(at, window)| (window == from).then_some(at))
        .collect();
    assert!(!found.is_empty());
    for at in found {
        bytes[at..at + to.len()].copy_from_slice(to);
    }
    fs::write(&database, bytes).unwrap();
}

#[tokio::test]
async fn a_token_is_in_the_journal_before_it_counts_and_proves_until_it_is_revoked() {
    let folder = Folder::alone();
    let session = Session::open(&folder.location(), silent()).await.unwrap();
    let owner = TokenOwner::Service("ci".to_owned());
    let terms = TokenTerms::default();
    let token = session.create_token(&owner, terms).await.unwrap();
    let backend = session.backend();
    let project = &session.config.project;
    let proved = backend.prove(Some(&token.secret), project).await.unwrap();
    assert_eq!(proved.name.as_str(), "service:ci");
    assert_eq!(session.tokens().await.unwrap().len(), 1);
    let events = backend.events(None, 0, 100).await.unwrap();
    assert!(events.iter().any(|it| it.line.kind == Kind::TokenCreated));
    assert_eq!(session.revoke_tokens("ci").await.unwrap(), 1);
    let refused = backend.prove(Some(&token.secret), project).await;
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::NotPermitted);
}

#[tokio::test]
async fn where_nothing_was_measured_or_told_there_is_nothing_to_read() {
    let folder = Folder::alone();
    let backend = folder.location().backend(&silent()).unwrap();
    let now = project::now();
    assert!(backend.alerts(true).await.unwrap().is_none());
    assert!(backend.health(None, now, now, 1).await.unwrap().is_none());
    assert!(backend.notifications(false, 10).await.unwrap().is_empty());
    assert!(
        backend
            .deploys(project::DeploysOf::default(), 10)
            .await
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn files_that_cannot_be_used_are_named_and_a_folder_that_is_none_too() {
    let folder = Folder::alone();
    folder.write("policies/demo.yaml", "policy: demo\nbatch: many\n");
    let error = Session::open(&folder.location(), silent())
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Usage);
    assert!(error.in_short().contains("policies/demo.yaml"), "{error:?}");
    // Nobody was ever known here, so there is nobody to be.
    let error = Requester::open(&folder.location(), silent())
        .await
        .unwrap_err();
    assert!(matches!(error, project::Error::Files(_)), "{error:?}");

    let empty = tempfile::tempdir().unwrap();
    let nowhere = Location {
        dir: Some(empty.path().to_owned()),
        db: None,
    };
    let error = nowhere.folder().unwrap_err();
    assert!(error.message().starts_with("there is no tranche.yaml in"));
}
