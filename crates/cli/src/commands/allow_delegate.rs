use millrace_client::accounts::{AllowanceAccount, BuyerAccount};
use millrace_client::address as addresses;
use millrace_client::instructions::{self, AllowanceTerms};
use millrace_protocol::{Address, Diagnostic, MicroUsdc, Seconds, UnixSeconds};
use serde::Serialize;
use serde_json::Value;
use thiserror::Error;

use crate::args::AllowDelegate;
use crate::context::{Context, address};
use crate::errors::Failure;
use crate::output::{self, Report, Style};
use crate::views::change::Change;
use crate::views::duration::duration;

/// What makes no sense as an allowance.
#[derive(Debug, Error)]
enum Error {
    #[error("{owner} owns the balance and needs no allowance")]
    Owner { owner: Address },
    #[error("one job may take {per_job}, and all together {total}")]
    JobOverTotal { per_job: MicroUsdc, total: MicroUsdc },
    #[error("the delegate has spent {spent} already, of {total} in all")]
    UsedUp { spent: MicroUsdc, total: MicroUsdc },
}

impl Diagnostic for Error {
    fn code(&self) -> &'static str {
        match self {
            Self::Owner { .. } => "delegate-is-owner",
            Self::JobOverTotal { .. } | Self::UsedUp { .. } => "allowance-useless",
        }
    }

    fn hint(&self) -> String {
        match self {
            Self::Owner { .. } => "name the delegate's key, and sign with the owner's",
            Self::JobOverTotal { .. } => "`--total` is at least `--per-job`",
            Self::UsedUp { .. } => {
                "`--total` counts from the first job on: give more, or end it with `millrace delegate revoke <DELEGATE>`"
            }
        }
        .to_owned()
    }
}

#[derive(Serialize)]
struct Allowed {
    allowance: Address,
    delegate: Address,
    /// Whose balance it is.
    owner: Address,
    per_job: Change<MicroUsdc>,
    total: Change<MicroUsdc>,
    /// All of it so far; an allowance that is changed keeps it.
    spent: MicroUsdc,
    /// What is in the balance at present.
    balance: MicroUsdc,
    expires_at: UnixSeconds,
    transaction: String,
    #[serde(skip)]
    lasts: Seconds,
}

impl Report for Allowed {
    fn json(&self) -> Value {
        output::value(self)
    }

    fn human(&self, style: Style) -> String {
        let rows = output::rows([
            ("a job at most", self.per_job.to_string()),
            ("all together", self.total.to_string()),
            ("spent of it", self.spent.to_string()),
            ("ends", format!("in {}", duration(self.lasts))),
            ("balance", self.balance.to_string()),
            ("transaction", self.transaction.clone()),
        ]);
        format!("{}\n{rows}", style.good(&format!("{} may open jobs from the prepaid balance", self.delegate)))
    }

    fn next(&self) -> Vec<String> {
        vec![
            format!("millrace delegate revoke {}  (ends it at once)", self.delegate),
            format!(
                "with the delegate's key: job submit <FILE> --prepaid --buyer {}; it needs some SOL for rent and fees",
                self.owner
            ),
        ]
    }
}

/// Lets a key open jobs from the wallet's balance, within caps and for a time; changes what it may where it
/// has an allowance.
///
/// # Errors
/// Caps that allow nothing, a wallet without a balance, an RPC endpoint that cannot be reached.
pub async fn run(context: &Context<'_>, args: AllowDelegate) -> Result<(), Failure> {
    let key = context.keypair()?;
    let owner = address(&key);
    check(&args, owner, MicroUsdc::ZERO).map_err(|error| Failure::usage(&error))?;
    let client = context.client();
    let balance: BuyerAccount = client.fetch(addresses::buyer(owner)).await?;
    let allowance = addresses::allowance(balance.address, args.delegate);
    let known: Option<AllowanceAccount> = client.find(allowance).await?;
    let before = known.as_ref().map(|known| known.allowance).unwrap_or_default();
    check(&args, owner, before.spent).map_err(|error| Failure::refused(&error))?;
    let expires_at = client.chain_clock().await?.after(args.lasts)?;
    let terms = AllowanceTerms { per_job: args.per_job, total: args.total, expires_at };
    let transaction = match &known {
        Some(known) => instructions::change_allowance(owner, known, terms),
        None => instructions::open_allowance(owner, args.delegate, terms),
    };
    let receipt = context.send(&transaction, &key).await?;
    context.output.report(&Allowed {
        allowance,
        delegate: args.delegate,
        owner,
        per_job: Change { before: before.per_job, after: terms.per_job },
        total: Change { before: before.total, after: terms.total },
        spent: before.spent,
        balance: balance.buyer.balance,
        expires_at,
        transaction: receipt.signature.to_string(),
        lasts: args.lasts,
    });
    Ok(())
}

/// The chain takes any caps; these would let nobody open a job.
fn check(args: &AllowDelegate, owner: Address, spent: MicroUsdc) -> Result<(), Error> {
    let (per_job, total) = (args.per_job, args.total);
    if args.delegate == owner {
        return Err(Error::Owner { owner });
    }
    if per_job > total {
        return Err(Error::JobOverTotal { per_job, total });
    }
    if spent >= total {
        return Err(Error::UsedUp { spent, total });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWNER: Address = Address([1; 32]);

    fn asked(delegate: Address, per_job: u64, total: u64) -> AllowDelegate {
        AllowDelegate { delegate, per_job: MicroUsdc(per_job), total: MicroUsdc(total), lasts: Seconds(60) }
    }

    #[test]
    fn an_allowance_that_allows_nothing_is_refused() {
        let other = Address([2; 32]);
        assert!(check(&asked(other, 5, 5), OWNER, MicroUsdc(4)).is_ok());
        for (asked, spent, code) in [
            (asked(OWNER, 5, 5), 0, "delegate-is-owner"),
            (asked(other, 6, 5), 0, "allowance-useless"),
            (asked(other, 0, 0), 0, "allowance-useless"),
            (asked(other, 5, 5), 5, "allowance-useless"),
        ] {
            assert_eq!(check(&asked, OWNER, MicroUsdc(spent)).unwrap_err().code(), code, "{asked:?}");
        }
    }

    #[test]
    fn caps_are_told_as_they_were_and_are() {
        let allowed = Allowed {
            allowance: Address([3; 32]),
            delegate: Address([2; 32]),
            owner: OWNER,
            per_job: Change { before: MicroUsdc(5_000_000), after: MicroUsdc(5_000_000) },
            total: Change { before: MicroUsdc(20_000_000), after: MicroUsdc(50_000_000) },
            spent: MicroUsdc(15_000_000),
            balance: MicroUsdc(100_000_000),
            expires_at: UnixSeconds(1_800_000_000),
            transaction: "4xY".to_owned(),
            lasts: Seconds(30 * 86_400),
        };
        insta::assert_snapshot!(allowed.human(Style::plain()));
        insta::assert_snapshot!(allowed.next().join("\n"));
    }
}
