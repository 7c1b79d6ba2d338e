//! What `server:` of `tranche.yaml` may say.

use crate::parse::shape::{
    Format, LASTING, Record, SECRET, Shape, TEXT, key, record, required, word,
};

pub(super) static SERVER: Record = record!(
    "the server",
    &[
        key!(
            "url",
            "The address that people open, such as `https://releases.example.com`; links and cookies go by it. By default `RENDER_EXTERNAL_URL`, or else the address listened on.",
            &ADDRESS
        ),
        key!(
            "proxies",
            "Reverse proxies in front of the server: addresses, or ranges such as `10.0.0.0/8`. What they say about the caller is believed, and nobody else's word.",
            &Shape::List(&TEXT)
        ),
        key!(
            "tls",
            "The certificate that the server shows; without one it speaks in the clear.",
            &Shape::Record(&TLS)
        ),
        key!(
            "sessions",
            "How long a sign-in lasts.",
            &Shape::Record(&SESSIONS)
        ),
        key!(
            "sign_in",
            "The identity provider (OpenID Connect) at which people sign in. It says who they are; what they may do stands in this file.",
            &Shape::Record(&SIGN_IN)
        ),
        key!(
            "ci",
            "CI systems that sign in with tokens of their own, by the name of the service they become. Services never approve.",
            &Shape::Dict(&Shape::Record(&CI))
        ),
    ],
);

static ADDRESS: Shape = Shape::Scalar(Format::Url);

static TLS: Record = record!(
    "a certificate with its key",
    &[
        required!(
            "cert",
            "A PEM file of the certificates, the server's own first, relative to the project folder.",
            &TEXT
        ),
        required!(
            "key",
            "A PEM file of the private key, relative to the project folder.",
            &TEXT
        ),
    ],
);

static SESSIONS: Record = record!(
    "the limits of sessions",
    &[
        key!(
            "idle",
            "A session that is not used for so long is over; 12h by default.",
            &LASTING
        ),
        key!(
            "absolute",
            "After so long people sign in again in any case; 7d by default.",
            &LASTING
        ),
    ],
);

static SIGN_IN: Record = record!(
    "the sign-in",
    &[
        required!(
            "issuer",
            "The provider's issuer, to the letter: `https://id.example.com`. `oidc` of a person begins with it.",
            &ADDRESS
        ),
        required!("client_id", "What the provider calls this server.", &TEXT),
        key!(
            "client_secret",
            "Where the secret is that the provider gave it: `${env:NAME}` or `${file:PATH}`; a public client has none.",
            &SECRET
        ),
        key!(
            "scopes",
            "What is asked for besides `openid`: `profile` and `email` by default.",
            &Shape::List(&TEXT)
        ),
    ],
);

static CI: Record = record!(
    "a CI system",
    &[
        required!(
            "issuer",
            "Who signs its tokens, to the letter: `https://token.actions.githubusercontent.com`, `https://gitlab.com`.",
            &ADDRESS
        ),
        required!(
            "audience",
            "For whom its tokens are: what the job asks for.",
            &TEXT
        ),
        required!(
            "repository",
            "The only repository: `repository` of GitHub, `project_path` of GitLab.",
            &TEXT
        ),
        key!("ref", "The only ref: `refs/heads/main`.", &TEXT),
        key!("environment", "The only environment: `production`.", &TEXT),
        required!("scopes", "What it may do.", &Shape::Filled(&SCOPE)),
    ],
);

static SCOPE: Shape = Shape::Words(&[
    word!("read", "Look at everything but what is for admins."),
    word!("start", "Start rollouts."),
    word!(
        "request",
        "Ask for any change that an operator may ask for."
    ),
    word!("push", "Push the files of the project."),
]);
