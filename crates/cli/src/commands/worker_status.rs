use std::time::Duration;

use millrace_client::accounts::NodeAccount;
use millrace_protocol::{GpuUnits, NodeStatus};
use millrace_worker::control::{self, Ask};
use millrace_worker::status::Status;
use serde::Serialize;
use serde_json::Value;

use crate::args::AskWorker;
use crate::context::Context;
use crate::errors::Failure;
use crate::output::{self, Report, Style};
use crate::{rigs, views};

/// How long the chain has: a worker is looked at most when something is away.
const PATIENCE: Duration = Duration::from_secs(3);

#[derive(Serialize)]
struct Shown {
    worker: Status,
    /// `None` where the chain did not answer in time.
    on_chain: Option<OnChain>,
}

/// What the market has of the node.
#[derive(Clone, Copy, Serialize)]
struct OnChain {
    status: NodeStatus,
    leased: GpuUnits,
    units: GpuUnits,
}

impl Report for Shown {
    fn json(&self) -> Value {
        output::value(self)
    }

    fn human(&self, style: Style) -> String {
        let on_chain = match self.on_chain {
            Some(OnChain { status, leased, units }) => {
                format!("{} on chain, {} of {} units leased", views::status::node(status), leased.0, units.0)
            }
            None => "the chain did not answer".to_owned(),
        };
        let worker = &self.worker;
        let mut parts = vec![views::worker::head(worker, &on_chain, style)];
        if !worker.gpus.is_empty() {
            parts.push(views::worker::gpus(&worker.gpus));
        }
        parts.extend(views::worker::links(&worker.gpu_links));
        parts.push(match worker.leases.as_slice() {
            [] => "no leases".to_owned(),
            leases => views::worker::leases(leases),
        });
        parts.extend(views::worker::usage(&worker.leases));
        if !worker.votes.is_empty() {
            parts.push(views::worker::votes(&worker.votes, worker.at));
        }
        if worker.tasks.iter().any(|task| !views::worker::has_ended(task)) {
            parts.push(views::worker::tasks(&worker.tasks, worker.at));
        }
        if !worker.troubles.is_empty() {
            parts.push(views::worker::troubles(&worker.troubles, worker.at, style));
        }
        parts.join("\n\n")
    }

    fn next(&self) -> Vec<String> {
        vec![]
    }
}

/// Shows how the rig's worker is.
///
/// # Errors
/// No worker on the data folder, one of another user's, one that does not answer.
pub async fn run(context: &Context<'_>, args: AskWorker) -> Result<(), Failure> {
    let worker = control::ask(&rigs::data_dir(args.data_dir), Ask::Status).await?;
    let client = context.client();
    let found = tokio::time::timeout(PATIENCE, client.fetch::<NodeAccount>(worker.node)).await;
    let on_chain = found.ok().and_then(Result::ok).map(|NodeAccount { node, .. }| OnChain {
        status: node.status,
        leased: node.leased,
        units: node.hardware.units(),
    });
    context.output.report(&Shown { worker, on_chain });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::views::worker::tests::{busy, idle};

    #[test]
    fn a_busy_rig_is_told_in_full() {
        let on_chain = Some(OnChain { status: NodeStatus::Active, leased: GpuUnits(1), units: GpuUnits(2) });
        insta::assert_snapshot!(Shown { worker: busy(), on_chain }.human(Style::plain()));
    }

    #[test]
    fn an_idle_rig_is_told_in_short() {
        insta::assert_snapshot!(Shown { worker: idle(), on_chain: None }.human(Style::plain()));
    }
}
