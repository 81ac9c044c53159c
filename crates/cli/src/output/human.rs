use std::io::IsTerminal;

use super::stdout::Stdout;
use super::{Output, Report, Style};
use crate::errors::Failure;

/// Text and tables for people.
pub struct Human {
    out: Style,
    err: Style,
    draws: bool,
    flags: String,
    stdout: Stdout,
}

impl Human {
    /// Colors and progress where the process has a terminal.
    pub fn of_process(flags: String) -> Self {
        let err = std::io::stderr();
        let (out, draws) = (Style::of_stream(&std::io::stdout()), err.is_terminal());
        Self { out, err: Style::of_stream(&err), draws, flags, stdout: Stdout::default() }
    }
}

impl Output for Human {
    fn report(&self, report: &dyn Report) {
        self.stdout.write(format!("{}\n", report.human(self.out)).as_bytes());
        let next = report.next();
        if !next.is_empty() {
            eprintln!();
            for line in next {
                eprintln!("{} {}", self.err.accent("next:"), carry(&self.flags, &line));
            }
        }
    }

    fn data(&self, bytes: &[u8]) {
        self.stdout.write(bytes);
    }

    fn finish(&self) -> Result<(), Failure> {
        self.stdout.finish()
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

/// The proposed command with the flags of this one, where it is for the same person.
fn carry(flags: &str, line: &str) -> String {
    let same = |rest: &&str| {
        ["balance ", "delegate ", "job ", "node ", "provider "].iter().any(|group| rest.starts_with(group))
    };
    match line.strip_prefix("millrace ").filter(same) {
        Some(rest) if !flags.is_empty() => format!("millrace {flags} {rest}"),
        _ => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proposed_commands_keep_the_key_and_the_endpoints_of_this_one() {
        let flags = "--keypair buyer.json";
        assert_eq!(carry(flags, "millrace job show X"), "millrace --keypair buyer.json job show X");
        assert_eq!(carry(flags, "millrace balance close"), "millrace --keypair buyer.json balance close");
        assert_eq!(carry("", "millrace job show X"), "millrace job show X");
        let other = "millrace worker run --node-key rig.json";
        assert_eq!(carry(flags, other), other, "a worker has a key of its own");
    }
}
