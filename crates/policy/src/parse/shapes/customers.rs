//! What `customers.yaml` may say.

use super::policy::WINDOWS;
use crate::parse::shape::{
    Format, NAME, NAME_OR_NAMES, Record, SCALAR, Shape, TEXT, key, record, required,
};
use crate::settings::Customer;

pub(crate) static CUSTOMERS: Record = record!(
    "the file of customers",
    &[required!(
        "customers",
        "All customers by their keys.",
        &FLEET
    )]
);

static FLEET: Shape = Shape::Dict(&Shape::Record(&CUSTOMER));

/// The keys of a customer, with the shape of its services and what else it may have.
macro_rules! customer {
    ($service:expr $(, $more:expr)*) => {
        record!("a customer", &[
            key!("name", "The name people know; by default the key.", &TEXT),
            required!("tier", "The tier, which decides the policy.", &NAME),
            key!("timezone", "The customer's own zone, also of its windows that name none; by default the project's.", &ZONE),
            key!("order", "Lower numbers go first within a phase; 100 by default.", &ORDER),
            key!("weight", "How much hangs on the customer: seats, revenue; 1 by default. For batches and tolerances by weight.", &WEIGHT),
            key!("tags", "Free marks by which policies and freezes select.", &NAME_OR_NAMES),
            key!("services", "Services by role: `backend`, `frontend`, `database`.", $service),
            key!("secrets", "Where the values of `${secret:NAME}` are read from.", &SECRETS),
            key!("window", "When the customer may start, besides the policy's windows.", &WINDOWS),
            key!("pin", "Keeps the customer on a version.", &Shape::Record(&PIN)),
            key!("contacts", "Where the customer is told, such as `email`.", &Shape::Dict(&TEXT)),
            $($more)*
        ])
    };
}

pub(in crate::parse) static CUSTOMER: Record = customer!(&Shape::Dict(&Shape::Record(&SERVICE)));

/// A customer of a scenario, whose services and ids are made up where they are missing.
pub(super) static SIMULATED: Record = customer!(
    &Shape::Dict(&Shape::Record(&SIMULATED_SERVICE)),
    key!(
        "running",
        "The version that runs at the start; by default an older one.",
        &SCALAR
    )
);

static SECRETS: Shape = Shape::Dict(&Shape::Record(&SECRET));
static ZONE: Shape = Shape::Scalar(Format::Zone);
static ORDER: Shape = Shape::Scalar(Format::Int(-1_000_000_000, 1_000_000_000));
static WEIGHT: Shape = Shape::Scalar(Format::Int(1, Customer::MAX_WEIGHT.cast_signed()));
static ADDRESS: Shape = Shape::Scalar(Format::Url);

static SERVICE: Record = record!(
    "a service",
    &[
        required!("id", "Render's id, `srv-...` or `dpg-...`.", &NAME),
        key!("url", "Where it answers; a database has none.", &ADDRESS),
    ],
);

static SIMULATED_SERVICE: Record = record!(
    "a service",
    &[
        key!("id", "Render's id; by default one is made up.", &NAME),
        key!(
            "url",
            "Where it answers; by default one is made up.",
            &ADDRESS
        ),
    ],
);

static SECRET: Record = Record {
    name: "a secret",
    keys: &[
        key!("env", "The environment variable that holds it.", &TEXT),
        key!(
            "file",
            "The file that holds it, relative to the project folder.",
            &TEXT
        ),
    ],
    one_of: &["env", "file"],
    needs: &[],
};

static PIN: Record = record!(
    "a pin",
    &[
        required!(
            "version",
            "The version, or a pattern such as `1.0.x`.",
            &SCALAR
        ),
        key!(
            "until",
            "When it ends: a date (its 00:00), a local date-time or an instant.",
            &MOMENT
        ),
        key!("reason", "Why.", &TEXT),
    ],
);

static MOMENT: Shape = Shape::Scalar(Format::Moment);
