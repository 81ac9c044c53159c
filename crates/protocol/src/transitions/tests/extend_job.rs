use super::world::*;
use crate::transitions::{JobExtension, cancel_job, expire_job, extend_job};
use crate::*;

const MORE: JobExtension =
    JobExtension { deposit: MicroUsdc(7), lease_seconds: Seconds(50), start_window: Seconds(30) };

#[test]
fn each_part_of_an_extension_adds_to_its_own_term() {
    let mut job = World::new().job;
    extend_job(&mut job, MORE, at(1)).unwrap();
    assert_eq!(job.terms.deposit, MicroUsdc(2_000_000_007));
    assert_eq!(job.terms.lease_seconds, Seconds(1_050));
    assert_eq!((job.terms.start_window, job.start_deadline), (Seconds(630), at(630)));
    assert_eq!(job.vault_balance(), Ok(MicroUsdc(2_000_000_007)));
    assert_eq!(expire_job(&mut job, at(629)), Err(Error::DeadlineNotPassed));
}

#[test]
fn an_idle_job_is_extended_until_its_start_deadline_and_not_at_it() {
    let job = World::new().job;
    assert_eq!(extend_job(&mut job.clone(), MORE, at(599)), Ok(()));
    assert_eq!(extend_job(&mut job.clone(), MORE, at(600)), Err(Error::StartDeadlinePassed));
}

#[test]
fn an_active_job_is_extended_at_any_time_and_one_that_ends_never() {
    let mut world = World::new();
    world.lease_at(START).unwrap();
    assert_eq!(extend_job(&mut world.job, MORE, at(50_000)), Ok(()));
    cancel_job(&mut world.job, at(50_001)).unwrap();
    for state in [JobState::Cancelling, JobState::Done, JobState::Expired] {
        world.job.state = state;
        let before = world.job;
        assert_eq!(extend_job(&mut world.job, MORE, at(50_002)), Err(Error::JobNotOpen), "{state:?}");
        assert_eq!(world.job, before);
    }
}

#[test]
fn nothing_is_no_extension() {
    assert_eq!(extend_job(&mut World::new().job, JobExtension::default(), at(1)), Err(Error::AmountZero));
}

#[test]
fn no_extension_makes_terms_that_could_not_have_been_opened() {
    for (extension, refusal) in [
        (JobExtension { lease_seconds: Seconds(30 * 86_400), ..JobExtension::default() }, Error::TermsInvalid),
        (JobExtension { start_window: Seconds(30 * 86_400), ..JobExtension::default() }, Error::TermsInvalid),
        (JobExtension { lease_seconds: Seconds(2_000_000), ..JobExtension::default() }, Error::DepositTooSmall),
        (JobExtension { deposit: MicroUsdc::MAX, ..JobExtension::default() }, Error::Overflow),
        (JobExtension { lease_seconds: Seconds::MAX, ..JobExtension::default() }, Error::Overflow),
        (JobExtension { start_window: Seconds::MAX, ..JobExtension::default() }, Error::Overflow),
    ] {
        let mut job = World::new().job;
        let before = job;
        assert_eq!(extend_job(&mut job, extension, at(1)), Err(refusal), "{extension:?}");
        assert_eq!(job, before);
    }
}
