//! What a scenario file may say.

use super::customers::SIMULATED;
use super::events::EVENT;
use super::policy::POLICY;
use super::project::PROJECT;
use crate::parse::shape::{
    BOOL, COUNT, DURATION, Format, INSTANT, LASTING, NAME, NAME_OR_NAMES, Record, SCALAR, Shape,
    Word, key, record, required, word,
};

pub(crate) static SCENARIO: Record = record!(
    "a scenario",
    &[
        required!("version", "The version that is rolled out.", &SCALAR),
        required!("start", "When the rollout starts.", &INSTANT),
        key!("by", "Who starts it.", &NAME),
        key!(
            "world",
            "How the simulated world behaves where nothing is injected.",
            &Shape::Record(&WORLD)
        ),
        key!(
            "fleet",
            "The customers, instead of customers.yaml.",
            &Shape::Dict(&Shape::Record(&SIMULATED))
        ),
        key!(
            "policies",
            "The policies, instead of the folder.",
            &Shape::List(&Shape::Record(&POLICY))
        ),
        key!(
            "project",
            "Settings merged over tranche.yaml.",
            &PROJECT_PART
        ),
        key!(
            "inject",
            "What goes wrong.",
            &Shape::List(&Shape::Record(&INJECT))
        ),
        key!(
            "script",
            "What people do.",
            &Shape::List(&Shape::Record(&STEP))
        ),
        key!(
            "expect",
            "For every kind in it, exactly these events must happen.",
            &Shape::List(&Shape::Record(&EXPECT))
        ),
        key!(
            "none",
            "Kinds of events that must not happen at all.",
            &Shape::List(&EVENT)
        ),
    ],
);

static WORLD: Record = record!(
    "the world",
    &[
        key!("deploy", "From the request of a deploy to live.", &DURATION),
        key!(
            "rollback",
            "From the request of a rollback to live.",
            &DURATION
        ),
        key!(
            "health_every",
            "Between two health cycles; beats the profile.",
            &LASTING
        ),
        key!(
            "overlap",
            "What Render does with a deploy while another runs.",
            &OVERLAP
        ),
    ],
);

static OVERLAP: Shape = Shape::Words(&[
    word!("override", "The older deploy is cancelled."),
    word!("wait", "The newer deploy waits."),
]);

pub(crate) static INJECT: Record = Record {
    name: "an injected fault",
    keys: &[
        key!("customer", "Whose.", &NAME),
        key!("service", "Which service; all by default.", &NAME),
        key!("deploy", "How a deploy ends.", &DEPLOY_END),
        key!("rollback", "How a rollback ends.", &DEPLOY_END),
        key!("health", "How the release answers its probes.", &HEALTH),
        key!(
            "reply",
            "What becomes of the reply to a changing request.",
            &REPLY
        ),
        key!(
            "foreign_deploy",
            "Somebody else deploys.",
            &Shape::Record(&FOREIGN)
        ),
        key!(
            "suspended",
            "The service is suspended.",
            &Shape::Record(&SUSPENDED)
        ),
        key!("render", "Whether Render's API answers.", &RENDER),
        key!(
            "after",
            "How long after its request a deploy ends.",
            &DURATION
        ),
        key!("times", "How often; always by default.", &COUNT),
        key!(
            "from",
            "From when on: an instant, or `live` for when the release goes live.",
            &LIVE_OR_INSTANT
        ),
        key!("until", "Until when.", &INSTANT),
        key!(
            "crash_until",
            "The process dies in that call and is back then.",
            &INSTANT
        ),
    ],
    one_of: &[
        "deploy",
        "rollback",
        "health",
        "reply",
        "foreign_deploy",
        "suspended",
        "render",
    ],
    needs: &[],
};

static LIVE_OR_INSTANT: Shape = Shape::Scalar(Format::LiveOrInstant);

static DEPLOY_END: Shape = Shape::Words(&[
    word!("build_failed", "The build fails."),
    word!("pre_deploy_failed", "The pre-deploy command fails."),
    word!("update_failed", "The new instances do not come up."),
    word!("stuck", "It never ends."),
    word!("live", "It goes live, slower or faster."),
]);

static HEALTH: Shape = Shape::Words(&[word!("failing", "Every probe of the release fails.")]);

static REPLY: Shape = Shape::Words(&[
    word!("lost", "The request is applied and the answer is lost."),
    word!("never_sent", "The request never arrives."),
    word!("accepted_without_body", "A 202 without a body."),
]);

static RENDER: Shape = Shape::Words(&[
    word!("unreachable", "Render's API does not answer."),
    word!("forbidden", "Render answers 403."),
    word!("garbled", "Render's answers cannot be read."),
    word!("gone", "Render does not know the service."),
]);

static FOREIGN: Record = record!(
    "a foreign deploy",
    &[
        required!("at", "When it is created.", &INSTANT),
        required!("live_after", "From there to live.", &DURATION),
        key!(
            "version",
            "What is deployed; something of its own by default.",
            &SCALAR
        ),
        key!("trigger", "How; in the dashboard by default.", &TRIGGER),
    ],
);

static TRIGGER: Shape = Shape::Words(&[
    word!("manual", "In the dashboard."),
    word!("api", "Through the API, as an engine does."),
]);

static SUSPENDED: Record = record!(
    "a suspension",
    &[
        required!("from", "From when on.", &INSTANT),
        key!("until", "Until when.", &INSTANT)
    ],
);

/// Arguments of verbs stand beside these keys; the reader of scenarios knows them by verb.
pub(crate) static STEP: Record = record!(
    "a step of the script",
    &[
        required!("at", "When.", &INSTANT),
        required!(
            "do",
            "A verb of the command line, `crash`, `put_back` or `edit`.",
            &VERB
        ),
        key!("by", "Who says it; by default the starter.", &NAME),
        key!("refused", "Whether it must be refused.", &BOOL),
        key!(
            "until",
            "When a crashed process is back, or a freeze ends.",
            &INSTANT
        ),
        key!(
            "as_of",
            "Of which instant the state is that is put back.",
            &INSTANT
        ),
        key!(
            "noticed",
            "Whether the engine finds that out by itself.",
            &BOOL
        ),
        key!(
            "fleet",
            "Customers merged over the fleet by name; `null` removes one.",
            &EDITED_FLEET
        ),
        key!(
            "policies",
            "Policies merged over the files by name.",
            &EDITED_POLICIES
        ),
        key!(
            "project",
            "Settings merged over tranche.yaml.",
            &PROJECT_PART
        ),
        key!("gate", "A phase, `PHASE/BATCH` or a customer.", &SCALAR),
        key!("customer", "A customer.", &NAME),
        key!("customers", "Only these customers.", &NAME_OR_NAMES),
        key!("phase", "A phase.", &NAME),
        key!("policy", "Only these phases.", &NAME_OR_NAMES),
        key!("service", "Only this role.", &NAME),
        key!("version", "A version.", &SCALAR),
        key!("name", "A name.", &NAME),
        key!(
            "occurrence",
            "Of a freeze that repeats: the local start, or an instant, as `--at` of `override`.",
            &MOMENT
        ),
        key!("target", "A customer, a batch or a phase.", &SCALAR),
        key!("to", "The version to return to.", &SCALAR),
        key!("value", "A figure.", &SCALAR),
        key!("note", "Where a figure comes from.", &SCALAR),
        key!("watch", "How long a deploy is watched.", &LASTING),
        key!("undo", "Puts the old values back.", &BOOL),
        key!("reason", "Why.", &SCALAR),
        key!(
            "rollout",
            "Which rollout; by default the running one.",
            &SCALAR
        ),
        key!("confirm", "The name typed to confirm.", &SCALAR),
        key!("deploy_timeout", "How long one deploy may take.", &LASTING),
        key!("full", "All delays that remain.", &BOOL),
        key!("failed", "Those that failed.", &BOOL),
        key!("rollback", "Roll back what is done.", &BOOL),
        key!("queue", "Wait for the running rollout.", &BOOL),
        key!("supersede", "Take the place of the running rollout.", &BOOL),
        key!("hotfix", "Exposed customers first.", &BOOL),
        key!("replaces", "The faulty version, of a hotfix.", &SCALAR),
        key!("allow_downgrade", "An older version is wanted.", &BOOL),
        key!("skip_suspended", "Leave suspended services out.", &BOOL),
        key!("clear_cache", "Build without the cache.", &BOOL),
        key!("force", "Without the usual checks.", &BOOL),
        key!("database", "The database too.", &BOOL),
        key!("clock", "Trust the wall clock.", &BOOL),
        key!(
            "moved",
            "Let go on what another engine or a copy holds up.",
            &BOOL
        ),
    ],
);

static MOMENT: Shape = Shape::Scalar(Format::Moment);
static VERB: Shape = Shape::Words(VERB_WORDS);

const VERB_WORDS: &[Word] = &[
    word!("crash", "The process dies."),
    word!(
        "put_back",
        "The process dies, and an older state is put in its place."
    ),
    word!("edit", "Somebody edits the files."),
    word!("start", "Starts a rollout."),
    word!("approve", "Approves a gate."),
    word!("reject", "Rejects a gate."),
    word!("withdraw", "Takes a vote back."),
    word!("pause", "Stops new starts."),
    word!("resume", "Lifts a pause."),
    word!("abort", "Ends the rollout."),
    word!("retry", "Tries again."),
    word!("skip", "Leaves something out."),
    word!("defer", "Puts a customer's date off."),
    word!("promote", "Ends the current delay or soak."),
    word!("replan", "Takes over the edited files."),
    word!("block", "Nobody gets a version any more."),
    word!("unblock", "Lifts a block."),
    word!("freeze", "Stops starts until an instant."),
    word!("unfreeze", "Ends a freeze."),
    word!("override", "Lifts a freeze for one rollout."),
    word!("rollback", "Returns a customer to its version before."),
    word!("deploy", "Deploys one service outside any rollout."),
    word!(
        "env_apply",
        "Sets the variables of a version without a deploy."
    ),
    word!("observe", "Records a figure from outside."),
];

/// A verb that a script may use.
pub(crate) struct Verb {
    pub(crate) name: &'static str,
    /// Its arguments, besides those that every verb has.
    pub(crate) arguments: &'static [&'static str],
    /// Those without which it means nothing.
    pub(crate) required: &'static [&'static str],
}

/// Arguments of every verb.
pub(crate) const COMMON_ARGUMENTS: &[&str] = &["reason", "rollout", "confirm"];

pub(crate) const VERBS: &[Verb] = &[
    Verb {
        name: "start",
        arguments: &[
            "version",
            "customers",
            "policy",
            "service",
            "queue",
            "supersede",
            "hotfix",
            "replaces",
            "allow_downgrade",
            "skip_suspended",
            "deploy_timeout",
            "clear_cache",
        ],
        required: &["version"],
    },
    Verb {
        name: "approve",
        arguments: &["gate"],
        required: &["gate"],
    },
    Verb {
        name: "reject",
        arguments: &["gate"],
        required: &["gate"],
    },
    Verb {
        name: "withdraw",
        arguments: &["gate"],
        required: &["gate"],
    },
    Verb {
        name: "pause",
        arguments: &[],
        required: &[],
    },
    Verb {
        name: "resume",
        arguments: &["clock", "moved"],
        required: &[],
    },
    Verb {
        name: "abort",
        arguments: &["rollback"],
        required: &[],
    },
    Verb {
        name: "retry",
        arguments: &["customer", "phase", "target", "failed"],
        required: &[],
    },
    Verb {
        name: "skip",
        arguments: &["target", "customer", "phase"],
        required: &[],
    },
    Verb {
        name: "defer",
        arguments: &["customer", "until"],
        required: &["customer", "until"],
    },
    Verb {
        name: "promote",
        arguments: &["phase", "full"],
        required: &[],
    },
    Verb {
        name: "replan",
        arguments: &[],
        required: &[],
    },
    Verb {
        name: "block",
        arguments: &["version"],
        required: &["version"],
    },
    Verb {
        name: "unblock",
        arguments: &["version"],
        required: &["version"],
    },
    Verb {
        name: "freeze",
        arguments: &["name", "until", "customers"],
        required: &["name", "until"],
    },
    Verb {
        name: "unfreeze",
        arguments: &["name"],
        required: &["name"],
    },
    Verb {
        name: "override",
        arguments: &["name", "occurrence"],
        required: &["name"],
    },
    Verb {
        name: "rollback",
        arguments: &["customer", "to", "database", "force"],
        required: &["customer"],
    },
    Verb {
        name: "deploy",
        arguments: &["customer", "service", "version", "clear_cache", "watch"],
        required: &["customer", "version"],
    },
    Verb {
        name: "env_apply",
        arguments: &["customer", "version", "undo"],
        required: &["customer"],
    },
    Verb {
        name: "observe",
        arguments: &["customer", "name", "value", "note"],
        required: &["customer", "name", "value"],
    },
];

static PROJECT_PART: Shape = Shape::Fragment(&Shape::Record(&PROJECT));
static EDITED_FLEET: Shape = Shape::Fragment(&Shape::Removable(&Shape::Record(&SIMULATED)));
static EDITED_POLICIES: Shape = Shape::Fragment(&Shape::List(&Shape::Record(&POLICY)));

static EXPECT: Record = record!(
    "an expected event",
    &[
        required!("at", "When.", &INSTANT),
        required!("kind", "Its kind.", &EVENT),
        key!("rollout", "Its rollout, `r1` for the first.", &NAME),
        key!("phase", "Its phase.", &NAME),
        key!("batch", "The number of its batch, from 1.", &COUNT),
        key!("customer", "Its customer.", &NAME),
        key!("service", "The role of its service.", &NAME),
        key!("attempt", "The number of the attempt.", &COUNT),
        key!("actor", "Who caused it.", &SCALAR),
        key!("reason", "Why.", &SCALAR),
        key!("until", "Until when it holds.", &INSTANT),
        key!("deploy", "The id of the deploy.", &SCALAR),
        key!("commit", "The commit.", &SCALAR),
        key!(
            "data",
            "Details, compared key by key.",
            &Shape::Dict(&Shape::Any)
        ),
    ],
);
