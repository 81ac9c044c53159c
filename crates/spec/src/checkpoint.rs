use millrace_protocol::{Seconds, Verification};
use serde::{Deserialize, Serialize};

use crate::{Error, JobSpec, Shape};

/// How often what a task keeps for its next attempt is brought away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Checkpointing {
    /// From the container's start, and from one checkpoint to the next.
    pub every: Seconds,
}

impl Checkpointing {
    /// # Errors
    /// [`Error::Field`], [`Error::CheckpointUnsealed`].
    pub(crate) fn check(&self, spec: &JobSpec) -> Result<(), Error> {
        let field = |field, value: String, expected| Err(Error::Field { field, value, expected });
        let every = format!("{}s", self.every.0);
        check_interval("checkpoint.every", self.every)?;
        if matches!(spec.shape, Some(Shape::Service(_))) {
            return field("checkpoint", every, "left out of a service: its replicas are no attempts at one task");
        }
        if matches!(spec.terms.verification, Verification::Quorum { .. } | Verification::SpotCheck { .. }) {
            let expected = "left out where results are compared: each rig is to come to them by itself";
            return field("checkpoint", every, expected);
        }
        // The next rig is not known yet, so nothing could be sealed to it.
        if spec.sealed.as_ref().is_some_and(|sealed| sealed.outputs.is_some()) {
            return Err(Error::CheckpointUnsealed);
        }
        Ok(())
    }
}

const OFTENEST: Seconds = Seconds(10);
const RAREST: Seconds = Seconds(86_400);

/// How often anything may be brought away of a task that runs.
///
/// # Errors
/// [`Error::Field`].
pub(crate) fn check_interval(field: &'static str, every: Seconds) -> Result<(), Error> {
    if (OFTENEST..=RAREST).contains(&every) {
        return Ok(());
    }
    Err(Error::Field { field, value: format!("{}s", every.0), expected: "`10s` to `1d`" })
}
