//! Render's things as the core sees them.

use rollout::command::{DeployStatus, DeployView};

use crate::deploy::{self, Deploy};

/// A deploy as the core sees it.
pub(super) fn deploy_view(deploy: &Deploy) -> DeployView {
    DeployView {
        id: deploy.id.clone(),
        status: status(&deploy.status),
        trigger: deploy.trigger.to_string(),
        commit: deploy.artifact(),
        digest: deploy.digest().map(Into::into),
    }
}

/// The newest deploys back to the live one, and whatever else is not over.
pub(super) fn back_to_live(newest_first: &[Deploy]) -> Vec<DeployView> {
    let is_live = |deploy: &Deploy| deploy.status == deploy::DeployStatus::Live;
    let live = newest_first
        .iter()
        .position(is_live)
        .unwrap_or(newest_first.len());
    let matters =
        |(place, deploy): &(usize, &Deploy)| *place <= live || deploy.status.is_unfinished();
    newest_first
        .iter()
        .enumerate()
        .filter(matters)
        .map(|(_, deploy)| deploy_view(deploy))
        .collect()
}

/// An unknown status is unfinished (P33).
fn status(status: &deploy::DeployStatus) -> DeployStatus {
    use deploy::DeployStatus as Render;
    match status {
        Render::Created
        | Render::Queued
        | Render::BuildInProgress
        | Render::PreDeployInProgress
        | Render::UpdateInProgress
        | Render::Other(_) => DeployStatus::Unfinished,
        Render::Live => DeployStatus::Live,
        Render::Deactivated => DeployStatus::Deactivated,
        Render::BuildFailed => DeployStatus::BuildFailed,
        Render::PreDeployFailed => DeployStatus::PreDeployFailed,
        Render::UpdateFailed => DeployStatus::UpdateFailed,
        Render::Canceled => DeployStatus::Canceled,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use serde_json::json;

    use super::*;

    #[test]
    fn nothing_unfinished_is_left_out() {
        let deploys: Vec<Deploy> = serde_json::from_value(json!([
            { "id": "dep-4", "status": "teleporting" },
            { "id": "dep-3", "status": "live" },
            { "id": "dep-2", "status": "queued" },
            { "id": "dep-1", "status": "deactivated" },
        ]))
        .unwrap();
        let views = back_to_live(&deploys);
        let seen: Vec<_> = views
            .iter()
            .map(|view| (view.id.0.as_str(), view.status))
            .collect();
        let expected = [
            ("dep-4", DeployStatus::Unfinished),
            ("dep-3", DeployStatus::Live),
            ("dep-2", DeployStatus::Unfinished),
        ];
        assert_eq!(seen, expected);
    }
}
