//! Requests and reads through the trait, where no engine runs.

use std::collections::BTreeSet;
use std::time::Duration;

use project::view::Standing;
use project::{ErrorKind, Location, Requester, Session, TokenOwner};
use rollout::{Kind, Verb};
use tokio::time::timeout;

use crate::folder::{Folder, silent};

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
async fn a_token_is_in_the_journal_before_it_counts_and_proves_until_it_is_revoked() {
    let folder = Folder::alone();
    let session = Session::open(&folder.location(), silent()).await.unwrap();
    let owner = TokenOwner::Service("ci".to_owned());
    let token = session.create_token(&owner).await.unwrap();
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
