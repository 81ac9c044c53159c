use millrace_link::rest::{JobStatus, TaskState};
use millrace_protocol::JobState;
use serde_json::Value;

use crate::args::JobReference;
use crate::clock;
use crate::context::Context;
use crate::errors::Failure;
use crate::output::{self, Report, Style};
use crate::views;

struct Shown(JobStatus);

impl Report for Shown {
    fn json(&self) -> Value {
        output::value(&self.0)
    }

    fn human(&self, style: Style) -> String {
        views::job::text(&self.0, clock::now(), style)
    }

    fn next(&self) -> Vec<String> {
        next_for(&self.0)
    }
}

/// What one does with a job in its state.
pub fn next_for(job: &JobStatus) -> Vec<String> {
    let address = job.address;
    match job.chain.state {
        _ if job.failure.is_some() => vec![format!("millrace job logs {address}")],
        JobState::Open => vec![
            format!("millrace job show {address}  (again, when a node may have come)"),
            format!("millrace job extend {address} --start-window 1h  (waits longer)"),
            format!("millrace job cancel {address}  (the whole rest of the deposit comes back)"),
        ],
        JobState::Active if views::job::is_reported(job) => vec![
            format!("millrace job outputs {address}"),
            format!("millrace job accept {address}  (settles it now)"),
            format!("millrace job dispute {address} --lease <N> --evidence <FILE>"),
        ],
        JobState::Active => {
            let early = job.tasks.iter().any(|task| task.early_outputs.is_some());
            let outputs = early.then(|| format!("millrace job outputs {address} --early"));
            std::iter::once(format!("millrace job logs {address} --follow")).chain(outputs).collect()
        }
        JobState::Cancelling => vec![format!("millrace job show {address}  (until its leases are settled)")],
        JobState::Done if views::job::count(job, TaskState::Done) == 0 => vec![format!("millrace job logs {address}")],
        JobState::Done => vec![format!("millrace job outputs {address}")],
        JobState::Expired => vec!["millrace job submit <FILE>  (with other requirements)".to_owned()],
    }
}

/// Shows one job.
///
/// # Errors
/// A job that does not exist, an orchestrator that cannot be reached.
pub async fn run(context: &Context<'_>, args: JobReference) -> Result<(), Failure> {
    let key = context.keypair()?;
    let job = context.market(&key).job(args.job).await?;
    context.output.report(&Shown(job));
    Ok(())
}
