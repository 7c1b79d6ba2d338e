//! What a policy file may say.

use crate::parse::shape::{
    BOOL, COUNT, DURATION, Format, Key, LASTING, NAME, NAME_OR_NAMES, NAMES, Record, Shape, TEXT,
    key, record, required, word,
};

pub(crate) static POLICY: Record = record!("a policy", KEYS);

const KEYS: &[Key] = &[
    required!(
        "policy",
        "The policy's name, which is also the name of its phase.",
        &NAME
    ),
    key!(
        "after",
        "The phases this one comes after: one name or a list.",
        &NAME_OR_NAMES
    ),
    key!(
        "customers",
        "Whom it covers; by default the customers whose tier is the policy's name.",
        &SELECTION
    ),
    key!(
        "not_before",
        "The phase does not start earlier than this long after the rollout's start.",
        &DURATION
    ),
    key!(
        "due",
        "An alarm sounds when the phase has not settled this long after the rollout's start.",
        &LASTING
    ),
    key!(
        "batch",
        "How the phase is cut: `all`, a number, a percentage, a list of cumulative shares, or by weight.",
        &BATCH
    ),
    key!(
        "delay",
        "Between the moment a batch settles and the start of the next.",
        &DURATION
    ),
    key!(
        "order",
        "Whether a customer that can go may overtake one that cannot.",
        &ORDER
    ),
    key!(
        "health",
        "The health profile, one of those under `health` in tranche.yaml.",
        &NAME
    ),
    key!(
        "soak",
        "How long the phase is watched after its last batch.",
        &DURATION
    ),
    key!(
        "watch",
        "How long each customer is watched after it is healthy before its batch settles.",
        &DURATION
    ),
    key!(
        "max_failures",
        "Failed customers that are tolerated: a number, a percentage of the phase, or a share of its weight.",
        &TOLERANCE
    ),
    key!(
        "on_failure",
        "What happens when more fail than are tolerated.",
        &ON_FAILURE
    ),
    key!(
        "approval",
        "People who must approve before it goes on.",
        &Shape::Record(&APPROVAL)
    ),
    key!(
        "window",
        "When customers may start: one window or a list; without one, always.",
        &WINDOWS
    ),
    key!(
        "max_parallel",
        "Customers of a batch that are worked on at once.",
        &COUNT
    ),
    key!(
        "services",
        "Roles in the order in which a customer's services are deployed.",
        &ROLES
    ),
    key!("deploy_timeout", "How long one deploy may take.", &LASTING),
    key!(
        "rollback",
        "Whether an unhealthy customer is rolled back at once or held for a person.",
        &ROLLBACK
    ),
    key!(
        "hooks",
        "Commands around each customer.",
        &Shape::Record(&HOOKS)
    ),
    key!(
        "deferral",
        "Whether a customer's date may be put off, and how far; only where customers go one by one.",
        &Shape::Record(&DEFERRAL)
    ),
];

static DEFERRAL: Record = record!(
    "a deferral",
    &[
        required!("times", "How often in one rollout.", &COUNT),
        required!(
            "within",
            "How far from the first date on which the customer could have gone.",
            &LASTING
        ),
    ],
);

/// One window or several, in policies and customers.
pub(super) static WINDOWS: Shape = Shape::Either(&[
    &Shape::Record(&WINDOW),
    &Shape::List(&Shape::Record(&WINDOW)),
]);

static SELECTION: Shape = Shape::Record(&record!(
    "a selection of customers",
    &[
        key!("tier", "Those of this tier.", &NAME),
        key!(
            "tags",
            "Those that carry all of these tags.",
            &NAME_OR_NAMES
        ),
        key!("only", "Exactly these customers.", &NAMES),
        key!("except", "Never these customers.", &NAMES),
    ],
));

static BATCH: Shape = Shape::Either(&[
    &SHARE,
    &Shape::Filled(&SHARE),
    &Shape::Record(&BATCH_BY_WEIGHT),
]);
static SHARE: Shape = Shape::Scalar(Format::Batch);
static BATCH_BY_WEIGHT: Record = record!(
    "a batch by weight",
    &[required!(
        "weight",
        "A batch takes customers while their weight stays within this share of the phase's.",
        &Shape::Scalar(Format::WholePercent(1))
    )],
);

static TOLERANCE: Shape = Shape::Either(&[
    &Shape::Scalar(Format::Tolerance),
    &Shape::Record(&TOLERANCE_BY_WEIGHT),
]);
static TOLERANCE_BY_WEIGHT: Record = record!(
    "a tolerance by weight",
    &[required!(
        "weight",
        "Failed customers are tolerated while their weight stays within this share of the phase's.",
        &Shape::Scalar(Format::WholePercent(0))
    )],
);
static ROLES: Shape = Shape::Filled(&NAME);

static ORDER: Shape = Shape::Words(&[
    word!("ready", "The first customer that can go, goes."),
    word!("strict", "Nobody overtakes."),
]);

static ON_FAILURE: Shape = Shape::Words(&[
    word!("halt", "Nothing new starts; healthy customers stay."),
    word!("continue", "The rollout goes on."),
    word!("rollback_batch", "Halt, and roll back the batch."),
    word!("rollback_phase", "Halt, and roll back the phase."),
    word!("rollback_all", "Halt, and roll back everybody."),
]);

static ROLLBACK: Shape = Shape::Words(&[
    word!("automatic", "An unhealthy customer is rolled back at once."),
    word!(
        "manual",
        "An unhealthy customer is held until a person decides."
    ),
]);

static APPROVAL: Record = record!(
    "an approval",
    &[
        key!("per", "What one approval covers.", &PER),
        key!("quorum", "How many distinct people must approve.", &COUNT),
        key!(
            "from",
            "Groups or people who may approve, or a number for each group.",
            &FROM
        ),
        key!(
            "not",
            "Who may not: `starter`, or people; an empty list lets the starter approve.",
            &NAME_OR_NAMES
        ),
        key!(
            "valid_for",
            "A complete approval lapses when the deploy has not begun by then.",
            &LASTING
        ),
        key!(
            "expires",
            "An unanswered request escalates after this long.",
            &LASTING
        ),
        key!(
            "auth_time",
            "A vote counts only of somebody who signed in at most this long before, on the server's page.",
            &LASTING
        ),
    ],
);

static PER: Shape = Shape::Words(&[
    word!("phase", "One approval for the whole phase."),
    word!("batch", "One approval for each batch."),
    word!("customer", "One approval for each customer."),
]);

static FROM: Shape = Shape::Either(&[&NAME, &Shape::Filled(&NAME), &Shape::Dict(&COUNT)]);

static WINDOW: Record = record!(
    "a window",
    &[
        required!(
            "cron",
            "When it opens: minute, hour, day of month, month, weekday (Monday is 1; `SAT#3`, `SATL`).",
            &CRON
        ),
        required!("duration", "How long it is open, in local time.", &LASTING),
        key!(
            "timezone",
            "Where the times are local: a zone, or `customer` for each customer's own.",
            &ZONE
        ),
        key!(
            "reserve",
            "A customer starts only with this much of the window left.",
            &DURATION
        ),
    ],
);

static CRON: Shape = Shape::Scalar(Format::Cron);
static ZONE: Shape = Shape::Scalar(Format::ZoneOrCustomer);

static HOOKS: Record = record!(
    "the hooks",
    &[
        key!(
            "before",
            "Before anything of the customer is changed; a failure stops that customer.",
            &HOOK_LIST
        ),
        key!("after", "After the customer is healthy.", &HOOK_LIST),
        key!(
            "on_rollback",
            "After a rollback of the customer.",
            &HOOK_LIST
        ),
        key!(
            "restore_database",
            "What `rollback --database` runs instead of Render's recovery.",
            &HOOK_LIST
        ),
    ],
);

static HOOK_LIST: Shape = Shape::List(&Shape::Record(&HOOK));

static HOOK: Record = Record {
    name: "a hook",
    keys: &[
        key!("run", "A command on the engine's machine.", &TEXT),
        key!("job", "A one-off job at Render.", &Shape::Record(&JOB)),
        key!("timeout", "How long it may take.", &LASTING),
        key!(
            "repeatable",
            "Whether it may run twice when its outcome is unknown.",
            &BOOL
        ),
    ],
    one_of: &["run", "job"],
    needs: &[],
};

static JOB: Record = record!(
    "a job",
    &[
        required!(
            "service",
            "The role of the service whose build it runs on.",
            &NAME
        ),
        required!("command", "Its start command.", &TEXT),
    ],
);
