use anchor_lang::solana_program::instruction::Instruction;
use arbitrary::Arbitrary;
use millrace_testkit::protocol::{BasisPoints, MicroUsdc, Parameters, Seconds};

use crate::deeds::transaction;
use crate::market::Market;

/// One of the parameters, inside its bounds or outside.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub enum SetParameters {
    Fee(u16),
    BondHours(u16),
    MinimumBond(u32),
    MinimumReputation(u16),
    DelistFloor(u16),
    StartTimeout(u16),
    CheckpointInterval(u16),
    HoldLimit(u32),
    SettleGrace(u16),
    PreemptionNotice(u16),
    Penalties(u16, u16),
    DisputeBond(u16, u32),
    DecideWindow(u32),
    RevealWindow(u16),
    Unbonding(u32),
    PayoutDelay(u32),
    Any(u64),
}

impl SetParameters {
    pub fn call(self, market: &Market) -> Option<Vec<Instruction>> {
        let present = Parameters::from(market.config.parameters);
        Some(transaction(&market.chain.set_parameters(self.change(present))))
    }

    fn change(self, present: Parameters) -> Parameters {
        let seconds = |seconds: u32| Seconds(seconds.into());
        // Shares up to a bit more than the whole.
        let share = |share: u16| BasisPoints(share % 10_004);
        match self {
            Self::Fee(fee) => Parameters { fee: BasisPoints(fee % 1_503), ..present },
            Self::BondHours(bond_hours) => Parameters { bond_hours: bond_hours % 723, ..present },
            Self::MinimumBond(bond) => Parameters { minimum_bond: [MicroUsdc(bond.into()); 4], ..present },
            Self::MinimumReputation(score) => Parameters { minimum_reputation: [share(score); 4], ..present },
            Self::DelistFloor(floor) => Parameters { delist_floor: share(floor), ..present },
            Self::StartTimeout(timeout) => Parameters { start_timeout: seconds(timeout.into()), ..present },
            Self::CheckpointInterval(interval) => {
                Parameters { checkpoint_interval: seconds(interval.into()), ..present }
            }
            Self::HoldLimit(limit) => Parameters { hold_limit: seconds(limit), ..present },
            Self::SettleGrace(grace) => Parameters { settle_grace: seconds(grace.into()), ..present },
            Self::PreemptionNotice(notice) => Parameters { preemption_notice: seconds(notice.into()), ..present },
            Self::Penalties(abandon, lost) => {
                Parameters { abandon_penalty: share(abandon), lost_penalty: share(lost), ..present }
            }
            Self::DisputeBond(bond, least) => {
                Parameters { dispute_bond: share(bond), minimum_dispute_bond: MicroUsdc(least.into()), ..present }
            }
            Self::DecideWindow(window) => Parameters { decide_window: seconds(window), ..present },
            Self::RevealWindow(window) => Parameters { reveal_window: seconds(window.into()), ..present },
            Self::Unbonding(wait) => Parameters { unbonding: seconds(wait), ..present },
            Self::PayoutDelay(delay) => Parameters { payout_delay: seconds(delay), ..present },
            Self::Any(number) => Parameters {
                minimum_bond: [MicroUsdc(number); 4],
                minimum_dispute_bond: MicroUsdc(number),
                hold_limit: Seconds(number),
                unbonding: Seconds(number),
                ..present
            },
        }
    }
}
