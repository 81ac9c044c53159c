use millrace_client::accounts::ProviderAccount;
use millrace_client::{address as addresses, instructions};
use millrace_protocol::{Address, Diagnostic, Payout, UnixSeconds};
use serde::Serialize;
use serde_json::Value;
use thiserror::Error;

use crate::args::ChangePayout;
use crate::context::{Context, address};
use crate::errors::Failure;
use crate::output::{self, Report, Style};
use crate::views;
use crate::views::change::read_back;
use crate::views::duration::in_time;

/// Where earnings cannot go.
#[derive(Debug, Error)]
#[error("{provider} is the provider's own account, not a wallet")]
struct NotAWallet {
    provider: Address,
}

impl Diagnostic for NotAWallet {
    fn code(&self) -> &'static str {
        "wrong-payout-owner"
    }

    fn hint(&self) -> String {
        "name a wallet: what was earned goes to its USDC account".to_owned()
    }
}

#[derive(Serialize)]
struct Changed {
    provider: Address,
    /// Whom earnings go to until then.
    current: Address,
    next: Address,
    /// When `next` takes over; none where that is who is paid already, or where it could not be read back.
    next_from: Option<UnixSeconds>,
    transaction: Option<String>,
    #[serde(skip)]
    now: UnixSeconds,
}

impl Changed {
    fn is_pending(&self) -> bool {
        self.next != self.current
    }
}

impl Report for Changed {
    fn json(&self) -> Value {
        output::value(self)
    }

    fn human(&self, style: Style) -> String {
        let verb = if self.is_pending() { "will go" } else { "go" };
        let headline = format!("earnings {verb} to {}", self.next);
        let mut rows = Vec::new();
        if self.is_pending() {
            rows.push(("from", read_back(self.next_from.map(|from| in_time(from, self.now)))));
            rows.push(("until then", self.current.to_string()));
        }
        rows.push(("transaction", views::transaction(self.transaction.as_ref())));
        format!("{}\n{}", style.good(&headline), output::rows(rows))
    }

    fn next(&self) -> Vec<String> {
        if !self.is_pending() {
            return vec!["millrace provider show".to_owned()];
        }
        vec![
            "millrace provider withdraw  (pays out what was earned so far to the present wallet)".to_owned(),
            format!("millrace provider payout {}  (takes the change back)", self.current),
        ]
    }
}

/// Names the wallet that earnings go to after the network's delay, or takes such a change back.
///
/// # Errors
/// A wallet that is no provider, a payout to the provider's own account, an RPC endpoint that cannot be
/// reached.
pub async fn run(context: &Context<'_>, args: ChangePayout) -> Result<(), Failure> {
    let owner = context.keypair()?;
    let wallet = address(&owner);
    let client = context.client();
    let provider = addresses::provider(wallet);
    if args.to == provider {
        return Err(Failure::refused(&NotAWallet { provider }));
    }
    let account: ProviderAccount = client.fetch(provider).await?;
    let now = client.chain_clock().await?;
    let (mut transaction, mut payout) = (None, Some(account.payout));
    if !is_so(&account.payout, args.to, now) {
        let receipt = context.send(&instructions::change_payout(wallet, args.to), &owner).await?;
        transaction = Some(receipt.signature.to_string());
        payout = client.fetch::<ProviderAccount>(provider).await.ok().map(|account| account.payout);
    }
    context.output.report(&Changed {
        provider,
        current: payout.unwrap_or(account.payout).current(now),
        next: args.to,
        next_from: payout.map(|payout| payout.next_from).filter(|from| *from > now),
        transaction,
        now,
    });
    Ok(())
}

/// Whether naming `to` changes nothing but, at most, puts its own change off.
fn is_so(payout: &Payout, to: Address, now: UnixSeconds) -> bool {
    let pending = (payout.next_from > now).then_some(payout.next);
    pending.unwrap_or(payout.current(now)) == to
}

#[cfg(test)]
mod tests {
    use millrace_protocol::Seconds;

    use super::*;

    const OLD: Address = Address([1; 32]);
    const NEW: Address = Address([2; 32]);
    const NOW: UnixSeconds = UnixSeconds(1_000);

    #[test]
    fn a_change_under_way_is_neither_put_off_nor_kept_from_being_taken_back() {
        let mut payout = Payout::new(OLD);
        assert!(is_so(&payout, OLD, NOW) && !is_so(&payout, NEW, NOW));
        payout.change(NEW, Seconds(10), NOW).unwrap();
        assert!(is_so(&payout, NEW, NOW) && !is_so(&payout, OLD, NOW));
        let later = UnixSeconds(1_010);
        assert!(is_so(&payout, NEW, later) && !is_so(&payout, OLD, later));
    }

    #[test]
    fn both_wallets_and_the_moment_are_told() {
        let mut changed = Changed {
            provider: Address([3; 32]),
            current: OLD,
            next: NEW,
            next_from: Some(UnixSeconds(1_000 + 2 * 86_400)),
            transaction: Some("4xY".to_owned()),
            now: NOW,
        };
        insta::assert_snapshot!(changed.human(Style::plain()));
        assert_eq!(changed.next().len(), 2);
        changed.next_from = None;
        insta::assert_snapshot!(changed.human(Style::plain()));
        assert_eq!(changed.next().len(), 2);
        (changed.current, changed.transaction) = (NEW, None);
        insta::assert_snapshot!(changed.human(Style::plain()));
    }
}
