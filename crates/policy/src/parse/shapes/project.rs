//! What `tranche.yaml` may say.

use crate::parse::shape::{
    BOOL, COUNT, Format, LASTING, NAME, NAME_OR_NAMES, NAMES, Record, SCALAR, SECRET, Shape, TEXT,
    key, record, required, word,
};

pub(crate) static PROJECT: Record = record!(
    "the project",
    &[
        required!("product", "What is released.", &TEXT),
        key!("policies", "The folder of the policy files.", &TEXT),
        key!("customers", "The file of the customers.", &TEXT),
        key!(
            "repository",
            "Where tags are resolved: any URL or path git understands.",
            &TEXT
        ),
        key!(
            "timezone",
            "The zone of instants and windows that name none; UTC by default.",
            &ZONE
        ),
        key!("render", "How Render is reached.", &Shape::Record(&RENDER)),
        key!(
            "variables",
            "Variables written before each deploy, by service role.",
            &VARIABLES
        ),
        key!(
            "health",
            "Health profiles; `basic` and `comprehensive` always exist.",
            &PROFILES
        ),
        key!(
            "freezes",
            "Times at which nobody may start.",
            &Shape::List(&Shape::Record(&FREEZE))
        ),
        key!(
            "people",
            "Who may act.",
            &Shape::Dict(&Shape::Record(&super::people::PERSON))
        ),
        key!(
            "groups",
            "Named lists of people, some narrowed by a claim of their sign-in.",
            &Shape::Dict(&super::people::GROUP)
        ),
        key!(
            "claims_valid_for",
            "How long after a sign-in its claims count for `groups`; 24h by default.",
            &LASTING
        ),
        key!(
            "roles",
            "Who holds which role: groups or people; a missing role is held by everybody.",
            &super::people::ROLES
        ),
        key!(
            "follow",
            "New tags that start phases by themselves.",
            &Shape::Record(&FOLLOW)
        ),
        key!(
            "notify",
            "Who is told what.",
            &Shape::List(&Shape::Record(&NOTIFY))
        ),
        key!(
            "mail",
            "The server that carries e-mail.",
            &Shape::Record(&super::monitoring::MAIL)
        ),
        key!(
            "monitor",
            "How services are watched, rollout or not.",
            &Shape::Record(&super::monitoring::MONITOR)
        ),
        key!(
            "files",
            "Which files outside the project folder its files may name.",
            &Shape::Record(&FILES)
        ),
        key!(
            "network",
            "What probes and webhooks may reach.",
            &Shape::Record(&NETWORK)
        ),
        key!(
            "server",
            "How people and programs reach `tranche serve`, and how they sign in.",
            &Shape::Record(&super::server::SERVER)
        ),
        key!(
            "state",
            "How what is stored is told from copies of it.",
            &Shape::Record(&STATE)
        ),
    ],
);

static STATE: Record = record!(
    "the stored state",
    &[key!(
        "identity",
        "What tells the database from a copy; `file` by default.",
        &IDENTITY
    )],
);

static IDENTITY: Shape = Shape::Words(&[
    word!("file", "Its file as well as its journal."),
    word!(
        "journal",
        "Its journal alone: where files have other numbers whenever the file system is mounted."
    ),
]);

static ZONE: Shape = Shape::Scalar(Format::Zone);
static VARIABLES: Shape = Shape::Dict(&Shape::Dict(&SCALAR));
static PROFILES: Shape = Shape::Dict(&Shape::Record(&PROFILE));
static RETRIES: Shape = Shape::Scalar(Format::Int(0, 100));

static RENDER: Record = record!(
    "the settings of Render",
    &[
        key!("url", "Base address of the API.", &ADDRESS),
        key!(
            "owner",
            "The workspace (`tea-...`); a service in another one is refused.",
            &TEXT
        ),
        key!(
            "settle",
            "After this long a request that was given up can no longer take effect.",
            &LASTING
        ),
        key!(
            "poll",
            "How often a running deploy is looked at.",
            &Shape::Record(&POLL)
        ),
        key!(
            "max_parallel",
            "Deploys in flight over all rollouts.",
            &COUNT
        ),
        key!("timeout", "How long one request may take.", &LASTING),
        key!(
            "max_retries",
            "Repetitions of reads, and of what was surely not done.",
            &RETRIES
        ),
        key!(
            "auto_deploy",
            "What to do about services that deploy by themselves.",
            &AUTO_DEPLOY
        ),
        key!(
            "zero_downtime",
            "Whether services that would go down while they are deployed are refused.",
            &ZERO_DOWNTIME
        ),
        key!(
            "webhooks",
            "Whether Render tells a server at once what happens there; needs `server.url` to be public.",
            &BOOL
        ),
    ],
);

static ADDRESS: Shape = Shape::Scalar(Format::Url);

static POLL: Record = record!(
    "the pace of polling",
    &[
        key!("from", "At the fastest.", &LASTING),
        key!("to", "At the slowest.", &LASTING)
    ],
);

static AUTO_DEPLOY: Shape = Shape::Words(&[
    word!("refuse", "A rollout with such a service does not start."),
    word!(
        "manage",
        "Switched off for the time of the rollout and restored once."
    ),
]);

static ZERO_DOWNTIME: Shape = Shape::Words(&[
    word!("warn", "Such services are named."),
    word!("require", "Such services are refused."),
]);

static PROFILE: Record = record!(
    "a health profile",
    &[
        key!("every", "Between the beginnings of two cycles.", &LASTING),
        key!(
            "pass_after",
            "Passing cycles in a row that make a service healthy.",
            &COUNT
        ),
        key!(
            "fail_after",
            "Failing cycles in a row that make it unhealthy.",
            &COUNT
        ),
        required!(
            "checks",
            "What is asked; all must pass.",
            &Shape::Filled(&Shape::Record(&CHECK))
        ),
    ],
);

static CHECK: Record = Record {
    name: "a check",
    keys: &[
        key!("http", "A path that must answer 2xx in time.", &PATH),
        key!("version", "A path that must report the release.", &PATH),
        key!(
            "database",
            "A path whose JSON field `database` must equal `connected`, or all three.",
            &DATABASE
        ),
        key!(
            "latency",
            "The slowest answer allowed.",
            &Shape::Record(&LATENCY)
        ),
        key!(
            "error_rate",
            "The largest share of failed requests among the last 100.",
            &Shape::Record(&ERROR_RATE)
        ),
        key!(
            "baseline",
            "The largest slow-down against the time before the deploy.",
            &Shape::Record(&BASELINE)
        ),
        key!("on", "The one role it is asked of.", &NAME),
    ],
    one_of: &[
        "http",
        "version",
        "database",
        "latency",
        "error_rate",
        "baseline",
    ],
    needs: &[],
};

static PATH: Shape = Shape::Scalar(Format::Path);
static PERCENT: Shape = Shape::Scalar(Format::Percent);
static POSITIVE: Shape = Shape::Scalar(Format::Positive);

static DATABASE: Shape = Shape::Either(&[
    &PATH,
    &Shape::Record(&record!(
        "a database check",
        &[
            required!("path", "The path that is asked.", &PATH),
            key!("field", "The JSON field, `database` by default.", &TEXT),
            key!("equals", "Its value, `connected` by default.", &SCALAR),
        ],
    )),
]);

static LATENCY: Record = record!(
    "a latency check",
    &[required!("max", "The upper limit.", &LASTING)]
);
static ERROR_RATE: Record = record!(
    "an error rate check",
    &[required!("max", "The upper limit.", &PERCENT)]
);
static BASELINE: Record = record!(
    "a baseline check",
    &[required!(
        "p95_ratio",
        "The upper limit of the ratio of the 95th percentiles.",
        &POSITIVE
    )]
);

static FREEZE: Record = Record {
    name: "a freeze",
    keys: &[
        required!("name", "What `override` calls it.", &NAME),
        key!(
            "from",
            "Inclusive: a date (its 00:00), a local date-time or an instant.",
            &MOMENT
        ),
        key!(
            "until",
            "Exclusive, with `from`: a date (its 00:00), a local date-time or an instant.",
            &MOMENT
        ),
        key!(
            "cron",
            "When each occurrence of one that repeats begins: minute, hour, day of month, month, weekday (Monday is 1; `SAT#3`, `SATL`).",
            &CRON
        ),
        key!(
            "duration",
            "With `cron`: how long each occurrence lasts, in local time.",
            &LASTING
        ),
        key!(
            "except",
            "With `cron`: local dates on which none begins.",
            &DATE_OR_DATES
        ),
        key!(
            "ics",
            "A calendar file (RFC 5545): every busy event is an occurrence.",
            &TEXT
        ),
        key!(
            "timezone",
            "Where local times are local: a zone, or `customer` for each customer's own.",
            &ZONE_OR_CUSTOMER
        ),
        key!(
            "customers",
            "Whom it concerns: `all`, a list of customers, or a selection.",
            &FROZEN
        ),
        key!("reason", "Why.", &TEXT),
    ],
    one_of: &["from", "cron", "ics"],
    needs: &[
        ("from", "until"),
        ("until", "from"),
        ("cron", "duration"),
        ("duration", "cron"),
        ("except", "cron"),
    ],
};

static CRON: Shape = Shape::Scalar(Format::Cron);
static DATE: Shape = Shape::Scalar(Format::Date);
static DATE_OR_DATES: Shape = Shape::Either(&[&DATE, &Shape::List(&DATE)]);
static MOMENT: Shape = Shape::Scalar(Format::Moment);
static ZONE_OR_CUSTOMER: Shape = Shape::Scalar(Format::ZoneOrCustomer);

static FROZEN: Shape = Shape::Either(&[
    &Shape::Words(&[word!("all", "Everybody.")]),
    &Shape::Filled(&NAME),
    &Shape::Record(&record!(
        "a selection of customers",
        &[
            key!(
                "tier",
                "Those of this tier, or of one of several.",
                &NAME_OR_NAMES
            ),
            key!(
                "tags",
                "Those that carry all of these tags.",
                &NAME_OR_NAMES
            ),
            key!("only", "Exactly these customers.", &NAMES),
        ],
    )),
]);

static FOLLOW: Record = record!(
    "what is followed",
    &[
        required!("tags", "A glob over tag names, such as `v*`.", &TEXT),
        required!("policies", "The phases that start.", &NAME_OR_NAMES),
        key!(
            "every",
            "How often the repository is asked for its tags; 1m without it.",
            &LASTING
        ),
    ],
);

static NOTIFY: Record = record!(
    "a notification",
    &[
        required!("when", "Kinds of events.", &KINDS),
        required!(
            "to",
            "Where to: `customer`, or one sink with its target.",
            &SINK
        ),
        key!(
            "remind",
            "Say it again while it stays unanswered.",
            &LASTING
        ),
        key!(
            "secret",
            "Signs what a webhook gets: `${env:NAME}` or `${file:PATH}`.",
            &SECRET
        ),
        key!(
            "text",
            "The text as a template, instead of that of the kind.",
            &TEXT
        ),
    ],
);

static KINDS: Shape = Shape::Either(&[&super::events::TOLD, &Shape::Filled(&super::events::TOLD)]);

static SINK: Shape = Shape::Either(&[
    &Shape::Words(&[word!("customer", "The customer's own contact by e-mail.")]),
    &Shape::Record(&Record {
        name: "a sink",
        keys: &[
            key!(
                "slack",
                "Where the address of an incoming webhook of Slack is: `${env:NAME}` or `${file:PATH}`.",
                &SECRET
            ),
            key!(
                "webhook",
                "An address that gets signed JSON, or where it is.",
                &TEXT
            ),
            key!("email", "A person, a group or an address.", &TEXT),
            key!(
                "command",
                "A command that gets JSON on its standard input.",
                &TEXT
            ),
            key!(
                "customer",
                "The contact of the customer that is meant, such as `email`.",
                &TEXT
            ),
        ],
        one_of: &["slack", "webhook", "email", "command", "customer"],
        needs: &[],
    }),
]);

static NETWORK: Record = record!(
    "the network",
    &[required!(
        "allow",
        "Loopback or private ranges, such as `10.0.0.0/8`.",
        &Shape::List(&TEXT)
    )]
);

static FILES: Record = record!(
    "the files",
    &[required!(
        "allow",
        "Files, and folders with all in them, such as `/run/secrets`.",
        &Shape::List(&TEXT)
    )]
);
