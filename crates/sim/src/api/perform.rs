//! Each operation: from a call to the reply that Render gives when nothing goes wrong.

mod databases;
mod deploys;
mod environment;
mod groups;
mod history;
mod jobs;
mod maintenance;
mod notices;
mod owners;
mod services;
mod webhooks;

use serde_json::Value;

use super::{ApiError, ApiReply, Call, Op};
use crate::ids::{DeployId, Timestamp};
use crate::network_faults::OperationFault;
use crate::platform::Platform;

/// What came of an operation, and what the request log wants to know of it.
#[derive(Clone, Debug)]
pub(crate) struct Done<T> {
    pub(crate) status: u16,
    pub(crate) value: T,
    /// The deploy it created.
    pub(crate) deploy: Option<DeployId>,
}

impl<T> Done<T> {
    pub(crate) fn new(status: u16, value: T) -> Self {
        Self {
            status,
            value,
            deploy: None,
        }
    }
}

type Performed = Result<Done<ApiReply>, ApiError>;

fn json_reply(status: u16, body: &Value) -> Done<ApiReply> {
    Done::new(status, ApiReply::json(status, body))
}

fn empty_reply(status: u16) -> Done<ApiReply> {
    Done::new(status, ApiReply::empty(status))
}

impl Platform {
    /// Performs a call.
    pub(super) fn perform(
        &mut self,
        now: Timestamp,
        call: &Call,
        fault: Option<OperationFault>,
    ) -> Performed {
        match call.op {
            Op::User => Ok(owners::user()),
            Op::ListOwners => owners::list(self, call),
            Op::GetOwner => owners::get(self, call),
            Op::ListAuditLogs => owners::audit_logs(self, call),
            Op::ListServices => services::list(self, now, call),
            Op::CreateService => services::create(self, now, call),
            Op::GetService => services::get(self, now, call),
            Op::UpdateService => services::update(self, now, call),
            Op::DeleteService => services::delete(self, now, call),
            Op::SuspendService => services::suspend(self, now, call),
            Op::ResumeService => services::resume(self, now, call),
            Op::RestartService => services::restart(self, now, call),
            Op::ScaleService => services::scale(self, now, call),
            Op::PutAutoscaling => services::put_autoscaling(self, now, call),
            Op::DeleteAutoscaling => services::delete_autoscaling(self, now, call),
            Op::PurgeCache => services::purge_cache(self, call),
            Op::CreatePreview => services::preview(self, now, call),
            Op::ListInstances => services::instances(self, call),
            Op::ListDomains => services::domains(self, call),
            Op::ListEnvVars => environment::list(self, now, call),
            Op::PutEnvVars => environment::put_all(self, now, call),
            Op::GetEnvVar => environment::get(self, now, call),
            Op::PutEnvVar => environment::put(self, now, call),
            Op::DeleteEnvVar => environment::delete(self, now, call),
            Op::ListSecretFiles => environment::list_files(self, now, call),
            Op::PutSecretFiles => environment::put_files(self, now, call),
            Op::GetSecretFile => environment::get_file(self, now, call),
            Op::PutSecretFile => environment::put_file(self, now, call),
            Op::DeleteSecretFile => environment::delete_file(self, now, call),
            Op::ListEnvGroups => groups::list(self, call),
            Op::CreateEnvGroup => groups::create(self, now, call),
            Op::GetEnvGroup => groups::get(self, call),
            Op::UpdateEnvGroup => groups::rename(self, now, call),
            Op::DeleteEnvGroup => groups::delete(self, now, call),
            Op::LinkEnvGroup => groups::link(self, now, call),
            Op::UnlinkEnvGroup => groups::unlink(self, now, call),
            Op::GetGroupVar => groups::get_variable(self, call),
            Op::PutGroupVar => groups::put_variable(self, now, call),
            Op::DeleteGroupVar => groups::delete_variable(self, now, call),
            Op::GetGroupFile => groups::get_file(self, call),
            Op::PutGroupFile => groups::put_file(self, now, call),
            Op::DeleteGroupFile => groups::delete_file(self, now, call),
            Op::ListDeploys => deploys::list(self, now, call, fault),
            Op::TriggerDeploy => deploys::trigger(self, now, call, fault),
            Op::GetDeploy => deploys::get(self, now, call),
            Op::CancelDeploy => deploys::cancel(self, now, call),
            Op::Rollback => deploys::rollback(self, now, call, fault),
            Op::ListEvents => history::events(self, now, call),
            Op::GetEvent => history::event(self, now, call),
            Op::ListLogs => history::logs(self, now, call),
            Op::ListLogValues => history::log_values(self, now, call),
            Op::SubscribeLogs => Err(ApiError::new(426, "a websocket is needed here")),
            Op::GetMetrics => history::metrics(self, now, call),
            Op::GetMetricFilters => history::metric_filters(self, now, call),
            Op::ListJobs => jobs::list(self, now, call),
            Op::CreateJob => jobs::create(self, now, call),
            Op::GetJob => jobs::get(self, now, call),
            Op::CancelJob => jobs::cancel(self, now, call),
            Op::ListDatabases => databases::list(self, now, call),
            Op::GetDatabase => databases::get(self, now, call),
            Op::UpdateDatabase => databases::update(self, now, call),
            Op::DeleteDatabase => databases::delete(self, now, call),
            Op::GetConnectionInfo => databases::connection_info(self, now, call),
            Op::GetRecovery => databases::recovery(self, now, call),
            Op::Recover => databases::recover(self, now, call),
            Op::ListExports => databases::exports(self, now, call),
            Op::Export => databases::export(self, now, call),
            Op::SuspendDatabase => databases::suspend(self, now, call, true),
            Op::ResumeDatabase => databases::suspend(self, now, call, false),
            Op::RestartDatabase | Op::FailoverDatabase => databases::restart(self, now, call),
            Op::ListMaintenance => maintenance::list(self, now, call),
            Op::GetMaintenance => maintenance::get(self, now, call),
            Op::UpdateMaintenance => maintenance::reschedule(self, now, call),
            Op::TriggerMaintenance => maintenance::trigger(self, now, call),
            Op::ListWebhooks => webhooks::list(self, call),
            Op::CreateWebhook => webhooks::create(self, now, call),
            Op::GetWebhook => webhooks::get(self, call),
            Op::UpdateWebhook => webhooks::update(self, call),
            Op::DeleteWebhook => webhooks::delete(self, call),
            Op::ListWebhookEvents => webhooks::deliveries(self, call),
            Op::GetOwnerNotices => notices::of_owner(self, call),
            Op::UpdateOwnerNotices => notices::set_of_owner(self, call),
            Op::GetServiceNotices => notices::of_service(self, call),
            Op::UpdateServiceNotices => notices::set_of_service(self, call),
            Op::Unknown => Err(ApiError::not_found(&call.path)),
        }
    }
}
