use millrace_client::accounts::AllowanceAccount;
use millrace_client::{address as addresses, instructions};
use millrace_protocol::{Address, MicroUsdc};
use serde::Serialize;
use serde_json::Value;

use crate::args::RevokeDelegate;
use crate::context::{Context, address};
use crate::errors::Failure;
use crate::output::{self, Report, Style};

#[derive(Serialize)]
struct Revoked {
    delegate: Address,
    /// All that it put into jobs.
    spent: MicroUsdc,
    /// What it might still have.
    unspent: MicroUsdc,
    transaction: String,
}

impl Report for Revoked {
    fn json(&self) -> Value {
        output::value(self)
    }

    fn human(&self, style: Style) -> String {
        let rows = output::rows([
            ("it spent", self.spent.to_string()),
            ("unspent", self.unspent.to_string()),
            ("transaction", self.transaction.clone()),
        ]);
        format!("{}\n{rows}", style.good(&format!("{} opens no further job; those it opened go on", self.delegate)))
    }

    fn next(&self) -> Vec<String> {
        vec!["millrace job list  (`millrace job cancel <JOB>` ends one that you do not want)".to_owned()]
    }
}

/// Takes a delegate's allowance away.
///
/// # Errors
/// A key without an allowance, an RPC endpoint that cannot be reached.
pub async fn run(context: &Context<'_>, args: RevokeDelegate) -> Result<(), Failure> {
    let owner = context.keypair()?;
    let wallet = address(&owner);
    let allowance = addresses::allowance(addresses::buyer(wallet), args.delegate);
    let found: AllowanceAccount = context.client().fetch(allowance).await?;
    let receipt = context.send(&instructions::close_allowance(wallet, &found), &owner).await?;
    let allowance = found.allowance;
    context.output.report(&Revoked {
        delegate: args.delegate,
        spent: allowance.spent,
        unspent: allowance.total.saturating_minus(allowance.spent),
        transaction: receipt.signature.to_string(),
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_it_spent_is_told() {
        let revoked = Revoked {
            delegate: Address([2; 32]),
            spent: MicroUsdc(15_000_000),
            unspent: MicroUsdc(35_000_000),
            transaction: "4xY".to_owned(),
        };
        insta::assert_snapshot!(revoked.human(Style::plain()));
    }
}
