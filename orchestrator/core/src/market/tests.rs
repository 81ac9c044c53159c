//! The index against a full scan: whatever happens to nodes, workers, providers and leases, in whatever
//! order, every search finds what a look at each node finds, with the same score.

use millrace_protocol::transitions::LeaseOffer;
use millrace_protocol::{
    Address, GpuUnits, Hardware, HardwareAttestation, HardwareClass, JobTerms, MicroUsdc, Node, NodeStatus, Parameters,
    PricePerGpuHour, Provider, ProviderStatus, Reputation, Requirements, Seconds, ServiceLevel, Stake, UnixSeconds,
    transitions,
};
use millrace_spec::Version;
use proptest::prelude::*;

use super::*;

const START: u64 = 1_800_000_000;
const PATIENCE: u64 = 6_000;
const NODES: u8 = 24;
const PROVIDERS: u8 = 5;

#[derive(Clone, Debug)]
enum Step {
    Node(u8, Box<NodeView>),
    NodeGone(u8),
    Provider(u8, Box<Provider>),
    ProviderGone(u8),
    Connect(u8),
    Disconnect(u8),
    Hear(u8),
    Images(u8, Vec<u8>),
    Runtimes(u8, bool),
    Link(u8, u32),
    Claim(u8, Option<(u8, u16, u8)>),
    Pass(u64),
    Parameters(u16),
    Search(Box<Demand>, Past),
}

#[derive(Clone, Debug)]
struct Past {
    affordable: u64,
    leased: Vec<u8>,
    resting: Vec<u8>,
    failed: Vec<u8>,
    wanted: usize,
}

fn address(kind: u8, number: u8) -> Address {
    let mut bytes = [kind; 32];
    // The same first bytes: only a whole address tells nodes apart.
    bytes[31] = number;
    Address(bytes)
}

fn image(number: u8) -> String {
    format!("image:{number}")
}

fn class() -> impl Strategy<Value = HardwareClass> {
    prop_oneof![Just(HardwareClass::Claimed), Just(HardwareClass::Challenged), Just(HardwareClass::Enclave)]
}

fn level() -> impl Strategy<Value = ServiceLevel> {
    prop_oneof![3 => Just(ServiceLevel::None), 1 => Just(ServiceLevel::Silver), 1 => Just(ServiceLevel::Gold)]
}

fn country() -> impl Strategy<Value = [u8; 2]> {
    prop_oneof![Just(*b"DE"), Just(*b"FR"), Just(*b"US")]
}

fn driver() -> impl Strategy<Value = Version> {
    prop_oneof![2 => Just(Version::NONE), 2 => Just(Version(550_054)), 1 => Just(Version(570_086))]
}

/// Two of them are more than the index tells apart.
fn cuda() -> impl Strategy<Value = Version> {
    prop_oneof![
        4 => Just(Version::NONE), 2 => Just(Version(12_004)), 1 => Just(Version(70_000)), 1 => Just(Version(71_000))
    ]
}

/// Few values of each thing, so that ties and near misses are frequent.
fn view() -> impl Strategy<Value = NodeView> {
    let hardware = (0..4u8, 1..=8u16, 0..3u32, 1..=4u16, 0..3u8, country(), any::<bool>()).prop_map(
        |(gpu_class, count, vram, cores, region, country, simulated)| Hardware {
            gpu_class,
            gpu_count: if gpu_class == 0 { 0 } else { count },
            vram_mib: if gpu_class == 0 { 0 } else { 8_192 << vram },
            cpu_cores: cores * 4,
            memory_mib: 16_384,
            disk_mib: 50_000,
            region,
            country,
            simulated,
        },
    );
    let standing = (level(), class(), 0..40u64, 0..3u16, prop::bool::weighted(0.9));
    (hardware, 1..6u64, 0..4u64, standing, (0..PROVIDERS, driver(), cuda())).prop_map(
        |(hardware, price, spot, (service_level, class, expires, leased, active), (provider, driver, cuda))| NodeView {
            provider: address(b'P', provider),
            key: Address::default(),
            node: Node {
                hardware,
                price: PricePerGpuHour(price * 2_000),
                spot_price: PricePerGpuHour(spot * 1_000),
                service_level,
                attestation: HardwareAttestation { class, expires_at: UnixSeconds(START + expires) },
                leased: GpuUnits(leased),
                status: if active { NodeStatus::Active } else { NodeStatus::Draining },
            },
            driver,
            cuda,
        },
    )
}

fn provider() -> impl Strategy<Value = Provider> {
    (prop::bool::weighted(0.9), 0..60u64, 0..20u64, 0..2u64, 0..4_000_000u64).prop_map(
        |(active, stake, locked, good, bad)| Provider {
            status: if active { ProviderStatus::Active } else { ProviderStatus::Delisted },
            stake: Stake {
                total: MicroUsdc(stake * 1_000_000),
                locked: MicroUsdc(locked.min(stake) * 1_000_000),
                ..Stake::default()
            },
            reputation: Reputation {
                good: MicroUsdc(good * 1_000_000),
                bad: MicroUsdc(bad.saturating_sub(2_000_000)),
                updated_at: UnixSeconds(START - 1_000),
            },
            ..Provider::default()
        },
    )
}

fn demand() -> impl Strategy<Value = Demand> {
    let hardware = (0..16u64, 0..3u32, 1..=8u16, 0..8u32, any::<bool>());
    let terms = (1..6u64, any::<bool>(), level(), prop::option::weighted(0.2, class()));
    let workload = (0..20u32, 0..4u8);
    let placement = (
        prop::collection::vec(country(), 0..2),
        prop::collection::vec(0..PROVIDERS, 0..2),
        prop::collection::vec(0..PROVIDERS, 0..2),
        any::<bool>(),
        prop::option::weighted(0.2, Just(Runtime::Gvisor)),
        driver(),
        cuda(),
    );
    (hardware, terms, workload, placement).prop_map(|(hardware, terms, (cpu, wanted), placement)| {
        let named = |providers: Vec<u8>| providers.into_iter().map(|number| address(b'P', number)).collect();
        Demand {
            gpu_classes: hardware.0,
            vram_mib: if hardware.1 == 0 { 0 } else { 8_192 << (hardware.1 - 1) },
            units: GpuUnits(hardware.2.div_ceil(2)),
            regions: hardware.3,
            accept_simulated: hardware.4,
            maximum_price: PricePerGpuHour(terms.0 * 2_000),
            spot: terms.1,
            service_level: terms.2,
            hardware: terms.3,
            cpu_milli: cpu * 500,
            memory_mib: 1_024,
            disk_mib: 1_024,
            image: image(wanted),
            auction: false,
            together: None,
            countries: placement.0,
            providers: named(placement.1),
            denied_providers: named(placement.2),
            different_providers: placement.3,
            runtime: placement.4,
            minimum_driver: placement.5,
            minimum_cuda: placement.6,
        }
    })
}

fn past() -> impl Strategy<Value = Past> {
    let nodes = || prop::collection::vec(0..NODES, 0..4);
    (1..6u64, nodes(), nodes(), nodes(), 1..4usize).prop_map(|(affordable, leased, resting, failed, wanted)| Past {
        affordable: affordable * 2_500,
        leased,
        resting,
        failed,
        wanted,
    })
}

fn step() -> impl Strategy<Value = Step> {
    let node = || 0..NODES;
    prop_oneof![
        6 => (node(), view()).prop_map(|(node, view)| Step::Node(node, Box::new(view))),
        1 => node().prop_map(Step::NodeGone),
        3 => (0..PROVIDERS, provider()).prop_map(|(number, account)| Step::Provider(number, Box::new(account))),
        1 => (0..PROVIDERS).prop_map(Step::ProviderGone),
        4 => node().prop_map(Step::Connect),
        1 => node().prop_map(Step::Disconnect),
        4 => node().prop_map(Step::Hear),
        3 => (node(), prop::collection::vec(0..4u8, 0..4)).prop_map(|(node, images)| Step::Images(node, images)),
        2 => (node(), any::<bool>()).prop_map(|(node, gvisor)| Step::Runtimes(node, gvisor)),
        1 => (node(), 0..20_000u32).prop_map(|(node, speed)| Step::Link(node, speed)),
        4 => (0..20u8, prop::option::weighted(0.7, (node(), 1..=3u16, 0..3u8)))
            .prop_map(|(holder, claim)| Step::Claim(holder, claim)),
        2 => prop_oneof![1..4_000u64, 3_000_000..9_000_000u64].prop_map(Step::Pass),
        1 => (0..10_000u16).prop_map(Step::Parameters),
        8 => (demand(), past()).prop_map(|(demand, past)| Step::Search(Box::new(demand), past)),
    ]
}

/// A market where something fits: every node and provider is there and well.
fn opening() -> impl Strategy<Value = Vec<Step>> {
    let nodes = prop::collection::vec(view(), usize::from(NODES));
    nodes.prop_map(|views| {
        let provider =
            Provider { stake: Stake { total: MicroUsdc(1_000_000_000), ..Stake::default() }, ..Provider::default() };
        let providers = (0..PROVIDERS).map(|number| Step::Provider(number, Box::new(provider)));
        let nodes = views
            .into_iter()
            .zip(0..NODES)
            .flat_map(|(view, number)| [Step::Node(number, Box::new(view)), Step::Connect(number)]);
        std::iter::once(Step::Parameters(5_000)).chain(providers).chain(nodes).collect()
    })
}

struct Play {
    market: Market,
    now: Now,
    sessions: u64,
    n_found: usize,
    /// Demands that no rig fitted, and the rigs that have improved since.
    unfit: Vec<(Demand, BTreeSet<u32>)>,
}

impl Play {
    fn new() -> Self {
        let now = Now { millis: START * 1_000, chain: UnixSeconds(START) };
        Self { market: Market::new(Weights::default(), PATIENCE), now, sessions: 0, n_found: 0, unfit: Vec::new() }
    }

    fn take(&mut self, step: Step) {
        let now = self.now;
        let node = |number| address(b'N', number);
        match step {
            Step::Node(number, view) => self.market.set_node(now, node(number), *view),
            Step::NodeGone(number) => self.market.remove_node(now, node(number)),
            Step::Provider(number, account) => self.market.set_provider(now, address(b'P', number), *account),
            Step::ProviderGone(number) => self.market.remove_provider(now, address(b'P', number)),
            Step::Connect(number) => {
                self.sessions += 1;
                self.market.connect(now, node(number), self.sessions);
            }
            Step::Disconnect(number) => {
                let session = self.market.worker(node(number)).map_or(0, |worker| worker.session);
                self.market.disconnect(now, node(number), session);
            }
            Step::Hear(number) => self.market.hear(now, node(number)),
            Step::Images(number, images) => {
                let images: Vec<String> = images.into_iter().map(image).collect();
                self.market.set_images(now, node(number), images.iter().map(String::as_str));
            }
            Step::Runtimes(number, gvisor) => {
                let runtimes: BTreeSet<Runtime> = gvisor.then_some(Runtime::Gvisor).into_iter().collect();
                self.market.set_runtimes(node(number), &runtimes);
            }
            Step::Link(number, speed) => self.market.set_link(now, node(number), speed),
            Step::Claim(holder, claim) => {
                let claim = claim.map(|(number, units, held)| Claim {
                    held: [Held::Offer, Held::Lease, Held::Report][usize::from(held)],
                    buyer: None,
                    node: node(number),
                    provider: address(b'P', number % PROVIDERS),
                    units: GpuUnits(units),
                    bond: MicroUsdc(u64::from(units) * 3_000_000),
                    used: Resources { cpu_milli: 1_500 * u64::from(units), memory_mib: 1_000, disk_mib: 9_000 },
                });
                self.market.set_claim(now, address(b'L', holder), claim);
            }
            Step::Pass(millis) => {
                self.now.millis += millis;
                self.now.chain = UnixSeconds(self.now.millis / 1_000);
            }
            Step::Parameters(reputation) => {
                let minimum_reputation = [millrace_protocol::BasisPoints(reputation); 4];
                self.market.set_parameters(now, Parameters { minimum_reputation, ..Parameters::default() });
            }
            Step::Search(demand, past) => self.search(&demand, &past),
        }
    }

    /// A rig that fits a demand which none fitted before is among those that have improved.
    fn check_improvements(&mut self) {
        let now = self.now;
        self.market.advance(now);
        let improved = self.market.improvements();
        for (demand, since) in &mut self.unfit {
            since.extend(&improved);
            let found = self.market.best(now, &Request::new(demand), 1);
            found.tight.iter().for_each(|slot| self.market.mark_tight(*slot));
            for candidate in found.candidates {
                assert!(since.contains(&self.market.slots[&candidate.node]), "{demand:?} {candidate:?}");
            }
        }
        let market = &self.market;
        self.unfit.retain(|(demand, _)| market.best(now, &Request::new(demand), 1).candidates.is_empty());
    }

    fn search(&mut self, demand: &Demand, past: &Past) {
        let now = self.now;
        let nodes = |numbers: &[u8]| numbers.iter().map(|number| address(b'N', *number)).collect::<BTreeSet<_>>();
        let leased = nodes(&past.leased);
        let provider = |node: &Address| self.market.node(*node).map(|entry| entry.view.provider);
        let providers = leased.iter().filter_map(provider).collect();
        let resting = nodes(&past.resting).into_iter().map(|node| (node, now.millis + 1)).collect();
        let failed = nodes(&past.failed);
        let affordable = PricePerGpuHour(past.affordable);
        let request =
            Request { demand, affordable, leased: &leased, providers: &providers, resting: &resting, failed: &failed };
        self.market.advance(now);
        let found = self.market.best(now, &request, past.wanted).candidates;
        let mut all: Vec<Candidate> =
            self.market.nodes().filter_map(|(node, _)| self.market.weigh(now, &request, node)).collect();
        all.sort_by_key(|candidate| (candidate.failed, candidate.score.total(), candidate.node));
        all.truncate(past.wanted);
        assert_eq!(found, all, "{demand:?} {past:?}");
        self.n_found += usize::from(!found.is_empty());
        let unfit = self.market.best(now, &Request::new(demand), 1);
        unfit.tight.iter().for_each(|slot| self.market.mark_tight(*slot));
        if unfit.candidates.is_empty() {
            self.unfit.push((demand.clone(), BTreeSet::new()));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { max_shrink_iters: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_index_finds_what_a_full_scan_finds(opening in opening(), steps in prop::collection::vec(step(), 1..120)) {
        let mut play = Play::new();
        for step in opening.into_iter().chain(steps) {
            play.take(step);
            play.check_improvements();
        }
    }

    /// The same in a market that does not fall apart, so that most searches find something.
    #[test]
    fn so_it_does_where_most_demands_fit(
        opening in opening(),
        searches in prop::collection::vec((demand(), past()), 20..40),
    ) {
        let mut play = Play::new();
        opening.into_iter().for_each(|step| play.take(step));
        for (number, (demand, past)) in searches.into_iter().enumerate() {
            let demand = Demand {
                units: GpuUnits(1),
                accept_simulated: true,
                countries: Vec::new(),
                providers: Vec::new(),
                hardware: None,
                minimum_driver: Version::NONE,
                minimum_cuda: Version::NONE,
                service_level: ServiceLevel::None,
                maximum_price: PricePerGpuHour(10_000),
                ..demand
            };
            let past = Past { affordable: u64::MAX, ..past };
            play.take(Step::Images(u8::try_from(number).unwrap() % NODES, vec![0, 1]));
            play.take(Step::Search(Box::new(demand), past));
        }
        prop_assert!(play.n_found >= 5, "only {} searches found a node", play.n_found);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_bond_is_what_the_chain_locks(
        (price, units, gpu_class) in (1..1_000_000_000u64, 1..=64u16, 0..30u8),
        (bond_hours, minimum) in (1..200u16, 0..1_000_000_000u64),
    ) {
        let minimum_bond = [1, 2, 3, 4].map(|tier| MicroUsdc(minimum * tier));
        let parameters = Parameters { bond_hours, minimum_bond, ..Parameters::default() };
        let (units, price) = (GpuUnits(units), PricePerGpuHour(price));
        let hardware = Hardware {
            gpu_class,
            gpu_count: units.0,
            vram_mib: 0,
            cpu_cores: 1,
            memory_mib: 1,
            disk_mib: 0,
            region: 0,
            country: *b"ZZ",
            simulated: true,
        };
        let mut node = Node {
            hardware,
            price,
            spot_price: PricePerGpuHour::ZERO,
            service_level: ServiceLevel::None,
            attestation: HardwareAttestation::default(),
            leased: GpuUnits::ZERO,
            status: NodeStatus::Active,
        };
        let stake = Stake { total: MicroUsdc::MAX, ..Stake::default() };
        let mut provider = Provider { stake, ..Provider::default() };
        let terms = crate::tests::world::terms();
        let requirements = Requirements { units, ..terms.requirements };
        let terms = JobTerms { requirements, maximum_price: price, deposit: MicroUsdc::MAX, ..terms };
        let now = UnixSeconds(START);
        let mut job = transitions::open_job(terms, &parameters, now).unwrap();
        let offer = LeaseOffer { price, negotiated: false, maximum: Seconds(60) };
        let lease = transitions::open_lease(&mut job, &mut node, &mut provider, offer, &parameters, now).unwrap();
        prop_assert_eq!(bond(&parameters, gpu_class, price, units), Some(lease.bond));
    }
}
