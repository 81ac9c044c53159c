use millrace_protocol::Address;
use serde::{Deserialize, Serialize};

use crate::Error;

/// Another job that comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct After {
    pub job: Address,
    pub on: Condition,
}

/// What has to become of the other job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    /// Each of its tasks is done.
    Completed,
    /// It is over, however it went.
    Ended,
}

/// More would make each look at a job long.
const MOST: usize = 64;

/// # Errors
/// [`Error::Field`].
pub(crate) fn check(after: &[After]) -> Result<(), Error> {
    let by_job = |one: &After, next: &After| one.job < next.job;
    if after.is_empty() || after.len() > MOST || !after.is_sorted_by(by_job) {
        let value = format!("{} jobs", after.len());
        return Err(Error::Field { field: "after", value, expected: "1 to 64 jobs, sorted and each once" });
    }
    Ok(())
}
