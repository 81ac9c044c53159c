//! What a command fails with, ready to be shown: a code, a cause with its chain, a hint, an exit status.

use std::borrow::Cow;

use millrace_protocol::{Address, Diagnostic};
use serde::Serialize;

mod classes;

/// Exit status of the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[repr(u8)]
pub enum ExitClass {
    /// The command could not do what was asked, or was refused.
    Refused = 1,
    /// The command was called wrongly.
    Usage = 2,
    /// Something outside of Millrace cannot be reached: an RPC endpoint, an orchestrator, Docker.
    External = 3,
}

/// A failure in the form in which it is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Failure {
    pub code: Cow<'static, str>,
    pub message: String,
    /// Innermost last.
    pub causes: Vec<String>,
    pub hint: String,
    pub class: ExitClass,
    /// The job that is open, or may be: whoever tries again looks at it first, so as not to pay twice.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job: Option<Box<Address>>,
    /// Whether the same may succeed later with nothing changed by the caller.
    #[serde(skip)]
    pub passes: bool,
}

impl Failure {
    /// A failure of one class from any error that can be explained to a person.
    pub fn of<E: Diagnostic + 'static>(error: &E, class: ExitClass) -> Self {
        let message = error.to_string();
        let mut causes: Vec<String> = Vec::new();
        let mut source = std::error::Error::source(error);
        while let Some(cause) = source {
            let text = cause.to_string().trim_end().to_owned();
            // Some errors repeat their source in their own message; once is enough.
            let before = causes.last().map_or(&message, |last| last);
            if !before.contains(&text) {
                causes.push(text);
            }
            source = cause.source();
        }
        Self { code: Cow::Borrowed(error.code()), message, causes, hint: error.hint(), class, job: None, passes: false }
    }

    pub fn refused<E: Diagnostic + 'static>(error: &E) -> Self {
        Self::of(error, ExitClass::Refused)
    }

    pub fn usage<E: Diagnostic + 'static>(error: &E) -> Self {
        Self::of(error, ExitClass::Usage)
    }

    pub fn external<E: Diagnostic + 'static>(error: &E) -> Self {
        Self::of(error, ExitClass::External)
    }

    /// What clap says about a command line, in the form of every other failure.
    pub fn of_arguments(error: &clap::Error) -> Self {
        let text = error.to_string();
        let (message, rest) = text.split_once("\n\n").unwrap_or((&text, ""));
        // Clap knows what a misspelt word is close to.
        let tip = rest.lines().find_map(|line| line.trim_start().strip_prefix("tip: a similar "));
        let usage = rest.lines().find(|line| line.starts_with("Usage: ")).unwrap_or("run it with `--help`");
        Self {
            code: Cow::Borrowed("usage"),
            message: message.trim_start_matches("error: ").to_owned(),
            causes: Vec::new(),
            hint: tip.map_or_else(|| usage.to_owned(), |tip| format!("a similar {tip}; {usage}")),
            class: ExitClass::Usage,
            job: None,
            passes: false,
        }
    }

    /// The same with a hint of a command that knows more than the error does.
    #[must_use]
    pub fn with_hint(self, hint: impl Into<String>) -> Self {
        Self { hint: hint.into(), ..self }
    }

    /// The same of a job that is open, or may be.
    #[must_use]
    pub fn about(self, job: Address) -> Self {
        Self { job: Some(job.into()), ..self }
    }

    /// The same, which may be over by itself.
    #[must_use]
    pub fn that_passes(self, passes: bool) -> Self {
        Self { passes, ..self }
    }

    /// `error[code]: cause`, the chain, the job, a blank line, the hint.
    pub fn text(&self, style: crate::output::Style) -> String {
        let mut text = format!("{}: {}\n", style.error(&format!("error[{}]", self.code)), self.message);
        for cause in &self.causes {
            text.push_str(&format!("  caused by: {cause}\n"));
        }
        if let Some(job) = &self.job {
            text.push_str(&format!("  job: {job}\n"));
        }
        text.push_str(&format!("\n{}: {}\n", style.accent("hint"), self.hint));
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::Style;
    use thiserror::Error;

    #[derive(Debug, Error)]
    #[error("the file cannot be read")]
    struct Outer(#[source] Inner);

    #[derive(Debug, Error)]
    #[error("permission denied")]
    struct Inner;

    impl Diagnostic for Outer {
        fn code(&self) -> &'static str {
            "file-unreadable"
        }

        fn hint(&self) -> String {
            "check who owns it".to_owned()
        }
    }

    #[test]
    fn shows_code_chain_and_hint() {
        let failure = Failure::refused(&Outer(Inner));
        insta::assert_snapshot!(failure.text(Style::plain()), @r"
        error[file-unreadable]: the file cannot be read
          caused by: permission denied

        hint: check who owns it
        ");
    }

    #[test]
    fn the_job_that_was_paid_for_is_named_to_people_and_to_scripts() {
        let job = Address([1; 32]);
        let failure = Failure::refused(&Outer(Inner));
        assert!(serde_json::to_value(&failure).unwrap().get("job").is_none());
        let failure = failure.about(job);
        assert_eq!(serde_json::to_value(&failure).unwrap()["job"], job.to_string());
        assert!(failure.text(Style::plain()).contains(&format!("\n  job: {job}\n")));
    }
}
