//! Works of Render's own. Where they stand follows from the instant alone.

use policy::Span;
use serde::{Deserialize, Serialize};

use super::Platform;
use crate::ids::{MaintenanceId, Timestamp};
use crate::requests::ApiError;

/// Works on one service or database.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct MaintenanceRun {
    /// Their id.
    pub id: MaintenanceId,
    /// What is done.
    #[serde(rename = "type", default = "database_upgrade")]
    pub kind: String,
    /// The service or database.
    pub resource: String,
    /// When they begin.
    pub scheduled_at: Timestamp,
}

/// How long works take.
const DURATION: Span = Span::from_secs(10 * 60);

fn database_upgrade() -> String {
    "database_upgrade".to_owned()
}

/// Where works of Render's own stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MaintenanceState {
    /// They have not begun.
    Scheduled,
    /// They are under way.
    InProgress,
    /// They are over.
    Succeeded,
}

impl MaintenanceState {
    /// The word Render has for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Scheduled => "scheduled",
            Self::InProgress => "in_progress",
            Self::Succeeded => "succeeded",
        }
    }
}

impl MaintenanceRun {
    /// The name Render gives to their state at an instant.
    pub fn state(&self, now: Timestamp) -> MaintenanceState {
        if now < self.scheduled_at {
            MaintenanceState::Scheduled
        } else if now < self.scheduled_at + DURATION.to_delta() {
            MaintenanceState::InProgress
        } else {
            MaintenanceState::Succeeded
        }
    }
}

impl Platform {
    /// Schedules works, or changes those with this id.
    pub fn add_maintenance(&mut self, run: MaintenanceRun) {
        self.maintenance.insert(run.id.clone(), run);
    }

    /// All works, by id.
    pub fn maintenance(&self) -> impl Iterator<Item = &MaintenanceRun> {
        self.maintenance.values()
    }

    /// One of them.
    pub fn maintenance_run(&self, id: &MaintenanceId) -> Result<&MaintenanceRun, ApiError> {
        let run = self.maintenance.get(id);
        run.ok_or_else(|| ApiError::not_found(id.as_str()))
    }

    /// Moves works that have not begun.
    pub(crate) fn reschedule(
        &mut self,
        now: Timestamp,
        id: &MaintenanceId,
        to: Timestamp,
    ) -> Result<(), ApiError> {
        let now = self.advance(now);
        let run = self.maintenance.get_mut(id);
        let run = run.ok_or_else(|| ApiError::not_found(id.as_str()))?;
        if run.state(now) != MaintenanceState::Scheduled {
            return Err(ApiError::bad_request("maintenance has begun"));
        }
        run.scheduled_at = to.max(now);
        Ok(())
    }
}
