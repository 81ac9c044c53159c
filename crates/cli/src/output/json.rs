use std::io::Write;

use serde_json::json;

use super::{Output, Report, Style, value};
use crate::errors::Failure;

/// One JSON value per result, for programs.
pub struct Json;

impl Output for Json {
    fn report(&self, report: &dyn Report) {
        let _ = writeln!(std::io::stdout(), "{:#}", report.json());
    }

    fn data(&self, bytes: &[u8]) {
        let mut stdout = std::io::stdout();
        let _ = stdout.write_all(bytes).and_then(|()| stdout.flush());
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
