use millrace_client::accounts::NodeAccount;
use millrace_client::instructions;
use millrace_protocol::{Address, Diagnostic};
use serde::Serialize;
use serde_json::Value;
use thiserror::Error;

use crate::args::NodeReference;
use crate::context::{Context, address};
use crate::errors::Failure;
use crate::output::{self, Report, Style};
use crate::rigs;

/// Why the node stays.
#[derive(Debug, Error)]
#[error("{leased} of the node's {units} units are leased")]
struct Busy {
    node: Address,
    leased: u16,
    units: u16,
}

impl Diagnostic for Busy {
    fn code(&self) -> &'static str {
        "node-busy"
    }

    fn hint(&self) -> String {
        format!("`millrace node drain {}` keeps further leases off; remove it when these have ended", self.node)
    }
}

#[derive(Serialize)]
struct Removed {
    node: Address,
    node_key: Address,
    /// Gets the account's rent back.
    rent_to: Address,
    transaction: String,
}

impl Report for Removed {
    fn json(&self) -> Value {
        output::value(self)
    }

    fn human(&self, style: Style) -> String {
        let rows = output::rows([
            ("node", self.node.to_string()),
            ("node key", format!("{} is no node's any more", self.node_key)),
            ("rent", format!("back to {}", self.rent_to)),
            ("transaction", self.transaction.clone()),
        ]);
        format!("{}\n{rows}", style.good("node removed from the market"))
    }

    fn next(&self) -> Vec<String> {
        vec!["stop its worker".to_owned(), "millrace node list".to_owned()]
    }
}

/// Takes a node off the market for good.
///
/// # Errors
/// A node that is leased, does not exist or is another provider's, an RPC endpoint that cannot be reached.
pub async fn run(context: &Context<'_>, args: NodeReference) -> Result<(), Failure> {
    let owner = context.keypair()?;
    let wallet = address(&owner);
    let found = rigs::of_owner(&context.client(), wallet, args.node).await?;
    check_idle(&found).map_err(|error| Failure::refused(&error))?;
    let receipt = context.send(&instructions::remove_node(wallet, &found), &owner).await?;
    context.output.report(&Removed {
        node: found.address,
        node_key: found.node_key,
        rent_to: found.rent_payer,
        transaction: receipt.signature.to_string(),
    });
    Ok(())
}

fn check_idle(found: &NodeAccount) -> Result<(), Busy> {
    let (leased, units) = (found.node.leased.0, found.node.hardware.units().0);
    found.node.check_idle().map_err(|_| Busy { node: found.address, leased, units })
}

#[cfg(test)]
mod tests {
    use millrace_protocol::GpuUnits;

    use super::*;
    use crate::commands::list_nodes::tests::account;

    #[test]
    fn a_node_that_is_leased_stays() {
        let mut node = account(0);
        check_idle(&node).unwrap();
        node.node.leased = GpuUnits(1);
        insta::assert_snapshot!(Failure::refused(&check_idle(&node).unwrap_err()).text(Style::plain()));
    }

    #[test]
    fn key_and_rent_are_told() {
        let removed = Removed {
            node: Address([1; 32]),
            node_key: Address([2; 32]),
            rent_to: Address([3; 32]),
            transaction: "4xY".to_owned(),
        };
        insta::assert_snapshot!(removed.human(Style::plain()));
    }
}
