use millrace_link::rest::JobStatus;
use serde_json::Value;

use crate::context::{Context, address};
use crate::errors::Failure;
use crate::output::{self, Report, Style};
use crate::views;

struct Jobs(Vec<JobStatus>);

impl Report for Jobs {
    fn json(&self) -> Value {
        output::value(&self.0)
    }

    fn human(&self, _style: Style) -> String {
        views::job::list(&self.0)
    }

    fn next(&self) -> Vec<String> {
        // Ids of this command grow with time: the newest job is the one that matters.
        match self.0.iter().max_by_key(|job| job.id) {
            Some(job) => vec![format!("millrace job show {}", job.address)],
            None => vec!["millrace job submit <FILE>".to_owned()],
        }
    }
}

/// Lists the wallet's jobs: the orchestrator tells nobody another's.
///
/// # Errors
/// No key to tell the buyer by, an orchestrator that cannot be reached.
pub async fn run(context: &Context<'_>) -> Result<(), Failure> {
    let key = context.keypair()?;
    let jobs = context.market(&key).jobs(address(&key)).await?;
    context.output.report(&Jobs(jobs));
    Ok(())
}
