use millrace_client::accounts::ProviderAccount;
use millrace_client::{address as addresses, instructions};
use millrace_protocol::{Address, Diagnostic, Error as Rule, MicroUsdc, Seconds, Stake, UnixSeconds};
use serde::Serialize;
use serde_json::Value;
use thiserror::Error;

use crate::args::UnstakeProvider;
use crate::context::{Context, address};
use crate::errors::Failure;
use crate::output::{self, Report, Style};
use crate::views::change::{Change, read_back};
use crate::views::duration::in_time;

/// Why stake stays.
#[derive(Debug, Error)]
#[error("{asked} are asked for, and {free} are free: {locked} back leases, {leaving} are on their way out")]
struct NotFree {
    asked: MicroUsdc,
    free: MicroUsdc,
    locked: MicroUsdc,
    leaving: MicroUsdc,
}

impl Diagnostic for NotFree {
    fn code(&self) -> &'static str {
        "stake-too-small"
    }

    fn hint(&self) -> String {
        "ask for less, or wait for leases to end; `millrace provider show` tells what is free".to_owned()
    }
}

#[derive(Serialize)]
struct Unstaked {
    provider: Address,
    amount: MicroUsdc,
    /// What may back a further lease; none where it could not be read back, as with `unlocks_at`.
    free: Option<Change<MicroUsdc>>,
    unlocks_at: Option<UnixSeconds>,
    transaction: String,
    #[serde(skip)]
    now: UnixSeconds,
}

impl Report for Unstaked {
    fn json(&self) -> Value {
        output::value(self)
    }

    fn human(&self, style: Style) -> String {
        let rows = output::rows([
            ("free stake", read_back(self.free)),
            ("may leave", read_back(self.unlocks_at.map(|at| in_time(at, self.now)))),
            ("transaction", self.transaction.clone()),
        ]);
        format!("{}\n{rows}", style.good(&format!("{} are on their way out and back no lease", self.amount)))
    }

    fn next(&self) -> Vec<String> {
        match self.unlocks_at {
            Some(at) => vec![format!("millrace provider withdraw  ({})", in_time(at, self.now))],
            None => vec!["millrace provider show".to_owned()],
        }
    }
}

/// Puts free stake on its way out.
///
/// # Errors
/// No amount, more than is free, a full queue, a wallet that is no provider, an RPC endpoint that cannot be
/// reached.
pub async fn run(context: &Context<'_>, args: UnstakeProvider) -> Result<(), Failure> {
    let owner = context.keypair()?;
    let wallet = address(&owner);
    let client = context.client();
    let network = client.config().await?;
    let provider = addresses::provider(wallet);
    let before: ProviderAccount = client.fetch(provider).await?;
    let now = client.chain_clock().await?;
    check(before.provider.stake, args.amount, network.parameters.unbonding, now)?;
    let receipt = context.send(&instructions::request_unstake(wallet, args.amount), &owner).await?;
    let (old, new) = (before.provider.stake, client.fetch::<ProviderAccount>(provider).await.ok());
    let new = new.map(|after| after.provider.stake);
    context.output.report(&Unstaked {
        provider,
        amount: args.amount,
        free: new.and_then(|new| Some(Change { before: old.free().ok()?, after: new.free().ok()? })),
        unlocks_at: new.map(|new| asked_for(&old, &new).unwrap_or(now)),
        transaction: receipt.signature.to_string(),
        now,
    });
    Ok(())
}

/// When the part that is new in the queue may leave, by the chain's own clock.
fn asked_for(before: &Stake, after: &Stake) -> Option<UnixSeconds> {
    let mut parts = before.unbonding.iter().zip(&after.unbonding);
    parts.find(|(old, new)| old != new).map(|(_, new)| new.unlocks_at)
}

/// The chain's own rule, so that a hopeless transaction is not paid for.
fn check(mut stake: Stake, asked: MicroUsdc, unbonding: Seconds, now: UnixSeconds) -> Result<(), Failure> {
    let (free, locked) = (stake.free()?, stake.locked);
    let leaving = stake.total.saturating_minus(free.plus(locked)?);
    match stake.unbond(asked, unbonding, now) {
        Ok(_) => Ok(()),
        Err(Rule::StakeTooSmall) => Err(Failure::refused(&NotFree { asked, free, locked, leaving })),
        Err(other) => Err(other.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_free_stake_leaves() {
        let mut stake = Stake::default();
        stake.add(MicroUsdc(110_000_000)).unwrap();
        stake.lock(MicroUsdc(30_000_000)).unwrap();
        stake.unbond(MicroUsdc(10_000_000), Seconds(60), UnixSeconds(0)).unwrap();
        let at = |asked| check(stake, MicroUsdc(asked), Seconds(60), UnixSeconds(5));
        assert_eq!(at(70_000_000), Ok(()));
        insta::assert_snapshot!(at(70_000_001).unwrap_err().text(Style::plain()));
        assert_eq!(at(0).unwrap_err().code, "amount-zero");
    }

    #[test]
    fn the_new_part_of_the_queue_is_the_one_that_was_asked_for() {
        let mut before = Stake::default();
        before.add(MicroUsdc(100)).unwrap();
        before.unbond(MicroUsdc(10), Seconds(90), UnixSeconds(0)).unwrap();
        let mut after = before;
        // Under a shorter time than the part before.
        after.unbond(MicroUsdc(10), Seconds(60), UnixSeconds(5)).unwrap();
        assert_eq!(asked_for(&before, &after), Some(UnixSeconds(65)));
        assert_eq!(asked_for(&after, &after), None);
    }

    #[test]
    fn it_says_when_it_may_leave() {
        let unstaked = Unstaked {
            provider: Address([1; 32]),
            amount: MicroUsdc(70_000_000),
            free: Some(Change { before: MicroUsdc(70_000_000), after: MicroUsdc::ZERO }),
            unlocks_at: Some(UnixSeconds(14 * 86_400)),
            transaction: "4xY".to_owned(),
            now: UnixSeconds(0),
        };
        insta::assert_snapshot!(unstaked.human(Style::plain()));
        insta::assert_snapshot!(unstaked.next().join("\n"));
    }
}
