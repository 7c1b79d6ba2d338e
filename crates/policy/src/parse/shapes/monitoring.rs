//! What `monitor:` and `mail:` of `tranche.yaml` may say.

use crate::parse::shape::{
    COUNT, Format, LASTING, Record, SECRET, Shape, TEXT, key, record, required, word,
};

pub(super) static MONITOR: Record = record!(
    "the monitor",
    &[
        key!("every", "Between two probes of a service.", &LASTING),
        key!("parallel", "Probes at the same time.", &COUNT),
        key!("down", "What counts as an outage.", &Shape::Record(&DOWN)),
        key!("latency", "What counts as slow.", &Shape::Record(&SLOW)),
        key!(
            "error_rate",
            "How many failures among the last 100 probes are too many.",
            &Shape::Record(&ERRORS)
        ),
        key!(
            "drift",
            "Something runs at Render that was not put there by a rollout.",
            &Shape::Record(&DRIFT)
        ),
        key!(
            "recover_after",
            "Good answers in a row that end an outage or slowness.",
            &COUNT
        ),
        key!(
            "keep",
            "How long what was measured is kept.",
            &Shape::Record(&KEEP)
        ),
    ],
);

static SEVERITY: Shape = Shape::Words(&[
    word!("info", "Good to know."),
    word!("warning", "Somebody should look today."),
    word!("critical", "Somebody must look now."),
    word!("none", "No alert is raised."),
]);

static PERCENT: Shape = Shape::Scalar(Format::Percent);

static DOWN: Record = record!(
    "the limit of an outage",
    &[
        key!("after", "Failures in a row.", &COUNT),
        key!("severity", "How grave it is.", &SEVERITY),
    ],
);

static SLOW: Record = record!(
    "the limit of slowness",
    &[
        key!("max", "An answer that takes longer is slow.", &LASTING),
        key!("after", "Slow answers in a row.", &COUNT),
        key!("severity", "How grave it is.", &SEVERITY),
    ],
);

static ERRORS: Record = record!(
    "the limit of errors",
    &[
        key!("max", "The largest share.", &PERCENT),
        key!("severity", "How grave it is.", &SEVERITY),
    ],
);

static DRIFT: Record = record!(
    "the look for drift",
    &[
        key!("every", "How often Render is asked.", &LASTING),
        key!(
            "severity",
            "How grave it is; `none`: Render is not asked.",
            &SEVERITY
        ),
    ],
);

static KEEP: Record = record!(
    "the times for which figures are kept",
    &[
        key!(
            "samples",
            "Single samples; later they become hours.",
            &LASTING
        ),
        key!(
            "hours",
            "Figures by the hour; later they become days.",
            &LASTING
        ),
        key!("days", "Figures by the day.", &LASTING),
    ],
);

pub(super) static MAIL: Record = record!(
    "the mail server",
    &[
        required!("host", "The server's name.", &TEXT),
        key!("port", "Its port; by default the usual one.", &PORT),
        key!("tls", "How the connection is protected.", &TLS),
        key!(
            "ca_file",
            "A PEM file of further authorities whose certificates are trusted, relative to the project folder.",
            &TEXT
        ),
        required!(
            "from",
            "Who the messages are from: `Releases <releases@example.com>`.",
            &TEXT
        ),
        key!("user", "The account at the server.", &TEXT),
        key!(
            "password",
            "Where its password is: `${env:NAME}` or `${file:PATH}`.",
            &SECRET
        ),
    ],
);

static PORT: Shape = Shape::Scalar(Format::Int(1, 65_535));

static TLS: Shape = Shape::Words(&[
    word!(
        "starttls",
        "In the clear at first, and TLS before anything is said."
    ),
    word!("tls", "TLS from the first byte."),
    word!("none", "Never; for a server on the same machine."),
]);
