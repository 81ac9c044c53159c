use std::collections::BTreeMap;
use std::time::Duration;

use millrace_link::rest::TaskState;
use millrace_protocol::Diagnostic;
use thiserror::Error;

use crate::args::LogsOf;
use crate::context::Context;
use crate::errors::Failure;
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

/// Prints what a job's containers wrote, as it is, on stdout; also with `--json`.
///
/// # Errors
/// A job that does not exist or is another buyer's, an orchestrator that cannot be reached.
pub async fn run(context: &Context<'_>, args: LogsOf) -> Result<(), Failure> {
    let key = context.keypair()?;
    let market = context.market(&key);
    let mut read: BTreeMap<u32, (u32, u64)> = BTreeMap::new();
    let mut last_shown = None;
    loop {
        let job = market.job(args.job).await?;
        if let Some(task) = args.task.filter(|task| !job.tasks.is_empty() && *task as usize >= job.tasks.len()) {
            return Err(Failure::usage(&Error::NoSuchTask { task, tasks: job.tasks.len() }));
        }
        // Looked at before the logs are read, so that the last lines of a job are not missed.
        let over = views::job::is_over(&job) || views::job::is_reported(&job);
        let chosen = job.tasks.iter().filter(|task| args.task.is_none_or(|index| index == task.index));
        for task in chosen.filter(|task| task.state != TaskState::Pending || task.attempt > 0) {
            let (attempt, from) = read.entry(task.index).or_default();
            if *attempt != task.attempt {
                // A new attempt has a log of its own.
                (*attempt, *from) = (task.attempt, 0);
            }
            let bytes = market.log(args.job, task.index, *from).await?;
            if bytes.is_empty() {
                continue;
            }
            if args.task.is_none() && last_shown != Some(task.index) {
                context.output.note(&format!("--- task {}", task.index));
                last_shown = Some(task.index);
            }
            *from += bytes.len() as u64;
            context.output.data(&bytes);
        }
        if over || !args.follow {
            if read.values().all(|(_, bytes)| *bytes == 0) {
                context.output.note(if over { "nothing was written" } else { "nothing was written yet" });
            }
            return Ok(());
        }
        tokio::time::sleep(POLL).await;
    }
}
