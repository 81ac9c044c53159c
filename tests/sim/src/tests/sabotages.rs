//! Every rule of the witness can break, and says so.

use crate::sabotage::Sabotage;
use crate::{Scenario, run};

/// Of the first seeds, what the first one says in which the sabotage is noticed.
#[track_caller]
fn is_noticed(sabotage: Sabotage, by: &str) {
    is_noticed_in_a_way(sabotage, &[by]);
}

/// By whichever rule comes first.
#[track_caller]
fn is_noticed_in_a_way(sabotage: Sabotage, ways: &[&str]) {
    let runs = (0..40).map(|seed| run(Scenario { sabotage: Some(sabotage), ..Scenario::draw(seed, 1) }));
    let noticed = runs.into_iter().find_map(|report| report.broken).expect("somebody notices");
    assert!(ways.iter().any(|by| noticed.contains(by)), "{sabotage:?} is noticed by something else: {noticed}");
}

#[test]
fn a_refund_that_does_not_arrive() {
    is_noticed(Sabotage::RefundVanishes, "micro-USDC and should have");
}

#[test]
fn a_second_that_nobody_attested() {
    is_noticed(Sabotage::OneSecondTooMuch, "s were attested");
}

#[test]
fn a_task_that_two_leases_run() {
    is_noticed(Sabotage::TaskRunsTwice, " runs on ");
}

#[test]
fn an_attempt_that_two_leases_have() {
    is_noticed(Sabotage::AttemptIsHandedOutTwice, "is handed out to");
}

#[test]
fn a_task_that_nobody_did() {
    is_noticed(Sabotage::OutputsAreNotChecked, "is done and nobody did it");
}

#[test]
fn a_task_whose_end_is_lost() {
    is_noticed_in_a_way(Sabotage::DoneIsNotWritten, &["is completed and a task of it is not done", " is lost on "]);
}

#[test]
fn a_voucher_that_is_not_on_the_disk() {
    is_noticed(Sabotage::VouchersAreNotWritten, "is spoken of and not on the disk");
}

#[test]
fn two_vouchers_with_one_number() {
    is_noticed(Sabotage::VouchersAreForked, "two vouchers with one number");
}

#[test]
fn a_voucher_that_nobody_signed() {
    is_noticed(Sabotage::ForgeriesLand, "the chain took a forged voucher");
}

#[test]
fn a_lease_that_stands_past_its_deadline() {
    is_noticed(Sabotage::NobodyCranks, "is stuck since");
}

#[test]
fn a_job_that_is_over_and_stays() {
    is_noticed(Sabotage::NobodyCloses, "is over and not closed");
}

#[test]
fn a_job_that_waits_for_no_reason() {
    is_noticed(Sabotage::NobodyExplains, " waits ");
}

#[test]
fn a_container_that_stays_when_all_is_over() {
    is_noticed(Sabotage::ContainersStay, "it does not end");
}

#[test]
fn an_attestation_of_what_was_not_shown() {
    is_noticed(Sabotage::AnswersAreNotVerified, "has shown nothing");
}

#[test]
fn an_attestation_that_is_not_on_the_disk() {
    is_noticed(Sabotage::ProofsAreNotWritten, "and not on the disk");
}

#[test]
fn a_gpu_that_answers_beside_a_job() {
    is_noticed(Sabotage::ProversStay, "beside a job");
}
