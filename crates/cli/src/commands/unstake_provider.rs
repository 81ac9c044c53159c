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
use crate::views::change::Change;
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
    /// What may back a further lease.
    free: Change<MicroUsdc>,
    unlocks_at: UnixSeconds,
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
            ("free stake", self.free.to_string()),
            ("may leave", in_time(self.unlocks_at, self.now)),
            ("transaction", self.transaction.clone()),
        ]);
        format!("{}\n{rows}", style.good(&format!("{} are on their way out and back no lease", self.amount)))
    }

    fn next(&self) -> Vec<String> {
        vec![format!("millrace provider withdraw  ({})", in_time(self.unlocks_at, self.now))]
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
    let unlocks_at = unlocks_at(before.provider.stake, args.amount, network.parameters.unbonding, now)?;
    let receipt = context.send(&instructions::request_unstake(wallet, args.amount), &owner).await?;
    let after: ProviderAccount = client.fetch(provider).await?;
    context.output.report(&Unstaked {
        provider,
        amount: args.amount,
        free: Change { before: before.provider.stake.free()?, after: after.provider.stake.free()? },
        unlocks_at,
        transaction: receipt.signature.to_string(),
        now,
    });
    Ok(())
}

/// When it may leave, by the chain's own rule, so that a hopeless transaction is not paid for.
fn unlocks_at(
    mut stake: Stake,
    asked: MicroUsdc,
    unbonding: Seconds,
    now: UnixSeconds,
) -> Result<UnixSeconds, Failure> {
    let (free, locked) = (stake.free()?, stake.locked);
    let leaving = stake.total.saturating_minus(free.plus(locked)?);
    stake.unbond(asked, unbonding, now).map_err(|error| match error {
        Rule::StakeTooSmall => Failure::refused(&NotFree { asked, free, locked, leaving }),
        other => other.into(),
    })
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
        let at = |asked| unlocks_at(stake, MicroUsdc(asked), Seconds(60), UnixSeconds(5));
        assert_eq!(at(70_000_000), Ok(UnixSeconds(65)));
        insta::assert_snapshot!(at(70_000_001).unwrap_err().text(Style::plain()));
        assert_eq!(at(0).unwrap_err().code, "amount-zero");
    }

    #[test]
    fn it_says_when_it_may_leave() {
        let unstaked = Unstaked {
            provider: Address([1; 32]),
            amount: MicroUsdc(70_000_000),
            free: Change { before: MicroUsdc(70_000_000), after: MicroUsdc::ZERO },
            unlocks_at: UnixSeconds(14 * 86_400),
            transaction: "4xY".to_owned(),
            now: UnixSeconds(0),
        };
        insta::assert_snapshot!(unstaked.human(Style::plain()));
        insta::assert_snapshot!(unstaked.next().join("\n"));
    }
}
