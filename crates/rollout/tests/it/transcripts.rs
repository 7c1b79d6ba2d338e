//! Every story under `tests/data` goes as its transcript says: the events, the exact commands, and none left over.

use std::fs;
use std::path::{Path, PathBuf};

use crate::script::Story;

/// Where the text files are.
pub(crate) fn data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data")
}

/// Compares with a text file, or writes it when `UPDATE` is set.
pub(crate) fn compare(path: &Path, now: &str) -> Result<(), String> {
    if std::env::var_os("UPDATE").is_some() {
        fs::write(path, now).unwrap();
    }
    let expected = fs::read_to_string(path).unwrap_or_default();
    if expected == now {
        return Ok(());
    }
    let lines = expected.lines().zip(now.lines());
    let first = lines.take_while(|(expected, now)| expected == now).count();
    let from = first.saturating_sub(3);
    let part = |text: &str| {
        text.lines()
            .skip(from)
            .take(12)
            .collect::<Vec<_>>()
            .join("\n")
    };
    Err(format!(
        "{} differs from line {}; UPDATE=1 takes it as it is now\n--- expected\n{}\n--- now\n{}\n",
        path.display(),
        first + 1,
        part(&expected),
        part(now)
    ))
}

pub(crate) fn stories() -> Vec<PathBuf> {
    let files = fs::read_dir(data().join("stories")).unwrap();
    let paths = files.map(|file| file.unwrap().path());
    let mut stories: Vec<PathBuf> = paths
        .filter(|path| path.extension().is_some_and(|end| end == "script"))
        .collect();
    stories.sort();
    stories
}

fn tell(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    let (project, lines) = text.split_once("\n---\n").expect("a project, `---`, lines");
    let mut story = Story::new(project);
    story.tell(lines);
    story.tell("status\nout");
    story.lab.check_rows();
    story.lab.check_early_tick();
    story.transcript.join("\n") + "\n"
}

#[test]
fn no_story_expects_what_is_not_so() {
    for path in stories() {
        let transcript = tell(&path);
        let lost = transcript.lines().find(|line| line.starts_with("  ??"));
        assert_eq!(lost, None, "{}", path.display());
    }
}

#[test]
fn every_story_goes_as_its_transcript_says() {
    let stories = stories();
    assert!(stories.len() >= 15, "stories are missing");
    let differences: Vec<String> = stories
        .iter()
        .filter_map(|path| compare(&path.with_extension("transcript"), &tell(path)).err())
        .collect();
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

#[test]
fn every_transcript_has_its_story() {
    let files = fs::read_dir(data().join("stories")).unwrap();
    let alone = files
        .map(|file| file.unwrap().path())
        .find(|path| !path.with_extension("script").exists());
    assert_eq!(alone, None);
}
