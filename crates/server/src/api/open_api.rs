//! What does the description of the API say of all operations alike?

use utoipa::OpenApi;
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{
    Content, HeaderBuilder, Object, OpenApi as Description, Ref, RefOr, Response, ResponseBuilder,
    SecurityRequirement, Type,
};

use super::schema;

/// What stands above the operations.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "tranche",
        description = "Phased releases: what stands, what waits and why, and what people decide. Every read answers what the command line prints with `-o json`; every change is decided by the same core. Failures are problems (RFC 9457) whose `detail` ends with the way out."
    ),
    tags(
        (name = "rollouts", description = "Rollouts, their customers, plans and gates"),
        (name = "fleet", description = "Customers and what they run"),
        (name = "actions", description = "What people ask for"),
        (name = "journal", description = "Events, their proof, and the whole state"),
        (name = "numbers", description = "Deploys and health in figures"),
        (name = "told", description = "Notifications and alerts"),
        (name = "people", description = "Tokens, sessions, and how programs get in"),
        (name = "engine", description = "Whoever drives the rollouts, and this server"),
    ),
    components(schemas(schema::Problem, schema::Event))
)]
struct Above;

/// The description before any operation is in it.
pub(super) fn above() -> Description {
    let mut above = Above::openapi();
    "1".clone_into(&mut above.info.version);
    let components = above.components.get_or_insert_default();
    components.add_security_scheme(
        "token",
        SecurityScheme::Http(
            HttpBuilder::new()
                .scheme(HttpAuthScheme::Bearer)
                .description(Some(
                    "`Authorization: Bearer TOKEN`, made by `tranche token create`",
                ))
                .build(),
        ),
    );
    let cookie = ApiKeyValue::with_description(
        "__Host-tranche",
        "The session of a browser. Alone it changes nothing: the request must come from a page of this server",
    );
    components.add_security_scheme("session", SecurityScheme::ApiKey(ApiKey::Cookie(cookie)));
    above
}

/// Adds to every operation how it is refused, and who may ask.
pub(super) fn complete(mut description: Description) -> Description {
    for (path, item) in &mut description.paths.paths {
        let is_open = OPEN.contains(&path.as_str());
        for operation in operations(item) {
            if !is_open {
                operation.security = Some(vec![
                    SecurityRequirement::new("token", [] as [&str; 0]),
                    SecurityRequirement::new("session", [] as [&str; 0]),
                ]);
            }
        }
        if let Some(operation) = item.get.as_mut().filter(|_| !is_open) {
            add(operation, READS);
            is_tagged(operation);
        }
        for operation in item.post.iter_mut().chain(item.delete.iter_mut()) {
            add(operation, CHANGES);
        }
    }
    description
}

/// What everybody may ask: most of it, since nobody knows them yet.
const OPEN: [&str; 7] = [
    "/api/v1/ci/exchange",
    "/api/v1/device",
    "/api/v1/device/token",
    "/api/v1/openapi.json",
    "/api/v1/docs",
    "/healthz",
    "/readyz",
];

/// How a read is refused.
const READS: &[(&str, &str)] = &[
    ("400", "the question cannot be read"),
    ("401", "nobody has proved who asks"),
    ("403", "not for this person, or not with this token"),
    ("404", "there is no such thing"),
    ("409", "not as things stand"),
    ("422", "the question makes no sense"),
    ("429", "too often"),
    ("500", "a failure of the server, whose log says why"),
    ("502", "Render cannot be reached"),
    ("503", "not at present"),
    ("504", "nobody has answered in time"),
];

/// How a change is refused.
const CHANGES: &[(&str, &str)] = &[
    ("400", "the request cannot be read"),
    ("401", "nobody has proved who asks"),
    (
        "403",
        "not for this person, not with this token, or sent by another site",
    ),
    ("404", "there is no such thing"),
    ("409", "refused as things stand"),
    ("413", "the request is too large"),
    ("415", "the body is no JSON"),
    ("422", "the request makes no sense"),
    ("429", "too often"),
    ("500", "a failure of the server, whose log says why"),
    ("502", "Render cannot be reached"),
    ("503", "not at present"),
    (
        "504",
        "nobody has answered in time, and the request was withdrawn",
    ),
];

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    let PathItem {
        get, post, delete, ..
    } = item;
    get.iter_mut()
        .chain(post.iter_mut())
        .chain(delete.iter_mut())
}

fn add(operation: &mut Operation, refusals: &[(&str, &str)]) {
    for (status, description) in refusals {
        let responses = &mut operation.responses.responses;
        let entry = responses.entry((*status).to_owned());
        entry.or_insert_with(|| RefOr::T(refusal(description)));
    }
}

fn refusal(description: &str) -> Response {
    let problem = Ref::from_schema_name("Problem");
    ResponseBuilder::new()
        .description(description)
        .content("application/problem+json", Content::new(Some(problem)))
        .build()
}

/// An answer that whoever asks may have already.
fn is_tagged(operation: &mut Operation) {
    let responses = &mut operation.responses.responses;
    let streams = |response: &Response| response.content.contains_key("text/event-stream");
    let Some(RefOr::T(answer)) = responses.get_mut("200") else {
        return;
    };
    if streams(answer) {
        return;
    }
    let tag = HeaderBuilder::new()
        .description(Some("names this state of the answer, for `If-None-Match`"))
        .schema(Some(Object::with_type(Type::String)))
        .build();
    answer.headers.insert("etag".to_owned(), RefOr::T(tag));
    let same =
        ResponseBuilder::new().description("the answer is the one that `If-None-Match` names");
    responses.insert("304".to_owned(), RefOr::T(same.build()));
}
