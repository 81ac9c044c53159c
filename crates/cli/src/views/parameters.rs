//! The network's parameters in words, each under the flag of `network change` that sets it.

use millrace_protocol::{BasisPoints, Parameters};

use super::change::Change;
use super::duration::duration;

/// Every parameter with its value.
pub fn parameters(parameters: &Parameters) -> Vec<(&'static str, String)> {
    let p = parameters;
    vec![
        ("fee-bps", share(p.fee)),
        ("bond-hours", p.bond_hours.to_string()),
        ("minimum-bond", p.minimum_bond.map(|bond| bond.to_string()).join(", ")),
        ("minimum-reputation", p.minimum_reputation.map(share).join(", ")),
        ("delist-floor", share(p.delist_floor)),
        ("start-timeout", duration(p.start_timeout)),
        ("checkpoint", duration(p.checkpoint_interval)),
        ("hold-limit", duration(p.hold_limit)),
        ("settle-grace", duration(p.settle_grace)),
        ("preemption-notice", duration(p.preemption_notice)),
        ("abandon-penalty", share(p.abandon_penalty)),
        ("lost-penalty", share(p.lost_penalty)),
        ("dispute-bond", share(p.dispute_bond)),
        ("minimum-dispute-bond", p.minimum_dispute_bond.to_string()),
        ("decide-window", duration(p.decide_window)),
        ("reveal-window", duration(p.reveal_window)),
        ("unbonding", duration(p.unbonding)),
        ("payout-delay", duration(p.payout_delay)),
    ]
}

/// Those that differ, `before -> after`.
pub fn changed(change: &Change<Parameters>) -> Vec<(&'static str, String)> {
    let pairs = parameters(&change.before).into_iter().zip(parameters(&change.after));
    let differing = pairs.filter(|((_, before), (_, after))| before != after);
    differing.map(|((name, before), (_, after))| (name, Change { before, after }.to_string())).collect()
}

pub fn share(share: BasisPoints) -> String {
    format!("{}.{:02} %", share.0 / 100, share.0 % 100)
}

#[cfg(test)]
mod tests {
    use millrace_protocol::Seconds;

    use super::*;
    use crate::output::rows;

    #[test]
    fn every_parameter_is_told() {
        insta::assert_snapshot!(rows(parameters(&Parameters::default())));
    }

    #[test]
    fn only_what_differs_is_told_of_a_change() {
        let before = Parameters::default();
        let after = Parameters { fee: BasisPoints(425), unbonding: Seconds(86_400), ..before };
        assert_eq!(
            changed(&Change { before, after }),
            [("fee-bps", "5.00 % -> 4.25 %".to_owned()), ("unbonding", "14d -> 1d".to_owned())]
        );
        assert_eq!(changed(&Change { before, after: before }), []);
    }
}
