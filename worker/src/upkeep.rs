//! What the node does for its leases and results on chain, beside whatever loop decides it.

use std::collections::HashMap;
use std::sync::Arc;

use millrace_agent::{Action, Agent, Event};
use millrace_client::SignedVoucher;
use millrace_protocol::voucher::Voucher;
use millrace_protocol::{Address, Diagnostic};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle;

use crate::chain::{Chain, Deed};
use crate::clock::Clock;
use crate::troubles::Troubles;

/// Reads leases and rounds, and sends the node's own transactions.
pub(crate) struct Upkeep {
    node: Address,
    chain: Arc<dyn Chain>,
    clock: Clock,
    troubles: Arc<Troubles>,
    readings: UnboundedSender<Event>,
    /// Transactions that are under way, by lease.
    acting: HashMap<Address, JoinHandle<()>>,
}

impl Upkeep {
    /// What comes back are leases and rounds as the chain has them.
    pub fn new(
        node: Address,
        chain: Arc<dyn Chain>,
        clock: Clock,
        troubles: Arc<Troubles>,
    ) -> (Self, UnboundedReceiver<Event>) {
        let (readings, read) = unbounded_channel();
        (Self { node, chain, clock, troubles, readings, acting: HashMap::new() }, read)
    }

    /// Begins what is to be done on chain; gives back any other action.
    pub fn perform(&mut self, agent: &Agent, action: Action) -> Option<Action> {
        match action {
            Action::ReadLease(lease) => self.read_lease(lease),
            Action::ReadRound(lease) => self.read_round(lease),
            Action::Redeem { voucher, signature } => self.redeem(agent, voucher, &signature),
            Action::ExtendStart(lease) => self.act(lease, Deed::ExtendStart),
            Action::HoldLease(lease) => self.act(lease, Deed::Hold),
            Action::CommitResult { lease, root, salt } => self.act(lease, Deed::Commit { root, salt }),
            Action::RevealResult { lease, root, salt } => self.act(lease, Deed::Reveal { root, salt }),
            other => return Some(other),
        }
        None
    }

    /// An endpoint that does not answer is asked again soon.
    fn read_lease(&self, lease: Address) {
        let (chain, node, readings) = (self.chain.clone(), self.node, self.readings.clone());
        tokio::spawn(async move { read(&chain, node, lease, &readings).await });
    }

    fn read_round(&self, lease: Address) {
        let (chain, readings) = (self.chain.clone(), self.readings.clone());
        tokio::spawn(async move {
            match chain.round(lease).await {
                Ok((round, clock)) => {
                    let _ = readings.send(Event::RoundRead { lease, round: round.map(Box::new), clock });
                }
                Err(error) => tracing::debug!(%lease, %error, "the round cannot be read now"),
            }
        });
    }

    fn redeem(&mut self, agent: &Agent, voucher: Voucher, signature: &[u8]) {
        // Kept only once it was verified: of 64 bytes, and under a lease that is known.
        let attestor = agent.lease(&voucher.lease).map(|lease| lease.terms.attestor);
        if let (Some(attestor), Ok(signature)) = (attestor, signature.try_into()) {
            self.act(voucher.lease, Deed::Redeem(SignedVoucher { voucher, attestor, signature }.into()));
        }
    }

    /// Sends one transaction for the lease, unless one is under way, and reads the lease again. One that was refused is
    /// tried again at the next look, not at once: nothing has changed.
    fn act(&mut self, lease: Address, deed: Deed) {
        self.acting.retain(|_, acting| !acting.is_finished());
        if self.acting.contains_key(&lease) {
            return;
        }
        let (chain, node, readings) = (self.chain.clone(), self.node, self.readings.clone());
        let (troubles, clock) = (self.troubles.clone(), self.clock);
        let acting = tokio::spawn(async move {
            let what = name(&deed);
            let found = chain.lease(lease).await.map(|(account, _)| account);
            let result = match found {
                Ok(Some(account)) => chain.act(account, deed).await,
                Ok(None) => return,
                Err(error) => Err(error),
            };
            match result {
                Ok(()) => {
                    tracing::info!(%lease, deed = what, "the node looked after its lease");
                    read(&chain, node, lease, &readings).await;
                }
                Err(error) => {
                    tracing::warn!(%lease, deed = what, %error, hint = error.hint(), "a lease is in danger");
                    troubles.note(&error, clock.now());
                }
            }
        });
        self.acting.insert(lease, acting);
    }
}

async fn read(chain: &Arc<dyn Chain>, node: Address, lease: Address, readings: &UnboundedSender<Event>) {
    match chain.lease(lease).await {
        Ok((account, clock)) => {
            let account = account.filter(|account| account.node == node).map(|account| account.lease);
            let _ = readings.send(Event::LeaseRead { lease, account, clock });
        }
        Err(error) => tracing::debug!(%lease, %error, "the lease cannot be read now"),
    }
}

fn name(deed: &Deed) -> &'static str {
    match deed {
        Deed::Redeem(_) => "redeemed its voucher",
        Deed::ExtendStart => "extended its start",
        Deed::Hold => "held it",
        Deed::Commit { .. } => "committed to its result",
        Deed::Reveal { .. } => "showed its result",
    }
}
