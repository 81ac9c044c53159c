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
struct Paused {
    config: Address,
    paused: Change<bool>,
    transaction: Option<String>,
}

impl Report for Paused {
    fn json(&self) -> Value {
        output::value(self)
    }

    fn human(&self, style: Style) -> String {
        let headline = match self.paused.after {
            true => "paused: no new jobs; what is under way goes on and is paid",
            false => "new jobs are taken",
        };
        let rows = output::rows([
            ("config", self.config.to_string()),
            ("transaction", views::transaction(self.transaction.as_ref())),
        ]);
        format!("{}\n{rows}", style.good(headline))
    }

    fn next(&self) -> Vec<String> {
        match self.paused.after {
            true => vec!["millrace network resume".to_owned()],
            false => Vec::new(),
        }
    }
}

/// Stops new jobs, or takes them again.
///
/// # Errors
/// A key that is not the admin's, an RPC endpoint that cannot be reached.
pub async fn run(context: &Context<'_>, paused: bool) -> Result<(), Failure> {
    let admin = context.keypair()?;
    let network = context.network().await?;
    roles::require_admin(network.admin, address(&admin))?;
    let mut transaction = None;
    if network.paused != paused {
        let receipt = context.send(&instructions::set_paused(network.admin, paused), &admin).await?;
        transaction = Some(receipt.signature.to_string());
    }
    let paused = Change { before: network.paused, after: paused };
    context.output.report(&Paused { config: network.address, paused, transaction });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_on_and_what_does_not_is_told() {
        let mut paused = Paused {
            config: Address([1; 32]),
            paused: Change { before: false, after: true },
            transaction: Some("4xY".to_owned()),
        };
        insta::assert_snapshot!(paused.human(Style::plain()));
        assert_eq!(paused.next(), ["millrace network resume"]);
        (paused.paused.after, paused.transaction) = (false, None);
        insta::assert_snapshot!(paused.human(Style::plain()));
    }
}
