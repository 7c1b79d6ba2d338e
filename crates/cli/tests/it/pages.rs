//! The way that a newcomer takes through the documents.

use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The pages below a folder, by their names from the root; decisions are read as a folder.
fn pages(folder: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(root().join(folder)).unwrap() {
        let entry = entry.unwrap();
        let name = format!("{folder}/{}", entry.file_name().to_string_lossy());
        match entry.path().is_dir() {
            true if name == "docs/decisions" => found.push(name),
            true => found.extend(pages(&name)),
            false => found.push(name),
        }
    }
    found
}

#[test]
fn the_readme_links_every_page() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let missing: Vec<String> = pages("docs")
        .into_iter()
        .filter(|page| !readme.contains(&format!("]({page})")))
        .collect();
    assert!(missing.is_empty(), "README.md does not link {missing:?}");
}

#[test]
fn every_link_of_the_readme_leads_somewhere() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let links = readme.split("](").skip(1);
    let links = links.filter_map(|rest| rest.split(')').next());
    let local = links.filter(|link| !link.contains("://"));
    let dead: Vec<&str> = local
        .filter(|link| {
            let path = link.split('#').next().unwrap_or_default();
            !root().join(path).exists()
        })
        .collect();
    assert!(dead.is_empty(), "{dead:?}");
}
