//! Every transition: the happy path, each refusal, both sides of each deadline, and conservation
//! of money under random sequences.

use proptest::prelude::*;

use super::*;
use crate::voucher::{ExitClass, Voucher};
use crate::{
    Address, BasisPoints, Earnings, Error, GpuUnits, Hardware, Job, JobState, JobTerms, Lease, LeaseOutcome,
    LeaseState, MicroUsdc, Node, NodeStatus, Parameters, PricePerGpuHour, Requirements, Seconds, Stake, UnixSeconds,
};

const START: UnixSeconds = UnixSeconds(1_800_000_000);
const PROGRAM: Address = Address([1; 32]);
const LEASE: Address = Address([2; 32]);
const PRICE: PricePerGpuHour = PricePerGpuHour(3_600_000);

fn at(seconds: u64) -> UnixSeconds {
    UnixSeconds(START.0 + seconds)
}

fn terms() -> JobTerms {
    JobTerms {
        requirements: Requirements {
            gpu_classes: 1 << 8,
            vram_mib: 8_192,
            units: GpuUnits(1),
            regions: 1 << 4,
            accept_simulated: false,
        },
        maximum_price: PRICE,
        concurrent_leases: 2,
        lease_seconds: Seconds(1_000),
        start_window: Seconds(600),
        retries: 1,
        deposit: MicroUsdc(2_000_000_000),
    }
}

fn node() -> Node {
    Node {
        hardware: Hardware {
            gpu_class: 8,
            gpu_count: 2,
            vram_mib: 24_576,
            cpu_cores: 8,
            memory_mib: 32_768,
            disk_mib: 100_000,
            region: 4,
            country: *b"DE",
            simulated: false,
        },
        price: PRICE,
        leased: GpuUnits(0),
        status: NodeStatus::Active,
    }
}

/// One job, one node of one provider, at most one lease in hand.
#[derive(Clone, Debug, PartialEq)]
struct World {
    job: Job,
    node: Node,
    stake: Stake,
    earnings: Earnings,
    parameters: Parameters,
}

impl World {
    fn new() -> Self {
        Self::with(terms())
    }

    fn with(terms: JobTerms) -> Self {
        let parameters = Parameters::default();
        Self {
            job: open_job(terms, &parameters, START).unwrap(),
            node: node(),
            stake: Stake { total: MicroUsdc(1_000_000_000), locked: MicroUsdc(0) },
            earnings: Earnings::default(),
            parameters,
        }
    }

    fn lease_at(&mut self, now: UnixSeconds) -> Result<Lease, Error> {
        let offer = LeaseOffer { price: PRICE, maximum: Seconds(1_000) };
        open_lease(&mut self.job, &mut self.node, &mut self.stake, offer, &self.parameters, now)
    }

    fn settle(&mut self, lease: &mut Lease, voucher: &Voucher, now: UnixSeconds) -> Result<Settlement, Error> {
        let before = (self.clone(), *lease);
        let result = settle(
            &mut self.job,
            lease,
            &mut self.node,
            &mut self.stake,
            &mut self.earnings,
            voucher,
            (PROGRAM, LEASE),
            now,
        );
        if result.is_err() {
            assert_eq!((self.clone(), *lease), before, "a refusal changed something");
        }
        self.check();
        result
    }

    fn expire(&mut self, lease: &mut Lease, now: UnixSeconds) -> Result<Expiry, Error> {
        let before = (self.clone(), *lease);
        let result = expire_lease(&mut self.job, lease, &mut self.node, &mut self.stake, now);
        if result.is_err() {
            assert_eq!((self.clone(), *lease), before, "a refusal changed something");
        }
        self.check();
        result
    }

    fn check(&self) {
        self.job.invariant().unwrap();
        self.node.invariant().unwrap();
        self.stake.invariant().unwrap();
    }
}

fn voucher(sequence: u64, metered: u64) -> Voucher {
    Voucher {
        program: PROGRAM,
        lease: LEASE,
        sequence,
        metered: Seconds(metered),
        downtime: Seconds(0),
        is_final: false,
        exit_class: ExitClass::Completed,
        result_root: [0; 32],
    }
}

fn last(sequence: u64, metered: u64, exit_class: ExitClass) -> Voucher {
    Voucher { is_final: true, exit_class, ..voucher(sequence, metered) }
}

#[test]
fn a_plain_job_pays_for_its_seconds_and_returns_the_rest() {
    let mut world = World::new();
    let mut lease = world.lease_at(at(10)).unwrap();
    assert_eq!(world.job.reserved, MicroUsdc(1_000_000), "1000 seconds at one micro-USDC per millisecond");
    assert_eq!(lease.bond, MicroUsdc(86_400_000), "24 hours");
    let first = world.settle(&mut lease, &voucher(1, 100), at(110)).unwrap();
    assert_eq!(first, Settlement { payment: MicroUsdc(100_000), fee: MicroUsdc(5_000), ended: None });
    let end = world.settle(&mut lease, &last(2, 250, ExitClass::Completed), at(300)).unwrap();
    assert_eq!(end.payment, MicroUsdc(150_000));
    assert_eq!(end.ended, Some(LeaseOutcome::Completed));
    assert_eq!(world.job.state, JobState::Done);
    assert_eq!(world.job.reserved, MicroUsdc(0));
    assert_eq!(world.stake.locked, MicroUsdc(0));
    assert_eq!(world.node.leased, GpuUnits(0));
    assert_eq!(world.earnings, Earnings { owner: MicroUsdc(237_500), fees: MicroUsdc(12_500) });
    assert_eq!(close_job(&world.job), Ok(MicroUsdc(2_000_000_000 - 250_000)));
}

#[test]
fn terms_that_contradict_themselves_are_refused() {
    let good = terms();
    let requirements = good.requirements;
    for bad in [
        JobTerms { requirements: Requirements { units: GpuUnits(0), ..requirements }, ..good },
        JobTerms { requirements: Requirements { gpu_classes: 1 << 63, ..requirements }, ..good },
        JobTerms { requirements: Requirements { regions: 1 << 31, ..requirements }, ..good },
        JobTerms { concurrent_leases: 0, ..good },
        JobTerms { lease_seconds: Seconds(9), ..good },
        JobTerms { lease_seconds: Seconds(30 * 86_400 + 1), ..good },
        JobTerms { start_window: Seconds(0), ..good },
        JobTerms { start_window: Seconds(30 * 86_400 + 1), ..good },
    ] {
        assert_eq!(open_job(bad, &Parameters::default(), START), Err(Error::TermsInvalid), "{bad:?}");
    }
}

#[test]
fn the_deposit_covers_one_lease_at_least() {
    let enough = JobTerms { deposit: MicroUsdc(1_000_000), ..terms() };
    assert!(open_job(enough, &Parameters::default(), START).is_ok());
    let short = JobTerms { deposit: MicroUsdc(999_999), ..terms() };
    assert_eq!(open_job(short, &Parameters::default(), START), Err(Error::DepositTooSmall));
    let free = JobTerms { maximum_price: PricePerGpuHour(0), deposit: MicroUsdc(0), ..terms() };
    assert_eq!(open_job(free, &Parameters::default(), START), Err(Error::DepositTooSmall));
    let huge = JobTerms { maximum_price: PricePerGpuHour::MAX, lease_seconds: Seconds(86_400), ..terms() };
    assert_eq!(open_job(huge, &Parameters::default(), START), Err(Error::Overflow));
}

#[test]
fn a_lease_may_open_until_the_start_deadline_and_not_at_it() {
    assert!(World::new().lease_at(at(599)).is_ok());
    assert_eq!(World::new().lease_at(at(600)), Err(Error::StartDeadlinePassed));
    let mut active = World::new();
    active.lease_at(at(599)).unwrap();
    assert!(active.lease_at(at(700)).is_ok(), "the deadline is for jobs without a lease");
}

#[test]
fn a_lease_needs_what_the_job_asks_for() {
    let good = node();
    for hardware in [
        Hardware { gpu_class: 9, ..good.hardware },
        Hardware { vram_mib: 8_191, ..good.hardware },
        Hardware { region: 5, ..good.hardware },
        Hardware { simulated: true, ..good.hardware },
    ] {
        let mut world = World::new();
        world.node.hardware = hardware;
        let before = world.clone();
        assert_eq!(world.lease_at(at(1)), Err(Error::RequirementsUnmet), "{hardware:?}");
        assert_eq!(world, before);
    }
    let mut world =
        World::with(JobTerms { requirements: Requirements { units: GpuUnits(3), ..terms().requirements }, ..terms() });
    assert_eq!(world.lease_at(at(1)), Err(Error::RequirementsUnmet));
}

#[test]
fn simulated_hardware_is_taken_only_where_asked_for() {
    let mut world = World::with(JobTerms {
        requirements: Requirements { accept_simulated: true, ..terms().requirements },
        ..terms()
    });
    world.node.hardware.simulated = true;
    assert!(world.lease_at(at(1)).is_ok());
}

#[test]
fn a_lease_has_the_nodes_price_within_the_jobs_maximum() {
    for (posted, offered) in [(PRICE.0, PRICE.0 - 1), (PRICE.0 - 1, PRICE.0), (PRICE.0 + 1, PRICE.0 + 1)] {
        let mut world = World::new();
        world.node.price = PricePerGpuHour(posted);
        let offer = LeaseOffer { price: PricePerGpuHour(offered), maximum: Seconds(10) };
        let result = open_lease(&mut world.job, &mut world.node, &mut world.stake, offer, &world.parameters, at(1));
        assert_eq!(result, Err(Error::PriceNotAgreed), "posted {posted}, offered {offered}");
    }
}

#[test]
fn a_lease_has_a_length_within_the_jobs_maximum() {
    for (maximum, expected) in [(0, false), (1, true), (1_000, true), (1_001, false)] {
        let mut world = World::new();
        let offer = LeaseOffer { price: PRICE, maximum: Seconds(maximum) };
        let result = open_lease(&mut world.job, &mut world.node, &mut world.stake, offer, &world.parameters, at(1));
        assert_eq!(result.is_ok(), expected, "{maximum}");
        if !expected {
            assert_eq!(result, Err(Error::LeaseLengthInvalid));
        }
    }
}

#[test]
fn a_job_holds_no_more_leases_than_it_allows() {
    let mut world = World::new();
    world.lease_at(at(1)).unwrap();
    world.lease_at(at(1)).unwrap();
    assert_eq!(world.lease_at(at(1)), Err(Error::TooManyLeases));
}

#[test]
fn a_node_holds_no_more_leases_than_it_has_gpus() {
    let mut world = World::with(JobTerms { concurrent_leases: 3, ..terms() });
    world.lease_at(at(1)).unwrap();
    world.lease_at(at(1)).unwrap();
    assert_eq!(world.lease_at(at(1)), Err(Error::NodeFull));
    world.node.status = NodeStatus::Draining;
    assert_eq!(world.lease_at(at(1)), Err(Error::NodeNotActive));
}

#[test]
fn leases_reserve_no_more_than_the_deposit() {
    let mut world = World::with(JobTerms { deposit: MicroUsdc(1_999_999), ..terms() });
    world.lease_at(at(1)).unwrap();
    assert_eq!(world.lease_at(at(1)), Err(Error::DepositExhausted));
    world.check();
}

#[test]
fn a_lease_needs_free_stake_for_its_bond() {
    let mut world = World::new();
    world.stake = Stake { total: MicroUsdc(86_399_999), locked: MicroUsdc(0) };
    let before = world.clone();
    assert_eq!(world.lease_at(at(1)), Err(Error::StakeTooSmall));
    assert_eq!(world, before);
    world.stake.total = MicroUsdc(86_400_000);
    assert!(world.lease_at(at(1)).is_ok());
}

#[test]
fn a_cheap_lease_still_has_the_minimum_bond() {
    let mut world = World::new();
    world.parameters.bond_hours = 0;
    assert_eq!(world.lease_at(at(1)).unwrap().bond, world.parameters.minimum_bond);
}

#[test]
fn a_voucher_of_another_lease_or_program_is_refused() {
    let mut world = World::new();
    let mut lease = world.lease_at(START).unwrap();
    for foreign in [Voucher { lease: PROGRAM, ..voucher(1, 1) }, Voucher { program: LEASE, ..voucher(1, 1) }] {
        assert_eq!(world.settle(&mut lease, &foreign, at(10)), Err(Error::VoucherForeign));
    }
}

#[test]
fn a_voucher_is_redeemed_once_and_in_order() {
    let mut world = World::new();
    let mut lease = world.lease_at(START).unwrap();
    assert_eq!(world.settle(&mut lease, &voucher(0, 1), at(10)), Err(Error::VoucherStale));
    world.settle(&mut lease, &voucher(5, 10), at(10)).unwrap();
    assert_eq!(world.settle(&mut lease, &voucher(5, 10), at(10)), Err(Error::VoucherStale));
    assert_eq!(world.settle(&mut lease, &voucher(4, 20), at(20)), Err(Error::VoucherStale));
    assert_eq!(world.settle(&mut lease, &voucher(6, 9), at(20)), Err(Error::VoucherFallsBack));
    let down = Voucher { downtime: Seconds(3), ..voucher(6, 10) };
    world.settle(&mut lease, &down, at(20)).unwrap();
    assert_eq!(world.settle(&mut lease, &voucher(7, 10), at(20)), Err(Error::VoucherFallsBack));
}

#[test]
fn attested_seconds_never_pass_the_clock_or_the_lease() {
    let mut world = World::new();
    let mut lease = world.lease_at(START).unwrap();
    assert_eq!(world.settle(&mut lease, &voucher(1, 106), at(100)), Err(Error::VoucherAheadOfClock));
    let with_downtime = Voucher { downtime: Seconds(6), ..voucher(1, 100) };
    assert_eq!(world.settle(&mut lease, &with_downtime, at(100)), Err(Error::VoucherAheadOfClock));
    world.settle(&mut lease, &voucher(1, 105), at(100)).unwrap();
    assert_eq!(world.settle(&mut lease, &voucher(2, 1_001), at(5_000)), Err(Error::VoucherBeyondLease));
    world.settle(&mut lease, &voucher(2, 1_000), at(5_000)).unwrap();
    assert_eq!(lease.reserved, MicroUsdc(0));
    let over = Voucher { metered: Seconds::MAX, downtime: Seconds::MAX, ..voucher(3, 0) };
    assert_eq!(world.settle(&mut lease, &over, at(5_000)), Err(Error::Overflow));
}

#[test]
fn a_lease_keeps_the_fee_it_was_opened_with() {
    let mut world = World::new();
    let mut lease = world.lease_at(START).unwrap();
    world.parameters.fee = BasisPoints(1_500);
    assert_eq!(world.settle(&mut lease, &voucher(1, 100), at(100)).unwrap().fee, MicroUsdc(5_000));
}

#[test]
fn what_a_final_voucher_says_decides_how_the_job_goes_on() {
    for (class, expected) in [
        (ExitClass::Completed, JobState::Done),
        (ExitClass::Failed, JobState::Done),
        (ExitClass::Released, JobState::Open),
        (ExitClass::NodeFault, JobState::Open),
    ] {
        let mut world = World::new();
        let mut lease = world.lease_at(START).unwrap();
        world.settle(&mut lease, &last(1, 50, class), at(50)).unwrap();
        assert_eq!(world.job.state, expected, "{class:?}");
        if expected == JobState::Open {
            assert_eq!(world.job.start_deadline, at(650), "a fresh window from the end of the lease");
        }
    }
}

#[test]
fn a_job_stays_active_while_another_lease_lives() {
    let mut world = World::new();
    let mut first = world.lease_at(START).unwrap();
    let mut second = world.lease_at(START).unwrap();
    world.settle(&mut first, &last(1, 5, ExitClass::Completed), at(5)).unwrap();
    assert_eq!(world.job.state, JobState::Active);
    world.settle(&mut second, &last(1, 6, ExitClass::Completed), at(6)).unwrap();
    assert_eq!(world.job.state, JobState::Done);
}

#[test]
fn attempts_run_out() {
    let mut world = World::new();
    for expected in [JobState::Open, JobState::Done] {
        let mut lease = world.lease_at(START).unwrap();
        world.settle(&mut lease, &last(1, 1, ExitClass::NodeFault), at(1)).unwrap();
        assert_eq!(world.job.state, expected);
    }
    assert_eq!(world.lease_at(at(2)), Err(Error::JobNotOpen));
    let mut active = World::with(JobTerms { concurrent_leases: 4, ..terms() });
    let _survivor = active.lease_at(START).unwrap();
    for _ in 0..2 {
        let mut lease = active.lease_at(START).unwrap();
        active.settle(&mut lease, &last(1, 1, ExitClass::NodeFault), at(1)).unwrap();
    }
    assert_eq!(active.lease_at(at(2)), Err(Error::AttemptsExhausted));
}

#[test]
fn a_job_without_money_left_does_not_reopen() {
    let mut world = World::with(JobTerms { deposit: MicroUsdc(1_000_000), ..terms() });
    let mut lease = world.lease_at(START).unwrap();
    world.settle(&mut lease, &last(1, 1_000, ExitClass::Released), at(1_000)).unwrap();
    assert_eq!(world.job.state, JobState::Done);
    assert_eq!(close_job(&world.job), Ok(MicroUsdc(0)));
}

#[test]
fn a_silent_start_is_abandoned_at_its_deadline() {
    let mut world = World::new();
    let mut lease = world.lease_at(START).unwrap();
    assert_eq!(world.expire(&mut lease, at(299)), Err(Error::DeadlineNotPassed));
    let expiry = world.expire(&mut lease, at(300)).unwrap();
    assert_eq!(expiry, Expiry { outcome: LeaseOutcome::Abandoned, penalty: MicroUsdc(8_640_000) });
    assert_eq!(world.stake, Stake { total: MicroUsdc(991_360_000), locked: MicroUsdc(0) });
    assert_eq!(world.job.vault_balance(), Ok(MicroUsdc(2_008_640_000)), "the buyer is made whole");
    assert_eq!(world.job.state, JobState::Open);
}

#[test]
fn silence_past_the_checkpoint_is_lost_and_paid_to_the_last_voucher() {
    let mut world = World::new();
    let mut lease = world.lease_at(START).unwrap();
    world.settle(&mut lease, &voucher(1, 50), at(60)).unwrap();
    assert_eq!(world.expire(&mut lease, at(959)), Err(Error::DeadlineNotPassed));
    let expiry = world.expire(&mut lease, at(960)).unwrap();
    assert_eq!(expiry, Expiry { outcome: LeaseOutcome::Lost, penalty: MicroUsdc(21_600_000) });
    assert_eq!(world.job.paid.plus(world.job.fees), Ok(MicroUsdc(50_000)));
    assert_eq!(world.job.reserved, MicroUsdc(0));
}

#[test]
fn a_lease_past_its_end_is_settled_without_penalty() {
    let mut world = World::new();
    let mut lease = world.lease_at(START).unwrap();
    world.settle(&mut lease, &voucher(1, 900), at(1_280)).unwrap();
    // Ends by 300 + 1000, grace 600; the checkpoint would be due at 2180.
    assert_eq!(lease.deadline(&world.job), Ok((at(1_900), LeaseOutcome::TimedOut)));
    assert_eq!(world.expire(&mut lease, at(1_899)), Err(Error::DeadlineNotPassed));
    let expiry = world.expire(&mut lease, at(3_000)).unwrap();
    assert_eq!(expiry, Expiry { outcome: LeaseOutcome::TimedOut, penalty: MicroUsdc(0) });
}

#[test]
fn cancelling_an_idle_job_ends_it_at_once() {
    let mut world = World::new();
    cancel_job(&mut world.job, at(5)).unwrap();
    assert_eq!(world.job.state, JobState::Done);
    assert_eq!(cancel_job(&mut world.job, at(6)), Err(Error::JobNotCancellable));
    assert_eq!(close_job(&world.job), Ok(terms().deposit));
}

#[test]
fn seconds_up_to_a_cancel_are_owed_and_none_after() {
    let mut world = World::new();
    let mut lease = world.lease_at(START).unwrap();
    world.settle(&mut lease, &voucher(1, 30), at(30)).unwrap();
    cancel_job(&mut world.job, at(100)).unwrap();
    assert_eq!(world.job.state, JobState::Cancelling);
    assert_eq!(world.lease_at(at(101)), Err(Error::JobNotOpen));
    assert_eq!(close_job(&world.job), Err(Error::JobNotOver));
    world.settle(&mut lease, &last(2, 140, ExitClass::Released), at(140)).unwrap();
    assert_eq!(lease.paid, MicroUsdc(100_000));
    assert_eq!(world.job.state, JobState::Done);
}

#[test]
fn a_payment_before_the_cancel_stands() {
    let mut world = World::new();
    let mut lease = world.lease_at(START).unwrap();
    world.settle(&mut lease, &voucher(1, 105), at(100)).unwrap();
    cancel_job(&mut world.job, at(100)).unwrap();
    let end = world.settle(&mut lease, &last(2, 105, ExitClass::Released), at(101)).unwrap();
    assert_eq!(end.payment, MicroUsdc(0));
    assert_eq!(lease.paid, MicroUsdc(105_000));
}

#[test]
fn a_cancelled_job_is_freed_of_a_silent_lease_after_the_grace() {
    let mut world = World::new();
    let mut lease = world.lease_at(START).unwrap();
    world.settle(&mut lease, &voucher(1, 30), at(30)).unwrap();
    cancel_job(&mut world.job, at(100)).unwrap();
    assert_eq!(world.expire(&mut lease, at(699)), Err(Error::DeadlineNotPassed));
    assert_eq!(world.expire(&mut lease, at(700)).unwrap().outcome, LeaseOutcome::TimedOut);
    assert_eq!(world.job.state, JobState::Done);
}

#[test]
fn an_idle_job_expires_at_its_start_deadline() {
    let mut world = World::new();
    assert_eq!(expire_job(&mut world.job, at(599)), Err(Error::DeadlineNotPassed));
    expire_job(&mut world.job, at(600)).unwrap();
    assert_eq!(world.job.state, JobState::Expired);
    assert_eq!(expire_job(&mut world.job, at(601)), Err(Error::JobNotOpen));
    assert_eq!(close_job(&world.job), Ok(terms().deposit));
}

#[test]
fn only_a_job_that_is_over_is_closed() {
    let mut world = World::new();
    assert_eq!(close_job(&world.job), Err(Error::JobNotOver));
    let _lease = world.lease_at(START).unwrap();
    assert_eq!(close_job(&world.job), Err(Error::JobNotOver));
    assert_eq!(expire_job(&mut world.job, at(10_000)), Err(Error::JobNotOpen));
}

#[test]
fn a_late_voucher_counts_until_somebody_cranks() {
    let mut world = World::new();
    let mut lease = world.lease_at(START).unwrap();
    assert!(world.settle(&mut lease, &voucher(1, 400), at(450)).is_ok(), "past start-by, work done is money owed");
    assert_eq!(lease.state, LeaseState::Running);
}

#[derive(Clone, Debug)]
enum Step {
    Lease { maximum: u64 },
    Settle { which: usize, more: u64, is_final: bool, class: u8 },
    Cancel,
    ExpireJob,
    ExpireLease { which: usize },
    Wait { seconds: u64 },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (0u64..1_200).prop_map(|maximum| Step::Lease { maximum }),
        4 => (0usize..4, 0u64..400, any::<bool>(), 0u8..4)
            .prop_map(|(which, more, is_final, class)| Step::Settle { which, more, is_final, class }),
        1 => Just(Step::Cancel),
        1 => Just(Step::ExpireJob),
        2 => (0usize..4).prop_map(|which| Step::ExpireLease { which }),
        4 => (0u64..500).prop_map(|seconds| Step::Wait { seconds }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn money_is_conserved_whatever_happens(steps in proptest::collection::vec(step(), 1..60), price in 1u64..50_000_000) {
        let price = PricePerGpuHour(price);
        let mut world = World::with(JobTerms {
            concurrent_leases: 4, retries: 3, maximum_price: price, deposit: MicroUsdc(50_000_000), ..terms()
        });
        world.node.price = price;
        world.node.hardware.gpu_count = 3;
        let staked = world.stake.total;
        let mut leases: Vec<Lease> = Vec::new();
        let mut now = START;
        for step in steps {
            match step {
                Step::Wait { seconds } => now = UnixSeconds(now.0 + seconds),
                Step::Lease { maximum } => {
                    let offer = LeaseOffer { price, maximum: Seconds(maximum) };
                    let opened = open_lease(&mut world.job, &mut world.node, &mut world.stake, offer, &world.parameters, now);
                    leases.extend(opened);
                }
                Step::Settle { which, more, is_final, class } if which < leases.len() => {
                    let lease = &mut leases[which];
                    let redeemed = Voucher {
                        is_final, exit_class: ExitClass::try_from(class).unwrap(),
                        ..voucher(lease.sequence + 1, lease.metered.0 + more)
                    };
                    if world.settle(lease, &redeemed, now).is_ok_and(|settlement| settlement.ended.is_some()) {
                        leases.remove(which);
                    }
                }
                Step::ExpireLease { which } if which < leases.len() => {
                    if world.expire(&mut leases[which], now).is_ok() {
                        leases.remove(which);
                    }
                }
                Step::Cancel => drop(cancel_job(&mut world.job, now)),
                Step::ExpireJob => drop(expire_job(&mut world.job, now)),
                Step::Settle { .. } | Step::ExpireLease { .. } => {}
            }
            world.check();
            leases.iter().for_each(|lease| lease.invariant().unwrap());
            prop_assert_eq!(usize::from(world.job.live_leases), leases.len());
            prop_assert_eq!(world.job.reserved.0, leases.iter().map(|lease| lease.reserved.0).sum::<u64>());
            prop_assert_eq!(world.stake.locked.0, leases.iter().map(|lease| lease.bond.0).sum::<u64>());
            prop_assert_eq!(world.node.leased.0 as usize, leases.len());
            // Deposit and compensation in = vault + paid + fees out; a stake is stake + what was taken of it.
            let job = &world.job;
            prop_assert_eq!(job.terms.deposit.0 + job.compensation.0, job.vault_balance().unwrap().0 + job.paid.0 + job.fees.0);
            prop_assert_eq!(staked.0, world.stake.total.0 + job.compensation.0);
            prop_assert_eq!(world.earnings, Earnings { owner: job.paid, fees: job.fees });
        }
        // Nothing waits on one key: with enough time, anyone brings the job to its end.
        now = UnixSeconds(now.0 + 100_000);
        for mut lease in leases {
            world.expire(&mut lease, now).unwrap();
        }
        if world.job.state == JobState::Open {
            now = UnixSeconds(now.0 + 100_000);
            expire_job(&mut world.job, now).unwrap();
        }
        prop_assert!(close_job(&world.job).is_ok());
    }
}
