//! Tells the compiler what `--version` says: of which commit the source is, and for which machine it is built.

#[path = "build/commit.rs"]
mod commit;

use std::env;
use std::path::Path;

/// What a packager says instead, where the source is no clone.
const TOLD: &str = "TRANCHE_BUILD_COMMIT";

fn main() {
    // Without these lines any file of the crate would count.
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=build/commit.rs");
    println!("cargo::rerun-if-env-changed={TOLD}");
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let commit = match env::var(TOLD) {
        Ok(told) if !told.trim().is_empty() => {
            let Some(told) = commit::shown(told.trim()) else {
                println!("cargo::error={TOLD} is no commit: letters, digits, `.`, `-`, `_`, `+`");
                return;
            };
            told
        }
        Ok(_) | Err(_) => {
            let found = commit::find(&root);
            for path in &found.watched {
                println!("cargo::rerun-if-changed={}", path.display());
            }
            found.commit.unwrap_or_else(|| "unknown".to_owned())
        }
    };
    let target = env::var("TARGET").unwrap_or_else(|_| "unknown".to_owned());
    println!("cargo::rustc-env=TRANCHE_COMMIT={commit}");
    println!("cargo::rustc-env=TRANCHE_TARGET={target}");
}
