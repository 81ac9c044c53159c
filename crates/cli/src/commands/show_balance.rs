use millrace_client::accounts::BuyerAccount;
use millrace_client::address as addresses;
use millrace_protocol::{Address, Buyer, MicroUsdc};
use serde::Serialize;
use serde_json::Value;

use crate::args::ShowBalance;
use crate::context::{Context, address};
use crate::errors::Failure;
use crate::output::{self, Report, Style};

#[derive(Serialize)]
struct Shown {
    account: Address,
    owner: Address,
    #[serde(flatten)]
    buyer: Buyer,
}

impl Report for Shown {
    fn json(&self) -> Value {
        output::value(self)
    }

    fn human(&self, style: Style) -> String {
        let buyer = &self.buyer;
        let amounts = [
            ("deposited", buyer.deposited),
            ("spent", buyer.spent),
            ("refunded", buyer.refunded),
            ("withdrawn", buyer.withdrawn),
        ];
        let amounts = amounts.map(|(name, amount)| format!("{name:<12}{:>20}", amount.to_string()));
        format!(
            "{}\naccount     {}\nowner       {}\njobs        {} opened, {} live, {} cancelled\ndelegates   {}\n\n{}",
            style.strong(&format!("{} prepaid", buyer.balance)),
            self.account,
            self.owner,
            buyer.jobs_opened,
            buyer.jobs_live,
            buyer.jobs_cancelled,
            buyer.allowances,
            amounts.join("\n")
        )
    }

    fn next(&self) -> Vec<String> {
        let mut next = Vec::new();
        match self.buyer.balance {
            MicroUsdc::ZERO => next.push("millrace balance deposit <USDC>".to_owned()),
            _ => next.push("millrace job submit <FILE> --prepaid".to_owned()),
        }
        if self.buyer.allowances > 0 {
            next.push("millrace delegate show  (who may open jobs from it)".to_owned());
        }
        next
    }
}

/// Shows a prepaid balance as the chain has it.
///
/// # Errors
/// A wallet without a balance, an RPC endpoint that cannot be reached.
pub async fn run(context: &Context<'_>, args: ShowBalance) -> Result<(), Failure> {
    let owner = match args.owner {
        Some(owner) => owner,
        None => address(&*context.keypair()?),
    };
    let found: BuyerAccount = context.client().fetch(addresses::buyer(owner)).await?;
    context.output.report(&Shown { account: found.address, owner, buyer: found.buyer });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_and_what_went_add_up_to_the_balance() {
        let buyer = Buyer {
            balance: MicroUsdc(7_500_000),
            deposited: MicroUsdc(10_000_000),
            withdrawn: MicroUsdc(1_000_000),
            spent: MicroUsdc(3_000_000),
            refunded: MicroUsdc(1_500_000),
            jobs_opened: 2,
            jobs_live: 1,
            jobs_cancelled: 1,
            disputes_lost: 0,
            allowances: 1,
        };
        let shown = Shown { account: Address([1; 32]), owner: Address([2; 32]), buyer };
        insta::assert_snapshot!(shown.human(Style::plain()));
        assert_eq!(shown.next().len(), 2);
        assert_eq!(shown.json()["balance"], 7_500_000, "amounts are micro-USDC");
    }
}
