//! Facts about the health of a service (R20).

use serde_json::json;

use crate::model::fact::place::ServicePlace;
use crate::model::health::Cycle;
use crate::model::ids::DeployId;
use crate::model::unhealthy::Judged;

written!(json!({ "type": "object" }) => Cycle, Judged);

payloads! {
    /// Facts about the health of a service: a change of the verdict. Single cycles are no events (R20).
    enum HealthFact in Fact::Health at ServicePlace;

    /// A service passed: a change of the verdict; single cycles are samples, not events (R20).
    HealthPassed(ServicePlace) {
        /// the attempt
        attempt: u32,
        /// the deploy that was probed
        deploy: Option<DeployId>,
    } data {
        /// the cycles that decided
        always cycles: Vec<Cycle>,
        /// what was live before is healthy again
        unless_default returned: bool,
    }

    /// A service failed: a change of the verdict, as above (R20).
    HealthFailed(ServicePlace) {
        /// the attempt
        attempt: u32,
        /// the deploy that was probed
        deploy: Option<DeployId>,
        /// its commit, if it is another than the release's
        commit: Option<String>,
        /// what was seen
        reason: String,
    } data {
        /// the cycles that decided; absent if another commit is live than was asked for
        maybe cycles: Option<Vec<Cycle>>,
        /// the version and commit that were judged
        maybe judged: Option<Judged>,
        /// it counts as a failure of the customer
        always failure: bool,
    }
}
