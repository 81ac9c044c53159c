use millrace_protocol::{
    Address, BasisPoints, GpuUnits, Hardware, HardwareAttestation, HardwareClass, JobTerms, LeaseOutcome, MicroUsdc,
    Node, NodeStatus, Payment, PricePerGpuHour, Provider, ProviderStatus, Reputation, Requirements, Seconds,
    ServiceLevel, UnixSeconds, Verification,
};
use millrace_spec::{Gang, Locality, Runtime, Shape};

use super::world::*;
use crate::*;

/// One connected node, and a job that only `exclude` keeps from it.
fn excluded_by(exclude: impl Fn(&mut World, &mut JobTerms, &mut Workload)) -> (World, Explanation) {
    let mut world = World::with_nodes(1);
    world.drain();
    let (mut terms, mut workload) = (terms(), workload(1));
    exclude(&mut world, &mut terms, &mut workload);
    world.see_node(address(b'N', 1));
    let job = world.add_job(1, terms, workload);
    world.drain();
    assert!(world.offers().is_empty());
    let explanation = world.explain(job);
    (world, explanation)
}

fn check(constraint: Constraint, change: Change, exclude: impl Fn(&mut World, &mut JobTerms, &mut Workload)) {
    let (_, explanation) = excluded_by(exclude);
    assert_eq!((explanation.nodes_total, explanation.nodes_fitting), (1, 0));
    let exclusion = Exclusion { nodes: 1, alone: 1 };
    assert_eq!(explanation.exclusions.into_iter().collect::<Vec<_>>(), [(constraint, exclusion)]);
    assert_eq!(explanation.suggestion.unwrap().change, change);
}

fn require(terms: &mut JobTerms, change: impl Fn(&mut Requirements)) {
    change(&mut terms.requirements);
}

#[test]
fn by_price() {
    let price = PricePerGpuHour(100_000);
    check(Constraint::Price, Change::RaisePrice(price), |_, terms, _| terms.maximum_price = PricePerGpuHour(99_999));
}

#[test]
fn by_gpu_model() {
    check(Constraint::GpuModel, Change::AcceptGpuClass(8), |_, terms, _| {
        require(terms, |asked| asked.gpu_classes = 1 << 27);
    });
}

#[test]
fn by_vram() {
    check(Constraint::Vram, Change::LowerVram(24_576), |_, terms, _| {
        require(terms, |asked| asked.vram_mib = 80_000);
    });
}

#[test]
fn by_gpu_count() {
    check(Constraint::GpuCount, Change::LowerGpuCount(1), |_, terms, _| {
        require(terms, |asked| asked.units = GpuUnits(2));
    });
}

#[test]
fn by_region() {
    check(Constraint::Region, Change::AcceptRegion(4), |_, terms, _| require(terms, |asked| asked.regions = 1));
}

#[test]
fn by_simulation() {
    check(Constraint::Simulated, Change::AcceptSimulated, |_, terms, _| {
        require(terms, |asked| asked.accept_simulated = false);
    });
}

#[test]
fn by_cpu() {
    check(Constraint::Cpu, Change::LowerCpu(8_000), |_, _, workload| workload.cpu_milli = 8_001);
}

#[test]
fn by_memory() {
    check(Constraint::Memory, Change::LowerMemory(32_768), |_, _, workload| workload.memory_mib = 32_769);
}

#[test]
fn by_disk() {
    check(Constraint::Disk, Change::LowerDisk(100_000), |_, _, workload| workload.disk_mib = 100_001);
}

#[test]
fn by_an_absent_worker() {
    check(Constraint::NodeOffline, Change::Wait(Constraint::NodeOffline), |world, _, _| {
        world.disconnect(address(b'N', 1));
    });
}

#[test]
fn by_draining() {
    check(Constraint::NodeDraining, Change::Wait(Constraint::NodeDraining), |world, _, _| {
        world.nodes.get_mut(&address(b'N', 1)).unwrap().node.status = NodeStatus::Draining;
    });
}

#[test]
fn by_its_owner() {
    check(Constraint::NodeDraining, Change::Wait(Constraint::NodeDraining), |world, _, _| {
        world.inbox.push_back(Event::WorkerDraining { node: address(b'N', 1), draining: true });
    });
}

#[test]
fn by_a_missing_runtime() {
    check(Constraint::RuntimeMissing, Change::AcceptEngineRuntime, |_, _, workload| {
        workload.runtime = Some(Runtime::Gvisor);
    });
}

#[test]
fn a_job_that_asks_for_a_runtime_waits_for_a_node_that_has_it() {
    let gvisor = |world: &mut World, terms: &mut JobTerms, workload: &mut Workload| {
        let _ = (world, terms);
        workload.runtime = Some(Runtime::Gvisor);
    };
    let (mut world, _) = excluded_by(gvisor);
    let runtimes = |runtimes| Event::WorkerRuntimes { node: address(b'N', 1), runtimes };
    world.inbox.push_back(runtimes([].into()));
    world.drain();
    assert!(world.offers().is_empty());
    world.inbox.push_back(runtimes([Runtime::Gvisor].into()));
    world.drain();
    assert_eq!(world.offers().len(), 1);
}

#[test]
fn by_other_leases() {
    check(Constraint::NodeFull, Change::Wait(Constraint::NodeFull), |world, _, _| {
        world.nodes.get_mut(&address(b'N', 1)).unwrap().node.leased = GpuUnits(1);
    });
}

#[test]
fn by_too_small_a_stake() {
    check(Constraint::StakeTooSmall, Change::Wait(Constraint::StakeTooSmall), |world, _, _| {
        provider(world).stake.locked = MicroUsdc(999_000_000);
    });
}

fn provider(world: &mut World) -> &mut Provider {
    world.providers.get_mut(&address(b'P', 1)).unwrap()
}

fn node(world: &mut World) -> &mut Node {
    &mut world.nodes.get_mut(&address(b'N', 1)).unwrap().node
}

#[test]
fn by_a_provider_that_takes_no_work() {
    for status in [ProviderStatus::Draining, ProviderStatus::Delisted] {
        check(Constraint::ProviderNotActive, Change::Wait(Constraint::ProviderNotActive), |world, _, _| {
            provider(world).status = status;
        });
    }
}

#[test]
fn by_a_bad_reputation() {
    check(Constraint::ReputationTooLow, Change::Wait(Constraint::ReputationTooLow), |world, _, _| {
        let now = world.now().chain;
        provider(world).reputation = Reputation { bad: MicroUsdc(1_001_000), updated_at: now, ..Reputation::default() };
    });
}

#[test]
fn by_a_node_that_takes_no_spot_leases() {
    check(Constraint::NoSpot, Change::AcceptOnDemand, |world, terms, _| {
        terms.spot = true;
        node(world).spot_price = PricePerGpuHour::ZERO;
    });
}

#[test]
fn by_spot_price() {
    let price = PricePerGpuHour(50_000);
    check(Constraint::Price, Change::RaisePrice(price), |_, terms, _| {
        (terms.spot, terms.maximum_price) = (true, PricePerGpuHour(49_999));
    });
}

#[test]
fn by_service_level() {
    check(Constraint::ServiceLevel, Change::LowerServiceLevel(ServiceLevel::Silver), |world, terms, _| {
        terms.service_level = ServiceLevel::Gold;
        node(world).service_level = ServiceLevel::Silver;
    });
}

#[test]
fn by_hardware_that_was_not_shown() {
    let attested = |class, from_now| {
        move |world: &mut World, terms: &mut JobTerms, _: &mut Workload| {
            terms.verification = Verification::AttestedHardware { class: HardwareClass::Enclave };
            let expires_at = UnixSeconds(world.now().chain.0 + from_now);
            node(world).attestation = HardwareAttestation { class, expires_at };
        }
    };
    let constraint = Constraint::HardwareUnattested;
    let challenged = attested(HardwareClass::Challenged, 60);
    check(constraint, Change::AcceptHardware(HardwareClass::Challenged), challenged);
    check(constraint, Change::AcceptHardware(HardwareClass::Claimed), attested(HardwareClass::Enclave, 0));
}

#[test]
fn what_is_not_run_here_is_said_and_expires() {
    let quorum = Verification::Quorum { needed: 2, size: 3 };
    let quorum = JobTerms { verification: quorum, payment: Payment::OnResult, ..terms() };
    let share = BasisPoints(1_000);
    let window = Seconds(60);
    let spot_check = JobTerms { verification: Verification::SpotCheck { share }, dispute_window: window, ..terms() };
    let other = Address([5; 32]);
    let gang = Workload { shape: Some(Shape::Gang(Gang { locality: Locality::Region })), ..workload(3) };
    for (terms, workload, attestor, reason) in [
        (quorum, gang, None, NotServed::CountedShape),
        (spot_check, workload(1), Some(ATTESTOR), NotServed::CheckWindow { window, least: Seconds(1_200) }),
        (terms(), workload(1), Some(other), NotServed::ForeignAttestor(other)),
    ] {
        let mut world = World::with_nodes(3);
        let job = world.add_attested_job(1, terms, workload, attestor);
        world.drain();
        world.pass(5);
        assert_eq!(world.explain(job).blockers, [Blocker::NotServed(reason)]);
        assert!(world.offers().is_empty());
        world.pass(900);
        assert_eq!(world.outcome(job), Some(&Outcome::Expired));
        assert_eq!(world.refunds[&job], terms.deposit);
    }
}

/// Of a job with another attestor, or opened under another scheduler.
#[test]
fn a_lease_that_others_attest_is_left_alone_and_cranked() {
    for (attestor, scheduler) in [(Some(Address([5; 32])), ATTESTOR), (None, Address([5; 32]))] {
        attested_by_others(attestor, scheduler);
    }
}

fn attested_by_others(attestor: Option<Address>, scheduler: Address) {
    let mut world = World::new();
    let node = world.add_node(1, PricePerGpuHour(100_000), hardware());
    world.scheduler = scheduler;
    let job = world.add_attested_job(1, terms(), workload(1), attestor);
    world.drain();
    // The buyer awarded it to the node without the scheduler.
    let price = PricePerGpuHour(100_000);
    let provider = address(b'P', 1);
    world.award(Offer {
        offer: 0,
        job,
        node,
        provider,
        number: 0,
        price,
        maximum: Seconds(600),
        bid_book: None,
        joins: None,
    });
    let lease = world.lease_of(node);
    world.connect(node);
    world.pass(299);
    assert_eq!(world.count(|action| matches!(action, Action::AssignTask { .. } | Action::IssueVoucher { .. })), 0);
    assert!(world.leases.contains_key(&lease));
    world.pass(1);
    assert_eq!(world.ended[0].1, LeaseOutcome::Abandoned);
}

#[test]
fn the_cheapest_change_the_buyer_can_make_is_suggested() {
    let mut world = World::new();
    let other = Hardware { gpu_class: 27, vram_mib: 141_000, ..hardware() };
    // Too dear and fine; cheap and of another model; cheapest of all, but wrong in two ways.
    world.add_node(1, PricePerGpuHour(1_200_000), hardware());
    world.add_node(2, PricePerGpuHour(900_000), other);
    world.add_node(3, PricePerGpuHour(50_000), Hardware { region: 1, ..other });
    for number in 1..=3 {
        world.connect(address(b'N', number));
    }
    let requirements = Requirements { gpu_classes: 1 << 8, regions: 1 << 4, ..terms().requirements };
    let job = world.add_job(1, JobTerms { requirements, ..terms() }, workload(1));
    world.drain();
    let explanation = world.explain(job);
    assert_eq!(explanation.exclusions[&Constraint::GpuModel], Exclusion { nodes: 2, alone: 1 });
    assert_eq!(explanation.exclusions[&Constraint::Price], Exclusion { nodes: 1, alone: 1 });
    assert_eq!(explanation.exclusions[&Constraint::Region], Exclusion { nodes: 1, alone: 0 });
    let suggestion = explanation.suggestion.unwrap();
    assert_eq!((suggestion.change, suggestion.node), (Change::AcceptGpuClass(27), address(b'N', 2)));
}

#[test]
fn a_network_without_nodes_excludes_nothing_and_suggests_nothing() {
    let mut world = World::new();
    let job = world.add_job(1, terms(), workload(1));
    world.drain();
    let explanation = world.explain(job);
    assert_eq!((explanation.nodes_total, explanation.suggestion, explanation.exclusions.len()), (0, None, 0));
    assert_eq!(world.core.explain(world.now(), address(b'J', 9)), None);
}

#[test]
fn a_job_at_its_limit_says_how_many_of_its_leases_are_silent() {
    let mut world = World::with_nodes(2);
    world.task_millis = 60_000;
    let job = world.add_job(1, JobTerms { concurrent_leases: 1, ..terms() }, workload(2));
    world.drain();
    let limit = |silent| Blocker::ConcurrencyReached { live: 1, silent };
    assert_eq!(world.explain(job).blockers, [limit(0)]);
    world.kill(address(b'N', 1));
    world.pass(10);
    assert_eq!(world.explain(job).blockers, [limit(1)]);
}

#[test]
fn a_job_whose_attempts_are_used_up_says_so_while_its_last_lease_works() {
    let mut world = World::with_nodes(3);
    world.task_millis = 60_000;
    let job = world.add_job(1, JobTerms { concurrent_leases: 2, retries: 0, ..terms() }, workload(4));
    world.drain();
    world.fail_task(address(b'N', 1), Fault::Node, "docker");
    world.pass(5);
    let explanation = world.explain(job);
    assert_eq!(explanation.blockers, [Blocker::AttemptsExhausted { failed: 1, retries: 0 }]);
    // Nodes would fit: it is the job's own retries that keep it from them.
    assert_eq!((explanation.nodes_fitting, world.jobs[&job].job.live_leases), (2, 1));
}

#[test]
fn a_job_waits_for_the_end_of_a_lease_and_says_so() {
    let mut world = World::with_nodes(3);
    world.task_millis = 60_000;
    let job = world.add_job(1, JobTerms { concurrent_leases: 2, ..terms() }, workload(4));
    world.drain();
    world.chain_down = true;
    world.fail_task(address(b'N', 1), Fault::Node, "docker");
    let blockers = world.explain(job).blockers;
    assert!(blockers.contains(&Blocker::LeaseEnding), "{blockers:?}");
    world.chain_down = false;
    world.pass(70);
    let blockers = world.explain(job).blockers;
    assert!(!blockers.contains(&Blocker::LeaseEnding), "{blockers:?}");
}

#[test]
fn a_job_whose_money_does_not_reach_for_the_node_that_is_free_says_so() {
    let mut world = World::with_nodes(1);
    world.task_millis = 60_000;
    for number in [2, 3] {
        let node = world.add_node(number, PricePerGpuHour(2_000_000), hardware());
        world.connect(node);
    }
    // A minute of the first node costs 1,666 micro-USDC, of the others 33,333, and ten seconds 5,555.
    let terms = JobTerms {
        maximum_price: PricePerGpuHour(2_000_000),
        lease_seconds: Seconds(60),
        deposit: MicroUsdc(36_000),
        ..terms()
    };
    let job = world.add_job(1, terms, workload(4));
    world.drain();
    let explanation = world.explain(job);
    assert_eq!(world.jobs[&job].job.live_leases, 2);
    assert_eq!(explanation.blockers, [Blocker::DepositExhausted { available: MicroUsdc(1_001) }]);
    assert_eq!(explanation.nodes_fitting, 0);
    let suggestion = explanation.suggestion.unwrap();
    assert_eq!((suggestion.change, suggestion.node), (Change::AddToDeposit(MicroUsdc(4_554)), address(b'N', 3)));
}
