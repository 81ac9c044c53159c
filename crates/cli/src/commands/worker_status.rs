use std::time::Duration;

use millrace_client::Client;
use millrace_client::accounts::{NodeAccount, ProviderAccount};
use millrace_protocol::{Address, GpuUnits, NodeStatus, ProviderStatus};
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
pub struct OnChain {
    #[serde(skip)]
    pub node: Address,
    pub status: NodeStatus,
    /// Of all of the provider's rigs.
    pub provider_status: ProviderStatus,
    pub leased: GpuUnits,
    pub units: GpuUnits,
}

impl OnChain {
    /// `None` where the chain does not answer in time.
    pub async fn ask(client: &Client, node: Address) -> Option<Self> {
        let look = async {
            let NodeAccount { node: found, provider, .. } = client.fetch(node).await?;
            let ProviderAccount { provider, .. } = client.fetch(provider).await?;
            Ok::<_, millrace_client::Error>((found, provider.status))
        };
        let (found, provider_status) = tokio::time::timeout(PATIENCE, look).await.ok()?.ok()?;
        let (leased, units) = (found.leased, found.hardware.units());
        Some(Self { node, status: found.status, provider_status, leased, units })
    }

    /// Why the node gets no further lease, and what ends that.
    pub fn withheld(&self) -> Option<String> {
        match (self.status, self.provider_status) {
            (NodeStatus::Draining, _) => {
                Some(format!("it drains on chain, `millrace node resume {}` ends that", self.node))
            }
            (NodeStatus::Active, ProviderStatus::Draining) => {
                Some("its provider drains on chain, `millrace provider status active` ends that".to_owned())
            }
            (NodeStatus::Active, ProviderStatus::Delisted) => {
                Some("its provider is delisted, which time or good work ends".to_owned())
            }
            (NodeStatus::Active, ProviderStatus::Active) => None,
        }
    }
}

impl Report for Shown {
    fn json(&self) -> Value {
        output::value(self)
    }

    fn human(&self, style: Style) -> String {
        let on_chain = match self.on_chain {
            Some(OnChain { status, leased, units, .. }) => {
                format!("{} on chain, {} of {} units leased", views::status::node(status), leased.0, units.0)
            }
            None => "the chain did not answer".to_owned(),
        };
        let worker = &self.worker;
        let withheld = self.on_chain.and_then(|on_chain| on_chain.withheld());
        let mut parts = vec![views::worker::head(worker, &on_chain, withheld.as_deref(), style)];
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
    let worker = control::ask(&rigs::data_dir(args.data_dir, &context.settings.worker), Ask::Status).await?;
    let on_chain = OnChain::ask(&context.client(), worker.node).await;
    context.output.report(&Shown { worker, on_chain });
    Ok(())
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::views::worker::tests::{busy, idle};

    /// A node that the market gives leases, as far as its own and its provider's status go.
    pub fn on_chain(status: NodeStatus, provider_status: ProviderStatus) -> OnChain {
        OnChain { node: Address([1; 32]), status, provider_status, leased: GpuUnits(1), units: GpuUnits(2) }
    }

    #[test]
    fn a_busy_rig_is_told_in_full() {
        let on_chain = Some(on_chain(NodeStatus::Active, ProviderStatus::Active));
        insta::assert_snapshot!(Shown { worker: busy(), on_chain }.human(Style::plain()));
    }

    #[test]
    fn an_idle_rig_is_told_in_short() {
        insta::assert_snapshot!(Shown { worker: idle(), on_chain: None }.human(Style::plain()));
    }

    #[test]
    fn leases_that_the_market_does_not_give_are_not_said_to_be_taken() {
        for (status, provider_status, said) in [
            (NodeStatus::Active, ProviderStatus::Active, "taken"),
            (NodeStatus::Draining, ProviderStatus::Active, "not taken: it drains on chain, `millrace node resume"),
            (
                NodeStatus::Active,
                ProviderStatus::Draining,
                "not taken: its provider drains on chain, `millrace provider",
            ),
            (NodeStatus::Active, ProviderStatus::Delisted, "not taken: its provider is delisted"),
        ] {
            let on_chain = Some(on_chain(status, provider_status));
            let shown = Shown { worker: idle(), on_chain }.human(Style::plain());
            assert!(shown.contains(&format!("\nnew leases    {said}")), "{shown}");
        }
        let both = Some(on_chain(NodeStatus::Draining, ProviderStatus::Active));
        for worker in [busy(), Status { unfit: vec![], ..busy() }] {
            let shown = Shown { worker, on_chain: both }.human(Style::plain());
            assert!(shown.contains("`millrace worker drain --undo` ends that; and it drains on chain"), "{shown}");
        }
    }
}
