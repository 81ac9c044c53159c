//! A run on paper: its seed, and a line for everything that happened. It replays: the seed is run again, and
//! every line must come again.

use millrace_protocol::Diagnostic;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::log::Line;
use crate::runs::{Report, run_logged};
use crate::scenario::{Kill, Scenario};

/// Of the file's form, not of what a seed means: that changes with every change of the simulation.
const FORM: u32 = 1;

/// What a run was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Head {
    simulation: u32,
    seed: u64,
    hours: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    kill: Option<Kill>,
    /// What did not hold.
    broken: Option<String>,
}

/// A run and its log: a line of JSON that says what was run, and one for each thing that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recording {
    head: Head,
    pub lines: Vec<Line>,
}

/// Why a file is no recording.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Unreadable {
    #[error("line {line} is not what a simulation writes: {why}")]
    Line { line: usize, why: String },
    #[error("the recording has form {found}, this build reads form {FORM}")]
    Form { found: u32 },
}

impl Diagnostic for Unreadable {
    fn code(&self) -> &'static str {
        match self {
            Self::Line { .. } => "recording-malformed",
            Self::Form { .. } => "recording-other-form",
        }
    }

    fn hint(&self) -> String {
        "name a file that `./dev sim` has written; it runs any seed again with `./dev sim record SEED`".to_owned()
    }
}

/// What came of a replay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replay {
    /// What happens now.
    pub lines: Vec<Line>,
    pub report: Report,
    /// What did not hold when it was recorded.
    pub was_broken: Option<String>,
    /// The first line that is not as it was recorded, by its position: this build does something else.
    pub differs_at: Option<usize>,
}

impl Recording {
    /// Runs a seed and writes everything down.
    pub fn make(seed: u64, hours: u64, kill: Option<Kill>) -> Self {
        let (report, lines) = run_logged(Scenario { kill, ..Scenario::draw(seed, hours) });
        Self { head: Head { simulation: FORM, seed, hours, kill, broken: report.broken }, lines }
    }

    /// # Errors
    /// [`Unreadable`].
    pub fn parse(text: &str) -> Result<Self, Unreadable> {
        let mut lines = text.lines().enumerate();
        let wrong = |line: usize, error: serde_json::Error| Unreadable::Line { line: line + 1, why: error.to_string() };
        let (_, first) = lines.next().unwrap_or_default();
        let head: Head = serde_json::from_str(first).map_err(|error| wrong(0, error))?;
        if head.simulation != FORM {
            return Err(Unreadable::Form { found: head.simulation });
        }
        let lines = lines.map(|(number, line)| serde_json::from_str(line).map_err(|error| wrong(number, error)));
        Ok(Self { head, lines: lines.collect::<Result<_, _>>()? })
    }

    pub fn text(&self) -> String {
        let lines = self.lines.iter().map(|line| serde_json::to_string(line).expect("numbers and words"));
        let head = serde_json::to_string(&self.head).expect("numbers and words");
        std::iter::once(head).chain(lines).map(|line| line + "\n").collect()
    }

    pub fn seed(&self) -> u64 {
        self.head.seed
    }

    /// Runs the same again.
    pub fn replay(&self) -> Replay {
        let Head { seed, hours, kill, .. } = self.head;
        let (report, lines) = run_logged(Scenario { kill, ..Scenario::draw(seed, hours) });
        let longer = lines.len().max(self.lines.len());
        let differs_at = (0..longer).find(|number| lines.get(*number) != self.lines.get(*number));
        Replay { lines, report, was_broken: self.head.broken.clone(), differs_at }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recording_replays_line_by_line() {
        let recording = Recording::make(3, 1, None);
        let again = Recording::parse(&recording.text()).unwrap();
        assert_eq!(again, recording);
        let replay = again.replay();
        assert_eq!((replay.differs_at, replay.was_broken), (None, replay.report.broken));
        assert_eq!(replay.lines, recording.lines);
    }

    #[test]
    fn a_replay_names_the_first_line_that_comes_differently() {
        let mut recording = Recording::make(3, 1, None);
        recording.lines[7].at += 1;
        assert_eq!(recording.replay().differs_at, Some(7));
        recording.lines.truncate(5);
        assert_eq!(recording.replay().differs_at, Some(5));
    }

    #[test]
    fn what_is_no_recording_is_refused_with_its_line() {
        for (text, line) in
            [("", 1), ("seed 5", 1), ("{\"simulation\":1,\"seed\":5,\"hours\":1,\"broken\":null}\n{}", 2)]
        {
            let refused = Recording::parse(text).unwrap_err();
            assert!(matches!(refused, Unreadable::Line { line: found, .. } if found == line), "{refused:?}");
        }
        let other = "{\"simulation\":2,\"seed\":5,\"hours\":1,\"broken\":null}";
        assert_eq!(Recording::parse(other), Err(Unreadable::Form { found: 2 }));
    }
}
