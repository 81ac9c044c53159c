use std::io::{IsTerminal, Write};

use super::{Output, Report, Style};
use crate::errors::Failure;

/// Text and tables for people.
pub struct Human {
    out: Style,
    err: Style,
    draws: bool,
}

impl Human {
    /// Colors and progress where the process has a terminal.
    pub fn of_process() -> Self {
        let err = std::io::stderr();
        Self { out: Style::of_stream(&std::io::stdout()), err: Style::of_stream(&err), draws: err.is_terminal() }
    }
}

impl Output for Human {
    fn report(&self, report: &dyn Report) {
        let text = report.human(self.out);
        // A closed pipe (`| head`) is the reader's decision, not a failure.
        let _ = writeln!(std::io::stdout(), "{text}");
        let next = report.next();
        if !next.is_empty() {
            eprintln!();
            for line in next {
                eprintln!("{} {line}", self.err.accent("next:"));
            }
        }
    }

    fn data(&self, bytes: &[u8]) {
        let mut stdout = std::io::stdout();
        let _ = stdout.write_all(bytes).and_then(|()| stdout.flush());
    }

    fn note(&self, text: &str) {
        eprintln!("{text}");
    }

    fn failure(&self, failure: &Failure) {
        eprint!("{}", failure.text(self.err));
    }

    fn draws(&self) -> bool {
        self.draws
    }

    fn style(&self) -> Style {
        self.err
    }
}
