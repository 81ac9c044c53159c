use millrace_protocol::{Seconds, Verification};
use serde::{Deserialize, Serialize};

use crate::checkpoint::check_interval;
use crate::{Error, JobSpec, Shape};

/// How often what is finished of a task's outputs is brought away while it runs, for the buyer alone: the result is
/// what is there at its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EarlyOutputs {
    /// From the container's start, and from one look to the next.
    pub every: Seconds,
}

impl EarlyOutputs {
    /// # Errors
    /// [`Error::Field`].
    pub(crate) fn check(&self, spec: &JobSpec) -> Result<(), Error> {
        let refused = |expected| Err(Error::Field { field: "outputs", value: format!("{}s", self.every.0), expected });
        check_interval("outputs.every", self.every)?;
        if matches!(spec.shape, Some(Shape::Service(_))) {
            return refused("left out of a service: what its replicas leave is no result");
        }
        if matches!(spec.terms.verification, Verification::Quorum { .. } | Verification::SpotCheck { .. }) {
            return refused("left out where results are compared: none is to be seen before it counts");
        }
        Ok(())
    }
}
