use millrace_protocol::Diagnostic;
use thiserror::Error;

use crate::errors::{ExitClass, Failure};

/// Why a process that answers for one GPU cannot begin.
#[derive(Debug, Error)]
#[error("standard input is not a worker's socket with a challenge")]
struct NotAsked(#[source] std::io::Error);

impl Diagnostic for NotAsked {
    fn code(&self) -> &'static str {
        "challenge-not-asked"
    }

    fn hint(&self) -> String {
        "nothing to do by hand: `millrace worker run` starts this when the network challenges a GPU".to_owned()
    }
}

/// Answers a GPU challenge for one GPU, in a process of its own.
///
/// # Errors
/// A standard input that is not the socket of a worker.
pub fn run() -> Result<(), Failure> {
    millrace_worker::answer_challenge().map_err(|error| Failure::of(&NotAsked(error), ExitClass::Usage))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_starts_it_by_hand_is_told_what_it_is() {
        let error = NotAsked(std::io::ErrorKind::InvalidData.into());
        assert_eq!(error.code(), "challenge-not-asked");
        assert!(error.hint().contains("worker run"));
    }
}
