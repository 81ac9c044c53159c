use millrace_client::accounts::ConfigAccount;
use millrace_protocol::{Address, Parameters};
use serde::Serialize;
use serde_json::Value;

use crate::context::Context;
use crate::errors::Failure;
use crate::output::{self, Report, Style};
use crate::views;

#[derive(Serialize)]
struct Network {
    config: Address,
    admin: Address,
    pending_admin: Option<Address>,
    scheduler: Address,
    arbiter: Address,
    /// A token account.
    treasury: Address,
    mint: Address,
    paused: bool,
    parameters: Parameters,
}

impl Report for Network {
    fn json(&self) -> Value {
        output::value(self)
    }

    fn human(&self, style: Style) -> String {
        let new_jobs = if self.paused { "refused: the network is paused" } else { "taken" };
        let mut rows = vec![("new jobs", new_jobs.to_owned()), ("admin", self.admin.to_string())];
        rows.extend(self.pending_admin.map(|next| ("next admin", format!("{next}, once it takes over"))));
        rows.extend([
            ("scheduler", self.scheduler.to_string()),
            ("arbiter", self.arbiter.to_string()),
            ("treasury", self.treasury.to_string()),
            ("mint", self.mint.to_string()),
        ]);
        let roles = output::rows(rows);
        let parameters = output::rows(views::parameters::parameters(&self.parameters));
        format!("{roles}\n\n{}\n{parameters}", style.accent("parameters"))
    }

    fn next(&self) -> Vec<String> {
        let mut next = vec!["millrace network change --help  (what each parameter means)".to_owned()];
        next.extend(self.paused.then(|| "millrace network resume".to_owned()));
        next
    }
}

impl From<ConfigAccount> for Network {
    fn from(found: ConfigAccount) -> Self {
        let ConfigAccount { address, admin, pending_admin, scheduler, arbiter, paused, treasury, mint, parameters } =
            found;
        Self { config: address, admin, pending_admin, scheduler, arbiter, treasury, mint, paused, parameters }
    }
}

/// Shows who runs the network and by which parameters.
///
/// # Errors
/// A chain without a network, an RPC endpoint that cannot be reached.
pub async fn run(context: &Context<'_>) -> Result<(), Failure> {
    context.output.report(&Network::from(context.network().await?));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_and_parameters_are_told() {
        let mut network = Network {
            config: Address([1; 32]),
            admin: Address([2; 32]),
            pending_admin: None,
            scheduler: Address([3; 32]),
            arbiter: Address([4; 32]),
            treasury: Address([5; 32]),
            mint: Address([6; 32]),
            paused: false,
            parameters: Parameters::default(),
        };
        insta::assert_snapshot!(network.human(Style::plain()));
        assert_eq!(network.next().len(), 1);
        (network.pending_admin, network.paused) = (Some(Address([7; 32])), true);
        let text = network.human(Style::plain());
        assert!(text.contains("next admin") && text.contains("refused"), "{text}");
        assert_eq!(network.next()[1], "millrace network resume");
    }
}
