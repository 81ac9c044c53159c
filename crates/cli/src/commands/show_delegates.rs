use millrace_client::accounts::{AllowanceAccount, BuyerAccount};
use millrace_client::address as addresses;
use millrace_protocol::{Address, MicroUsdc, UnixSeconds};
use serde::Serialize;
use serde_json::Value;

use crate::args::ShowDelegates;
use crate::context::{Context, address};
use crate::errors::Failure;
use crate::output::table::{Column, render};
use crate::output::{self, Report, Style};
use crate::views::duration::in_time;

#[derive(Serialize)]
struct Shown {
    owner: Address,
    /// The most that all of them together can put into jobs now.
    balance: MicroUsdc,
    delegates: Vec<Delegate>,
    #[serde(skip)]
    now: UnixSeconds,
}

#[derive(Serialize)]
struct Delegate {
    delegate: Address,
    per_job: MicroUsdc,
    total: MicroUsdc,
    spent: MicroUsdc,
    expires_at: UnixSeconds,
    expired: bool,
}

impl Report for Shown {
    fn json(&self) -> Value {
        output::value(self)
    }

    fn human(&self, style: Style) -> String {
        let headline = style.strong(&format!("{} prepaid by {}", self.balance, self.owner));
        if self.delegates.is_empty() {
            return format!("{headline}\nno delegates");
        }
        let rows: Vec<_> = self.delegates.iter().map(|delegate| self.row(delegate)).collect();
        let columns = [
            Column::Text("delegate"),
            Column::Number("a job at most"),
            Column::Number("all together"),
            Column::Number("spent"),
            Column::Text("ends"),
        ];
        format!("{headline}\n\n{}", render(&columns, &rows))
    }

    fn next(&self) -> Vec<String> {
        match self.delegates.iter().find(|delegate| delegate.expired) {
            Some(expired) => {
                vec![format!("millrace delegate revoke {}  (it has expired; its rent comes back)", expired.delegate)]
            }
            None => vec!["millrace delegate allow --help  (another one, or other caps)".to_owned()],
        }
    }
}

impl Shown {
    fn row(&self, delegate: &Delegate) -> Vec<String> {
        let ends = match delegate.expired {
            true => "has ended".to_owned(),
            false => in_time(delegate.expires_at, self.now),
        };
        let amounts = [delegate.per_job, delegate.total, delegate.spent].map(|amount| amount.to_string());
        [delegate.delegate.to_string()].into_iter().chain(amounts).chain([ends]).collect()
    }
}

/// Shows who may open jobs from a balance.
///
/// # Errors
/// A wallet without a balance, a key without an allowance, an RPC endpoint that cannot be reached.
pub async fn run(context: &Context<'_>, args: ShowDelegates) -> Result<(), Failure> {
    let owner = match args.owner {
        Some(owner) => owner,
        None => address(&*context.keypair()?),
    };
    let client = context.client();
    let balance: BuyerAccount = client.fetch(addresses::buyer(owner)).await?;
    let mut found: Vec<AllowanceAccount> = match args.delegate {
        Some(delegate) => vec![client.fetch(addresses::allowance(balance.address, delegate)).await?],
        // Most balances have none, and an endpoint is spared the search.
        None if balance.buyer.allowances == 0 => Vec::new(),
        None => client.fetch_all().await?,
    };
    found.retain(|allowance| allowance.buyer == balance.address);
    found.sort_by_key(|allowance| (allowance.allowance.expires_at, allowance.delegate));
    let now = client.chain_clock().await?;
    let delegates = found.iter().map(|found| delegate(found, now)).collect();
    context.output.report(&Shown { owner, balance: balance.buyer.balance, delegates, now });
    Ok(())
}

fn delegate(found: &AllowanceAccount, now: UnixSeconds) -> Delegate {
    let allowance = found.allowance;
    Delegate {
        delegate: found.delegate,
        per_job: allowance.per_job,
        total: allowance.total,
        spent: allowance.spent,
        expires_at: allowance.expires_at,
        expired: now >= allowance.expires_at,
    }
}

#[cfg(test)]
mod tests {
    use millrace_protocol::Allowance;

    use super::*;

    const NOW: UnixSeconds = UnixSeconds(1_000);

    fn found(key: u8, expires_at: u64) -> AllowanceAccount {
        AllowanceAccount {
            address: Address([9; 32]),
            buyer: Address([8; 32]),
            delegate: Address([key; 32]),
            rent_payer: Address([1; 32]),
            allowance: Allowance {
                per_job: MicroUsdc(5_000_000),
                total: MicroUsdc(200_000_000),
                spent: MicroUsdc(15_000_000),
                expires_at: UnixSeconds(expires_at),
            },
        }
    }

    #[test]
    fn an_allowance_ends_at_its_second() {
        assert!(!delegate(&found(2, 1_001), NOW).expired);
        assert!(delegate(&found(2, 1_000), NOW).expired);
    }

    #[test]
    fn delegates_stand_in_a_table() {
        let delegates = [found(2, 1_000), found(3, 8_500)].iter().map(|found| delegate(found, NOW)).collect();
        let mut shown = Shown { owner: Address([1; 32]), balance: MicroUsdc(50_000_000), delegates, now: NOW };
        insta::assert_snapshot!(shown.human(Style::plain()));
        assert!(shown.next()[0].contains("has expired"), "{:?}", shown.next());
        shown.delegates.clear();
        assert!(shown.human(Style::plain()).ends_with("no delegates"));
    }
}
