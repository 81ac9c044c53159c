//! What a worker asks of the chain, and the little it does there itself.

use std::collections::HashMap;
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use millrace_client::accounts::{JobAccount, LeaseAccount, NodeAccount, QuorumAccount};
use millrace_client::{Asset, Client, Error, Keypair, Sender, SenderOptions, SignedVoucher, instructions};
use millrace_protocol::quorum::Quorum;
use millrace_protocol::{Address, UnixSeconds};
use millrace_spec::Sha256;

use crate::overdue::{self, Due, Looked};

/// What a node may have to do for a lease by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deed {
    /// Bring the latest voucher in.
    Redeem(Box<SignedVoucher>),
    ExtendStart,
    Hold,
    /// Commit to the result in its round.
    Commit {
        root: Sha256,
        salt: [u8; 32],
    },
    /// Show the result in its round.
    Reveal {
        root: Sha256,
        salt: [u8; 32],
    },
}

/// The chain, as a worker sees it.
pub trait Chain: Send + Sync + 'static {
    /// The node that was registered with the rig's key, if one was.
    fn node(&self) -> BoxFuture<'_, Result<Option<NodeAccount>, Error>>;

    fn job(&self, address: Address) -> BoxFuture<'_, Result<JobAccount, Error>>;

    /// Whose vouchers count where a job names nobody else.
    fn scheduler(&self) -> BoxFuture<'_, Result<Address, Error>>;

    /// A lease, if there is one, and the chain's time.
    fn lease(&self, address: Address) -> BoxFuture<'_, Result<(Option<LeaseAccount>, UnixSeconds), Error>>;

    /// The round in which a lease's result is counted, and the chain's time; none once the lease is settled.
    fn round(&self, lease: Address) -> BoxFuture<'_, Result<(Option<Quorum>, UnixSeconds), Error>>;

    /// Brings in, at the cost of the node's key, what was due of its leases `before` and still is. `vouchers` are the
    /// numbers of the latest that the node has, by lease.
    fn bring_in(
        &self,
        node: Address,
        before: Vec<Due>,
        vouchers: HashMap<Address, u64>,
    ) -> BoxFuture<'_, Result<Looked, Error>>;

    /// One transaction, signed and paid for by the node's key.
    fn act(&self, lease: LeaseAccount, deed: Deed) -> BoxFuture<'_, Result<(), Error>>;
}

/// Lamports that a payer of fees must keep: the rent-exempt minimum of an account without data, (128 bytes of
/// overhead) × 3480 lamports × 2 years (Solana's default `Rent`).
const KEPT: u64 = 890_880;
/// Lamports for the one signature of a transaction (Solana's base fee).
const SIGNATURE: u64 = 5_000;
/// Compute units that one transaction can have (Solana's `MAX_COMPUTE_UNIT_LIMIT`).
const MOST_UNITS: u64 = 1_400_000;

/// The chain behind RPC endpoints.
pub struct Rpc {
    client: Client,
    sender: Sender,
    node_key: Address,
}

impl Rpc {
    /// For the node whose key this is; the key signs and pays for whatever is done.
    pub fn new(client: Client, node_key: &Keypair) -> Self {
        let payer = Arc::new(node_key.insecure_clone());
        let address = millrace_client::keys::address_of(node_key);
        Self { sender: Sender::new(client.clone(), payer), client, node_key: address }
    }

    /// A result that is committed to and not shown costs the bond, one that is not committed to only its pay.
    async fn check_funds(&self) -> Result<(), Error> {
        check_funds(self.node_key, self.client.lamports(self.node_key).await?)
    }
}

impl Chain for Rpc {
    fn node(&self) -> BoxFuture<'_, Result<Option<NodeAccount>, Error>> {
        async {
            let nodes: Vec<NodeAccount> = self.client.fetch_all().await?;
            Ok(nodes.into_iter().find(|node| node.node_key == self.node_key))
        }
        .boxed()
    }

    fn job(&self, address: Address) -> BoxFuture<'_, Result<JobAccount, Error>> {
        self.client.fetch(address).boxed()
    }

    fn scheduler(&self) -> BoxFuture<'_, Result<Address, Error>> {
        async { Ok(self.client.config().await?.scheduler) }.boxed()
    }

    fn lease(&self, address: Address) -> BoxFuture<'_, Result<(Option<LeaseAccount>, UnixSeconds), Error>> {
        self.client.find_with_clock(address).boxed()
    }

    fn round(&self, lease: Address) -> BoxFuture<'_, Result<(Option<Quorum>, UnixSeconds), Error>> {
        async move {
            let (lease, clock) = self.client.find_with_clock::<LeaseAccount>(lease).await?;
            let Some(lease) = lease else { return Ok((None, clock)) };
            let job = self.job(lease.job).await?;
            let round: QuorumAccount = self.client.fetch(job.round()).await?;
            Ok((Some(round.quorum), clock))
        }
        .boxed()
    }

    fn bring_in(
        &self,
        node: Address,
        before: Vec<Due>,
        vouchers: HashMap<Address, u64>,
    ) -> BoxFuture<'_, Result<Looked, Error>> {
        async move {
            let sends = (&self.client, &self.sender, self.node_key);
            overdue::bring_in(sends, node, &before, &vouchers).await
        }
        .boxed()
    }

    fn act(&self, lease: LeaseAccount, deed: Deed) -> BoxFuture<'_, Result<(), Error>> {
        async move {
            let instructions = match deed {
                Deed::Redeem(voucher) => instructions::settle(&self.job(lease.job).await?, &lease, &voucher),
                Deed::ExtendStart => instructions::extend_start(self.node_key, &lease),
                Deed::Hold => instructions::hold_lease(self.node_key, &lease),
                Deed::Commit { root, salt } => {
                    self.check_funds().await?;
                    instructions::commit_result(self.node_key, &self.job(lease.job).await?, &lease, root.0, salt)
                }
                Deed::Reveal { root, salt } => {
                    instructions::reveal_result(self.node_key, &self.job(lease.job).await?, &lease, root.0, salt)
                }
            };
            self.sender.send(&instructions, &[]).await.map(|_| ())
        }
        .boxed()
    }
}

/// Lamports for a commitment and for showing it, each signed as often, and at as high a price, as a sender ever does.
fn needed_to_vote(options: SenderOptions) -> u64 {
    let priority = MOST_UNITS.saturating_mul(options.highest_unit_price).div_ceil(1_000_000);
    let one = SIGNATURE.saturating_add(priority);
    one.saturating_mul(2).saturating_mul(options.signings.into()).saturating_add(KEPT)
}

/// Whether a key can show what it is about to commit to.
///
/// # Errors
/// [`Error::InsufficientFunds`].
fn check_funds(owner: Address, available: u64) -> Result<(), Error> {
    let needed = needed_to_vote(SenderOptions::default());
    if available >= needed {
        return Ok(());
    }
    Err(Error::InsufficientFunds { owner, asset: Asset::Sol, available: Some(available), needed: Some(needed) })
}

#[cfg(test)]
mod tests {
    use millrace_protocol::Diagnostic;

    use super::*;

    #[test]
    fn nothing_is_committed_to_that_could_not_be_shown() {
        // Six transactions of 5 000 lamports and 1 400 000 units at 0.2 lamports each.
        let needed = 890_880 + 6 * (5_000 + 280_000);
        let key = Address([1; 32]);
        assert!(check_funds(key, needed).is_ok());
        for available in [0, 5_000, needed - 1] {
            let error = check_funds(key, available).unwrap_err();
            assert_eq!(error.code(), "insufficient-sol");
            assert!(error.hint().contains(&key.to_string()), "{error}");
            assert!(matches!(error, Error::InsufficientFunds { needed: Some(told), .. } if told == needed), "{error}");
        }
    }
}
