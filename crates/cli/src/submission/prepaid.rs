//! Jobs whose deposit comes from a prepaid balance.

use std::sync::Arc;

use millrace_client::accounts::{AllowanceAccount, BuyerAccount};
use millrace_client::instructions::{self, NewPrepaidJob};
use millrace_client::{Client, Goal, Keypair, address as addresses};
use millrace_protocol::{Address, Error as Rule, MicroUsdc};

use super::{Error, Opened, Prepared, known, pay};
use crate::context::address;
use crate::errors::Failure;
use crate::market::Market;

impl Prepared {
    /// Like [`Prepared::open`], with the deposit from `balance`; `wallet` is its owner's or a delegate's.
    ///
    /// # Errors
    /// A balance or an allowance that does not cover the deposit, a wallet without enough SOL, an orchestrator
    /// or RPC endpoint that cannot be reached, a refusal by the chain. Where the job may be open nevertheless, the
    /// failure names it.
    pub async fn open_prepaid(
        &self,
        client: &Client,
        market: &Market,
        wallet: &Arc<Keypair>,
        balance: &BuyerAccount,
        id: u64,
    ) -> Result<Opened, Failure> {
        let (authority, deposit) = (address(wallet), self.spec.terms.deposit);
        require_balance(balance, deposit)?;
        if authority != balance.owner {
            require_allowance(client, balance.address, authority, deposit).await?;
        }
        self.upload(client, market, wallet).await?;
        let job = NewPrepaidJob {
            authority,
            id,
            spec_hash: self.spec.hash().0,
            terms: self.spec.terms,
            attestor: self.file.attestor(),
        };
        let (address, goal) = (addresses::job(balance.owner, job.id), Goal::prepaid_job_opened(balance, job));
        let opened = pay(client, wallet, address, &goal, &instructions::open_job_prepaid(balance, job)).await?;
        known(market, address).await;
        Ok(opened)
    }
}

/// Fails unless a prepaid balance covers the amount, by the chain's own rule.
///
/// # Errors
/// [`Error::BalanceTooSmall`] with both numbers.
pub fn require_balance(balance: &BuyerAccount, needed: MicroUsdc) -> Result<(), Failure> {
    let (owner, available) = (balance.owner, balance.buyer.balance);
    { balance.buyer }.spend(needed).map_err(|error| match error {
        Rule::BalanceTooSmall => Error::BalanceTooSmall { owner, available, needed }.into(),
        other => other.into(),
    })
}

async fn require_allowance(
    client: &Client,
    balance: Address,
    delegate: Address,
    needed: MicroUsdc,
) -> Result<(), Failure> {
    let found: AllowanceAccount = client.fetch(addresses::allowance(balance, delegate)).await?;
    let allowance = found.allowance;
    let (per_job, left) = (allowance.per_job, allowance.total.saturating_minus(allowance.spent));
    { allowance }.draw(needed, client.chain_clock().await?).map_err(|error| match error {
        Rule::AllowanceExceeded => Error::AllowanceTooSmall { per_job, left, needed }.into(),
        other => other.into(),
    })
}

#[cfg(test)]
mod tests {
    use millrace_protocol::Buyer;

    use super::*;
    use crate::output::Style;

    #[test]
    fn a_balance_that_is_too_small_is_told_with_both_numbers() {
        let mut buyer = Buyer::default();
        buyer.deposit(MicroUsdc(5_000_000)).unwrap();
        let [address, owner, mint, rent_payer] = [1, 2, 3, 2].map(|byte| Address([byte; 32]));
        let balance = BuyerAccount { address, owner, mint, rent_payer, buyer };
        require_balance(&balance, MicroUsdc(5_000_000)).unwrap();
        let failure = require_balance(&balance, MicroUsdc(5_000_001)).unwrap_err();
        insta::assert_snapshot!(failure.text(Style::plain()));
    }
}
