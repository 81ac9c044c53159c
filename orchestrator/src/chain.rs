//! The chain, through the SDK: what happens on it comes in, transactions go out. Every landed
//! transaction is followed by a reading of the accounts it changed, so that the scheduler never
//! decides on what it has itself made stale.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use millrace_client::accounts::{
    Account, DisputeAccount, JobAccount, LeaseAccount, NodeAccount, ProviderAccount, QuorumAccount,
};
use millrace_client::{
    AnyAccount, Client, Error, Prepared, Receipt, Sender, Sight, SignedVoucher, Update, Watcher, WatcherOptions,
    cosign, instructions,
};
use millrace_protocol::transitions::LeaseOffer;
use millrace_protocol::{Address, MicroUsdc, Seconds};
use millrace_spec::Sha256;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::driver::{Inbox, Input};

/// Between two readings of the chain's clock.
const CLOCK_EVERY: Duration = Duration::from_secs(2);
/// Between two full readings for the sake of unknown keys.
const STRANGERS_EVERY: Duration = Duration::from_secs(2);

/// The root over the bids of a lease whose price is the posted one.
const NO_AUCTION: [u8; 32] = [0; 32];

/// What a landed transaction changed, and its signature.
pub(crate) type Landed = Result<(Vec<Update>, String), Error>;

/// What a transaction about a lease may have changed beside its job.
#[derive(Clone, Copy)]
struct Changed {
    lease: Address,
    node: Address,
    provider: Address,
    /// Where the job's results are counted.
    round: Option<Address>,
}

impl Changed {
    fn of(lease: Address, node: Address, provider: Address) -> Self {
        Self { lease, node, provider, round: None }
    }

    /// Whoever ends may leave a round, or is settled by its count.
    fn by_end(job: &JobAccount, lease: &LeaseAccount) -> Self {
        Self { round: job.open_quorum(), ..Self::of(lease.address, lease.node, lease.provider) }
    }
}

/// Sends transactions. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Chain {
    sender: Sender,
    nudge: Arc<Notify>,
    /// When a stranger last caused a full reading.
    asked: Arc<Mutex<Option<Instant>>>,
    /// How much of the chain is seen, once that was told.
    sight: Arc<Mutex<Option<Sight>>>,
}

impl Chain {
    pub fn new(sender: Sender) -> Self {
        Self { sender, nudge: Arc::new(Notify::new()), asked: Arc::default(), sight: Arc::default() }
    }

    /// How much of the chain is seen; none before the first reading.
    pub fn sight(&self) -> Option<Sight> {
        *self.sight.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks the watcher for a full reading.
    pub fn reconcile_soon(&self) {
        self.nudge.notify_one();
    }

    /// Asks for a full reading on behalf of a key that the chain does not know yet. Anybody can come
    /// with such a key, and a full reading is dear: one in a while serves them all. Tells whether it was asked.
    pub fn reconcile_for_stranger(&self) -> bool {
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = asked.is_none_or(|at| at.elapsed() >= STRANGERS_EVERY);
        if is_due {
            *asked = Some(Instant::now());
            self.reconcile_soon();
        }
        is_due
    }

    pub async fn prepare_lease(
        &self,
        job: &JobAccount,
        node: &NodeAccount,
        offer: LeaseOffer,
        (bid_book, opens_round): (Option<Sha256>, bool),
    ) -> Result<Prepared, Error> {
        let scheduler = self.sender.payer();
        let root = bid_book.map_or(NO_AUCTION, |root| root.0);
        // Together with its first lease: anybody may close a round that is empty.
        let mut instructions = if opens_round { instructions::open_quorum(scheduler, job) } else { Vec::new() };
        instructions.extend(instructions::open_lease(scheduler, scheduler, job, node, offer, root));
        self.sender.prepare(&instructions, &[]).await
    }

    /// Completes a prepared lease with the node's signature and brings it in.
    pub async fn open_lease(
        &self,
        prepared: &Prepared,
        job: &JobAccount,
        node: &NodeAccount,
        signature: [u8; 64],
    ) -> Landed {
        let signed = cosign::attach(&prepared.transaction, node.node_key, signature);
        let signed = signed.ok_or(Error::TransactionMalformed)?;
        let receipt = self.sender.submit_signed(&signed, prepared.last_valid_block_height).await?;
        let changed =
            Changed { round: job.open_quorum(), ..Changed::of(job.next_lease(), node.address, node.provider) };
        self.landed(receipt, job.address, Some(changed)).await
    }

    pub async fn prepare_extension(
        &self,
        lease: &LeaseAccount,
        node: &NodeAccount,
        more: Seconds,
    ) -> Result<Prepared, Error> {
        self.sender.prepare(&instructions::extend_lease(self.sender.payer(), node, lease, more), &[]).await
    }

    /// Completes a prepared extension with the node's signature and brings it in.
    pub async fn extend_lease(
        &self,
        prepared: &Prepared,
        lease: &LeaseAccount,
        node: &NodeAccount,
        signature: [u8; 64],
    ) -> Landed {
        let signed = cosign::attach(&prepared.transaction, node.node_key, signature);
        let signed = signed.ok_or(Error::TransactionMalformed)?;
        let receipt = self.sender.submit_signed(&signed, prepared.last_valid_block_height).await?;
        self.landed(receipt, lease.job, Some(Changed::of(lease.address, lease.node, lease.provider))).await
    }

    pub async fn settle(&self, job: &JobAccount, lease: &LeaseAccount, voucher: &SignedVoucher) -> Landed {
        let receipt = self.sender.send(&instructions::settle(job, lease, voucher), &[]).await?;
        self.landed(receipt, lease.job, Some(Changed::by_end(job, lease))).await
    }

    pub async fn notice_preemption(&self, lease: &LeaseAccount) -> Landed {
        let receipt = self.sender.send(&instructions::notice_preemption(self.sender.payer(), lease), &[]).await?;
        self.landed(receipt, lease.job, Some(Changed::of(lease.address, lease.node, lease.provider))).await
    }

    pub async fn expire_lease(&self, job: &JobAccount, lease: &LeaseAccount) -> Landed {
        let receipt = self.sender.send(&instructions::expire_lease(job, lease), &[]).await?;
        self.landed(receipt, lease.job, Some(Changed::by_end(job, lease))).await
    }

    pub async fn finalize_lease(&self, lease: &LeaseAccount) -> Landed {
        let receipt = self.sender.send(&instructions::finalize_lease(lease), &[]).await?;
        self.landed(receipt, lease.job, Some(Changed::of(lease.address, lease.node, lease.provider))).await
    }

    /// The bond comes out of the scheduler's own USDC: a shortage is told before anything is sent.
    pub async fn open_dispute(
        &self,
        job: &JobAccount,
        lease: &LeaseAccount,
        evidence: Sha256,
        bond: MicroUsdc,
    ) -> Landed {
        let scheduler = self.sender.payer();
        self.sender.client().require_usdc(scheduler, job.mint, bond).await?;
        let instructions = instructions::open_dispute(scheduler, job, lease, evidence.0);
        let receipt = self.sender.send(&instructions, &[]).await?;
        self.landed(receipt, lease.job, Some(Changed::of(lease.address, lease.node, lease.provider))).await
    }

    pub async fn expire_dispute(&self, job: &JobAccount, lease: &LeaseAccount, dispute: &DisputeAccount) -> Landed {
        let instructions = instructions::expire_dispute(self.sender.payer(), job, lease, dispute);
        let receipt = self.sender.send(&instructions, &[]).await?;
        self.landed(receipt, lease.job, Some(Changed::of(lease.address, lease.node, lease.provider))).await
    }

    pub async fn tally_quorum(&self, round: &QuorumAccount) -> Landed {
        let receipt = self.sender.send(&instructions::tally_quorum(round.address), &[]).await?;
        let read = self.read::<QuorumAccount>(round.address, receipt.slot, any_round).await;
        Ok((read.into_iter().collect(), receipt.signature.to_string()))
    }

    pub async fn settle_member(&self, job: &JobAccount, lease: &LeaseAccount) -> Landed {
        let receipt = self.sender.send(&instructions::settle_member(lease, job.round()), &[]).await?;
        self.landed(receipt, lease.job, Some(Changed::by_end(job, lease))).await
    }

    pub async fn close_quorum(&self, round: &QuorumAccount) -> Landed {
        let receipt = self.sender.send(&instructions::close_quorum(round), &[]).await?;
        self.landed(receipt, round.job, None).await
    }

    pub async fn expire_job(&self, job: Address) -> Landed {
        let receipt = self.sender.send(&instructions::expire_job(job), &[]).await?;
        self.landed(receipt, job, None).await
    }

    pub async fn close_job(&self, job: &JobAccount) -> Landed {
        let receipt = self.sender.send(&instructions::close_job(self.sender.payer(), job), &[]).await?;
        self.landed(receipt, job.address, None).await
    }

    pub async fn attest_node(&self, node: Address, attestation: instructions::Attestation) -> Landed {
        let instructions = instructions::attest_node(self.sender.payer(), node, attestation);
        let receipt = self.sender.send(&instructions, &[]).await?;
        let read = self.read::<NodeAccount>(node, receipt.slot, AnyAccount::Node).await;
        Ok((read.into_iter().collect(), receipt.signature.to_string()))
    }

    /// Reads what the transaction changed. When that fails the watcher will tell.
    async fn landed(&self, receipt: Receipt, job: Address, changed: Option<Changed>) -> Landed {
        let mut updates = Vec::new();
        // The lease's side first: a job that shows a lease nobody knows would be misread as one to fill.
        if let Some(Changed { lease, node, provider, round }) = changed {
            let read_round = async { self.read::<QuorumAccount>(round?, receipt.slot, any_round).await };
            let (lease, node, provider, round) = tokio::join!(
                self.read::<LeaseAccount>(lease, receipt.slot, AnyAccount::Lease),
                self.read::<NodeAccount>(node, receipt.slot, AnyAccount::Node),
                self.read::<ProviderAccount>(provider, receipt.slot, AnyAccount::Provider),
                read_round,
            );
            // A lease that is gone is booked by what its round said of it before.
            updates.extend([node, provider, lease, round].into_iter().flatten());
        }
        updates.extend(self.read::<JobAccount>(job, receipt.slot, AnyAccount::Job).await);
        Ok((updates, receipt.signature.to_string()))
    }

    async fn read<A: Account>(&self, address: Address, slot: u64, any: fn(A) -> AnyAccount) -> Option<Update> {
        match self.sender.client().find_with_slot::<A>(address).await {
            Ok((seen, account)) if !is_believable(account.is_some(), seen, slot) => {
                tracing::debug!(%address, seen, slot, "an endpoint is behind and does not know an account");
                self.reconcile_soon();
                None
            }
            Ok((_, account)) => Some(Update { address, slot, account: account.map(any) }),
            Err(error) => {
                tracing::debug!(%address, %error, "an account is read at the next reconciliation");
                self.reconcile_soon();
                None
            }
        }
    }

    /// Tells the driver what happens on chain until `stop`.
    pub async fn watch(self, inbox: Inbox, stop: CancellationToken) {
        let mut watcher = Watcher::start(self.sender.client().clone(), WatcherOptions::default());
        loop {
            let event = tokio::select! {
                () = stop.cancelled() => return,
                () = self.nudge.notified() => {
                    watcher.reconcile_soon();
                    continue;
                }
                event = watcher.next() => event,
            };
            let input = match event {
                Some(millrace_client::Event::Update(update)) => Input::Updates { updates: vec![update], then: None },
                Some(millrace_client::Event::Reconciled { .. }) => Input::Reconciled,
                Some(millrace_client::Event::Gap { endpoint, cause }) => {
                    tracing::info!(endpoint, ?cause, "changes on chain were missed and are read");
                    continue;
                }
                Some(millrace_client::Event::Sight(sight)) => {
                    *self.sight.lock().unwrap_or_else(PoisonError::into_inner) = Some(sight);
                    tracing::info!(?sight, "how much of the chain is seen has changed");
                    continue;
                }
                None => return,
            };
            if !inbox.send(input).await {
                return;
            }
        }
    }
}

fn any_round(round: QuorumAccount) -> AnyAccount {
    AnyAccount::Quorum(round.into())
}

/// That an account does not exist is told only by who has seen the transaction's slot: a job taken for
/// gone is given up for good. An older state of one that exists is sorted out by the scheduler.
fn is_believable(exists: bool, seen: u64, transaction: u64) -> bool {
    exists || seen >= transaction
}

/// Keeps the estimate of the chain's clock fresh until `stop`.
pub(crate) async fn follow_clock(client: Client, clock: Arc<Clock>, stop: CancellationToken) {
    loop {
        match client.chain_clock().await {
            Ok(seconds) => clock.read_chain(seconds),
            Err(error) => tracing::debug!(%error, "the chain's clock cannot be read now"),
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(CLOCK_EVERY) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strangers_do_not_make_it_read_the_chain_again_and_again() {
        let nowhere = Client::new(millrace_client::Endpoints { rpc: Vec::new(), ws: Vec::new() });
        let chain = Chain::new(Sender::new(nowhere, Arc::new(millrace_client::Keypair::new())));
        assert!(chain.reconcile_for_stranger());
        assert!(!chain.clone().reconcile_for_stranger());
    }

    #[test]
    fn an_endpoint_that_is_behind_cannot_say_that_an_account_is_gone() {
        assert!(!is_believable(false, 99, 100));
        assert!(is_believable(false, 100, 100));
        assert!(is_believable(true, 99, 100));
    }
}
