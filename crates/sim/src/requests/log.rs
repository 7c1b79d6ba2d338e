//! What arrived at Render: the record against which promises about changing requests are checked.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Call, Op};
use crate::ids::{DeployId, ServiceId, Timestamp};

/// One request that changes something, or tries to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// When it arrived.
    pub at: Timestamp,
    /// What it asks for.
    pub op: Op,
    /// Its method.
    pub method: String,
    /// Its path.
    pub path: String,
    /// The service it is about.
    pub service: Option<ServiceId>,
    /// What is worth knowing of its body, without values that can be secret.
    pub summary: Option<String>,
    /// The status of Render's answer, whether or not the client saw it.
    pub status: u16,
    /// The deploy that came of it.
    pub deploy: Option<DeployId>,
}

/// All changing requests in order of arrival, and the number of reading ones.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct RequestLog {
    changes: Vec<Request>,
    reads: BTreeMap<Op, u64>,
}

impl RequestLog {
    /// All changing requests.
    pub fn changes(&self) -> &[Request] {
        &self.changes
    }

    /// How many requests only read.
    pub fn all_reads(&self) -> u64 {
        self.reads.values().sum()
    }

    /// The changing requests that created a deploy or rollback of a service.
    pub fn deploys_of(&self, service: &ServiceId) -> impl Iterator<Item = &Request> {
        self.changes
            .iter()
            .filter(move |request| request.service.as_ref() == Some(service))
            .filter(|request| request.deploy.is_some())
    }

    /// How often something was read.
    pub fn reads(&self, op: Op) -> u64 {
        self.reads.get(&op).copied().unwrap_or(0)
    }

    pub(crate) fn record(
        &mut self,
        at: Timestamp,
        call: &Call,
        status: u16,
        deploy: Option<DeployId>,
    ) {
        if call.method == "GET" {
            *self.reads.entry(call.op).or_insert(0) += 1;
            return;
        }
        self.changes.push(Request {
            at,
            op: call.op,
            method: call.method.clone(),
            path: call.path.clone(),
            service: call.service.clone(),
            summary: call.summary(),
            status,
            deploy,
        });
    }
}
