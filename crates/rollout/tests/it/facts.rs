//! What a line says by its kind is written as it was read: in the samples, and of everything that the stories tell.

use rollout::{Event, Fact};

use crate::journal;

/// A fact is read from its line, and is the same line again; which rollout and what proof belong to the envelope.
pub(crate) fn is_read_and_written(event: &Event) {
    let mut line = event.line.clone();
    line.rollout = None;
    line.data.remove("proof");
    let read = Fact::read(&line);
    let fact = read.unwrap_or_else(|why| panic!("event {}: {why}", event.seq));
    assert_eq!(fact.kind(), line.kind);
    let mut written = fact.line();
    assert_eq!(Fact::read(&written), Ok(fact), "event {}", event.seq);
    // The first release also wrote of a customer what had not come yet.
    line.data.remove("unit");
    written.data.remove("unit");
    assert_eq!(written, line, "event {}", event.seq);
}

#[test]
fn every_line_of_the_sample_journals_is_read_and_written_again() {
    for event in (1..=journal::NEWEST).flat_map(journal::sample) {
        is_read_and_written(&event);
    }
}
