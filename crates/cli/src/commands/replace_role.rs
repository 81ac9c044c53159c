use millrace_client::{address as addresses, instructions};
use millrace_protocol::Address;
use serde::Serialize;
use serde_json::Value;

use crate::args::{ReplaceRole, RoleArg};
use crate::context::{Context, address};
use crate::errors::Failure;
use crate::output::{self, Report, Style};
use crate::roles;
use crate::views;
use crate::views::change::Change;

#[derive(Serialize)]
struct Replaced {
    config: Address,
    role: &'static str,
    /// Keys; token accounts where the role is the treasury's.
    address: Change<Address>,
    transaction: Option<String>,
    #[serde(skip)]
    goes_on: &'static str,
}

impl Report for Replaced {
    fn json(&self) -> Value {
        output::value(self)
    }

    fn human(&self, style: Style) -> String {
        let rows = output::rows([
            (self.role, self.address.to_string()),
            ("transaction", views::transaction(self.transaction.as_ref())),
        ]);
        format!("{}\n{rows}", style.good(self.goes_on))
    }

    fn next(&self) -> Vec<String> {
        match self.role {
            "scheduler" => vec!["millrace orchestrator run --keypair <SCHEDULER'S KEY>".to_owned()],
            _ => vec!["millrace network show".to_owned()],
        }
    }
}

/// Names another scheduler, arbiter or treasury.
///
/// # Errors
/// A key that is not the admin's, an RPC endpoint that cannot be reached.
pub async fn run(context: &Context<'_>, args: ReplaceRole) -> Result<(), Failure> {
    let signer = context.keypair()?;
    let network = context.network().await?;
    let admin = network.admin;
    roles::require_admin(admin, address(&signer))?;
    let (role, before, after, goes_on) = match args.role {
        RoleArg::Scheduler => {
            ("scheduler", network.scheduler, args.address, "leases under way keep the scheduler they were opened by")
        }
        RoleArg::Arbiter => ("arbiter", network.arbiter, args.address, "it decides every open dispute, too"),
        RoleArg::Treasury => (
            "treasury",
            network.treasury,
            addresses::token_account(args.address, network.mint),
            "fees are swept there from now on, also those that wait already",
        ),
    };
    let mut transaction = None;
    if before != after {
        let instructions = match args.role {
            RoleArg::Scheduler => instructions::set_scheduler(admin, after),
            RoleArg::Arbiter => instructions::set_arbiter(admin, after),
            RoleArg::Treasury => {
                let mut all =
                    instructions::create_associated_token_account_idempotent(admin, args.address, network.mint);
                all.extend(instructions::set_treasury(admin, after));
                all
            }
        };
        transaction = Some(context.send(&instructions, &signer).await?.signature.to_string());
    }
    let address = Change { before, after };
    context.output.report(&Replaced { config: network.address, role, address, transaction, goes_on });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_holders_are_told() {
        let mut replaced = Replaced {
            config: Address([1; 32]),
            role: "arbiter",
            address: Change { before: Address([2; 32]), after: Address([3; 32]) },
            transaction: Some("4xY".to_owned()),
            goes_on: "it decides every open dispute, too",
        };
        insta::assert_snapshot!(replaced.human(Style::plain()));
        assert_eq!(replaced.next(), ["millrace network show"]);
        replaced.role = "scheduler";
        assert!(replaced.next()[0].starts_with("millrace orchestrator run"));
    }
}
