//! What `people:`, `groups:` and `roles:` of `tranche.yaml` may say.

use crate::parse::shape::{NAME_OR_NAMES, NAMES, Record, Shape, TEXT, key, record, required};

pub(super) static PERSON: Record = record!(
    "a person",
    &[
        key!("email", "Where announcements go.", &TEXT),
        key!(
            "os",
            "The account of the operating system that proves the identity.",
            &TEXT
        ),
        key!(
            "oidc",
            "Issuer and subject at an identity provider, `ISSUER#SUBJECT`.",
            &TEXT
        ),
        key!(
            "formerly",
            "Names that this person had in this file before: one person under all of them.",
            &NAME_OR_NAMES
        ),
    ],
);

pub(super) static GROUP: Shape = Shape::Either(&[&NAMES, &Shape::Record(&CLAIMED)]);

static CLAIMED: Record = record!(
    "a group narrowed by a claim",
    &[
        required!(
            "claim",
            "The claim of the sign-in that must say so, such as `groups`.",
            &TEXT
        ),
        required!(
            "equals",
            "What it must be, or have among its values if it is a list.",
            &TEXT
        ),
        required!("of", "The people who may ever belong to it.", &NAMES),
    ],
);

pub(super) static ROLES: Shape = Shape::Record(&record!(
    "the roles",
    &[
        key!(
            "operator",
            "Who may start, pause and abort.",
            &NAME_OR_NAMES
        ),
        key!("approver", "Who may approve.", &NAME_OR_NAMES),
        key!("admin", "Who may make tokens.", &NAME_OR_NAMES),
    ],
));
