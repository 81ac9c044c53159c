use millrace_client::instructions;
use millrace_protocol::Address;
use serde::Serialize;
use serde_json::Value;

use crate::args::HandOver;
use crate::context::{Context, address};
use crate::errors::Failure;
use crate::output::{self, Report, Style};
use crate::roles;
use crate::views;
use crate::views::change::Change;

#[derive(Serialize)]
struct Proposed {
    admin: Address,
    pending_admin: Change<Option<Address>>,
    transaction: Option<String>,
}

impl Report for Proposed {
    fn json(&self) -> Value {
        output::value(self)
    }

    fn human(&self, style: Style) -> String {
        let headline = match self.pending_admin.after {
            Some(_) => "proposed: the present admin stays until the next one takes over",
            None => "nobody is proposed",
        };
        let named = |key: Option<Address>| key.map_or_else(|| "nobody".to_owned(), |key| key.to_string());
        let Change { before, after } = self.pending_admin;
        let rows = output::rows([
            ("admin", self.admin.to_string()),
            ("next admin", Change { before: named(before), after: named(after) }.to_string()),
            ("transaction", views::transaction(self.transaction.as_ref())),
        ]);
        format!("{}\n{rows}", style.good(headline))
    }

    fn next(&self) -> Vec<String> {
        match self.pending_admin.after {
            Some(_) => vec![
                "millrace network take-over --keypair <THE NEXT ADMIN'S KEY>".to_owned(),
                "millrace network hand-over --withdraw  (proposes nobody any more)".to_owned(),
            ],
            None => Vec::new(),
        }
    }
}

/// Proposes who becomes the admin, or nobody.
///
/// # Errors
/// A key that is not the admin's, an RPC endpoint that cannot be reached.
pub async fn run(context: &Context<'_>, args: HandOver) -> Result<(), Failure> {
    let signer = context.keypair()?;
    let network = context.network().await?;
    roles::require_admin(network.admin, address(&signer))?;
    let mut transaction = None;
    if network.pending_admin != args.next {
        let receipt = context.send(&instructions::propose_admin(network.admin, args.next), &signer).await?;
        transaction = Some(receipt.signature.to_string());
    }
    let pending_admin = Change { before: network.pending_admin, after: args.next };
    context.output.report(&Proposed { admin: network.admin, pending_admin, transaction });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_the_admin_until_when_is_told() {
        let next = Some(Address([2; 32]));
        let mut proposed = Proposed {
            admin: Address([1; 32]),
            pending_admin: Change { before: None, after: next },
            transaction: Some("4xY".to_owned()),
        };
        insta::assert_snapshot!(proposed.human(Style::plain()));
        assert_eq!(proposed.next().len(), 2);
        proposed.pending_admin = Change { before: next, after: None };
        insta::assert_snapshot!(proposed.human(Style::plain()));
        assert!(proposed.next().is_empty());
    }
}
