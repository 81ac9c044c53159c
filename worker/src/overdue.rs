//! What is due of the node's leases on chain, and lies there because nobody brings it in: with the scheduler gone, the
//! last that stands between a provider and its pay.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use millrace_agent::Agent;
use millrace_client::accounts::LeaseAccount;
use millrace_client::overdue::{Affairs, Step};
use millrace_client::{Client, Error, Sender};
use millrace_protocol::quorum::Quorum;
use millrace_protocol::{Address, Diagnostic};
use tokio::task::JoinHandle;
use tokio::time::{Interval, MissedTickBehavior, interval};

use crate::chain::Chain;
use crate::clock::Clock;
use crate::troubles::Troubles;

#[cfg(test)]
mod tests;

/// Between two looks. What is due is the scheduler's to bring in first, which does so within seconds: only what was due
/// at the look before is left lying.
const PERIOD: Duration = Duration::from_secs(900);

/// A step that is due, told from others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Due {
    /// The instruction's name.
    pub step: &'static str,
    /// The lease or round that it is about.
    pub account: Address,
}

/// What a look has come to.
#[derive(Debug, Default)]
pub struct Looked {
    /// What is due, but for what the look has brought in.
    pub due: Vec<Due>,
    /// Why something could not be brought in, the first of several; it is still due.
    pub failed: Option<Error>,
}

/// Looks for what is left lying.
pub(crate) struct Overdue {
    node: Address,
    chain: Arc<dyn Chain>,
    clock: Clock,
    troubles: Arc<Troubles>,
    pub looks: Interval,
    looking: Option<JoinHandle<Vec<Due>>>,
    /// At the last look.
    due: Vec<Due>,
}

impl Overdue {
    pub fn new(node: Address, chain: Arc<dyn Chain>, clock: Clock, troubles: Arc<Troubles>) -> Self {
        let mut looks = interval(PERIOD);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { node, chain, clock, troubles, looks, looking: None, due: Vec::new() }
    }

    /// Brings in what was due at the last look and still is. A lease that the rig has a newer voucher of is not ended for
    /// less: that voucher goes first.
    pub fn look(&mut self, agent: &Agent) {
        if self.looking.as_ref().is_some_and(|looking| !looking.is_finished()) {
            return;
        }
        if let Some(found) = self.looking.take().and_then(FutureExt::now_or_never) {
            self.due = found.unwrap_or_default();
        }
        let known = agent.leases().filter_map(|(address, lease)| Some((address, lease.voucher()?.0.sequence)));
        let (node, before, vouchers) = (self.node, std::mem::take(&mut self.due), known.collect());
        let (chain, clock, troubles) = (self.chain.clone(), self.clock, self.troubles.clone());
        self.looking = Some(tokio::spawn(async move {
            let looked = chain.bring_in(node, before, vouchers).await;
            let Looked { due, failed } = looked.unwrap_or_else(|error| Looked { due: Vec::new(), failed: Some(error) });
            if let Some(error) = failed {
                tracing::warn!(%error, hint = error.hint(), "what is due of the node's leases is not brought in");
                troubles.note(&error, clock.now());
            }
            due
        }));
    }
}

/// Sends what was due `before` and still is. `vouchers` are the numbers of the latest that the node has, by lease. One
/// job that cannot be read, or step that cannot be taken, keeps no other from it.
///
/// # Errors
/// [`Error::Unreachable`], [`Error::Rejected`]: the node's leases cannot be read.
pub(crate) async fn bring_in(
    (client, sender, payer): (&Client, &Sender, Address),
    node: Address,
    before: &[Due],
    vouchers: &HashMap<Address, u64>,
) -> Result<Looked, Error> {
    let mut jobs: BTreeMap<Address, Vec<LeaseAccount>> = BTreeMap::new();
    for lease in client.leases_on(node).await? {
        jobs.entry(lease.job).or_default().push(lease);
    }
    let mut looked = Looked::default();
    for (job, leases) in jobs {
        let affairs = match Affairs::read_for(client, job, leases).await {
            Ok(Some(affairs)) => affairs,
            Ok(None) => continue,
            Err(error) => {
                looked.failed.get_or_insert(error);
                continue;
            }
        };
        for step in affairs.due() {
            let Some(account) = concerns(&step, &affairs, vouchers) else { continue };
            let due = Due { step: step.name(), account };
            if !before.contains(&due) {
                looked.due.push(due);
                continue;
            }
            match sender.send(&step.instructions(payer, &affairs.job), &[]).await {
                Ok(_) => tracing::info!(%job, %account, step = due.step, "the node brought in what nobody else did"),
                // By somebody else, in the same moment.
                Err(error) if error.refusal().is_some() => {
                    tracing::debug!(%job, %account, step = due.step, %error, "it is not due any more");
                }
                Err(error) => {
                    looked.due.push(due);
                    looked.failed.get_or_insert(error);
                }
            }
        }
    }
    Ok(looked)
}

/// What the step is about, where it pays the node or frees its stake. What would end a lease by the node's fault is left
/// to those whom that helps; what a service level credits the buyer is taken at any end. `affairs` have no other leases than the node's.
fn concerns(step: &Step<'_>, affairs: &Affairs, vouchers: &HashMap<Address, u64>) -> Option<Address> {
    match step {
        Step::ExpireLease { lease, outcome } => {
            let has_newer = vouchers.get(&lease.address).is_some_and(|sequence| *sequence > lease.lease.sequence);
            (!outcome.is_providers_fault() && !has_newer).then_some(lease.address)
        }
        Step::FinalizeLease { lease } | Step::ExpireDispute { lease, .. } => Some(lease.address),
        Step::SettleMember { lease, round } => {
            let outcome = { round.quorum }.judge(lease.address);
            outcome.is_ok_and(|outcome| !outcome.is_providers_fault()).then_some(lease.address)
        }
        Step::TallyRound { round } => pays_all(round.quorum, affairs).then_some(round.address),
        Step::CloseRound { .. } | Step::ExpireJob | Step::CloseJob => None,
    }
}

/// Whether a count finds the result of each of the node's leases, and none of them at fault.
fn pays_all(mut round: Quorum, affairs: &Affairs) -> bool {
    round.tally(affairs.clock).is_ok()
        && affairs.leases.iter().all(|lease| {
            let outcome = { round }.judge(lease.address);
            outcome.is_ok_and(|outcome| !outcome.is_providers_fault())
        })
}
