//! What is suggested to a job that waits: in random worlds a job that follows the advice has its nodes.

use std::collections::BTreeMap;

use millrace_protocol::{
    Address, GpuUnits, Hardware, HardwareAttestation, HardwareClass, JobTerms, MicroUsdc, Payment, PricePerGpuHour,
    Requirements, Seconds, ServiceLevel, UnixSeconds, Verification,
};
use millrace_spec::{Gang, Locality, Restart, Runtime, Service, Shape, Version};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use super::world::*;
use crate::*;

/// The job that asks; those before it have rigs already.
const ASKING: u32 = 9;
const ANYWHERE: Shape = Shape::Gang(Gang { locality: Locality::Anywhere });

/// A job whose deposit is what it is to be, as if part of it had been spent: the chain opens none with less than a
/// lease's worst case.
fn ask(world: &mut World, terms: JobTerms, workload: Workload) -> Address {
    let deposit = terms.deposit.max(terms.least_deposit().unwrap());
    let job = world.add_job(ASKING, JobTerms { deposit, ..terms }, workload);
    world.inbox.pop_back();
    world.jobs.get_mut(&job).unwrap().job.terms.deposit = terms.deposit;
    world.see_job(job);
    world.drain();
    job
}

/// What is said to the job in this world. What is suggested to be changed is changed in a world like it, and all its
/// nodes are there.
fn advice(before: &World, terms: JobTerms, workload: Workload) -> Option<Suggestion> {
    let mut world = before.clone();
    let job = ask(&mut world, terms, workload.clone());
    let suggestion = world.explain(job).suggestion?;
    let past = world.core.past(job);
    let mut entry = world.core.job(job).unwrap().clone();
    let (mut terms, mut changed) = (terms, workload);
    suggestion.change.apply(&mut terms, &mut changed);
    entry.view.job.terms = terms;
    entry.spec = SpecStatus::Known(changed.clone().into());
    let demand = Demand::of_job(&entry);
    let request = Request { affordable: PricePerGpuHour::MAX, ..past.request(&entry, &demand) };
    if let Change::Wait(constraint) = suggestion.change {
        let found = world.core.market.exclusions(world.now(), &request, suggestion.node);
        let hard: Vec<Constraint> = found.into_iter().filter(|constraint| !constraint.is_wish()).collect();
        assert_eq!(hard, [constraint]);
        return Some(suggestion);
    }
    let weighed = world.core.market.weigh(world.now(), &request, suggestion.node);
    assert!(weighed.is_some(), "{suggestion:?} does not win its node");
    let mut followed = before.clone();
    let job = ask(&mut followed, terms, changed.clone());
    let wanted = match terms.verification {
        Verification::Quorum { size, .. } => usize::from(size),
        _ if changed.gang().is_some() => changed.tasks as usize,
        _ => 1,
    };
    let leases = followed.leases.values().filter(|lease| lease.job == job).count();
    let placed = if changed.placement.auction { followed.invitations.len() } else { leases };
    assert!(placed >= wanted, "{suggestion:?} places {placed} of {wanted}: {:?}", followed.explain(job));
    Some(suggestion)
}

fn change_for(world: &World, terms: JobTerms, workload: Workload) -> Option<Change> {
    advice(world, terms, workload).map(|suggestion| suggestion.change)
}

fn world_of(nodes: impl IntoIterator<Item = (u64, Hardware)>) -> World {
    let mut world = World::new();
    world.task_millis = 600_000;
    for (number, (price, hardware)) in (1..).zip(nodes) {
        let node = world.add_node(number, PricePerGpuHour(price), hardware);
        world.connect(node);
    }
    world.drain();
    world
}

/// Somebody else takes so much of a node.
fn take(world: &mut World, units: u16, workload: Workload) {
    let mut terms = terms();
    terms.requirements.units = GpuUnits(units);
    world.add_job(1, JobTerms { lease_seconds: Seconds(300), ..terms }, workload);
    world.drain();
    assert_eq!(world.leases.len(), 1);
}

fn requiring(change: impl Fn(&mut Requirements)) -> JobTerms {
    let mut terms = terms();
    change(&mut terms.requirements);
    terms
}

#[test]
fn leaving_out_spot_helps_only_where_the_posted_price_is_within_the_maximum() {
    let mut world = world_of([(100_000, hardware())]);
    world.nodes.get_mut(&address(b'N', 1)).unwrap().node.spot_price = PricePerGpuHour::ZERO;
    world.see_node(address(b'N', 1));
    world.drain();
    let asks = |price| JobTerms { spot: true, maximum_price: PricePerGpuHour(price), ..terms() };
    assert_eq!(change_for(&world, asks(99_999), workload(1)), None);
    assert_eq!(change_for(&world, asks(100_000), workload(1)), Some(Change::AcceptOnDemand));
}

#[test]
fn a_higher_price_helps_only_where_the_deposit_covers_a_lease_at_it() {
    let abroad = Hardware { region: 1, ..hardware() };
    let world = world_of([(2_000_000, hardware()), (290_000, abroad)]);
    let asks = |deposit, regions| {
        let terms = requiring(|asked| asked.regions = regions);
        JobTerms { maximum_price: PricePerGpuHour(300_000), deposit: MicroUsdc(deposit), ..terms }
    };
    // Ten seconds at two USDC an hour.
    let raise = Some(Change::RaisePrice(PricePerGpuHour(2_000_000)));
    assert_eq!(change_for(&world, asks(5_555, 1 << 4), workload(1)), Some(Change::AcceptRegion(1)));
    let near = world_of([(2_000_000, hardware())]);
    assert_eq!(change_for(&near, asks(5_554, 1 << 4), workload(1)), None);
    assert_eq!(change_for(&near, asks(5_555, 1 << 4), workload(1)), raise);
}

#[test]
fn where_money_is_lacking_the_sum_is_named() {
    let world = world_of([(900_000, hardware()), (1_000_000, hardware())]);
    let asks = |deposit| JobTerms { deposit: MicroUsdc(deposit), ..terms() };
    // Ten seconds of the cheaper node cost 2,500.
    assert_eq!(change_for(&world, asks(1_000), workload(1)), Some(Change::AddToDeposit(MicroUsdc(1_500))));
    assert_eq!(change_for(&world, asks(2_499), workload(1)), Some(Change::AddToDeposit(MicroUsdc(1))));
}

#[test]
fn resources_are_lowered_to_what_other_leases_leave() {
    let mut world = world_of([(100_000, Hardware { gpu_count: 3, ..hardware() })]);
    let taken = Workload { cpu_milli: 5_500, memory_mib: 30_000, disk_mib: 90_000, ..workload(1) };
    take(&mut world, 1, taken);
    let asks = |cpu_milli, memory_mib, disk_mib| Workload { cpu_milli, memory_mib, disk_mib, ..workload(1) };
    assert_eq!(change_for(&world, terms(), asks(4_000, 1, 1)), Some(Change::LowerCpu(2_500)));
    assert_eq!(change_for(&world, terms(), asks(9_000, 1, 1)), Some(Change::LowerCpu(2_500)));
    assert_eq!(change_for(&world, terms(), asks(1_000, 4_000, 1)), Some(Change::LowerMemory(2_768)));
    assert_eq!(change_for(&world, terms(), asks(1_000, 1, 20_000)), Some(Change::LowerDisk(10_000)));
}

#[test]
fn where_nothing_is_left_of_a_resource_it_is_waited_for_if_there_is_enough_of_it() {
    let mut world = world_of([(100_000, Hardware { gpu_count: 3, ..hardware() })]);
    take(&mut world, 1, Workload { cpu_milli: 7_991, memory_mib: 32_761, disk_mib: 100_000, ..workload(1) });
    let asks = |cpu_milli, memory_mib, disk_mib| Workload { cpu_milli, memory_mib, disk_mib, ..workload(1) };
    let all = [
        (asks(8_000, 1, 0), asks(8_001, 1, 0), Constraint::Cpu),
        (asks(9, 32_768, 0), asks(9, 32_769, 0), Constraint::Memory),
        (asks(9, 1, 100_000), asks(9, 1, 100_001), Constraint::Disk),
    ];
    for (has_all, too_much, constraint) in all {
        assert_eq!(change_for(&world, terms(), has_all), Some(Change::Wait(constraint)));
        assert_eq!(change_for(&world, terms(), too_much), None, "it would have to wait and to ask for less");
    }
}

#[test]
fn fewer_gpus_are_as_many_as_are_free() {
    let mut world = world_of([(100_000, Hardware { gpu_count: 4, ..hardware() })]);
    take(&mut world, 3, workload(1));
    let asks = |units| requiring(|asked| asked.units = GpuUnits(units));
    assert_eq!(change_for(&world, asks(6), workload(1)), Some(Change::LowerGpuCount(1)));
    let mut full = world_of([(100_000, hardware())]);
    take(&mut full, 1, workload(1));
    assert_eq!(change_for(&full, asks(2), workload(1)), None, "it would have to wait and to ask for less");
    assert_eq!(change_for(&full, asks(1), workload(1)), Some(Change::Wait(Constraint::NodeFull)));
}

fn gang(tasks: u32) -> (JobTerms, Workload) {
    let terms = JobTerms { concurrent_leases: u16::try_from(tasks).unwrap(), ..terms() };
    (terms, Workload { shape: Some(ANYWHERE), ..workload(tasks) })
}

fn counted() -> JobTerms {
    let verification = Verification::Quorum { needed: 2, size: 3 };
    JobTerms { verification, payment: Payment::OnResult, ..terms() }
}

#[test]
fn a_gang_is_told_what_wins_all_that_it_lacks_though_one_node_fits() {
    let world =
        world_of([(100_000, hardware()), (1_200_000, hardware()), (1_500_000, hardware()), (1_300_000, hardware())]);
    let (terms, workload) = gang(3);
    let raise = Some(Change::RaisePrice(PricePerGpuHour(1_300_000)));
    assert_eq!(change_for(&world, terms, workload.clone()), raise);
    assert_eq!(change_for(&world, counted(), self::workload(1)), raise, "and so is a round");
    let (four, of_four) = gang(4);
    assert_eq!(change_for(&world, four, of_four), Some(Change::RaisePrice(PricePerGpuHour(1_500_000))));
    let region = Shape::Gang(Gang { locality: Locality::Region });
    let apart = world_of([
        (100_000, hardware()),
        (1_200_000, Hardware { region: 1, ..hardware() }),
        (1_300_000, hardware()),
        (1_400_000, hardware()),
    ]);
    let in_one = Workload { shape: Some(region), ..workload };
    assert_eq!(change_for(&apart, terms, in_one), Some(Change::RaisePrice(PricePerGpuHour(1_400_000))));
}

#[test]
fn what_wins_a_gang_one_of_two_nodes_is_not_suggested() {
    let small = Hardware { vram_mib: 8_192, ..hardware() };
    let abroad = Hardware { region: 1, ..hardware() };
    let world = world_of([(100_000, hardware()), (200_000, small), (300_000, abroad)]);
    let require = |terms: JobTerms| {
        let requirements = Requirements { regions: 1 << 4, vram_mib: 24_576, ..terms.requirements };
        JobTerms { requirements, ..terms }
    };
    let (terms, workload) = gang(3);
    assert_eq!(change_for(&world, require(terms), workload), None);
    assert_eq!(change_for(&world, require(counted()), self::workload(1)), None);
    let (pair, of_two) = gang(2);
    assert_eq!(change_for(&world, require(pair), of_two), Some(Change::LowerVram(8_192)));
}

#[test]
fn gangs_are_told_the_sum_that_all_members_need() {
    let world = world_of([(360_000, hardware()), (360_000, hardware()), (720_000, hardware())]);
    let (terms, workload) = gang(3);
    // Ten seconds cost 1,000, 1,000 and 2,000.
    let poor = JobTerms { deposit: MicroUsdc(3_900), ..terms };
    assert_eq!(change_for(&world, poor, workload), Some(Change::AddToDeposit(MicroUsdc(100))));
}

#[derive(Clone, Debug)]
struct Rig {
    hardware: Hardware,
    price: u64,
    spot: u64,
    level: ServiceLevel,
    shown: Option<HardwareClass>,
    /// Its provider's, in USDC.
    stake: u64,
    gvisor: bool,
    driver: Version,
    cuda: Version,
    connected: bool,
    /// Of the provider of the node before it.
    shared: bool,
}

fn rig() -> impl Strategy<Value = Rig> {
    let class = prop_oneof![Just((8, 24_576)), Just((26, 81_920)), Just((27, 141_000))];
    let hardware = (class, 1..=4u16, 3..6u8, prop_oneof![3 => Just(*b"DE"), 1 => Just(*b"FR")], any::<bool>());
    let hardware = hardware.prop_map(|((gpu_class, vram_mib), gpu_count, region, country, simulated)| Hardware {
        gpu_class,
        gpu_count,
        vram_mib,
        region,
        country,
        simulated,
        ..super::world::hardware()
    });
    let shown = prop::option::of(prop_oneof![Just(HardwareClass::Challenged), Just(HardwareClass::Enclave)]);
    let stake = prop_oneof![4 => Just(1_000u64), 1 => 0..40u64];
    let odd = (prop::bool::weighted(0.3), prop::bool::weighted(0.9), prop::bool::weighted(0.3));
    let software = (version(550_054), version(12_004));
    let spot = prop_oneof![1 => Just(0u64), 3 => 1..8u64];
    (hardware, 1..8u64, spot, level(), shown, stake, odd, software).prop_map(
        |(hardware, price, spot, level, shown, stake, (gvisor, connected, shared), (driver, cuda))| Rig {
            hardware,
            price,
            spot,
            level,
            shown,
            stake,
            gvisor,
            driver,
            cuda,
            connected,
            shared,
        },
    )
}

fn version(usual: u32) -> impl Strategy<Value = Version> {
    prop_oneof![1 => Just(Version::NONE), 2 => Just(Version(usual)), 1 => Just(Version(usual + 1_000))]
}

fn level() -> impl Strategy<Value = ServiceLevel> {
    prop_oneof![2 => Just(ServiceLevel::None), 1 => Just(ServiceLevel::Silver), 1 => Just(ServiceLevel::Gold)]
}

/// Mostly nothing, so that often one thing alone keeps a node from the job.
fn rarely<T: Clone + std::fmt::Debug>(nothing: T, otherwise: impl Strategy<Value = T>) -> impl Strategy<Value = T> {
    prop_oneof![5 => Just(nothing), 1 => otherwise]
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Plain,
    Auction,
    Service,
    Gang(Locality, u32),
    Counted(u8, u8),
}

fn kind() -> impl Strategy<Value = Kind> {
    let locality = prop_oneof![Just(Locality::Region), Just(Locality::Anywhere)];
    prop_oneof![
        4 => Just(Kind::Plain),
        1 => Just(Kind::Auction),
        1 => Just(Kind::Service),
        3 => (locality, 2..4u32).prop_map(|(locality, size)| Kind::Gang(locality, size)),
        2 => prop_oneof![Just((2, 2)), Just((2, 3))].prop_map(|(needed, size)| Kind::Counted(needed, size)),
    ]
}

fn job() -> impl Strategy<Value = (JobTerms, Workload)> {
    let asked = (
        rarely(0, prop_oneof![Just(1 << 8), Just(1 << 26), Just(1 << 8 | 1 << 27)]),
        rarely(0, prop_oneof![Just(81_920u32), Just(141_000)]),
        rarely(1u16, 2..8u16),
        rarely(0, prop_oneof![Just(1u32 << 3), Just(1 << 4 | 1 << 5)]),
        prop::bool::weighted(0.8),
    );
    let agreed = (
        rarely(8u64, 1..8u64),
        prop::bool::weighted(0.2),
        rarely(ServiceLevel::None, level()),
        rarely(None, prop_oneof![Just(Some(HardwareClass::Challenged)), Just(Some(HardwareClass::Enclave))]),
        // Of what the shortest lease costs at the maximum price, in eighths.
        rarely(1_000u64, 0..24u64),
    );
    let numbers = || prop::collection::vec(1..6u32, 1..3);
    let placement = (
        rarely(Vec::new(), Just(vec![*b"US"])),
        rarely(Vec::new(), numbers()),
        rarely(Vec::new(), numbers()),
        rarely(false, Just(true)),
        rarely(None, Just(Some(Runtime::Gvisor))),
        rarely(
            (Version::NONE, Version::NONE),
            prop_oneof![
                version(550_054).prop_map(|driver| (driver, Version::NONE)),
                version(12_004).prop_map(|cuda| (Version::NONE, cuda)),
            ],
        ),
    );
    let resources = (rarely(10, 500..9_000u32), rarely(8, 8..40_000u32), rarely(1, 1..120_000u32));
    (kind(), asked, agreed, placement, resources).prop_map(|(kind, asked, agreed, placement, resources)| {
        let (gpu_classes, vram_mib, units, regions, accept_simulated) = asked;
        let units = GpuUnits(units);
        let requirements = Requirements { gpu_classes, vram_mib, units, regions, accept_simulated };
        let (price, spot, service_level, class, eighths) = agreed;
        let price = price * 50_000;
        let attested = class.map_or(Verification::Attested, |class| Verification::AttestedHardware { class });
        let (countries, providers, denied, different_providers, runtime, least) = placement;
        let (minimum_driver, minimum_cuda) = least;
        let named = |numbers: Vec<u32>| numbers.into_iter().map(|number| address(b'P', number)).collect();
        let (cpu_milli, memory_mib, disk_mib) = resources;
        let mut terms = JobTerms {
            requirements,
            maximum_price: PricePerGpuHour(price),
            deposit: MicroUsdc(price * u64::from(units.0) / 360 * eighths / 8),
            concurrent_leases: 1,
            spot,
            service_level,
            verification: attested,
            ..terms()
        };
        let placement = Placement {
            countries,
            providers: named(providers),
            denied_providers: named(denied),
            different_providers,
            minimum_driver,
            minimum_cuda,
            ..Placement::default()
        };
        let mut workload = Workload { cpu_milli, memory_mib, disk_mib, placement, runtime, ..workload(1) };
        match kind {
            Kind::Plain => {}
            Kind::Auction => (terms.spot, workload.placement.auction) = (false, true),
            Kind::Service => {
                let service = Service { replicas: 1, restart: Restart::Always, run_for: None };
                workload.shape = Some(Shape::Service(service));
            }
            Kind::Gang(locality, size) => {
                (workload.tasks, workload.shape) = (size, Some(Shape::Gang(Gang { locality })));
                terms.concurrent_leases = u16::try_from(size).unwrap();
            }
            Kind::Counted(needed, size) => {
                (terms.verification, terms.payment) = (Verification::Quorum { needed, size }, Payment::OnResult);
                terms.concurrent_leases = size.into();
                // Members that share what is not enough for all of them are another matter.
                terms.deposit = MicroUsdc(5_000_000);
            }
        }
        (terms, workload)
    })
}

/// What another job takes of some node: GPUs, thousandths of a CPU, and MiB of memory and of disk.
type Taken = (u16, u32, u32, u32);

fn market() -> impl Strategy<Value = (Vec<Rig>, Vec<Taken>)> {
    let taken = (1..3u16, 1_000..8_001u32, 1_024..32_769u32, 1_024..100_001u32);
    (prop::collection::vec(rig(), 1..7), prop::collection::vec(taken, 0..4))
}

fn build(rigs: &[Rig], taken: &[Taken]) -> World {
    let mut world = World::new();
    world.task_millis = 600_000;
    for (number, rig) in (1..).zip(rigs) {
        let node = world.add_node(number, PricePerGpuHour(rig.price * 50_000), rig.hardware);
        let stake = &mut world.providers.get_mut(&address(b'P', number)).unwrap().stake;
        (stake.total, stake.paid_in) = (MicroUsdc(rig.stake * 1_000_000), MicroUsdc(rig.stake * 1_000_000));
        let expires_at = UnixSeconds(START + 1_000);
        let view = world.nodes.get_mut(&node).unwrap();
        view.node.spot_price = PricePerGpuHour(rig.spot * 25_000);
        view.node.service_level = rig.level;
        (view.driver, view.cuda) = (rig.driver, rig.cuda);
        view.node.attestation =
            rig.shown.map_or_else(HardwareAttestation::default, |class| HardwareAttestation { class, expires_at });
        if rig.shared && number > 1 {
            view.provider = address(b'P', number - 1);
        }
        world.see_node(node);
        if rig.connected {
            world.connect(node);
        }
        let runtimes = rig.gvisor.then_some(Runtime::Gvisor).into_iter().collect();
        world.inbox.push_back(Event::WorkerRuntimes { node, runtimes });
    }
    for (number, (units, cpu_milli, memory_mib, disk_mib)) in (1..).zip(taken.iter().copied()) {
        let mut terms = JobTerms { lease_seconds: Seconds(300), concurrent_leases: 1, ..terms() };
        terms.requirements.units = GpuUnits(units);
        world.add_job(number, terms, Workload { cpu_milli, memory_mib, disk_mib, ..workload(1) });
    }
    world.drain();
    world
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 256, max_shrink_iters: 400, failure_persistence: None, ..ProptestConfig::default()
    })]

    #[test]
    fn a_job_that_follows_the_advice_has_its_nodes((rigs, taken) in market(), (terms, workload) in job()) {
        advice(&build(&rigs, &taken), terms, workload);
    }
}

/// The worlds above are such that everything comes up that may be suggested.
#[test]
fn each_kind_of_advice_is_given_in_some_of_the_worlds() {
    let mut given: BTreeMap<String, usize> = BTreeMap::new();
    let mut runner = TestRunner::deterministic();
    for _ in 0..1_000 {
        let ((rigs, taken), (terms, workload)) = (market(), job()).new_tree(&mut runner).unwrap().current();
        let several = workload.gang().is_some() || terms.verification.is_quorum();
        let Some(suggestion) = advice(&build(&rigs, &taken), terms, workload) else { continue };
        let name = format!("{:?}", suggestion.change);
        let name = name.split('(').next().unwrap().to_owned();
        *given.entry(if several { format!("{name} for all") } else { name }).or_default() += 1;
    }
    for change in [
        "AddToDeposit",
        "RaisePrice",
        "AcceptGpuClass",
        "LowerVram",
        "LowerGpuCount",
        "AcceptRegion",
        "AcceptCountry",
        "AcceptProvider",
        "AcceptSimulated",
        "AcceptEngineRuntime",
        "AcceptOnDemand",
        "LowerServiceLevel",
        "AcceptHardware",
        "LowerCpu",
        "LowerMemory",
        "LowerDisk",
        "LowerDriver",
        "LowerCuda",
        "Wait",
        "AddToDeposit for all",
        "RaisePrice for all",
        "AcceptSimulated for all",
        "AcceptRegion for all",
    ] {
        assert!(given.contains_key(change), "{change} is never suggested: {given:?}");
    }
}
