//! What a command fails with, ready to be shown: a code, a cause with its chain, a hint, an exit status.

use std::borrow::Cow;

use millrace_protocol::Diagnostic;
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
        Self { code: Cow::Borrowed(error.code()), message, causes, hint: error.hint(), class }
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
        }
    }

    /// The same with a hint of a command that knows more than the error does.
    #[must_use]
    pub fn with_hint(self, hint: impl Into<String>) -> Self {
        Self { hint: hint.into(), ..self }
    }

    /// `error[code]: cause`, the chain, a blank line, the hint.
    pub fn text(&self, style: crate::output::Style) -> String {
        let mut text = format!("{}: {}\n", style.error(&format!("error[{}]", self.code)), self.message);
        for cause in &self.causes {
            text.push_str(&format!("  caused by: {cause}\n"));
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
}
