use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use millrace_link::rest::TaskState;
use millrace_protocol::Diagnostic;
use thiserror::Error;

use crate::args::LogsOf;
use crate::context::Context;
use crate::errors::Failure;
use crate::market::Market;
use crate::output::Output;
use crate::patience::Patience;
use crate::views;

/// Between two looks while following.
const POLL: Duration = Duration::from_millis(500);

/// Why there is nothing to print.
#[derive(Debug, Error)]
enum Error {
    #[error("the job has no task {task}")]
    NoSuchTask { task: u32, tasks: usize },
}

impl Diagnostic for Error {
    fn code(&self) -> &'static str {
        match self {
            Self::NoSuchTask { .. } => "task-unknown",
        }
    }

    fn hint(&self) -> String {
        match self {
            Self::NoSuchTask { tasks, .. } => format!("its tasks are 0 to {}", tasks - 1),
        }
    }
}

/// How far the log of each task was printed.
#[derive(Default)]
struct Reading {
    /// By task: the attempt, and the bytes of its log.
    printed: BTreeMap<u32, (u32, u64)>,
    last_shown: Option<u32>,
}

impl Reading {
    /// Prints all that is there and was not printed yet. Returns whether nothing more comes.
    async fn go_on(&mut self, output: &dyn Output, market: &Market, args: &LogsOf) -> Result<bool, Failure> {
        let job = market.job(args.job).await?;
        if let Some(task) = args.task.filter(|task| !job.tasks.is_empty() && *task as usize >= job.tasks.len()) {
            return Err(Failure::usage(&Error::NoSuchTask { task, tasks: job.tasks.len() }));
        }
        // Looked at before the logs are read, so that the last lines of a job are not missed.
        let over = views::job::is_over(&job) || views::job::is_reported(&job);
        let chosen = job.tasks.iter().filter(|task| args.task.is_none_or(|index| index == task.index));
        for task in chosen.filter(|task| task.state != TaskState::Pending || task.attempt > 0) {
            let (attempt, from) = self.printed.entry(task.index).or_default();
            if *attempt != task.attempt {
                // A new attempt has a log of its own.
                (*attempt, *from) = (task.attempt, 0);
            }
            // One answer holds a part of a long log only.
            loop {
                let bytes = market.log(args.job, task.index, *from).await?;
                if bytes.is_empty() {
                    break;
                }
                if args.task.is_none() && self.last_shown != Some(task.index) {
                    output.note(&format!("--- task {}", task.index));
                    self.last_shown = Some(task.index);
                }
                *from += bytes.len() as u64;
                output.data(&bytes);
            }
        }
        Ok(over)
    }
}

/// Prints what a job's containers wrote, as it is, on stdout; also with `--json`.
///
/// # Errors
/// A job that does not exist or is another buyer's, an orchestrator that cannot be reached; while following, one
/// that stays away.
pub async fn run(context: &Context<'_>, args: LogsOf) -> Result<(), Failure> {
    let key = context.keypair()?;
    let market = context.market(&key);
    let mut reading = Reading::default();
    let mut patience = Patience::new(context.output);
    loop {
        match reading.go_on(context.output, &market, &args).await {
            Ok(over) => {
                patience.answered();
                if over || !args.follow {
                    if reading.printed.values().all(|(_, bytes)| *bytes == 0) {
                        context.output.note(if over { "nothing was written" } else { "nothing was written yet" });
                    }
                    return Ok(());
                }
            }
            Err(failure) if args.follow && failure.passes => patience.bear(failure, Instant::now())?,
            Err(failure) => return Err(failure),
        }
        tokio::time::sleep(POLL).await;
    }
}
