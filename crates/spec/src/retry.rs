use millrace_protocol::Seconds;
use serde::{Deserialize, Serialize};

use crate::Error;

/// What happens after a container has ended with another status than 0.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Retry {
    /// Before the task runs again; twice as long after each further failure in a row. 0 does not wait.
    pub backoff: Seconds,
    /// These end the job at once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fatal_exit_codes: Vec<u8>,
    /// What `backoff` grows to at most.
    pub longest_backoff: Seconds,
    /// These do not count as failures of the task.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub uncounted_exit_codes: Vec<u8>,
}

const LONGEST: Seconds = Seconds(86_400);
/// Seconds between two tries that may go on as long as there is money.
const SHORTEST_UNCOUNTED: Seconds = Seconds(5);

impl Retry {
    /// # Errors
    /// [`Error::Field`].
    pub(crate) fn check(&self) -> Result<(), Error> {
        let field = |field, value: String, expected| Err(Error::Field { field, value, expected });
        if self.longest_backoff > LONGEST || self.longest_backoff < self.backoff {
            let value = format!("{}s", self.longest_backoff.0);
            return field("retry.longest_backoff", value, "at least `retry.backoff` and at most `1d`");
        }
        let codes = [
            ("retry.fatal_exit_codes", &self.fatal_exit_codes),
            ("retry.uncounted_exit_codes", &self.uncounted_exit_codes),
        ];
        for (name, codes) in codes {
            if codes.contains(&0) || !codes.is_sorted_by(|one, next| one < next) {
                return field(name, format!("{codes:?}"), "1 to 255, sorted and each once");
            }
        }
        if self.uncounted_exit_codes.iter().any(|code| self.fatal_exit_codes.contains(code)) {
            let value = format!("{:?}", self.uncounted_exit_codes);
            return field("retry.uncounted_exit_codes", value, "others than `retry.fatal_exit_codes`");
        }
        if !self.uncounted_exit_codes.is_empty() && self.backoff < SHORTEST_UNCOUNTED {
            let expected = "at least `5s` with `uncounted_exit_codes`: they go on as long as there is money";
            return field("retry.backoff", format!("{}s", self.backoff.0), expected);
        }
        Ok(())
    }
}
