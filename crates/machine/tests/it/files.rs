//! What a project's files name is read where it may be, and nowhere else.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use machine::files::{MAX_BYTES, NotRead, OutsideFiles, Roots, read_own, replace, resolved};
use tempfile::TempDir;

/// A project folder beside a folder of secrets.
struct Lab {
    top: TempDir,
    roots: Roots,
}

impl Lab {
    fn new() -> Self {
        let top = tempfile::tempdir().unwrap();
        for folder in ["project", "secrets", "elsewhere"] {
            fs::create_dir(top.path().join(folder)).unwrap();
            fs::write(top.path().join(folder).join("key"), folder).unwrap();
        }
        let roots = Roots::new(&top.path().join("project"));
        Self { top, roots }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.top.path().join(name)
    }

    fn link(&self, to: &str, name: &str) {
        symlink(to, self.path("project").join(name)).unwrap();
    }

    fn read(&self, name: &str) -> Result<String, NotRead> {
        self.roots.read_text(Path::new(name))
    }

    fn allow(&self, allowed: &[&str]) {
        self.roots.renew(OutsideFiles {
            allowed: allowed.iter().map(PathBuf::from).collect(),
            ..OutsideFiles::default()
        });
    }
}

fn is_outside(read: &Result<String, NotRead>) -> bool {
    matches!(read, Err(NotRead::Outside(_)))
}

#[test]
fn what_leads_out_of_the_folder_is_read_only_where_it_is_allowed() {
    let lab = Lab::new();
    let absolute = lab.path("secrets/key");
    lab.link("../secrets/key", "linked");
    lab.link("../secrets", "folder");
    let ways = [
        "../secrets/key",
        absolute.to_str().unwrap(),
        "linked",
        "folder/key",
        "../project/../secrets/key",
    ];
    for way in ways {
        assert!(is_outside(&lab.read(way)), "{way}");
        assert!(lab.roots.judge(Path::new(way)).is_err(), "{way}");
    }
    let by_name = lab.path("secrets");
    for allowed in ["../secrets", by_name.to_str().unwrap(), "../secrets/key"] {
        lab.allow(&[allowed]);
        for way in ways {
            assert_eq!(lab.read(way).unwrap(), "secrets", "{way}");
        }
        assert!(is_outside(&lab.read("../elsewhere/key")));
    }
    lab.allow(&[]);
    assert!(is_outside(&lab.read("linked")), "taken back at once");
}

#[test]
fn what_lies_in_the_folder_is_read_however_it_is_named() {
    let lab = Lab::new();
    // As a folder of mounted configuration is laid out.
    fs::create_dir(lab.path("project/..2027_01_11")).unwrap();
    fs::write(lab.path("project/..2027_01_11/a.yaml"), "a").unwrap();
    lab.link("..2027_01_11", "..data");
    lab.link("..data/a.yaml", "a.yaml");
    let absolute = lab.path("project/key");
    for (way, content) in [
        ("key", "project"),
        ("./key", "project"),
        ("../project/key", "project"),
        (absolute.to_str().unwrap(), "project"),
        ("a.yaml", "a"),
    ] {
        assert_eq!(lab.read(way).unwrap(), content, "{way}");
    }
}

#[test]
fn the_project_folder_may_be_a_link_itself() {
    let lab = Lab::new();
    symlink(lab.path("project"), lab.path("current")).unwrap();
    let roots = Roots::new(&lab.path("current"));
    assert_eq!(roots.read_text(Path::new("key")).unwrap(), "project");
    assert!(roots.judge(Path::new("../secrets/key")).is_err());
}

#[test]
fn the_machine_itself_is_never_read() {
    let lab = Lab::new();
    lab.allow(&["/"]);
    lab.link("/proc/self/environ", "linked");
    for way in [
        "/proc/self/environ",
        "/proc/self/root/etc/passwd/../../../proc/version",
        "/dev/zero",
        "/sys/kernel/uevent_seqnum",
        "linked",
    ] {
        let read = lab.read(way);
        assert!(!matches!(read, Ok(_) | Err(NotRead::Outside(_))), "{way}");
    }
    assert!(matches!(lab.read("linked"), Err(NotRead::Never("/proc"))));
    assert!(matches!(
        read_own(Path::new("/dev/zero")),
        Err(NotRead::Never("/dev"))
    ));
}

#[test]
fn what_is_no_regular_file_is_not_waited_for() {
    let lab = Lab::new();
    let pipe = lab.path("project/pipe");
    let made = Command::new("mkfifo").arg(&pipe).status().unwrap();
    assert!(made.success());
    assert!(matches!(lab.read("pipe"), Err(NotRead::Irregular)));
    assert!(matches!(read_own(&pipe), Err(NotRead::Irregular)));
    assert!(matches!(lab.read("."), Err(NotRead::Irregular)));
}

#[test]
fn what_is_too_large_is_not_read() {
    let lab = Lab::new();
    let huge = fs::File::create(lab.path("project/huge")).unwrap();
    huge.set_len(MAX_BYTES + 1).unwrap();
    assert!(matches!(lab.read("huge"), Err(NotRead::TooLarge)));
}

#[test]
fn what_work_was_begun_with_is_tolerated_by_its_name() {
    let lab = Lab::new();
    lab.roots.renew(OutsideFiles {
        allowed: Vec::new(),
        tolerated: ["../secrets/key", "/proc/version"]
            .map(str::to_owned)
            .into(),
    });
    assert_eq!(lab.read("../secrets/key").unwrap(), "secrets");
    assert!(is_outside(&lab.read("../elsewhere/key")));
    assert!(lab.roots.judge(Path::new("../secrets/key")).is_err());
    assert!(matches!(lab.read("/proc/version"), Err(NotRead::Never(_))));
}

#[test]
fn what_does_not_exist_is_judged_by_its_name() {
    let lab = Lab::new();
    let judge = |name: &str| lab.roots.judge(Path::new(name)).is_ok();
    assert!(judge("not/there"));
    assert!(judge("not/../there"));
    assert!(!judge("not/../../there"));
    assert!(!judge("/not/there"));
    lab.allow(&["/not"]);
    assert!(judge("/not/there"));
    assert_eq!(
        resolved(Path::new("/not/there/../here")),
        Path::new("/not/here")
    );
}

#[test]
fn a_file_is_replaced_in_one_step() {
    let lab = Lab::new();
    let path = lab.path("project/key");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    symlink("key", lab.path("project/linked")).unwrap();
    replace(&lab.path("project/linked"), b"new").unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "new");
    let mode = fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o640);
    assert!(lab.path("project/linked").is_symlink());
    replace(&lab.path("project/fresh"), b"fresh").unwrap();
    assert!(replace(&lab.path("project"), b"").is_err());
    let mut names: Vec<_> = fs::read_dir(lab.path("project"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    names.sort();
    assert_eq!(names, ["fresh", "key", "linked"], "nothing is left beside");
}

#[test]
fn a_relative_path_begins_where_the_process_is() {
    let here = Path::new(".").canonicalize().unwrap();
    assert_eq!(resolved(Path::new(".")), here);
    assert_eq!(resolved(Path::new("..")), here.parent().unwrap());
    let not_there = Path::new("../not-there/../x");
    assert_eq!(resolved(not_there), here.parent().unwrap().join("x"));
    // A project above, as `-C ..` names it.
    let above = Roots::new(Path::new(".."));
    assert!(above.judge(Path::new("customers.yaml")).is_ok());
    assert!(above.judge(Path::new("../customers.yaml")).is_err());
}
