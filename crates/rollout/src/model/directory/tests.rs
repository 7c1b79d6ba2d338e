//! What is left of a directory, and what it binds.

use std::borrow::Cow;

use policy::settings::{Project, RoleName};
use policy::{File, GroupId, PersonId, parse};

use crate::model::actor::Directory;

fn project(text: &str) -> Project {
    let file = File {
        path: "tranche.yaml".to_owned(),
        text: format!("product: p\n{text}"),
    };
    parse::project_alone(&file).expect("a mapping")
}

fn directory(text: &str) -> Directory {
    Directory::of(&project(text))
}

fn holders(directory: &Directory, role: RoleName) -> Vec<&str> {
    let all = ["ann", "bob", "carol", "eve"];
    let held = all.into_iter();
    held.filter(|name| directory.holds(role, &PersonId::from(*name)))
        .collect()
}

fn approvers(directory: &Directory) -> Vec<&str> {
    holders(directory, RoleName::Approver)
}

const PEOPLE: &str = "people: { ann: { os: ann }, bob: { os: bob }, carol: { os: carol } }\n";
const ROLES: &str = "roles: { approver: [qa], admin: [ann] }\ngroups: { qa: [bob, carol] }\n";

#[test]
fn a_broken_file_takes_away_and_gives_nothing() {
    let valid = directory(&format!("{PEOPLE}{ROLES}"));
    let read = directory(
        "people: { ann: { os: ann }, bob: { os: eve }, eve: { os: e } }\n\
         roles: { approver: [qa, eve], admin: [bob] }\ngroups: { qa: [bob, eve], more: [eve] }\n",
    );
    let left = valid.reduced_to(&read);
    assert_eq!(approvers(&left), ["bob"]);
    assert_eq!(holders(&left, RoleName::Admin), [""; 0]);
    assert_eq!(holders(&left, RoleName::Operator), ["ann", "bob"]);
    let qa = &left.groups[&GroupId::from("qa")];
    assert_eq!(qa.iter().map(PersonId::as_str).collect::<Vec<_>>(), ["bob"]);
    assert_eq!(left.groups.len(), 1);
    let people: Vec<&str> = left.people.keys().map(PersonId::as_str).collect();
    assert_eq!(people, ["ann", "bob"]);
    let bob = &left.people[&PersonId::from("bob")];
    assert_eq!(bob.os, None, "an account that was moved proves nobody");
}

#[test]
fn a_role_that_a_broken_file_does_not_write_is_nobodys() {
    let valid = directory(&format!("{PEOPLE}{ROLES}"));
    for typo in [
        "role: { approver: [qa] }",
        "",
        "roles: {}",
        "roles: { approver: }",
        "roles: 7",
    ] {
        let left = valid.reduced_to(&directory(&format!("{PEOPLE}{typo}\n")));
        assert_eq!(approvers(&left), [""; 0], "{typo}");
        assert_eq!(holders(&left, RoleName::Admin), [""; 0], "{typo}");
    }
}

#[test]
fn what_was_everybodys_becomes_that_of_those_who_are_named() {
    let everybody = directory("");
    let left = everybody.reduced_to(&directory("roles: { approver: [bob] }"));
    assert_eq!(approvers(&left), ["bob"]);
    assert_eq!(approvers(&everybody.reduced_to(&everybody)).len(), 4);
    let people = directory(PEOPLE);
    assert_eq!(
        approvers(&people.reduced_to(&people)),
        ["ann", "bob", "carol"]
    );
}

#[test]
fn roles_that_are_gone_since_the_start_are_nobodys() {
    let start = project(&format!("{PEOPLE}{ROLES}"));
    let bound = |text: &str| Directory::bound_by(Cow::Owned(directory(text)), &start).into_owned();
    for gone in [
        "",
        "roles: {}\n",
        "roles:\n",
        "roles: { approver: [], operator: [ann] }\n",
    ] {
        assert_eq!(
            approvers(&bound(&format!("{PEOPLE}{gone}"))),
            [""; 0],
            "{gone}"
        );
    }
    assert_eq!(approvers(&bound("")), [""; 0], "everything is gone");
    let one = bound(&format!("{PEOPLE}roles: {{ admin: [ann] }}\n"));
    assert_eq!(approvers(&one), [""; 0], "one role is gone");
    assert_eq!(holders(&one, RoleName::Admin), ["ann"]);
    assert_eq!(
        holders(&one, RoleName::Operator),
        ["ann", "bob", "carol"],
        "nobody wrote that one at the start either"
    );
    let other = bound(&format!(
        "{PEOPLE}roles: {{ approver: [ann], admin: [ann] }}\n"
    ));
    assert_eq!(approvers(&other), ["ann"], "what is written counts");
}

#[test]
fn a_start_without_roles_restricts_nobody_later() {
    let everybody = Directory::bound_by(Cow::Owned(directory("")), &project("")).into_owned();
    assert_eq!(approvers(&everybody).len(), 4);
    let people = Directory::bound_by(Cow::Owned(directory(PEOPLE)), &project(PEOPLE)).into_owned();
    assert_eq!(approvers(&people), ["ann", "bob", "carol"]);
    let gone = Directory::bound_by(Cow::Owned(directory("")), &project(PEOPLE)).into_owned();
    assert_eq!(
        approvers(&gone),
        [""; 0],
        "the people are gone, and strangers are not they"
    );
}

#[test]
fn a_role_that_names_nobody_is_nobodys() {
    assert_eq!(approvers(&directory("roles: { approver: [] }")), [""; 0]);
    assert_eq!(approvers(&directory("roles: { approver: }")), [""; 0]);
    assert_eq!(
        holders(&directory("roles: { approver: [] }"), RoleName::Operator).len(),
        4
    );
}

#[test]
fn a_former_name_is_the_same_person() {
    let roles = |name: &str| format!("roles: {{ approver: [{name}], operator: [], admin: [] }}\n");
    let before = directory(&format!(
        "people: {{ bob: {{ os: bob }} }}\n{}",
        roles("bob")
    ));
    let people = "people: { robert: { os: bob, formerly: [bob, rob] } }\n";
    let now = directory(&format!("{people}{}", roles("robert")));
    let [bob, rob, robert] = ["bob", "rob", "robert"].map(PersonId::from);
    assert!(now.is_one(&bob, &robert) && now.is_one(&bob, &rob));
    assert!(!before.is_one(&bob, &robert));
    assert!(now.holds(RoleName::Approver, &bob));
    let change = before.change_to(&now).expect("a change");
    assert_eq!(
        change.whom[&robert],
        [
            "was added with the account bob",
            "was called bob before",
            "was called rob before",
            "became approver"
        ]
    );
}

#[test]
fn a_change_says_who_was_added_and_removed_where() {
    let before = directory(&format!("{PEOPLE}{ROLES}"));
    assert_eq!(before.change_to(&before), None);
    let now = directory(
        "people: { ann: { os: ann }, bob: { os: eve }, carol: { os: carol } }\n\
         roles: { approver: [qa], admin: [ann, bob] }\ngroups: { qa: [carol] }\n",
    );
    let change = before.change_to(&now).expect("a change");
    let bob = &change.whom[&PersonId::from("bob")];
    assert_eq!(
        *bob,
        [
            "has the account eve instead of bob",
            "left qa",
            "is no approver any more",
            "became admin"
        ]
    );
    assert_eq!(change.whom.len(), 1);
    let known = Directory {
        people: std::collections::BTreeMap::new(),
        ..before.clone()
    };
    assert_eq!(
        known.change_to(&before),
        None,
        "an older release kept no people"
    );
}
