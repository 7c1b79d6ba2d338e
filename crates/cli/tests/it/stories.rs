//! What people do, over several commands.

use crate::project::Project;

#[test]
fn a_new_project_validates_tests_and_simulates_as_it_is() {
    let project = Project::new();
    project.tranche(&["validate"]).succeeds();
    project.tranche(&["test"]).succeeds();
    let said = project
        .tranche(&["simulate", "v1.1.0", "--start", "2027-01-11T09:00:00Z"])
        .succeeds();
    assert!(said.out.contains("r1 succeeded after 26d"), "{}", said.out);
    assert!(
        said.err
            .contains("assumed to approve as soon as they are asked"),
        "{}",
        said.err
    );
}

#[test]
fn init_never_writes_over_a_project() {
    let project = Project::new();
    project.edit("tranche.yaml", |text| text.replace("my-product", "mine"));
    project.tranche(&["init"]).exits(3);
    let said = project.tranche(&["validate"]).succeeds();
    assert!(said.out.contains("mine: 4 policies"), "{}", said.out);
}

#[test]
fn an_edited_policy_changes_the_plan_and_a_broken_one_is_shown_with_its_line() {
    let project = Project::new();
    project.edit("policies/startup.yaml", |text| {
        text.replace("delay: 2h", "delay: 3 hours")
    });
    let said = project.tranche(&["plan", "v1.1.0"]).exits(2);
    assert!(said.err.contains("policies/startup.yaml:"), "{}", said.err);
    assert!(said.err.contains("try: tranche validate"), "{}", said.err);
}

#[test]
fn a_template_with_a_mistake_is_found_before_anybody_is_to_be_told() {
    let project = Project::new();
    std::fs::create_dir(project.path().join("templates")).unwrap();
    project.write("templates/rollout_halted.txt", "Halted\n{{ rollout( }}\n");
    project.write("templates/rollout_halt.txt", "Halted\n");
    project.edit("tranche.yaml", |text| {
        text + "notify:\n  - { when: rollout_halted, to: { command: cat }, text: \"{% if %}\" }\n"
    });
    let said = project.tranche(&["validate"]).exits(2);
    for part in [
        "--> templates/rollout_halt.txt:1:1",
        "--> templates/rollout_halted.txt:2:1",
        "error[template]: syntax error",
        "--> tranche.yaml:",
        "the files have 3 mistakes",
    ] {
        assert!(
            said.err.contains(part),
            "{part} is missing in\n{}",
            said.err
        );
    }
}

#[test]
fn the_exit_code_of_plan_tells_whether_there_is_something_to_do() {
    let project = Project::new();
    project
        .tranche(&["plan", "v1.1.0", "--detailed-exitcode"])
        .exits(7);
    project.tranche(&["plan", "v1.1.0"]).succeeds();
}

#[test]
fn a_failed_expectation_is_shown_and_ends_with_1() {
    let project = Project::new();
    project.edit("scenarios/first.yaml", |text| {
        text.replace("T09:05:00Z", "T09:06:00Z")
    });
    let said = project.tranche(&["test"]).exits(1);
    assert!(said.out.contains("FAILED"), "{}", said.out);
}

#[test]
fn events_of_a_simulation_are_json_lines_with_a_chain() {
    let project = Project::new();
    let said = project
        .tranche(&["simulate", "v1.1.0", "-o", "json"])
        .succeeds();
    let events: Vec<rollout::Event> = said
        .out
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert!(events.len() > 20);
    for pair in events.windows(2) {
        assert_eq!(
            (pair[1].seq, &pair[1].prev),
            (pair[0].seq + 1, &pair[0].hash)
        );
        assert_eq!(pair[1].hash, pair[1].digest());
    }
}

#[test]
fn a_verb_without_a_rollout_is_refused_and_says_what_to_type() {
    let project = Project::new();
    let said = project.tranche(&["pause"]).exits(3);
    assert!(said.err.contains("try: "), "{}", said.err);
}

#[test]
fn a_freeze_needs_no_rollout_and_survives_the_process() {
    let project = Project::new();
    let freeze = [
        "freeze",
        "incident",
        "--until",
        "2099-01-01T00:00:00Z",
        "--reason",
        "test",
    ];
    let said = project.tranche(&freeze).succeeds();
    assert!(
        said.out.contains("ann froze starts (incident)"),
        "{}",
        said.out
    );
    let said = project.tranche(&["events"]).succeeds();
    assert!(said.out.contains("\"kind\":\"frozen\""), "{}", said.out);
    project.tranche(&["verify"]).succeeds();
    project.tranche(&["unfreeze", "incident"]).succeeds();
    project.tranche(&["unfreeze", "incident"]).exits(3);
}

#[test]
fn a_figure_from_outside_is_noted_with_its_instant() {
    let project = Project::new();
    let args = ["observe", "acme-corp", "tickets", "3", "--note", "helpdesk"];
    let said = project.tranche(&args).succeeds();
    assert!(said.out.contains("tickets = 3.0"), "{}", said.out);
    let said = project.tranche(&["events", "--from", "1"]).succeeds();
    assert!(said.out.contains("\"kind\":\"observed\""), "{}", said.out);
    project
        .tranche(&["observe", "acme-corp", "tickets", "many"])
        .exits(2);
    let later = [
        "observe",
        "acme-corp",
        "tickets",
        "3",
        "--at",
        "2999-01-01T00:00:00Z",
    ];
    project.tranche(&later).exits(2);
}

#[test]
fn a_token_proves_a_person_until_it_is_revoked() {
    let project = Project::new();
    let token = project.tranche(&["token", "create", "bob"]).succeeds().out;
    let bob = [("TRANCHE_TOKEN", token.trim())];
    project
        .tranche_with(&["block", "v9", "--reason", "test"], &bob)
        .succeeds();
    let said = project.tranche(&["events"]).succeeds();
    assert!(said.out.contains("\"actor\":\"bob\""), "{}", said.out);
    project.tranche(&["token", "revoke", "bob"]).succeeds();
    let journal = project.tranche(&["events"]).succeeds().out;
    for kind in ["token_created", "token_revoked"] {
        assert!(journal.contains(kind), "{kind} is not in {journal}");
    }
    assert!(!journal.contains(token.trim()), "the token itself is");
    project.tranche_with(&["unblock", "v9"], &bob).exits(4);
}

#[test]
fn a_stranger_may_change_nothing() {
    let project = Project::new();
    let account = project.tranche(&["validate"]).succeeds();
    drop(account);
    project.edit("tranche.yaml", |text| {
        let lines = text.lines().map(|line| {
            if line.starts_with("  ann:") {
                "  ann: { os: nobody-here }"
            } else {
                line
            }
        });
        lines.collect::<Vec<_>>().join("\n")
    });
    let said = project
        .tranche(&["block", "v9", "--reason", "test"])
        .exits(4);
    assert!(said.err.contains("try: write `os:"), "{}", said.err);
}

#[test]
fn an_altered_journal_is_found_by_its_anchor() {
    let project = Project::new();
    project
        .tranche(&["block", "v9", "--reason", "test"])
        .succeeds();
    let head = project.tranche(&["events", "--head"]).succeeds().out;
    project
        .tranche(&["verify", "--anchor", head.trim()])
        .succeeds();
    let other = head.replace(|c: char| c.is_ascii_alphabetic(), "0");
    project
        .tranche(&["verify", "--anchor", other.trim()])
        .exits(1);
    project
        .tranche(&["verify", "--anchor", "nonsense"])
        .exits(2);
}

#[test]
fn a_damaged_database_is_said_in_words_and_with_a_way_out() {
    let project = Project::new();
    project
        .tranche(&["block", "v9", "--reason", "test"])
        .succeeds();
    let database = project.path().join(".tranche/tranche.db");
    let mut bytes = std::fs::read(&database).unwrap();
    bytes[4096..].fill(0xff);
    std::fs::write(&database, &bytes).unwrap();
    for command in [
        &["status"][..],
        &["block", "v8", "--reason", "test"],
        &["events"],
    ] {
        let said = project.tranche(command).exits(1);
        assert!(said.err.contains("tranche.db"), "{command:?}: {}", said.err);
        assert!(said.err.contains("tranche verify"), "{}", said.err);
        assert!(!said.err.contains("***"), "{}", said.err);
    }
    let verified = project.tranche(&["verify"]).exits(1);
    let all = verified.out + &verified.err;
    assert!(!all.contains("*** in database"), "{all}");
}

#[test]
fn a_key_on_the_command_line_is_refused_and_not_repeated() {
    let project = Project::new();
    let said = project
        .tranche(&["--api-key", "rnd_secret", "validate"])
        .exits(2);
    assert!(said.err.contains("RENDER_API_KEY"), "{}", said.err);
    assert!(!said.err.contains("rnd_secret"), "{}", said.err);
}

#[test]
fn without_a_key_render_is_not_asked() {
    let project = Project::new();
    let said = project.tranche(&["render", "check"]).exits(2);
    assert!(said.err.contains("RENDER_API_KEY"), "{}", said.err);
}

#[test]
fn a_render_that_cannot_be_reached_ends_with_5() {
    let project = Project::new();
    let env = [
        ("RENDER_API_KEY", "x"),
        ("RENDER_API_URL", "http://127.0.0.1:1/v1"),
        ("RENDER_MAX_RETRIES", "0"),
    ];
    let said = project.tranche_with(&["render", "check"], &env).exits(5);
    assert!(said.err.contains("Connection refused"), "{}", said.err);
}
