use super::{Row, When};
use crate::JobState;

pub(super) fn rows(state: JobState) -> &'static [Row] {
    match state {
        JobState::Open => &[Row {
            proof: "an_open_job_expires",
            when: When::Chosen {
                from: "opening, or the last lease that failed",
                bounds: "start window of the job, 1 second to 30 days",
            },
            before: "scheduler or buyer with a node: `open_lease`; buyer: `extend_job`, `cancel_job`",
            who: "anyone",
            instruction: "expire_job",
            then: "Expired",
            money: "nothing moves; `close_job` returns the vault to the funder",
        }],
        JobState::Active => &[Row {
            proof: "an_active_job_ends_with_its_leases",
            when: When::By("the deadlines of its leases"),
            before: "buyer: `extend_job`, `cancel_job`; further leases",
            who: "anyone",
            instruction: "expire_lease, finalize_lease, expire_dispute, settle_member",
            then: "Open for another attempt; Done when complete, out of attempts or out of money",
            money: "by the rows of its leases; what they did not use is the job's again",
        }],
        JobState::Cancelling => &[Row {
            proof: "a_cancelled_job_is_freed_of_a_silent_lease",
            when: When::Parameter {
                from: "the cancel",
                name: "settle_grace",
                length: |parameters| parameters.settle_grace,
            },
            before: "anyone: `settle` with the final voucher",
            who: "anyone",
            instruction: "expire_lease",
            then: "lease TimedOut, job Done with its last lease",
            money: "seconds up to the cancel that were attested are paid; no slash; the rest is the job's",
        }],
        JobState::Done => &[Row {
            proof: "a_done_job_is_closed_at_once",
            when: When::AtOnce,
            before: "",
            who: "anyone",
            instruction: "close_job, close_job_prepaid",
            then: "gone",
            money: "the whole vault to the funder, rent to who paid it",
        }],
        JobState::Expired => &[Row {
            proof: "an_expired_job_is_closed_at_once",
            when: When::AtOnce,
            before: "",
            who: "anyone",
            instruction: "close_job, close_job_prepaid",
            then: "gone",
            money: "the whole vault to the funder, rent to who paid it",
        }],
    }
}
