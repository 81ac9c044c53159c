use super::{Row, When};
use crate::ProviderStatus;

pub(super) fn status(status: ProviderStatus) -> &'static [Row] {
    match status {
        ProviderStatus::Active => &[Row {
            proof: "a_provider_under_the_floor_is_delisted_at_once",
            when: When::AtOnce,
            before: "",
            who: "anyone, while the reputation is under the floor",
            instruction: "delist_provider",
            then: "Delisted: no further leases; those it has go on",
            money: "",
        }],
        ProviderStatus::Draining => &[Row {
            proof: "a_draining_provider_resumes_at_once",
            when: When::AtOnce,
            before: "",
            who: "owner",
            instruction: "set_provider_status",
            then: "Active",
            money: "stake and earnings come out by their own rows",
        }],
        ProviderStatus::Delisted => &[Row {
            proof: "a_delisted_provider_is_listed_again_by_time",
            when: When::By("the reputation reaching the floor: bad weight halves every 30 days"),
            before: "",
            who: "anyone",
            instruction: "relist_provider",
            then: "Active",
            money: "stake and earnings come out by their own rows",
        }],
    }
}

pub(super) const UNBONDING: &[Row] = &[Row {
    proof: "unbonded_stake_leaves",
    when: When::Parameter { from: "`request_unstake`", name: "unbonding", length: |parameters| parameters.unbonding },
    before: "nobody",
    who: "owner",
    instruction: "withdraw_stake",
    then: "the place in the queue is free",
    money: "out of the stake vault to the owner",
}];

pub(super) const EARNINGS: &[Row] = &[Row {
    proof: "earnings_leave_at_once",
    when: When::AtOnce,
    before: "",
    who: "payout owner; anyone for the network's share",
    instruction: "withdraw_earnings, sweep_fees",
    then: "the share is zero",
    money: "the owner's share to the payout owner, the network's to the treasury",
}];

pub(super) const PAYOUT: &[Row] = &[Row {
    proof: "a_change_of_the_payout_owner_counts",
    when: When::Parameter {
        from: "`change_payout`",
        name: "payout_delay",
        length: |parameters| parameters.payout_delay,
    },
    before: "payout owner so far: `withdraw_earnings`; owner: `change_payout` back",
    who: "the new payout owner",
    instruction: "withdraw_earnings",
    then: "the change has counted",
    money: "the owner's share of the earnings vault to the new payout owner",
}];

pub(super) const ATTESTATION: &[Row] = &[Row {
    proof: "a_hardware_attestation_expires",
    when: When::Chosen { from: "the attestation", bounds: "its expiry, as its attestor gave it" },
    before: "scheduler or buyer with the node: `open_lease` of a job that asks for attested hardware",
    who: "nobody",
    instruction: "open_lease",
    then: "refused for such jobs, until attested again",
    money: "",
}];

pub(super) const BALANCE: &[Row] = &[Row {
    proof: "a_prepaid_balance_leaves_at_once",
    when: When::AtOnce,
    before: "",
    who: "buyer",
    instruction: "withdraw_balance",
    then: "the balance is lower",
    money: "out of the buyer's vault to the buyer",
}];

pub(super) const ALLOWANCE: &[Row] = &[Row {
    proof: "an_allowance_expires",
    when: When::Chosen { from: "`open_allowance` or `change_allowance`", bounds: "expiry, as the buyer chose it" },
    before: "delegate: `open_job_prepaid`, within its caps",
    who: "nobody",
    instruction: "open_job_prepaid",
    then: "refused",
    money: "",
}];
