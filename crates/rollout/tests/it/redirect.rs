//! Which variables follow a customer to a restored database.

use rollout::database_connections::{Connection, Mention, Redirected, mention, redirected};

const OLD: Connection<'_> = Connection {
    id: "dpg-old-a",
    internal: "postgresql://acme:pw-old@dpg-old-a/acme",
    external: "postgresql://acme:pw-old@dpg-old-a.oregon.example:5432/acme",
    password: "pw-old",
};

const NEW: Connection<'_> = Connection {
    id: "dpg-new-a",
    internal: "postgresql://acme:pw-new@dpg-new-a/acme",
    external: "postgresql://acme:pw-new@dpg-new-a.oregon.example:5432/acme",
    password: "pw-new",
};

fn becomes(value: &str) -> Option<String> {
    match redirected(value, &OLD, &NEW) {
        Redirected::To(new) => Some(new),
        Redirected::Untouched => None,
        Redirected::Unclear => Some("unclear".to_owned()),
    }
}

#[test]
fn urls_hosts_and_password_of_the_old_database_become_those_of_the_new() {
    let known = [
        (OLD.internal, NEW.internal),
        (OLD.external, NEW.external),
        ("dpg-old-a", "dpg-new-a"),
        ("dpg-old-a.oregon.example", "dpg-new-a.oregon.example"),
        ("pw-old", "pw-new"),
    ];
    for (old, new) in known {
        assert_eq!(becomes(old).as_deref(), Some(new), "{old}");
    }
    let with = format!("{}?sslmode=require", OLD.external);
    let expected = format!("{}?sslmode=require", NEW.external);
    assert_eq!(becomes(&with), Some(expected));
}

#[test]
fn what_reads_the_new_database_already_counts_and_stays() {
    let by_hand = "jdbc:postgresql://dpg-new-a:5432/acme";
    assert_eq!(becomes(by_hand).as_deref(), Some(by_hand));
    assert_eq!(becomes(NEW.internal).as_deref(), Some(NEW.internal));
}

#[test]
fn another_spelling_of_the_old_database_is_left_to_a_person() {
    for value in [
        "jdbc:postgresql://dpg-old-a:5432/acme",
        "postgresql://acme:pw-old@dpg-old-a/other",
    ] {
        assert_eq!(becomes(value).as_deref(), Some("unclear"), "{value}");
    }
}

#[test]
fn a_mention_is_clear_where_it_can_be_translated() {
    let with = format!("{}?sslmode=require", OLD.internal);
    for value in [OLD.external, OLD.password, "dpg-old-a", &with] {
        assert_eq!(mention(value, &OLD), Mention::Clear, "{value}");
    }
    assert_eq!(
        mention("jdbc:postgresql://dpg-old-a/acme", &OLD),
        Mention::Unclear
    );
    assert_eq!(mention("production", &OLD), Mention::None);
}

#[test]
fn what_names_no_database_is_untouched() {
    for value in [
        "",
        "acme",
        "production",
        "postgresql://acme:pw@dpg-third-a/acme",
    ] {
        assert_eq!(becomes(value), None, "{value}");
    }
}
