//! Which files of a folder count, and what is said of what cannot be read.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use crate::project::Project;
use crate::rollouts::{KEY, Story};

/// What archives and editors leave behind, and what people put beside policies and scenarios.
const BESIDE: [&str; 7] = [
    "._demo.yaml",
    ".demo.yaml.swp",
    "demo.yaml~",
    "demo.yaml.bak",
    ".DS_Store",
    "README.md",
    "old.swp",
];

#[test]
fn what_editors_and_archives_leave_behind_stops_no_command() {
    let project = Project::new();
    let before = project.tranche(&["validate"]).succeeds();
    for folder in ["policies", "scenarios"] {
        for name in BESIDE {
            fs::write(
                project.path().join(folder).join(name),
                b"\0\x05\x16\x07: \xff[",
            )
            .unwrap();
        }
        let lock = project.path().join(folder).join(".#demo.yaml");
        symlink("somebody@somewhere.17:42", lock).unwrap();
    }
    let after = project.tranche(&["validate"]).succeeds();
    assert_eq!((&before.out, &before.err), (&after.out, &after.err));
    for command in [&["test"][..], &["simulate", "v1.1.0"], &["customers"]] {
        project.tranche(command).succeeds();
    }
    let said = project.tranche(&["validate", "-v"]).succeeds();
    for line in [
        "passed over: policies/._demo.yaml: its name begins with a dot",
        "passed over: policies/.#demo.yaml: its name begins with a dot",
        "passed over: policies/demo.yaml~: an editor's leftover by its name",
        "passed over: scenarios/demo.yaml.bak: an editor's leftover by its name",
        "passed over: policies/README.md: another kind of file",
    ] {
        assert!(
            said.err.contains(line),
            "{line} is missing in\n{}",
            said.err
        );
    }
    let said = project.tranche(&["validate", "-o", "json"]).succeeds();
    let said: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(
        said["passed_over"]["policies/README.md"],
        "another kind of file"
    );
}

#[test]
fn templates_are_listed_alike() {
    let project = Project::new();
    fs::create_dir(project.path().join("templates")).unwrap();
    project.write("templates/paused.txt", "{{ customer }}\n");
    project.write("templates/._paused.txt", "{{");
    project.write("templates/paused.txt~", "{{");
    project.tranche(&["validate"]).succeeds();
    project.write("templates/resumed.TXT", "");
    let said = project.tranche(&["validate"]).exits(2);
    assert!(said.err.contains("templates/resumed.TXT"), "{}", said.err);
}

/// The files of a folder as Kubernetes mounts them: each a link into a folder that a link names.
fn mount(project: &Project, folder: &str) {
    let folder = project.path().join(folder);
    let data = folder.join("..2026_11_29_10_00_00.1");
    fs::create_dir(&data).unwrap();
    for entry in fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            let name = path.file_name().unwrap();
            fs::rename(&path, data.join(name)).unwrap();
            symlink(std::path::Path::new("..data").join(name), &path).unwrap();
        }
    }
    symlink(data.file_name().unwrap(), folder.join("..data")).unwrap();
}

#[test]
fn in_a_mounted_folder_every_file_is_a_link() {
    let project = Project::new();
    let before = project.tranche(&["validate"]).succeeds();
    mount(&project, "policies");
    mount(&project, "scenarios");
    let after = project.tranche(&["validate"]).succeeds();
    assert_eq!(before.out, after.out);
    project.tranche(&["test"]).succeeds();
}

#[test]
fn what_looks_like_a_policy_and_is_none_is_a_mistake_and_all_are_told_at_once() {
    let project = Project::new();
    let policies = project.path().join("policies");
    fs::rename(policies.join("demo.yaml"), policies.join("demo.YAML")).unwrap();
    fs::create_dir_all(policies.join("folder.yml")).unwrap();
    fs::create_dir_all(policies.join("archive")).unwrap();
    project.write("policies/archive/old.yaml", "policy: old\n");
    symlink("gone.yaml", policies.join("linked.yaml")).unwrap();
    project.edit("customers.yaml", |text| text.replacen("tier:", "tiar:", 1));
    let said = project.tranche(&["validate"]).exits(2);
    for part in [
        "policies/demo.YAML is not read: its ending is written in capitals",
        "call it demo.yaml",
        "policies/folder.yml is not read: it is a folder",
        "policies/archive is not read: it is a folder",
        "policies/linked.yaml is not read: it is a link that leads nowhere",
        "did you mean `tier`?",
    ] {
        assert!(
            said.err.contains(part),
            "{part} is missing in\n{}",
            said.err
        );
    }
    // What comes after the policy that is not read is no mistake of its own.
    assert!(
        !said.err.contains("there is no policy `demo`"),
        "{}",
        said.err
    );
    fs::write(project.path().join("scenarios/x.YML"), "").unwrap();
    fs::remove_dir_all(&policies).unwrap();
    let said = project.tranche(&["validate"]).exits(2);
    assert!(
        said.err
            .contains("policies/ cannot be read: it is not there"),
        "{}",
        said.err
    );
    fs::create_dir(&policies).unwrap();
    let said = project.tranche(&["validate"]).exits(2);
    assert!(said.err.contains("there is no policy"), "{}", said.err);
    let said = project.tranche(&["test"]).exits(2);
    assert!(
        said.err.contains("scenarios/x.YML is not read"),
        "{}",
        said.err
    );
}

#[test]
fn a_tier_without_a_policy_is_a_mistake_with_the_line_of_its_customer() {
    let project = Project::new();
    let said = project.tranche(&["validate"]).succeeds();
    assert!(!said.out.contains("uncovered"), "{}", said.out);
    project.edit("customers.yaml", |text| {
        format!("{text}  lone:\n    tier: gold\n    services: {{ backend: {{ id: srv-lone, url: 'https://lone.example' }} }}\n")
    });
    let customers = fs::read_to_string(project.path().join("customers.yaml")).unwrap();
    let line = customers
        .lines()
        .position(|line| line.contains("gold"))
        .unwrap()
        + 1;
    let said = project.tranche(&["validate"]).exits(2);
    assert!(
        said.err
            .contains("error[uncovered]: no policy covers the tier `gold` (`lone`)"),
        "{}",
        said.err
    );
    assert!(
        said.err.contains(&format!("customers.yaml:{line}:11")),
        "{}",
        said.err
    );
}

#[test]
fn what_cannot_be_read_is_named_with_the_reason_and_a_way_out() {
    let project = Project::new();
    let path = project.path().join("customers.yaml");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).unwrap();
    // Some accounts may read everything.
    if fs::read(&path).is_err() {
        let said = project.tranche(&["validate"]).exits(2);
        for part in [
            "customers.yaml cannot be read: this account may not read it",
            "chmod u+r customers.yaml",
        ] {
            assert!(said.err.contains(part), "{}", said.err);
        }
    }
    fs::remove_file(&path).unwrap();
    let said = project.tranche(&["validate"]).exits(2);
    for part in [
        "customers.yaml cannot be read: it is not there",
        "= help: write it",
    ] {
        assert!(said.err.contains(part), "{}", said.err);
    }
}

fn utf16(text: &str) -> Vec<u8> {
    format!("\u{feff}{text}")
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect()
}

#[test]
fn every_file_may_begin_with_a_byte_order_mark_and_have_the_line_ends_of_windows() {
    let project = Project::new();
    let names = [
        "tranche.yaml",
        "customers.yaml",
        "policies/demo.yaml",
        "scenarios/first.yaml",
    ];
    let before = project.tranche(&["validate"]).succeeds();
    for name in names {
        project.edit(name, |text| {
            format!("\u{feff}{}", text.replace('\n', "\r\n"))
        });
    }
    let after = project.tranche(&["validate"]).succeeds();
    assert_eq!(before.out, after.out);
    project.tranche(&["test"]).succeeds();
    project
        .tranche(&["test", "scenarios/first.yaml"])
        .succeeds();
    project.write(
        "policies/demo.yaml",
        "\u{feff}policy: demo\r\ndelya: 2h\r\n",
    );
    let said = project.tranche(&["validate"]).exits(2);
    assert!(
        said.err.contains("policies/demo.yaml:2:1\n"),
        "{}",
        said.err
    );
    project.write("policies/demo.yaml", "\u{feff}policy:  [demo]\r\n");
    let said = project.tranche(&["validate"]).exits(2);
    assert!(
        said.err.contains("policies/demo.yaml:1:10\n"),
        "{}",
        said.err
    );
}

#[test]
fn another_encoding_is_a_mistake_with_the_place_of_its_first_byte_and_all_are_told_at_once() {
    let project = Project::new();
    fs::write(
        project.path().join("policies/demo.yaml"),
        b"policy: demo\n# f\xfcr alle\n",
    )
    .unwrap();
    fs::write(
        project.path().join("policies/startup.yaml"),
        utf16("policy: startup\n"),
    )
    .unwrap();
    fs::write(
        project.path().join("policies/a policy.yaml"),
        b"policy: a\n# \xc3\xa4\0\n",
    )
    .unwrap();
    project.edit("tranche.yaml", |text| text.replace("product:", "produkt:"));
    let said = project.tranche(&["validate"]).exits(2);
    for part in [
        "error[encoding]: the byte 0xFC is no UTF-8 text: probably Windows-1252 or Latin-1",
        "--> policies/demo.yaml:2:4",
        "iconv -f WINDOWS-1252 -t UTF-8 policies/demo.yaml > policies/demo.yaml.new && mv policies/demo.yaml.new policies/demo.yaml",
        "error[encoding]: the file is UTF-16, and only UTF-8 is read",
        "--> policies/startup.yaml:1:1",
        "iconv -f UTF-16 -t UTF-8 policies/startup.yaml",
        "--> policies/a policy.yaml:2:4",
        "did you mean `product`?",
    ] {
        assert!(
            said.err.contains(part),
            "{part} is missing in\n{}",
            said.err
        );
    }
    assert!(!said.err.contains("stream did not"), "{}", said.err);
}

#[test]
fn files_that_are_named_on_the_command_line_are_read_alike() {
    let project = Project::new();
    let scenario = fs::read_to_string(project.path().join("scenarios/first.yaml")).unwrap();
    for (name, bytes, exit) in [
        ("mark.yaml", format!("\u{feff}{scenario}").into_bytes(), 0),
        ("latin.yaml", [scenario.as_bytes(), b"# \xe4"].concat(), 2),
    ] {
        fs::write(project.path().join(name), bytes).unwrap();
        let said = project.tranche(&["test", name]).exits(exit);
        assert!(
            exit == 0 || said.err.contains("WINDOWS-1252"),
            "{}",
            said.err
        );
    }
    fs::write(project.path().join("x.json"), utf16("{}")).unwrap();
    let said = project.tranche(&["import", "x.json"]).exits(2);
    assert!(said.err.contains("iconv -f UTF-16"), "{}", said.err);
    let said = project.tranche(&["report", "--journal", "x.json"]).exits(2);
    assert!(said.err.contains("iconv -f UTF-16"), "{}", said.err);
    let said = project.tranche(&["test", "absent.yaml"]).exits(2);
    assert!(
        said.err.contains("absent.yaml: it is not there"),
        "{}",
        said.err
    );
}

#[test]
fn a_policy_that_cannot_be_read_any_more_counts_as_unchanged() {
    let story = Story::new(&[]);
    let project = &story.project;
    project
        .tranche_with(&["start", "v1.1.0", "--detach"], &[KEY])
        .succeeds();
    let policy = project.path().join("policies/fast.yaml");
    let good = fs::read(&policy).unwrap();
    fs::write(&policy, b"policy: fast\n# \xfc\n").unwrap();
    fs::write(project.path().join("policies/._fast.yaml"), b"\0\xff").unwrap();
    project.tranche(&["pause"]).succeeds();
    let said = project.tranche(&["status"]).succeeds();
    assert!(
        said.out.contains("cannot be read and count as unchanged"),
        "{}",
        said.out
    );
    let place = "unchanged: policies/fast.yaml:2:3: the byte 0xFC is no UTF-8 text";
    assert!(said.out.contains(place), "{}", said.out);
    assert!(!said.out.contains("\\u{a}"), "{}", said.out);
    assert!(!said.out.contains("its file is gone"), "{}", said.out);
    fs::write(&policy, good).unwrap();
    project.tranche(&["resume"]).succeeds();
    let said = project.tranche(&["status"]).succeeds();
    assert!(!said.out.contains("cannot be read"), "{}", said.out);
    // A name in capitals is a mistake for what begins; what has begun goes on.
    fs::rename(&policy, project.path().join("policies/fast.YAML")).unwrap();
    project.write("policies/other.yaml", "policy: other\n");
    project.tranche(&["validate"]).exits(2);
    project
        .tranche_with(&["run", "--until-idle"], &[KEY])
        .succeeds();
}

#[test]
fn free_keys_hold_anchors_in_every_file() {
    let project = Project::new();
    let digest = || {
        let args = ["plan", "v1.1.0", "--offline", "-o", "json"];
        let plan = project.tranche(&args).succeeds().out;
        let plan: serde_json::Value = serde_json::from_str(&plan).unwrap();
        plan["digest"].as_str().unwrap().to_owned()
    };
    let before = digest();
    let names = [
        "tranche.yaml",
        "customers.yaml",
        "policies/demo.yaml",
        "scenarios/first.yaml",
    ];
    for name in names {
        project.edit(name, |text| {
            format!("x-ours: {{ a: &a [1], b: *a }}\n{text}")
        });
    }
    assert_eq!(before, digest());
    project.tranche(&["test"]).succeeds();
    project.edit("tranche.yaml", |text| {
        format!(
            "x-where: &where policies\n{}",
            text.replace("policies: policies/", "policies: *where")
        )
    });
    project.tranche(&["validate"]).succeeds();
}
