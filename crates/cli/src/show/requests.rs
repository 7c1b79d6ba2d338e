//! The requests of a dry run, as a person reads them.

use std::fmt::Write as _;

use project::view::requests::{CustomerRequests, PlannedRequest};

use super::table::columns;

/// A block a customer under its title, a line a request.
pub(crate) fn requests(
    all: &[CustomerRequests],
    title: impl Fn(&CustomerRequests) -> String,
) -> String {
    let mut text = String::from("Requests to Render, in order, if all goes well:\n");
    for one in all {
        let _ = writeln!(text, "\n{}", title(one));
        let _ = writeln!(text, "{}", lines(&one.requests));
    }
    text.push_str(
        "\nNothing was changed. Health checks, hooks that run on this machine, and rollbacks come on top.\n",
    );
    text
}

/// A line a request.
pub(crate) fn lines(requests: &[PlannedRequest]) -> String {
    columns(requests.iter().map(|request| {
        let body = request.body.as_ref();
        let body = body.map_or_else(String::new, ToString::to_string);
        vec![
            format!("  {:<5} {}", request.method, request.path),
            request.purpose.to_owned(),
            body,
        ]
    }))
}
