use std::path::PathBuf;

use millrace_protocol::Diagnostic;
use millrace_sim::{Line, Recording, Unreadable};
use serde::Serialize;
use serde_json::Value;
use thiserror::Error;

use crate::args::ReplaySimulation;
use crate::context::Context;
use crate::errors::Failure;
use crate::output::{self, Report, Style};

#[derive(Debug, Error)]
enum Error {
    #[error("{} cannot be read", .file.display())]
    Missing { file: PathBuf, source: std::io::Error },
    #[error("{} is no recording", .file.display())]
    Foreign { file: PathBuf, source: Unreadable },
    #[error("seed {seed} breaks a rule: {rule}")]
    Broken { seed: u64, rule: String },
}

impl Diagnostic for Error {
    fn code(&self) -> &'static str {
        match self {
            Self::Missing { .. } => "recording-missing",
            Self::Foreign { source, .. } => source.code(),
            Self::Broken { .. } => "simulation-broken",
        }
    }

    fn hint(&self) -> String {
        match self {
            Self::Missing { .. } => "`./dev sim` says where it writes recordings".to_owned(),
            Self::Foreign { source, .. } => source.hint(),
            Self::Broken { .. } => {
                "the last lines above the end are what led to it; `--about NAME` follows one part".to_owned()
            }
        }
    }
}

#[derive(Serialize)]
struct Replayed {
    seed: u64,
    /// What did not hold when it was recorded.
    was_broken: Option<String>,
    /// What does not hold now.
    broken: Option<String>,
    /// Position of the first line that is not as it was recorded.
    differs_at: Option<usize>,
    /// When that is, in milliseconds since the start.
    differs_after: Option<u64>,
    lines: Vec<Line>,
}

impl Report for Replayed {
    fn json(&self) -> Value {
        output::value(self)
    }

    fn human(&self, style: Style) -> String {
        let lines: String = self.lines.iter().map(|line| format!("{line}\n")).collect();
        let as_recorded = match self.differs_after {
            None => style.good("everything happened as it was recorded"),
            Some(at) => {
                let first = Line { at, who: String::new(), what: String::new() }.to_string();
                format!("this build does something else than the recorded one, from {} on", first.trim_end())
            }
        };
        let rules = match (&self.was_broken, &self.broken) {
            (None, None) => "no rule is broken".to_owned(),
            (Some(_), None) => "the rule that was broken holds now".to_owned(),
            (_, Some(rule)) => format!("broken: {rule}"),
        };
        format!("{lines}\nseed {}: {as_recorded}; {rules}", self.seed)
    }

    fn next(&self) -> Vec<String> {
        Vec::new()
    }
}

/// Replays a recorded simulation.
///
/// # Errors
/// A file that is no recording, and a rule that is broken when it runs.
pub fn run(context: &Context<'_>, args: ReplaySimulation) -> Result<(), Failure> {
    let file = args.file;
    let text = std::fs::read_to_string(&file)
        .map_err(|source| Failure::refused(&Error::Missing { file: file.clone(), source }))?;
    let recording = Recording::parse(&text).map_err(|source| Failure::refused(&Error::Foreign { file, source }))?;
    let replay = recording.replay();
    let wanted = |line: &Line| {
        let about = args.about.is_empty() || args.about.iter().any(|name| line.is_about(name));
        about && (args.heartbeats || !line.is_heartbeat())
    };
    let differs_after = replay.differs_at.map(|number| {
        let line = replay.lines.get(number).or(recording.lines.get(number));
        line.map_or(replay.report.lasted, |line| line.at)
    });
    let (seed, broken) = (recording.seed(), replay.report.broken.clone());
    context.output.report(&Replayed {
        seed,
        was_broken: replay.was_broken,
        broken: replay.report.broken,
        differs_at: replay.differs_at,
        differs_after,
        lines: replay.lines.into_iter().filter(wanted).collect(),
    });
    match broken {
        None => Ok(()),
        Some(rule) => Err(Failure::refused(&Error::Broken { seed, rule })),
    }
}
