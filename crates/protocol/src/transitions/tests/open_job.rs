use super::world::*;
use crate::transitions::open_job;
use crate::*;

fn open(terms: JobTerms) -> Result<Job, Error> {
    open_job(terms, &Parameters::default(), START)
}

#[test]
fn a_new_job_is_open_holds_its_deposit_and_waits_for_its_start_window() {
    let job = open(terms()).unwrap();
    assert_eq!((job.state, job.start_deadline, job.settle_grace), (JobState::Open, at(600), Seconds(600)));
    assert_eq!(job.vault_balance(), Ok(terms().deposit));
    assert_eq!(job.available(), Ok(terms().deposit));
    assert!(!job.is_cancelled() && !job.completed);
    assert_eq!(job.invariant(), Ok(()));
}

#[test]
fn terms_that_contradict_themselves_are_refused() {
    let good = terms();
    let requirements = good.requirements;
    let all_classes = 1 << gpu::CLASSES.len();
    let all_regions = 1 << region::REGIONS.len();
    for bad in [
        JobTerms { requirements: Requirements { units: GpuUnits(0), ..requirements }, ..good },
        JobTerms { requirements: Requirements { gpu_classes: all_classes, ..requirements }, ..good },
        JobTerms { requirements: Requirements { regions: all_regions, ..requirements }, ..good },
        JobTerms { concurrent_leases: 0, ..good },
        JobTerms { lease_seconds: Seconds(9), ..good },
        JobTerms { lease_seconds: Seconds(30 * 86_400 + 1), deposit: MicroUsdc::MAX, ..good },
        JobTerms { start_window: Seconds(0), ..good },
        JobTerms { start_window: Seconds(30 * 86_400 + 1), ..good },
        JobTerms { dispute_window: Seconds(7 * 86_400 + 1), ..good },
        JobTerms { verification: Verification::SpotCheck { share: BasisPoints(0) }, ..disputable() },
    ] {
        assert_eq!(open(bad), Err(Error::TermsInvalid), "{bad:?}");
    }
}

#[test]
fn terms_are_good_up_to_their_last_value_inside() {
    let good = terms();
    let requirements = good.requirements;
    for inside in [
        JobTerms { requirements: Requirements { gpu_classes: all(gpu::CLASSES.len()), ..requirements }, ..good },
        JobTerms { requirements: Requirements { regions: all(region::REGIONS.len()) as u32, ..requirements }, ..good },
        JobTerms { lease_seconds: Seconds(10), ..good },
        JobTerms { lease_seconds: Seconds(30 * 86_400), deposit: MicroUsdc::MAX, ..good },
        JobTerms { start_window: Seconds(1), ..good },
        JobTerms { start_window: Seconds(30 * 86_400), ..good },
        JobTerms { dispute_window: Seconds(7 * 86_400), ..good },
    ] {
        assert!(open(inside).is_ok(), "{inside:?}");
    }
}

fn all(bits: usize) -> u64 {
    (1 << bits) - 1
}

#[test]
fn a_quorum_pays_on_result_and_takes_as_many_leases_as_members() {
    assert!(open(counted()).is_ok());
    assert_eq!(open(JobTerms { payment: Payment::Streaming, ..counted() }), Err(Error::TermsInvalid));
    assert_eq!(open(JobTerms { concurrent_leases: 2, ..counted() }), Err(Error::TermsInvalid));
    assert_eq!(open(JobTerms { concurrent_leases: 4, ..counted() }), Err(Error::TermsInvalid));
}

#[test]
fn a_spot_check_needs_a_window_for_disputes() {
    let verification = Verification::SpotCheck { share: BasisPoints(500) };
    assert!(open(JobTerms { verification, ..disputable() }).is_ok());
    assert_eq!(open(JobTerms { verification, ..terms() }), Err(Error::TermsInvalid));
}

#[test]
fn the_deposit_covers_one_lease_at_least() {
    assert!(open(JobTerms { deposit: MicroUsdc(1_000_000), ..terms() }).is_ok());
    assert_eq!(open(JobTerms { deposit: MicroUsdc(999_999), ..terms() }), Err(Error::DepositTooSmall));
    let free = JobTerms { maximum_price: PricePerGpuHour(0), deposit: MicroUsdc(0), ..terms() };
    assert_eq!(open(free), Err(Error::DepositTooSmall));
    assert!(open(JobTerms { deposit: MicroUsdc(1), ..free }).is_ok());
}

#[test]
fn the_deposit_of_a_quorum_covers_every_member() {
    assert!(open(JobTerms { deposit: MicroUsdc(3_000_000), ..counted() }).is_ok());
    assert_eq!(open(JobTerms { deposit: MicroUsdc(2_999_999), ..counted() }), Err(Error::DepositTooSmall));
}

#[test]
fn what_does_not_fit_is_refused() {
    let huge = JobTerms { maximum_price: PricePerGpuHour::MAX, lease_seconds: Seconds(86_400), ..terms() };
    assert_eq!(open(huge), Err(Error::Overflow));
    let thrice = JobTerms { maximum_price: PricePerGpuHour::MAX, lease_seconds: Seconds(3_600), ..counted() };
    assert_eq!(open(thrice), Err(Error::Overflow));
    let late = open_job(terms(), &Parameters::default(), UnixSeconds::MAX);
    assert_eq!(late, Err(Error::Overflow));
}
