use super::{Row, When};
use crate::LeaseState;

pub(super) fn rows(state: LeaseState) -> &'static [Row] {
    match state {
        LeaseState::Assigned => ASSIGNED,
        LeaseState::Running => RUNNING,
        LeaseState::Reported => REPORTED,
        LeaseState::Disputed => DISPUTED,
    }
}

const ASSIGNED: &[Row] = &[
    Row {
        proof: "an_assigned_lease_is_abandoned",
        when: When::Parameter {
            from: "the lease's opening",
            name: "start_timeout",
            length: |parameters| parameters.start_timeout,
        },
        before: "anyone: `settle` with the first voucher; node: `extend_start`, once, by as much again",
        who: "anyone",
        instruction: "expire_lease",
        then: "Abandoned; job Open or Done",
        money: "the abandon penalty (10 % of the bond) into the job's vault, the rest of the bond free",
    },
    Row {
        proof: "an_extended_start_is_abandoned",
        when: When::Parameter {
            from: "the first start deadline, once extended",
            name: "start_timeout",
            length: |parameters| parameters.start_timeout,
        },
        before: "anyone: `settle` with the first voucher",
        who: "anyone",
        instruction: "expire_lease",
        then: "Abandoned; job Open or Done",
        money: "the abandon penalty (10 % of the bond) into the job's vault, the rest of the bond free",
    },
    Row {
        proof: "a_late_start_is_credited",
        when: When::Parameter {
            from: "the lease's opening, or its extension",
            name: "start_timeout",
            length: |parameters| parameters.start_timeout,
        },
        before: "the first voucher is in time",
        who: "anyone",
        instruction: "settle",
        then: "Running, started late",
        money: "with a service level: 10 % of the lease's cost from the bond into the job's vault at settlement",
    },
    Row {
        proof: "a_lease_sent_away_before_its_start_ends",
        when: When::Parameter {
            from: "the cancel of the job, or the end of the notice, before the start deadline",
            name: "settle_grace",
            length: |parameters| parameters.settle_grace,
        },
        before: "anyone: `settle` with the final voucher",
        who: "anyone",
        instruction: "expire_lease",
        then: "TimedOut or Preempted; job Done, or Open",
        money: "nothing paid, nothing slashed, the reserve is the job's",
    },
];

const RUNNING: &[Row] = &[
    Row {
        proof: "a_silent_lease_is_lost",
        when: When::Parameter {
            from: "the last voucher or hold",
            name: "checkpoint_interval",
            length: |parameters| parameters.checkpoint_interval,
        },
        before: "anyone: `settle`; node: `hold_lease`",
        who: "anyone",
        instruction: "expire_lease",
        then: "Lost; job Open or Done",
        money: "paid to the last redeemed voucher (nothing in a quorum); the lost penalty (25 % of the bond) into the \
                job's vault",
    },
    Row {
        proof: "a_held_lease_outlives_its_attestor",
        when: When::Parameter {
            from: "the last voucher, while the node holds",
            name: "hold_limit",
            length: |parameters| parameters.hold_limit,
        },
        before: "anyone: `settle`; node: `hold_lease`",
        who: "anyone",
        instruction: "expire_lease",
        then: "AttestorGone; job Open",
        money: "paid to the last redeemed voucher, no slash, the rest is the job's",
    },
    Row {
        proof: "a_lease_past_its_end_is_settled",
        when: When::Parameter {
            from: "the lease's end (start deadline + longest time)",
            name: "settle_grace",
            length: |parameters| parameters.settle_grace,
        },
        before: "anyone: `settle` with the final voucher",
        who: "anyone",
        instruction: "expire_lease",
        then: "TimedOut; job Open or Done",
        money: "paid to the last redeemed voucher (nothing in a quorum), no slash",
    },
    Row {
        proof: "a_lease_is_extended_until_its_end",
        when: When::Chosen {
            from: "the start deadline",
            bounds: "longest time of the lease, at most what the job allows",
        },
        before: "scheduler or buyer, and the node: `extend_lease`",
        who: "nobody",
        instruction: "extend_lease",
        then: "refused",
        money: "until then: more of the deposit reserved at the lease's price",
    },
    Row {
        proof: "a_notice_stops_the_meter",
        when: When::Parameter {
            from: "the scheduler's `notice_preemption` of a spot lease",
            name: "preemption_notice",
            length: |parameters| parameters.preemption_notice,
        },
        before: "attested seconds are owed",
        who: "anyone",
        instruction: "settle",
        then: "the same, or settled by the final voucher",
        money: "seconds past the notice are attested and not owed",
    },
    Row {
        proof: "a_preempted_lease_is_settled",
        when: When::Parameter {
            from: "the end of the notice",
            name: "settle_grace",
            length: |parameters| parameters.settle_grace,
        },
        before: "anyone: `settle` with the final voucher; node: `hold_lease` where it does not come",
        who: "anyone",
        instruction: "expire_lease",
        then: "Preempted; job Open",
        money: "paid to the last redeemed voucher, no slash, the rest is the job's",
    },
];

const REPORTED: &[Row] = &[Row {
    proof: "a_report_nobody_objects_to_is_settled",
    when: When::Chosen { from: "the final voucher", bounds: "dispute window of the job, 0 to 7 days" },
    before: "buyer: `accept_lease`; buyer or scheduler: `open_dispute`",
    who: "anyone",
    instruction: "finalize_lease",
    then: "settled as reported; job Open or Done",
    money: "what is owed out of the job's vault, 95 % the provider's, 5 % the network's; the bond is free",
}];

const DISPUTED: &[Row] = &[Row {
    proof: "a_dispute_nobody_decides_is_settled_as_reported",
    when: When::Parameter {
        from: "the dispute's opening",
        name: "decide_window",
        length: |parameters| parameters.decide_window,
    },
    before: "arbiter: `resolve_dispute`",
    who: "anyone",
    instruction: "expire_dispute",
    then: "settled as reported; job Open or Done",
    money: "what is owed out of the job's vault; no slash; the challenger's bond back",
}];
