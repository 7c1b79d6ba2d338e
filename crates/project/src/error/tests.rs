//! What a failure means, and what of it is said.

use super::*;

#[test]
fn a_failure_of_the_state_says_what_it_means_and_keeps_its_cause() {
    let stopped = Error::from(engine::Error::Stopped);
    assert_eq!(stopped.kind(), ErrorKind::Unfinished);
    let not_done = engine::Error::NotDone(Box::new(engine::Error::ReadOnly));
    let error = Error::from(not_done);
    assert_eq!(error.kind(), ErrorKind::Failed);
    assert!(error.message().contains("withdrawn"), "{}", error.message());
    assert!(
        error.message().contains("written to"),
        "{}",
        error.message()
    );
    assert!(error.way_out().is_some());
}

#[test]
fn only_the_engine_itself_being_another_process_leaves_a_rollout_to_it() {
    let held = || engine::Error::Held {
        path: "engine.lock".into(),
        pid: None,
    };
    let not_done = |source| engine::Error::NotDone(Box::new(source));
    assert_eq!(Error::from(held()).kind(), ErrorKind::Held);
    for other in [
        engine::Error::Watched,
        not_done(held()),
        not_done(engine::Error::Watched),
        not_done(not_done(held())),
    ] {
        let what = format!("{other:?}");
        assert_ne!(Error::from(other).kind(), ErrorKind::Held, "{what}");
    }
}

#[test]
fn a_call_to_render_fails_at_doing_something() {
    let error = Error::from(render::Error::Settings("no key".to_owned()));
    assert_eq!(error.message(), "failed to use the Render settings: no key");
    assert_eq!(error.kind(), ErrorKind::Usage);
}
