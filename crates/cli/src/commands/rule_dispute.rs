use millrace_client::accounts::{DisputeAccount, JobAccount, LeaseAccount, ProviderAccount};
use millrace_client::{address as addresses, instructions};
use millrace_protocol::{Address, Diagnostic, MicroUsdc, Ruling, transitions};
use serde::Serialize;
use serde_json::Value;
use thiserror::Error;

use crate::args::RuleDispute;
use crate::context::{Context, address};
use crate::errors::Failure;
use crate::output::{self, Report, Style};
use crate::roles;

/// Why there is nothing to rule on.
#[derive(Debug, Error)]
#[error("{lease} is not disputed")]
struct NotDisputed {
    lease: Address,
}

impl Diagnostic for NotDisputed {
    fn code(&self) -> &'static str {
        "not-disputed"
    }

    fn hint(&self) -> String {
        "`millrace dispute list` tells the leases that wait for a ruling".to_owned()
    }
}

#[derive(Serialize)]
struct Ruled {
    job: Address,
    lease: Address,
    ruling: Ruling,
    /// To the provider's earnings, fee included.
    paid: MicroUsdc,
    fee: MicroUsdc,
    /// From the provider's stake to the job.
    compensation: MicroUsdc,
    /// From the provider's stake to the network.
    forfeit: MicroUsdc,
    /// The bond, to whoever challenged.
    challenger_refund: MicroUsdc,
    /// The bond, to the provider.
    challenger_forfeit: MicroUsdc,
    transaction: String,
}

impl Report for Ruled {
    fn json(&self) -> Value {
        output::value(self)
    }

    fn human(&self, style: Style) -> String {
        let headline = match self.ruling {
            Ruling::ProviderRight => "the provider is right: settled as reported",
            Ruling::BuyerRight => "the buyer is right: nothing more is paid",
            Ruling::Split => "split: half of what was not paid yet is paid",
        };
        let moved = [
            ("paid", self.paid),
            ("of that, fee", self.fee),
            ("stake to the job", self.compensation),
            ("stake to the network", self.forfeit),
            ("bond to the challenger", self.challenger_refund),
            ("bond to the provider", self.challenger_forfeit),
        ];
        let moved = moved.into_iter().filter(|(_, amount)| *amount > MicroUsdc::ZERO);
        let rows = [("lease", self.lease.to_string())].into_iter();
        let rows = rows.chain(moved.map(|(name, amount)| (name, amount.to_string())));
        let rows = output::rows(rows.chain([("transaction", self.transaction.clone())]));
        format!("{}\n{rows}", style.good(headline))
    }

    fn next(&self) -> Vec<String> {
        vec!["millrace dispute list".to_owned()]
    }
}

/// Rules on a disputed lease.
///
/// # Errors
/// A key that is not the arbiter's, a lease that is not disputed or was left alone for too long, an RPC endpoint
/// that cannot be reached.
pub async fn run(context: &Context<'_>, args: RuleDispute) -> Result<(), Failure> {
    let arbiter = context.keypair()?;
    let client = context.client();
    let network = client.config().await?;
    roles::require_arbiter(network.arbiter, address(&arbiter))?;
    let Some(dispute) = client.find::<DisputeAccount>(addresses::dispute(args.lease)).await? else {
        return Err(Failure::refused(&NotDisputed { lease: args.lease }));
    };
    let lease: LeaseAccount = client.fetch(args.lease).await?;
    let job: JobAccount = client.fetch(lease.job).await?;
    let provider: ProviderAccount = client.fetch(lease.provider).await?;
    let (ruling, now) = (Ruling::from(args.ruling), client.chain_clock().await?);
    // The chain's own rule: tells the money, and keeps a hopeless transaction from being paid for.
    let moved = transitions::resolve_dispute(
        &mut job.job.clone(),
        &mut lease.lease.clone(),
        &mut provider.provider.clone(),
        &dispute.dispute,
        ruling,
        now,
    )?;
    let resolving = instructions::resolve_dispute(network.arbiter, &job, &lease, &dispute, ruling);
    let receipt = context.send(&resolving, &arbiter).await?;
    context.output.report(&Ruled {
        job: job.address,
        lease: lease.address,
        ruling,
        paid: moved.payment,
        fee: moved.fee,
        compensation: moved.compensation,
        forfeit: moved.forfeit,
        challenger_refund: moved.challenger_refund,
        challenger_forfeit: moved.challenger_forfeit,
        transaction: receipt.signature.to_string(),
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_moved_is_told_and_what_did_not_is_not() {
        let mut ruled = Ruled {
            job: Address([1; 32]),
            lease: Address([2; 32]),
            ruling: Ruling::Split,
            paid: MicroUsdc(500_000),
            fee: MicroUsdc(25_000),
            compensation: MicroUsdc::ZERO,
            forfeit: MicroUsdc::ZERO,
            challenger_refund: MicroUsdc(1_000_000),
            challenger_forfeit: MicroUsdc::ZERO,
            transaction: "4xY".to_owned(),
        };
        insta::assert_snapshot!(ruled.human(Style::plain()));
        (ruled.ruling, ruled.paid, ruled.fee) = (Ruling::BuyerRight, MicroUsdc::ZERO, MicroUsdc::ZERO);
        ruled.forfeit = MicroUsdc(2_000_000);
        insta::assert_snapshot!(ruled.human(Style::plain()));
        insta::assert_snapshot!(Failure::refused(&NotDisputed { lease: ruled.lease }).text(Style::plain()));
    }
}
