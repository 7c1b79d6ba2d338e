//! What people write is UTF-8, and what is not is named with its first byte; which files of a folder count.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use machine::files::{LikelyFormat, Mistaken, NotRead, PassedOver, Roots, decode_text};

/// Line, column, byte, and what it looks like.
fn wrong(bytes: &[u8]) -> (u32, u32, u8, LikelyFormat) {
    let what = decode_text(bytes.to_vec()).unwrap_err();
    (what.line, what.column, what.byte, what.looks)
}

fn utf16(text: &str, unit: fn(u16) -> [u8; 2]) -> Vec<u8> {
    text.encode_utf16().flat_map(unit).collect()
}

#[test]
fn a_byte_order_mark_is_no_part_of_a_text() {
    assert_eq!(
        decode_text(b"\xef\xbb\xbfa: b\n".to_vec()).unwrap(),
        "a: b\n"
    );
    assert_eq!(decode_text("ä: b\n".into()).unwrap(), "ä: b\n");
    assert_eq!(decode_text(Vec::new()).unwrap(), "");
}

#[test]
fn the_first_byte_that_is_no_text_has_a_line_and_a_column_in_characters() {
    let latin = LikelyFormat::Encoded("WINDOWS-1252");
    assert_eq!(
        wrong(b"a: b\nname: \xc3\xa4\xc3\xa4\xe4x\n"),
        (2, 9, 0xe4, latin)
    );
    assert_eq!(wrong(b"a: b\r\nn: M\xfcller\r\n"), (2, 5, 0xfc, latin));
    assert_eq!(wrong(b"\xef\xbb\xbf\xe4\n"), (1, 1, 0xe4, latin));
    assert_eq!(wrong(b"\xc3\xa4: \xc3"), (1, 4, 0xc3, LikelyFormat::CutOff));
    assert_eq!(wrong(b"a: \xe4"), (1, 4, 0xe4, latin));
    assert_eq!(wrong(b"a: b\0c\n\xe4"), (1, 5, 0, LikelyFormat::Binary));
    let what = decode_text(b"a: b\r\nn: M\xfcller\r\nx".to_vec()).unwrap_err();
    assert_eq!(what.source_line, "n: M\u{fffd}ller");
}

#[test]
fn other_encodings_are_told_by_their_marks_or_by_every_second_byte() {
    let little = utf16("\u{feff}a: b\n", u16::to_le_bytes);
    let big = utf16("\u{feff}a: b\n", u16::to_be_bytes);
    for bytes in [&little, &big] {
        let (line, column, _, looks) = wrong(bytes);
        assert_eq!(
            (line, column, looks),
            (1, 1, LikelyFormat::Encoded("UTF-16"))
        );
    }
    assert_eq!(wrong(&little[2..]).3, LikelyFormat::Encoded("UTF-16LE"));
    assert_eq!(wrong(&big[2..]).3, LikelyFormat::Encoded("UTF-16BE"));
    assert_eq!(
        wrong(b"\xff\xfe\0\0a\0\0\0").3,
        LikelyFormat::Encoded("UTF-32")
    );
}

#[test]
fn a_spreadsheet_is_called_one() {
    assert_eq!(
        wrong(b"PK\x03\x04\x14\0\x06\0[Content_Types].xml"),
        (1, 1, b'P', LikelyFormat::Archive)
    );
}

#[test]
fn a_secret_is_read_as_it_stands() {
    let top = tempfile::tempdir().unwrap();
    fs::write(top.path().join("key"), b"\xef\xbb\xbfhunter2\n").unwrap();
    let roots = Roots::new(top.path());
    assert_eq!(
        roots.read_text(Path::new("key")).unwrap(),
        "\u{feff}hunter2\n"
    );
    assert_eq!(roots.read_written(Path::new("key")).unwrap(), "hunter2\n");
}

#[test]
fn visible_regular_files_by_their_names_count_and_what_is_nearly_one_is_a_mistake() {
    let top = tempfile::tempdir().unwrap();
    let folder = top.path().join("policies");
    for name in ["..2026_01", "docs", "old", "x.yaml"] {
        fs::create_dir_all(folder.join(name)).unwrap();
    }
    let files = [
        "a.yaml",
        "b.yml",
        "..2026_01/c.yaml",
        "._a.yaml",
        "a.yaml~",
        "a.yaml.bak",
        ".a.yaml.swp",
        "b.swp",
        "README.md",
        "D.YAML",
        "docs/notes.txt",
        "old/e.yaml",
    ];
    for name in files {
        fs::write(folder.join(name), "").unwrap();
    }
    symlink("..2026_01", folder.join("..data")).unwrap();
    symlink("..data/c.yaml", folder.join("c.yaml")).unwrap();
    symlink("nowhere", folder.join("f.yaml")).unwrap();
    symlink("nobody@host.1:2", folder.join(".#a.yaml")).unwrap();
    let listing = Roots::new(top.path())
        .list(Path::new("policies"), &["yaml", "yml"])
        .unwrap();
    let path = |name: &str| PathBuf::from(format!("policies/{name}"));
    assert_eq!(listing.files, ["a.yaml", "b.yml", "c.yaml"].map(path));
    let mistaken = [
        (path("D.YAML"), Mistaken::Capitals("D.yaml".to_owned())),
        (path("f.yaml"), Mistaken::Dangling),
        (path("old"), Mistaken::Folder),
        (path("x.yaml"), Mistaken::Folder),
    ];
    assert_eq!(listing.mistaken, mistaken);
    let passed_over = |why| {
        let those = listing
            .passed_over
            .iter()
            .filter(move |(_, one)| *one == why);
        those.map(|(path, _)| path.clone()).collect::<Vec<_>>()
    };
    assert_eq!(passed_over(PassedOver::OtherKind), [path("README.md")]);
    assert_eq!(passed_over(PassedOver::Folder), [path("docs")]);
    assert_eq!(
        passed_over(PassedOver::Leftover),
        ["a.yaml.bak", "a.yaml~", "b.swp"].map(path)
    );
    let hidden = [".#a.yaml", "..2026_01", "..data", "._a.yaml", ".a.yaml.swp"].map(path);
    assert_eq!(passed_over(PassedOver::Hidden), hidden);
}

#[test]
fn a_folder_that_leads_out_is_not_listed() {
    let top = tempfile::tempdir().unwrap();
    fs::create_dir_all(top.path().join("project")).unwrap();
    let roots = Roots::new(&top.path().join("project"));
    assert!(matches!(
        roots.list(Path::new(".."), &["yaml"]),
        Err(NotRead::Outside(_))
    ));
    assert!(matches!(
        roots.list(Path::new("none"), &["yaml"]),
        Err(NotRead::Io(_))
    ));
}
