use super::{Row, When};
use crate::quorum::{MemberState, Verdict};

pub(super) fn member(state: MemberState) -> &'static [Row] {
    match state {
        MemberState::Leased => LEASED,
        MemberState::Committed => COMMITTED,
        MemberState::Revealed => REVEALED,
        MemberState::Gone | MemberState::Settled => THROUGH,
    }
}

pub(super) fn round(verdict: Verdict) -> &'static [Row] {
    match verdict {
        Verdict::Open => OPEN,
        Verdict::Decided => DECIDED,
        Verdict::Failed => FAILED,
    }
}

const LEASED: &[Row] = &[
    Row {
        proof: "a_member_commits_in_time",
        when: When::Chosen { from: "the joining of each member", bounds: "the latest end of a member's lease" },
        before: "node: `commit_result`",
        who: "nobody",
        instruction: "commit_result",
        then: "refused; counts as a wrong result",
        money: "once reported and counted: nothing paid, the whole bond to the network",
    },
    Row {
        proof: "a_place_is_taken_in_time",
        when: When::Chosen { from: "the joining of each member", bounds: "the latest end of a member's lease" },
        before: "scheduler with a node of another provider: `open_lease` into a free place, or one whose member has gone",
        who: "nobody",
        instruction: "open_lease",
        then: "refused",
        money: "",
    },
];

const COMMITTED: &[Row] = &[Row {
    proof: "a_commitment_is_revealed_in_time",
    when: When::Parameter {
        from: "the last commitment, or the end of the time to commit",
        name: "reveal_window",
        length: |parameters| parameters.reveal_window,
    },
    before: "node: `reveal_result`",
    who: "anyone",
    instruction: "tally_quorum",
    then: "a commitment without its reveal is a wrong result",
    money: "at settlement: nothing paid, the whole bond to the network",
}];

const REVEALED: &[Row] = &[Row {
    proof: "a_round_is_counted_once_all_have_revealed",
    when: When::AtOnce,
    before: "",
    who: "anyone",
    instruction: "tally_quorum",
    then: "Decided or Failed",
    money: "",
}];

const OPEN: &[Row] = &[Row {
    proof: "a_round_is_counted_when_its_time_is_over",
    when: When::Parameter {
        from: "the last commitment, or the end of the time to commit",
        name: "reveal_window",
        length: |parameters| parameters.reveal_window,
    },
    before: "node: `reveal_result`",
    who: "anyone",
    instruction: "tally_quorum",
    then: "Decided or Failed",
    money: "",
}];

const DECIDED: &[Row] = &[Row {
    proof: "a_decided_round_is_settled_at_once",
    when: When::AtOnce,
    before: "",
    who: "anyone",
    instruction: "settle_member",
    then: "members settled; job Done with the last one",
    money: "the winners are paid; each other one loses its bond: the buyer up to what it paid, the rest to the network",
}];

const FAILED: &[Row] = &[Row {
    proof: "a_failed_round_is_settled_at_once",
    when: When::AtOnce,
    before: "",
    who: "anyone",
    instruction: "settle_member",
    then: "members settled; job Open with one attempt less, or Done",
    money: "nobody is paid, unless the buyer has cancelled; who revealed keeps its bond",
}];

const THROUGH: &[Row] = &[Row {
    proof: "a_round_whose_members_are_through_is_closed",
    when: When::AtOnce,
    before: "",
    who: "anyone",
    instruction: "close_quorum",
    then: "gone",
    money: "rent to who paid it",
}];
