use millrace_client::instructions;
use millrace_protocol::Address;
use serde::Serialize;
use serde_json::Value;

use crate::context::{Context, address};
use crate::errors::Failure;
use crate::output::{self, Report, Style};
use crate::roles;
use crate::views;
use crate::views::change::Change;

#[derive(Serialize)]
struct TakenOver {
    config: Address,
    admin: Change<Address>,
    transaction: Option<String>,
}

impl Report for TakenOver {
    fn json(&self) -> Value {
        output::value(self)
    }

    fn human(&self, style: Style) -> String {
        let rows = output::rows([
            ("admin", self.admin.to_string()),
            ("transaction", views::transaction(self.transaction.as_ref())),
        ]);
        format!("{}\n{rows}", style.good("this key is the network's admin"))
    }

    fn next(&self) -> Vec<String> {
        vec!["millrace network show".to_owned()]
    }
}

/// Takes over as the admin.
///
/// # Errors
/// A key that was not proposed, an RPC endpoint that cannot be reached.
pub async fn run(context: &Context<'_>) -> Result<(), Failure> {
    let signer = context.keypair()?;
    let next = address(&signer);
    let network = context.network().await?;
    let mut transaction = None;
    if network.admin != next {
        roles::require_proposed(network.pending_admin, next)?;
        transaction = Some(context.send(&instructions::accept_admin(next), &signer).await?.signature.to_string());
    }
    let admin = Change { before: network.admin, after: next };
    context.output.report(&TakenOver { config: network.address, admin, transaction });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_admins_are_told() {
        let mut taken = TakenOver {
            config: Address([1; 32]),
            admin: Change { before: Address([2; 32]), after: Address([3; 32]) },
            transaction: Some("4xY".to_owned()),
        };
        insta::assert_snapshot!(taken.human(Style::plain()));
        (taken.admin.before, taken.transaction) = (taken.admin.after, None);
        insta::assert_snapshot!(taken.human(Style::plain()));
    }
}
