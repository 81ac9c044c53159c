use millrace_client::accounts::ProviderAccount;
use millrace_client::{address as addresses, instructions};
use millrace_protocol::{Address, Diagnostic, MicroUsdc, Stake, UnixSeconds};
use serde::Serialize;
use serde_json::Value;
use thiserror::Error;

use crate::args::WithdrawProvider;
use crate::context::{Context, address};
use crate::errors::Failure;
use crate::output::{self, Report, Style};
use crate::views::change::{Change, read_back};
use crate::views::duration::in_time;

/// Why nothing leaves.
#[derive(Debug, Error)]
enum Error {
    #[error("nothing was earned that was not taken out, and no stake may leave now")]
    Nothing { unlocks: Option<String> },
    #[error("{wallet} is neither the provider's owner nor {payout}, whom earnings go to")]
    Stranger { wallet: Address, payout: Address },
}

impl Diagnostic for Error {
    fn code(&self) -> &'static str {
        match self {
            Self::Nothing { .. } => "nothing-to-withdraw",
            Self::Stranger { .. } => "wrong-owner",
        }
    }

    fn hint(&self) -> String {
        match self {
            Self::Nothing { unlocks: Some(when) } => format!("stake that is on its way out may leave {when}"),
            Self::Nothing { unlocks: None } => {
                "leases earn by themselves; `millrace provider unstake <USDC>` asks for stake back".to_owned()
            }
            Self::Stranger { .. } => "sign with one of the two keys".to_owned(),
        }
    }
}

/// What can leave now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Due {
    earnings: MicroUsdc,
    stake: MicroUsdc,
}

#[derive(Serialize)]
struct Withdrawn {
    provider: Address,
    earnings: MicroUsdc,
    /// Whom they went to.
    payout: Address,
    /// Of that wallet's USDC account; none where it could not be read back.
    payout_balance: Option<Change<MicroUsdc>>,
    stake: MicroUsdc,
    /// Whom it went to.
    owner: Address,
    /// Stake that is left, what is on its way out included; none where it could not be read back.
    stake_left: Option<MicroUsdc>,
    transaction: String,
}

impl Report for Withdrawn {
    fn json(&self) -> Value {
        output::value(self)
    }

    fn human(&self, style: Style) -> String {
        let mut rows = Vec::new();
        if self.earnings > MicroUsdc::ZERO {
            rows.push(("earnings", format!("{} to {}", self.earnings, self.payout)));
            rows.push(("payout wallet", read_back(self.payout_balance)));
        }
        if self.stake > MicroUsdc::ZERO {
            rows.push(("stake", format!("{} to {}", self.stake, self.owner)));
        }
        rows.push(("stake left", read_back(self.stake_left)));
        rows.push(("transaction", self.transaction.clone()));
        format!("{}\n{}", style.good("withdrawn"), output::rows(rows))
    }

    fn next(&self) -> Vec<String> {
        vec!["millrace provider show".to_owned()]
    }
}

/// Takes out what was earned, to the payout wallet, and the stake that may leave, to the owner: in one
/// transaction.
///
/// # Errors
/// Nothing to take out, somebody else's provider, an RPC endpoint that cannot be reached.
pub async fn run(context: &Context<'_>, args: WithdrawProvider) -> Result<(), Failure> {
    let key = context.keypair()?;
    let wallet = address(&key);
    let client = context.client();
    let network = client.config().await?;
    let before: ProviderAccount = client.fetch(addresses::provider(args.owner.unwrap_or(wallet))).await?;
    let now = client.chain_clock().await?;
    let due = due(&before, wallet, now).map_err(|error| Failure::refused(&error))?;
    let mut transaction = Vec::new();
    if due.earnings > MicroUsdc::ZERO {
        transaction.extend(instructions::withdraw_earnings(wallet, &before, network.mint, now));
    }
    if due.stake > MicroUsdc::ZERO {
        transaction.extend(instructions::withdraw_stake(wallet, network.mint));
    }
    let payout = before.payout.current(now);
    let payout_before = client.usdc_balance(payout, network.mint).await?;
    let receipt = context.send(&transaction, &key).await?;
    let after = client.fetch::<ProviderAccount>(before.address).await.ok();
    let payout_after = client.usdc_balance(payout, network.mint).await.ok();
    context.output.report(&Withdrawn {
        provider: before.address,
        earnings: due.earnings,
        payout,
        payout_balance: payout_after.map(|after| Change { before: payout_before, after }),
        stake: due.stake,
        owner: before.owner,
        stake_left: after.map(|after| after.provider.stake.total),
        transaction: receipt.signature.to_string(),
    });
    Ok(())
}

/// What `wallet` can have leave at `now`: the owner both, the payout wallet earnings.
fn due(account: &ProviderAccount, wallet: Address, now: UnixSeconds) -> Result<Due, Error> {
    let payout = account.payout.current(now);
    let is_owner = wallet == account.owner;
    if !is_owner && wallet != payout {
        return Err(Error::Stranger { wallet, payout });
    }
    let stake = account.provider.stake;
    let unlocked = { stake }.withdraw(now).ok().filter(|_| is_owner).unwrap_or_default();
    let due = Due { earnings: account.provider.earnings.owner, stake: unlocked };
    if due == (Due { earnings: MicroUsdc::ZERO, stake: MicroUsdc::ZERO }) {
        return Err(Error::Nothing { unlocks: next_unlock(&stake).map(|at| in_time(at, now)) });
    }
    Ok(due)
}

/// When the next part of the stake may leave.
fn next_unlock(stake: &Stake) -> Option<UnixSeconds> {
    stake.unbonding.iter().filter(|part| part.amount > MicroUsdc::ZERO).map(|part| part.unlocks_at).min()
}

#[cfg(test)]
mod tests {
    use millrace_protocol::{Payout, Provider};

    use super::*;

    const OWNER: Address = Address([1; 32]);
    const PURSE: Address = Address([2; 32]);
    const NOW: UnixSeconds = UnixSeconds(1_000);

    /// Has 100 USDC of stake, of which 40 may leave now and 10 in an hour.
    fn account(earned: u64) -> ProviderAccount {
        let mut provider = Provider::default();
        provider.stake.add(MicroUsdc(100_000_000)).unwrap();
        provider.stake.unbond(MicroUsdc(40_000_000), millrace_protocol::Seconds(0), NOW).unwrap();
        provider.stake.unbond(MicroUsdc(10_000_000), millrace_protocol::Seconds(3_600), NOW).unwrap();
        provider.earnings.receive(MicroUsdc(earned), MicroUsdc(5)).unwrap();
        ProviderAccount {
            address: Address([3; 32]),
            owner: OWNER,
            display_name: "Basement rigs".to_owned(),
            nodes_added: 0,
            payout: Payout::new(PURSE),
            provider,
            rent_payer: OWNER,
            registered_at: UnixSeconds::ZERO,
        }
    }

    #[test]
    fn the_owner_gets_both_and_the_payout_wallet_what_was_earned() {
        let (earnings, stake) = (MicroUsdc(95), MicroUsdc(40_000_000));
        assert_eq!(due(&account(95), OWNER, NOW).unwrap(), Due { earnings, stake });
        assert_eq!(due(&account(95), PURSE, NOW).unwrap(), Due { earnings, stake: MicroUsdc::ZERO });
        assert!(matches!(due(&account(95), Address([9; 32]), NOW), Err(Error::Stranger { .. })));
    }

    #[test]
    fn nothing_to_withdraw_says_when_there_will_be() {
        let text = |error: &Error| Failure::refused(error).text(Style::plain());
        let mut account = account(0);
        account.provider.stake.withdraw(NOW).unwrap();
        insta::assert_snapshot!(text(&due(&account, OWNER, NOW).unwrap_err()));
        account.provider.stake.withdraw(UnixSeconds(5_000)).unwrap();
        insta::assert_snapshot!(text(&due(&account, OWNER, NOW).unwrap_err()));
    }

    #[test]
    fn where_the_money_went_is_told() {
        let withdrawn = Withdrawn {
            provider: Address([3; 32]),
            earnings: MicroUsdc(57_000),
            payout: PURSE,
            payout_balance: Some(Change { before: MicroUsdc(1), after: MicroUsdc(57_001) }),
            stake: MicroUsdc(40_000_000),
            owner: OWNER,
            stake_left: Some(MicroUsdc(60_000_000)),
            transaction: "4xY".to_owned(),
        };
        insta::assert_snapshot!(withdrawn.human(Style::plain()));
        let only_stake = Withdrawn { earnings: MicroUsdc::ZERO, ..withdrawn }.human(Style::plain());
        assert!(!only_stake.contains("earnings"), "{only_stake}");
    }
}
