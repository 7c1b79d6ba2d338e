//! The command line as people use it: transcripts, and stories over several commands.

#![allow(clippy::unwrap_used, reason = "tests")]

mod at_render;
mod empty;
mod everyday;
mod explained;
mod figures;
mod first_watch;
mod flags;
mod folders;
mod foreign;
mod freezes;
mod images;
mod imports;
mod limits;
mod narrow;
mod offered;
mod older;
mod operations;
mod outages;
mod pages;
mod paths;
mod people;
mod project;
mod reports;
mod reviewed;
mod rollouts;
mod several;
mod shown;
mod stories;
mod tables;
mod typed;
mod version;
mod watching;
mod weights;
mod zones;

/// Run with `TRYCMD=overwrite` to take in what the commands print now; review it like code.
#[test]
fn the_transcripts_say_what_the_commands_print() {
    trycmd::TestCases::new()
        .case("tests/cmd/*.md")
        .env("TZ", "UTC")
        .env("NO_COLOR", "1")
        .env("XDG_STATE_HOME", env!("CARGO_TARGET_TMPDIR"));
}
