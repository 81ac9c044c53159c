use serde_json::json;

use super::stdout::Stdout;
use super::{Output, Report, Style, value};
use crate::errors::Failure;

/// One JSON value per result, for programs.
#[derive(Debug, Default)]
pub struct Json {
    stdout: Stdout,
}

impl Output for Json {
    fn report(&self, report: &dyn Report) {
        self.stdout.write(format!("{:#}\n", report.json()).as_bytes());
    }

    fn data(&self, bytes: &[u8]) {
        self.stdout.write(bytes);
    }

    fn finish(&self) -> Result<(), Failure> {
        self.stdout.finish()
    }

    fn note(&self, _text: &str) {}

    fn failure(&self, failure: &Failure) {
        eprintln!("{:#}", json!({ "error": value(failure) }));
    }

    fn draws(&self) -> bool {
        false
    }

    fn style(&self) -> Style {
        Style::plain()
    }
}
