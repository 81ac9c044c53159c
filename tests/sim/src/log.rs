//! What happened, for whoever replays a seed.

use std::fmt;

use serde::{Deserialize, Serialize};

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// Milliseconds since the start.
    pub at: u64,
    /// Whom it is about: `scheduler`, `chain`, `sender`, `fault`, or a node like `N3`.
    pub who: String,
    /// In words. `<` is what somebody hears, `>` what it says.
    pub what: String,
}

impl Line {
    /// Whether it only says that somebody is still there.
    pub fn is_heartbeat(&self) -> bool {
        self.what.contains(" beats ")
    }

    /// Whether it names this node, job, lease or part.
    pub fn is_about(&self, name: &str) -> bool {
        let mut words = self.what.split(|letter: char| !letter.is_alphanumeric() && letter != '.' && letter != '@');
        self.who == name || words.any(|word| word == name || word.split(['.', '@', '/']).next() == Some(name))
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (hours, rest) = (self.at / 3_600_000, self.at % 3_600_000);
        let (minutes, rest) = (rest / 60_000, rest % 60_000);
        let (seconds, millis) = (rest / 1_000, rest % 1_000);
        write!(f, "{hours}:{minutes:02}:{seconds:02}.{millis:03}  {:<10} {}", self.who, self.what)
    }
}

/// A log that costs nothing while nobody reads it. It always counts, and sums what it was told up to a
/// number by which two runs can be compared.
pub struct Log {
    lines: Option<Vec<Line>>,
    digest: u64,
    pub events: u64,
}

/// The offset basis and the prime of FNV-1a, 64 bits.
const BASIS: u64 = 0xcbf2_9ce4_8422_2325;
const PRIME: u64 = 0x0000_0100_0000_01b3;

impl Log {
    pub fn new(keep: bool) -> Self {
        Self { lines: keep.then(Vec::new), digest: BASIS, events: 0 }
    }

    pub fn is_kept(&self) -> bool {
        self.lines.is_some()
    }

    /// Notes a line, made only where it is kept: who, then what.
    pub fn note(&mut self, at: u64, line: impl FnOnce() -> String) {
        if let Some(lines) = &mut self.lines {
            let line = line();
            let (who, what) = line.split_once(' ').unwrap_or((&line, ""));
            lines.push(Line { at, who: who.to_owned(), what: what.trim_start().to_owned() });
        }
    }

    pub fn count(&mut self, at: u64, kind: u64) {
        self.events += 1;
        for value in [at, kind] {
            self.digest = (self.digest ^ value).wrapping_mul(PRIME);
        }
    }

    /// The same for the same run.
    pub fn digest(&self) -> u64 {
        self.digest
    }

    pub fn take(&mut self) -> Vec<Line> {
        self.lines.take().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(what: &str) -> Line {
        Line { at: 3_723_004, who: "scheduler".to_owned(), what: what.to_owned() }
    }

    #[test]
    fn a_line_reads_like_a_clock_and_a_sentence() {
        assert_eq!(line("starts").to_string(), "1:02:03.004  scheduler  starts");
    }

    #[test]
    fn a_line_is_about_what_it_names_and_nothing_longer() {
        let line = line("< N3 task 2.1 on L10.0@25: Running");
        for name in ["scheduler", "N3", "L10", "L10.0@25"] {
            assert!(line.is_about(name), "{name}");
        }
        for name in ["N", "L1", "J10", "N33"] {
            assert!(!line.is_about(name), "{name}");
        }
    }
}
