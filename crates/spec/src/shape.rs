use millrace_protocol::{JobTerms, Payment, Seconds, Verification};
use serde::{Deserialize, Serialize};

use crate::Error;

/// What a job is, where it is more than tasks that run one by one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shape {
    Gang(Gang),
    Service(Service),
}

/// All tasks at the same time, each on a node of its own, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gang {
    pub locality: Locality,
}

/// How close to each other a gang's nodes must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Locality {
    Anywhere,
    Region,
}

/// Replicas that run until the buyer cancels, or money or time end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Service {
    /// How many run at a time. The job's number of tasks is higher by as many as may come in addition, so that a
    /// successor runs before the one whose lease ends is stopped.
    pub replicas: u32,
    pub restart: Restart,
    /// From the job's opening; none runs as long as there is money.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_for: Option<Seconds>,
}

/// What happens when a replica's container ends by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Restart {
    /// It starts again, whatever its status was.
    Always,
    /// Status 0 ends the replica for good; the job is done when all have.
    OnFailure,
}

/// The leases of a gang open one after the other, each in a transaction of its own, and the first must not run
/// out of its start timeout meanwhile.
const LARGEST_GANG: u32 = 64;

/// The longest that a service may be told to run: ten years of 365 days. Moments that are computed from it stay far
/// from the end of what a number of milliseconds holds.
const LONGEST_RUN: Seconds = Seconds(10 * 365 * 86_400);

impl Shape {
    /// # Errors
    /// [`Error::Field`].
    pub(crate) fn check(&self, tasks: u32, terms: &JobTerms) -> Result<(), Error> {
        let field = |field, value: String, expected| Err(Error::Field { field, value, expected });
        if u32::from(terms.concurrent_leases) != tasks {
            let expected = "as many as may run at a time: what the gang or the service says";
            return field("budget.concurrent_leases", terms.concurrent_leases.to_string(), expected);
        }
        if matches!(terms.verification, Verification::Quorum { .. } | Verification::SpotCheck { .. }) {
            let expected = "`attested` or `attested-hardware`: neither gangs nor services can be run twice";
            return field("verification.policy", "a comparison of results".to_owned(), expected);
        }
        match self {
            Self::Gang(_) if !(2..=LARGEST_GANG).contains(&tasks) => {
                field("tasks.count", tasks.to_string(), "2 to 64 with a gang")
            }
            Self::Gang(_) => Ok(()),
            Self::Service(service) => {
                let replicas = service.replicas;
                if replicas == 0 || replicas > tasks || tasks > replicas.saturating_mul(2) {
                    let expected = "at least 1, and `service.surge` at most as many";
                    return field("service.replicas", replicas.to_string(), expected);
                }
                if let Some(run_for) = service.run_for.filter(|run_for| !(Seconds(1)..=LONGEST_RUN).contains(run_for)) {
                    let expected = "left out, or `1s` to ten years: `3650d`";
                    return field("service.run_for", format!("{}s", run_for.0), expected);
                }
                if terms.payment != Payment::Streaming {
                    return field("budget.payment", "on-result".to_owned(), "`streaming`: a service has no result");
                }
                Ok(())
            }
        }
    }
}
