use std::sync::Arc;

use millrace_agent::Event;
use millrace_client::SignedVoucher;
use millrace_protocol::voucher::Voucher;
use millrace_protocol::{Address, Diagnostic};
use tokio::sync::mpsc::UnboundedSender;

use super::Driver;
use crate::chain::{Chain, Deed};

impl Driver {
    /// Reads a lease beside the loop. An endpoint that does not answer is asked again soon.
    pub(super) fn read_lease(&self, lease: Address) {
        let (chain, node, readings) = (self.chain.clone(), self.context.node, self.readings.0.clone());
        tokio::spawn(async move { read(&chain, node, lease, &readings).await });
    }

    /// Reads the round of a lease's result beside the loop.
    pub(super) fn read_round(&self, lease: Address) {
        let (chain, readings) = (self.chain.clone(), self.readings.0.clone());
        tokio::spawn(async move {
            match chain.round(lease).await {
                Ok((round, clock)) => {
                    let _ = readings.send(Event::RoundRead { lease, round: round.map(Box::new), clock });
                }
                Err(error) => tracing::debug!(%lease, %error, "the round cannot be read now"),
            }
        });
    }

    pub(super) fn redeem(&mut self, voucher: Voucher, signature: &[u8]) {
        // Kept only once it was verified: of 64 bytes, and under a lease that is known.
        let attestor = self.agent.lease(&voucher.lease).map(|lease| lease.terms.attestor);
        if let (Some(attestor), Ok(signature)) = (attestor, signature.try_into()) {
            self.act(voucher.lease, Deed::Redeem(SignedVoucher { voucher, attestor, signature }.into()));
        }
    }

    /// Sends one transaction for the lease beside the loop, unless one is under way, and reads the lease again. One that
    /// was refused is tried again at the next look, not at once: nothing has changed.
    pub(super) fn act(&mut self, lease: Address, deed: Deed) {
        self.acting.retain(|_, acting| !acting.is_finished());
        if self.acting.contains_key(&lease) {
            return;
        }
        let (chain, node, readings) = (self.chain.clone(), self.context.node, self.readings.0.clone());
        let (troubles, clock) = (self.context.troubles.clone(), self.clock);
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
