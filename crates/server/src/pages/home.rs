//! Which rollouts are there?

use askama::Template;
use axum::extract::State;
use axum::response::Html;
use rollout::view::RolloutView;

use super::{PageProblem, html};
use crate::app::App;
use crate::who::Who;

#[derive(Template)]
#[template(path = "home.html")]
struct Home {
    product: String,
    person: String,
    runs: Vec<RolloutView>,
}

pub(super) async fn home(
    State(app): State<App>,
    who: Result<Who, crate::problem::Problem>,
) -> Result<Html<String>, PageProblem> {
    let who = who?;
    let mut runs = app.backend().product().await?.overview_at(app.now());
    runs.reverse();
    html(&Home {
        product: who.project.product.clone(),
        person: who.actor.name.to_string(),
        runs,
    })
}
