//! Facts about the return of a service to what was live before (R11, R16, R19).

use policy::Timestamp;

use crate::model::fact::place::ServicePlace;
use crate::model::health::Cycle;
use crate::model::ids::DeployId;
use crate::model::unhealthy::Judged;

payloads! {
    /// Facts about the return of a service to what was live before (R11, R16, R19).
    enum RollbackFact in Fact::Rollback at ServicePlace;

    /// As `deploy_intended`.
    RollbackIntended(ServicePlace) {
        /// the attempt, from 1
        attempt: u32,
        /// the commit that was live before, if it is known
        commit: Option<String>,
    } data {
        /// the newest deploys then: none of them is ours
        always known: Vec<DeployId>,
        /// the deploy that Render takes it back to; null: its commit is deployed
        nullable target: Option<DeployId>,
    }

    /// As `deploy_created`.
    RollbackCreated(ServicePlace) {
        /// the attempt
        attempt: u32,
        /// Render's id
        deploy: DeployId,
        /// the commit, if Render names it
        commit: Option<String>,
        /// until when it has to end
        until: Timestamp,
    } data {}

    /// As `deploy_adopted`.
    RollbackAdopted(ServicePlace) {
        /// the attempt
        attempt: u32,
        /// Render's id
        deploy: DeployId,
        /// the commit, if Render names it
        commit: Option<String>,
        /// until when it has to end
        until: Timestamp,
    } data {}

    /// As `deploy_unknown`.
    RollbackUnknown(ServicePlace) {
        /// the attempt
        attempt: u32,
        /// what came instead of an answer
        reason: String,
        /// from when on its absence is a proof
        until: Timestamp,
    } data {
        /// Render has accepted it, behind another deploy
        unless_default queued: bool,
    }

    /// As `deploy_absent`.
    RollbackAbsent(ServicePlace) {
        /// the attempt
        attempt: Option<u32>,
        /// how that is known
        reason: String,
    } data {
        /// the HTTP status with which it was refused
        maybe status: Option<u16>,
        /// its target is gone: the commit is deployed instead (R19)
        unless_default gone: bool,
    }

    /// The old version serves again.
    RollbackLive(ServicePlace) {
        /// the attempt
        attempt: u32,
        /// Render's id
        deploy: DeployId,
        /// the commit, if Render names it
        commit: Option<String>,
    } data {
        /// the version it has to answer with, null if none is known
        nullable version: Option<String>,
    }

    /// It failed, and there is never a second automatic one (R11).
    RollbackFailed(ServicePlace) {
        /// the attempt
        attempt: Option<u32>,
        /// Render's id, if it has one
        deploy: Option<DeployId>,
        /// the commit, if Render names it
        commit: Option<String>,
        /// why
        reason: String,
    } data {
        /// the HTTP status with which it was refused
        maybe status: Option<u16>,
        /// the health cycles that decided
        maybe cycles: Option<Vec<Cycle>>,
        /// the version and commit that were judged unhealthy
        maybe judged: Option<Judged>,
    }
}
