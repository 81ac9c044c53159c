use millrace_link::rest::{Explanation, Placements};
use millrace_protocol::Address;
use serde::Serialize;
use serde_json::Value;

use crate::args::JobReference;
use crate::context::Context;
use crate::errors::Failure;
use crate::output::{self, Report, Style};
use crate::views;

#[derive(Serialize)]
struct Explained {
    job: Address,
    /// None for a job that waits for nothing.
    explanation: Option<Explanation>,
    #[serde(flatten)]
    placements: Placements,
}

impl Report for Explained {
    fn json(&self) -> Value {
        output::value(self)
    }

    fn human(&self, style: Style) -> String {
        let waits = self.explanation.as_ref().map(|explanation| views::explanation::text(explanation, style));
        waits.into_iter().chain([views::placements::text(&self.placements)]).collect::<Vec<_>>().join("\n\n")
    }

    fn next(&self) -> Vec<String> {
        let job = self.job;
        match &self.explanation {
            Some(_) => vec![format!("millrace job extend {job} --start-window 1h  (waits longer)")],
            None => vec![format!("millrace job show {job}")],
        }
    }
}

/// Says why a job is where it is.
///
/// # Errors
/// A job that does not exist or is somebody else's, an orchestrator that cannot be reached.
pub async fn run(context: &Context<'_>, args: JobReference) -> Result<(), Failure> {
    let key = context.keypair()?;
    let market = context.market(&key);
    let job = market.job(args.job).await?;
    let explanation = job.explanation.clone().filter(|_| views::job::wants_nodes(&job));
    context.output.report(&Explained { job: args.job, explanation, placements: market.placements(args.job).await? });
    Ok(())
}
