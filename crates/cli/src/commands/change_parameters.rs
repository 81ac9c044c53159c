use millrace_client::instructions;
use millrace_protocol::{Address, Parameters};
use serde::Serialize;
use serde_json::Value;

use crate::args::ChangeParameters;
use crate::context::{Context, address};
use crate::errors::Failure;
use crate::output::{self, Report, Style};
use crate::roles;
use crate::views;
use crate::views::change::Change;

/// What `Parameters::check` accepts, in this command's flags.
const BOUNDS: &str = "`--fee-bps` is at most 1500, `--bond-hours` at most 720, `--minimum-bond` above 0 and at most \
                      100000, `--minimum-dispute-bond` at most 1000; `--start-timeout`, `--checkpoint`, \
                      `--settle-grace`, `--preemption-notice` and `--reveal-window` are 5s to 1d; `--decide-window`, \
                      `--unbonding` and `--payout-delay` are 1m to 30d; `--hold-limit` is longer than `--checkpoint` \
                      and at most 7d";

#[derive(Serialize)]
struct Changed {
    config: Address,
    parameters: Change<Parameters>,
    transaction: Option<String>,
}

impl Report for Changed {
    fn json(&self) -> Value {
        output::value(self)
    }

    fn human(&self, style: Style) -> String {
        let mut rows = views::parameters::changed(&self.parameters);
        rows.push(("transaction", views::transaction(self.transaction.as_ref())));
        format!("{}\n{}", style.good("these hold for leases opened from now on"), output::rows(rows))
    }

    fn next(&self) -> Vec<String> {
        vec!["millrace network show".to_owned()]
    }
}

/// Changes the network's parameters.
///
/// # Errors
/// A key that is not the admin's, parameters outside of their bounds, an RPC endpoint that cannot be reached.
pub async fn run(context: &Context<'_>, args: ChangeParameters) -> Result<(), Failure> {
    let admin = context.keypair()?;
    let network = context.network().await?;
    roles::require_admin(network.admin, address(&admin))?;
    let after = apply(network.parameters, args);
    after.check().map_err(|error| Failure::usage(&error).with_hint(BOUNDS))?;
    let mut transaction = None;
    if after != network.parameters {
        let receipt = context.send(&instructions::set_parameters(network.admin, &after), &admin).await?;
        transaction = Some(receipt.signature.to_string());
    }
    let parameters = Change { before: network.parameters, after };
    context.output.report(&Changed { config: network.address, parameters, transaction });
    Ok(())
}

/// What was not given stays.
fn apply(now: Parameters, args: ChangeParameters) -> Parameters {
    Parameters {
        fee: args.fee_bps.unwrap_or(now.fee),
        bond_hours: args.bond_hours.unwrap_or(now.bond_hours),
        minimum_bond: args.minimum_bond.unwrap_or(now.minimum_bond),
        minimum_reputation: args.minimum_reputation.unwrap_or(now.minimum_reputation),
        delist_floor: args.delist_floor.unwrap_or(now.delist_floor),
        start_timeout: args.start_timeout.unwrap_or(now.start_timeout),
        checkpoint_interval: args.checkpoint.unwrap_or(now.checkpoint_interval),
        hold_limit: args.hold_limit.unwrap_or(now.hold_limit),
        settle_grace: args.settle_grace.unwrap_or(now.settle_grace),
        preemption_notice: args.preemption_notice.unwrap_or(now.preemption_notice),
        abandon_penalty: args.abandon_penalty.unwrap_or(now.abandon_penalty),
        lost_penalty: args.lost_penalty.unwrap_or(now.lost_penalty),
        dispute_bond: args.dispute_bond.unwrap_or(now.dispute_bond),
        minimum_dispute_bond: args.minimum_dispute_bond.unwrap_or(now.minimum_dispute_bond),
        decide_window: args.decide_window.unwrap_or(now.decide_window),
        reveal_window: args.reveal_window.unwrap_or(now.reveal_window),
        unbonding: args.unbonding.unwrap_or(now.unbonding),
        payout_delay: args.payout_delay.unwrap_or(now.payout_delay),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use millrace_protocol::{BasisPoints, MicroUsdc, Seconds};

    use super::*;
    use crate::args::{Cli, Command, NetworkCommand};

    fn parsed(words: &str) -> Option<ChangeParameters> {
        let words = ["millrace", "network", "change"].into_iter().chain(words.split_whitespace());
        match Cli::try_parse_from(words).ok()?.command {
            Command::Network(NetworkCommand::Change(args)) => Some(args),
            _ => None,
        }
    }

    #[test]
    fn what_is_given_changes_and_the_rest_stays() {
        let now = Parameters::default();
        assert_eq!(apply(now, ChangeParameters::default()), now);
        let given = "--fee-bps 400 --minimum-bond 1,2,3,4.5 --minimum-reputation 1,2,3,4 --hold-limit 7h";
        let after = apply(now, parsed(given).unwrap());
        let bonds = [1_000_000, 2_000_000, 3_000_000, 4_500_000].map(MicroUsdc);
        let reputations = [1, 2, 3, 4].map(BasisPoints);
        let expected = Parameters {
            fee: BasisPoints(400),
            minimum_bond: bonds,
            minimum_reputation: reputations,
            hold_limit: Seconds(7 * 3_600),
            ..now
        };
        assert_eq!(after, expected);
    }

    #[test]
    fn each_flag_sets_its_own_parameter() {
        let now = Parameters::default();
        let flags = [
            "fee-bps 1",
            "bond-hours 1",
            "minimum-bond 9,9,9,9",
            "minimum-reputation 1,1,1,1",
            "delist-floor 1",
            "start-timeout 9s",
            "checkpoint 9s",
            "hold-limit 9s",
            "settle-grace 9s",
            "preemption-notice 9s",
            "abandon-penalty 1",
            "lost-penalty 1",
            "dispute-bond 1",
            "minimum-dispute-bond 9",
            "decide-window 9s",
            "reveal-window 9s",
            "unbonding 9s",
            "payout-delay 9s",
        ];
        for flag in flags {
            let after = apply(now, parsed(&format!("--{flag}")).unwrap());
            let changed = views::parameters::changed(&Change { before: now, after });
            let names: Vec<_> = changed.iter().map(|(name, _)| *name).collect();
            assert_eq!(names, [flag.split(' ').next().unwrap()]);
        }
        assert_eq!(flags.len(), views::parameters::parameters(&now).len());
    }

    #[test]
    fn nothing_and_nonsense_are_refused() {
        for words in ["", "--minimum-bond 1,2,3", "--minimum-reputation 1,2,3,10001", "--fee-bps 10001", "--fee-bps -1"]
        {
            assert!(parsed(words).is_none(), "{words}");
        }
    }

    #[test]
    fn only_what_changed_is_told() {
        let before = Parameters::default();
        let after = Parameters { fee: BasisPoints(400), ..before };
        let mut changed = Changed {
            config: Address([1; 32]),
            parameters: Change { before, after },
            transaction: Some("4xY".to_owned()),
        };
        insta::assert_snapshot!(changed.human(Style::plain()));
        (changed.parameters.after, changed.transaction) = (before, None);
        insta::assert_snapshot!(changed.human(Style::plain()));
    }
}
