//! Waiting for an orchestrator that is away: jobs survive its restart, so whoever watches one does too.

use std::time::{Duration, Instant};

use crate::errors::Failure;
use crate::output::Output;

/// How long an orchestrator may be away.
const LONGEST: Duration = Duration::from_secs(120);

/// For how long one orchestrator has not told what it was asked.
pub struct Patience<'a> {
    output: &'a dyn Output,
    since: Option<Instant>,
}

impl<'a> Patience<'a> {
    pub fn new(output: &'a dyn Output) -> Self {
        Self { output, since: None }
    }

    /// It has told.
    pub fn answered(&mut self) {
        if self.since.take().is_some() {
            self.output.note("the orchestrator is back");
        }
    }

    /// It has not, for a cause that passes.
    ///
    /// # Errors
    /// The same cause, where it has lasted longer than anybody waits.
    pub fn bear(&mut self, cause: Failure, now: Instant) -> Result<(), Failure> {
        let since = *self.since.get_or_insert_with(|| {
            self.output.note(&format!("{}; the job goes on, waiting for the orchestrator", cause.message));
            now
        });
        if now.duration_since(since) > LONGEST { Err(cause) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use millrace_protocol::Diagnostic;
    use thiserror::Error;

    use super::*;
    use crate::output::Json;

    #[derive(Debug, Error)]
    #[error("the orchestrator is stopping")]
    struct Stopping;

    impl Diagnostic for Stopping {
        fn code(&self) -> &'static str {
            "orchestrator-stopping"
        }

        fn hint(&self) -> String {
            String::new()
        }
    }

    #[test]
    fn two_minutes_are_waited_and_each_answer_begins_them_anew() {
        let (output, begun) = (Json::default(), Instant::now());
        let mut patience = Patience::new(&output);
        let cause = || Failure::refused(&Stopping);
        assert_eq!(patience.bear(cause(), begun), Ok(()));
        assert_eq!(patience.bear(cause(), begun + LONGEST), Ok(()));
        let late = begun + LONGEST + Duration::from_millis(1);
        assert_eq!(patience.bear(cause(), late), Err(cause()));
        patience.answered();
        assert_eq!(patience.bear(cause(), late), Ok(()));
        assert_eq!(patience.bear(cause(), late + LONGEST), Ok(()));
    }
}
