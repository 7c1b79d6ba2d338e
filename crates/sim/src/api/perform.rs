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

use super::ApiReply;
use crate::ids::Timestamp;
use crate::network_faults::OperationFault;
use crate::platform::Platform;
use crate::requests::{ApiError, Call, Done, Op};

type Performed = Result<Done<ApiReply>, ApiError>;

fn json_reply(status: u16, body: &Value) -> Done<ApiReply> {
    Done::new(status, ApiReply::json(status, body))
}

fn empty_reply(status: u16) -> Done<ApiReply> {
    Done::new(status, ApiReply::empty(status))
}

/// One row an operation, in the order of `Op`: what it is performed by.
macro_rules! table {
    (
        ($platform:ident, $now:ident, $call:ident, $fault:ident)
        $($(Op::$op:ident)|+ => $performed:expr,)+
    ) => {
        /// Performs a call.
        pub(super) fn perform(
            $platform: &mut Platform,
            $now: Timestamp,
            $call: &Call,
            $fault: Option<OperationFault>,
        ) -> Performed {
            match $call.op {
                $($(Op::$op)|+ => $performed,)+
            }
        }
    };
}

table! {
    (platform, now, call, fault)
    Op::User => Ok(owners::user()),
    Op::ListOwners => owners::list(platform, call),
    Op::GetOwner => owners::get(platform, call),
    Op::ListAuditLogs => owners::audit_logs(platform, call),
    Op::ListServices => services::list(platform, now, call),
    Op::CreateService => services::create(platform, now, call),
    Op::GetService => services::get(platform, now, call),
    Op::UpdateService => services::update(platform, now, call),
    Op::DeleteService => services::delete(platform, now, call),
    Op::SuspendService => services::suspend(platform, now, call),
    Op::ResumeService => services::resume(platform, now, call),
    Op::RestartService => services::restart(platform, now, call),
    Op::ScaleService => services::scale(platform, now, call),
    Op::PutAutoscaling => services::put_autoscaling(platform, now, call),
    Op::DeleteAutoscaling => services::delete_autoscaling(platform, now, call),
    Op::PurgeCache => services::purge_cache(platform, call),
    Op::CreatePreview => services::preview(platform, now, call),
    Op::ListInstances => services::instances(platform, call),
    Op::ListDomains => services::domains(platform, call),
    Op::ListEnvVars => environment::list(platform, now, call),
    Op::PutEnvVars => environment::put_all(platform, now, call),
    Op::GetEnvVar => environment::get(platform, now, call),
    Op::PutEnvVar => environment::put(platform, now, call),
    Op::DeleteEnvVar => environment::delete(platform, now, call),
    Op::ListSecretFiles => environment::list_files(platform, now, call),
    Op::PutSecretFiles => environment::put_files(platform, now, call),
    Op::GetSecretFile => environment::get_file(platform, now, call),
    Op::PutSecretFile => environment::put_file(platform, now, call),
    Op::DeleteSecretFile => environment::delete_file(platform, now, call),
    Op::ListEnvGroups => groups::list(platform, call),
    Op::CreateEnvGroup => groups::create(platform, now, call),
    Op::GetEnvGroup => groups::get(platform, call),
    Op::UpdateEnvGroup => groups::rename(platform, now, call),
    Op::DeleteEnvGroup => groups::delete(platform, now, call),
    Op::LinkEnvGroup => groups::link(platform, now, call),
    Op::UnlinkEnvGroup => groups::unlink(platform, now, call),
    Op::GetGroupVar => groups::get_variable(platform, call),
    Op::PutGroupVar => groups::put_variable(platform, now, call),
    Op::DeleteGroupVar => groups::delete_variable(platform, now, call),
    Op::GetGroupFile => groups::get_file(platform, call),
    Op::PutGroupFile => groups::put_file(platform, now, call),
    Op::DeleteGroupFile => groups::delete_file(platform, now, call),
    Op::ListDeploys => deploys::list(platform, now, call, fault),
    Op::TriggerDeploy => deploys::trigger(platform, now, call, fault),
    Op::GetDeploy => deploys::get(platform, now, call),
    Op::CancelDeploy => deploys::cancel(platform, now, call),
    Op::Rollback => deploys::rollback(platform, now, call, fault),
    Op::ListEvents => history::events(platform, now, call),
    Op::GetEvent => history::event(platform, now, call),
    Op::ListLogs => history::logs(platform, now, call),
    Op::ListLogValues => history::log_values(platform, now, call),
    Op::SubscribeLogs => Err(ApiError::new(426, "a websocket is needed here")),
    Op::GetMetrics => history::metrics(platform, now, call),
    Op::GetMetricFilters => history::metric_filters(platform, now, call),
    Op::ListJobs => jobs::list(platform, now, call),
    Op::CreateJob => jobs::create(platform, now, call),
    Op::GetJob => jobs::get(platform, now, call),
    Op::CancelJob => jobs::cancel(platform, now, call),
    Op::ListDatabases => databases::list(platform, now, call),
    Op::GetDatabase => databases::get(platform, now, call),
    Op::UpdateDatabase => databases::update(platform, now, call),
    Op::DeleteDatabase => databases::delete(platform, now, call),
    Op::GetConnectionInfo => databases::connection_info(platform, now, call),
    Op::GetRecovery => databases::recovery(platform, now, call),
    Op::Recover => databases::recover(platform, now, call),
    Op::ListExports => databases::exports(platform, now, call),
    Op::Export => databases::export(platform, now, call),
    Op::SuspendDatabase => databases::suspend(platform, now, call, true),
    Op::ResumeDatabase => databases::suspend(platform, now, call, false),
    Op::RestartDatabase | Op::FailoverDatabase => databases::restart(platform, now, call),
    Op::ListMaintenance => maintenance::list(platform, now, call),
    Op::GetMaintenance => maintenance::get(platform, now, call),
    Op::UpdateMaintenance => maintenance::reschedule(platform, now, call),
    Op::TriggerMaintenance => maintenance::trigger(platform, now, call),
    Op::ListWebhooks => webhooks::list(platform, call),
    Op::CreateWebhook => webhooks::create(platform, now, call),
    Op::GetWebhook => webhooks::get(platform, call),
    Op::UpdateWebhook => webhooks::update(platform, call),
    Op::DeleteWebhook => webhooks::delete(platform, call),
    Op::ListWebhookEvents => webhooks::deliveries(platform, call),
    Op::GetOwnerNotices => notices::of_owner(platform, call),
    Op::UpdateOwnerNotices => notices::set_of_owner(platform, call),
    Op::GetServiceNotices => notices::of_service(platform, call),
    Op::UpdateServiceNotices => notices::set_of_service(platform, call),
    Op::Unknown => Err(ApiError::not_found(&call.path)),
}
