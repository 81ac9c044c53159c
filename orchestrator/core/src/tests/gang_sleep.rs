//! Gangs that wait are not looked at until so many nodes have come free as they lack. Whatever changes, none sleeps
//! that has its nodes: the world looks at every line after each event, and at everything after each tick.

use millrace_protocol::{Hardware, JobTerms, MicroUsdc, PricePerGpuHour, Seconds, Stake};
use millrace_spec::{Gang, Locality, Shape};
use proptest::prelude::*;

use super::world::*;
use crate::*;

const NODES: u32 = 6;
/// Two nodes each.
const PROVIDERS: u32 = 3;
const PLENTY: u64 = 1_000_000_000;

#[derive(Clone, Debug)]
enum Change {
    Connect(u32),
    Disconnect(u32),
    Stake(u32, u64),
    Price(u32, u64),
    Refuse(u32, bool),
    Extend(u32),
    Cancel(u32),
    Gang(Asked),
    Pass(u64),
}

#[derive(Clone, Debug)]
struct Asked {
    members: u32,
    locality: Locality,
    different_providers: bool,
    regions: u32,
    maximum_price: u64,
    deposit: u64,
    spot: bool,
}

fn asked() -> impl Strategy<Value = Asked> {
    let place = (prop_oneof![Just(Locality::Anywhere), Just(Locality::Region)], any::<bool>());
    // The smaller deposits cover ten seconds of some sets of nodes, and not of others.
    let money = (1..7u64, prop_oneof![2 => Just(5_000_000u64), 1 => 300..6_000u64]);
    (1..5u32, place, 0..2u32, money, prop::bool::weighted(0.2)).prop_map(
        |(members, (locality, different_providers), bound, (price, deposit), spot)| Asked {
            members,
            locality,
            different_providers,
            regions: bound << 4,
            maximum_price: price * 100_000,
            deposit,
            spot,
        },
    )
}

fn changes() -> impl Strategy<Value = Vec<Change>> {
    let node = || 1..=NODES;
    let change = prop_oneof![
        4 => node().prop_map(Change::Connect),
        3 => node().prop_map(Change::Disconnect),
        3 => (1..=PROVIDERS, 0..25_000_000u64).prop_map(|(provider, stake)| Change::Stake(provider, stake)),
        2 => (node(), 1..7u64).prop_map(|(node, price)| Change::Price(node, price * 100_000)),
        1 => (node(), any::<bool>()).prop_map(|(node, refuses)| Change::Refuse(node, refuses)),
        1 => (1..9u32).prop_map(Change::Extend),
        1 => (1..9u32).prop_map(Change::Cancel),
        4 => asked().prop_map(Change::Gang),
        6 => (1..20u64).prop_map(Change::Pass),
    ];
    prop::collection::vec(change, 1..50)
}

fn provider_of(node: u32) -> u32 {
    1 + (node - 1) % PROVIDERS
}

/// Six nodes of three providers in two regions; nobody is there.
fn world() -> World {
    let mut world = World::new();
    for number in 1..=NODES {
        let region = if number <= 4 { 4 } else { 5 };
        let price = PricePerGpuHour(u64::from(number) * 100_000);
        let node = world.add_node(number, price, Hardware { region, ..hardware() });
        world.nodes.get_mut(&node).unwrap().provider = address(b'P', provider_of(number));
        world.see_node(node);
    }
    world.drain();
    world
}

fn set_stake(world: &mut World, provider: u32, amount: u64) {
    let account = world.providers.get_mut(&address(b'P', provider)).unwrap();
    let locked = account.stake.locked;
    let total = MicroUsdc(amount).max(locked);
    account.stake = Stake { total, paid_in: total, locked, ..Stake::default() };
    let event = Event::ProviderSeen { provider: address(b'P', provider), account: *account };
    world.inbox.push_back(event);
}

fn add(world: &mut World, number: u32, asked: &Asked) {
    let mut terms = JobTerms {
        concurrent_leases: u16::try_from(asked.members).unwrap(),
        maximum_price: PricePerGpuHour(asked.maximum_price),
        deposit: MicroUsdc(asked.deposit),
        spot: asked.spot,
        start_window: Seconds(86_400),
        // The chain wants one lease's worst case at least.
        lease_seconds: Seconds(if asked.deposit < 5_000_000 { 10 } else { 60 }),
        retries: 50,
        ..terms()
    };
    terms.deposit = terms.deposit.max(terms.worst_case().unwrap());
    terms.requirements.regions = asked.regions;
    let shape = Some(Shape::Gang(Gang { locality: asked.locality }));
    let placement = Placement { different_providers: asked.different_providers, ..Placement::default() };
    world.add_job(number, terms, Workload { shape, placement, task_retries: 50, ..workload(asked.members) });
}

fn apply(world: &mut World, change: &Change, gangs: &mut u32) {
    match change {
        Change::Connect(node) => world.connect(address(b'N', *node)),
        Change::Disconnect(node) => world.disconnect(address(b'N', *node)),
        Change::Stake(provider, amount) => set_stake(world, *provider, *amount),
        Change::Price(node, price) => {
            let node = address(b'N', *node);
            world.nodes.get_mut(&node).unwrap().node.price = PricePerGpuHour(*price);
            world.see_node(node);
        }
        Change::Refuse(node, refuses) => world.rigs.get_mut(&address(b'N', *node)).unwrap().refuses = *refuses,
        Change::Extend(job) => {
            let job = address(b'J', *job);
            if let Some(view) = world.jobs.get_mut(&job) {
                view.job.terms.deposit = MicroUsdc(view.job.terms.deposit.0 + 5_000_000);
                world.see_job(job);
            }
        }
        Change::Cancel(job) => {
            let job = address(b'J', *job);
            if world.jobs.get(&job).is_some_and(|view| view.job.state == millrace_protocol::JobState::Open) {
                world.cancel(job);
            }
        }
        Change::Gang(asked) => {
            *gangs += 1;
            add(world, *gangs, asked);
        }
        Change::Pass(seconds) => world.pass(*seconds),
    }
    world.drain();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, max_shrink_iters: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_gang_sleeps_that_has_its_nodes(changes in changes()) {
        let (mut world, mut gangs) = (world(), 0);
        for change in &changes {
            apply(&mut world, change, &mut gangs);
        }
        for provider in 1..=PROVIDERS {
            set_stake(&mut world, provider, PLENTY);
            world.drain();
        }
        for number in 1..=NODES {
            let node = address(b'N', number);
            world.rigs.get_mut(&node).unwrap().refuses = false;
            world.nodes.get_mut(&node).unwrap().node.price = PricePerGpuHour(100_000);
            world.nodes.get_mut(&node).unwrap().node.spot_price = PricePerGpuHour(50_000);
            world.see_node(node);
            world.connect(node);
        }
        world.drain();
        world.pass(700);
        // What is left asks for more providers than a place has, or has too little money.
        for (job, _) in world.core.jobs().filter(|(_, entry)| entry.working()) {
            let Explanation { blockers, .. } = world.explain(job);
            let lacks = |blocker: &Blocker| matches!(blocker, Blocker::GangIncomplete { .. } | Blocker::DepositExhausted { .. });
            prop_assert!(blockers.iter().any(lacks), "{:?}", blockers);
        }
    }
}

fn gang(members: u32) -> Asked {
    let (maximum_price, deposit) = (1_000_000, 5_000_000);
    let locality = Locality::Region;
    Asked { members, locality, different_providers: false, regions: 0, maximum_price, deposit, spot: false }
}

/// How often the gang's line was looked at is not seen from outside; what it lacks is, where it lies in its line.
fn sleeps(world: &World) -> bool {
    world.core.queue.asleep().count() == 1 && world.core.gangs.lacking.len() == 1
}

#[test]
fn a_gang_wakes_with_the_node_that_makes_them_enough() {
    let mut world = world();
    add(&mut world, 1, &gang(3));
    world.drain();
    assert!(sleeps(&world));
    // One that comes twice counts once, and one in another region does not count there.
    for node in [1, 5, 6] {
        world.connect(address(b'N', node));
        world.drain();
    }
    world.disconnect(address(b'N', 1));
    world.connect(address(b'N', 1));
    world.connect(address(b'N', 2));
    world.drain();
    assert!(sleeps(&world) && world.offers().is_empty());
    world.connect(address(b'N', 3));
    world.drain();
    assert_eq!(world.leases.len(), 3);
    world.pass(30);
    assert!(world.core.gangs.lacking.is_empty(), "nobody asks for it any more");
}

#[test]
fn stake_that_covers_one_more_lease_wakes_it() {
    let mut world = world();
    // Both of a provider's nodes in one region, and stake for one of the two.
    set_stake(&mut world, 1, 10_000_000);
    for node in [1, 4] {
        world.connect(address(b'N', node));
    }
    add(&mut world, 1, &gang(2));
    world.drain();
    assert!(sleeps(&world) && world.offers().is_empty());
    set_stake(&mut world, 1, 12_000_000);
    world.drain();
    assert_eq!(world.leases.len(), 2, "{:?}", world.explain(address(b'J', 1)).blockers);
}

#[test]
fn nodes_whose_stake_suffices_for_all_are_found_behind_better_ones() {
    let mut world = world();
    set_stake(&mut world, 1, 12_000_000);
    for (node, price) in [(1, 450_000), (4, 200_000), (2, 460_000)] {
        world.nodes.get_mut(&address(b'N', node)).unwrap().node.price = PricePerGpuHour(price);
        world.see_node(address(b'N', node));
    }
    // A seventh node of the first provider: dear, and by far the best link.
    let seventh = world.add_node(7, PricePerGpuHour(210_000), hardware());
    world.nodes.get_mut(&seventh).unwrap().provider = address(b'P', 1);
    world.see_node(seventh);
    for node in [1, 4, 7] {
        world.connect(address(b'N', node));
    }
    world.inbox.push_back(Event::LinkMeasured { node: address(b'N', 1), kib_per_second: 1_000_000 });
    world.drain();
    add(&mut world, 1, &gang(2));
    world.drain();
    let nodes: Vec<_> = world.offers().iter().map(|offer| offer.node).collect();
    assert_eq!(nodes, [address(b'N', 4), seventh]);
}

#[test]
fn a_deposit_that_does_not_cover_the_best_set_covers_a_cheaper_one() {
    let mut world = world();
    for node in [1, 2, 3, 4] {
        world.connect(address(b'N', node));
    }
    world.inbox.push_back(Event::LinkMeasured { node: address(b'N', 4), kib_per_second: 10_000_000 });
    world.drain();
    // Ten seconds at 0.1, 0.2 and 0.3 USDC per hour cost 1667 micro-USDC together.
    add(&mut world, 1, &Asked { deposit: 1_700, maximum_price: 500_000, ..gang(3) });
    world.drain();
    let prices: Vec<u64> = world.offers().iter().map(|offer| offer.price.0).collect();
    assert_eq!(prices, [100_000, 200_000, 300_000]);
}

#[test]
fn who_has_too_little_money_says_so_and_starts_once_there_is_enough() {
    let mut world = world();
    for node in [1, 2, 3] {
        world.connect(address(b'N', node));
    }
    add(&mut world, 1, &Asked { deposit: 1_500, maximum_price: 500_000, ..gang(3) });
    world.drain();
    let job = address(b'J', 1);
    let exhausted = Blocker::DepositExhausted { available: MicroUsdc(1_500) };
    assert_eq!(world.explain(job).blockers, [exhausted]);
    world.pass(30);
    assert!(world.offers().is_empty());
    apply(&mut world, &Change::Extend(1), &mut 1);
    assert_eq!(world.leases.len(), 3);
}

/// A gang whose demand single jobs have as well, which find no node and sleep.
#[test]
fn a_gang_does_not_sleep_in_the_line_of_single_jobs() {
    let mut world = World::with_nodes(3);
    world.task_millis = 97_000;
    for number in 7..=9 {
        let terms =
            JobTerms { lease_seconds: Seconds(120), deposit: MicroUsdc(PLENTY), concurrent_leases: 2, ..terms() };
        world.add_job(number, terms, Workload { task_retries: 9, ..workload(2_000) });
        world.pass(31);
    }
    add(&mut world, 1, &gang(3));
    world.drain();
    let begins = |world: &World| {
        let holds = |blocker: &Blocker| matches!(blocker, Blocker::GangHolding { .. });
        world.explain(address(b'J', 1)).blockers.iter().any(holds)
    };
    world.pass(595);
    assert!(!begins(&world));
    world.pass(10);
    assert!(begins(&world), "{:?}", world.explain(address(b'J', 1)).blockers);
    world.pass(300);
    assert!(world.offers().iter().any(|offer| offer.job == address(b'J', 1)));
}

/// A world with three nodes in one region; the third works for another buyer for a quarter of an hour.
fn one_is_taken() -> World {
    let mut world = world();
    for node in [1, 2, 3] {
        world.connect(address(b'N', node));
    }
    world.task_millis = 900_000;
    let placement = Placement { providers: vec![address(b'P', 3)], ..Placement::default() };
    let terms = JobTerms { lease_seconds: Seconds(1_000), ..terms() };
    world.add_job(9, terms, Workload { placement, ..workload(1) });
    world.drain();
    world.task_millis = 3_000;
    world
}

fn held(world: &World) -> usize {
    world.core.market.claims().filter(|(_, claim)| claim.buyer == Some(address(b'B', 1))).count()
}

#[test]
fn nodes_are_kept_where_a_set_can_come_of_it() {
    let mut world = one_is_taken();
    add(&mut world, 1, &gang(3));
    world.pass(605);
    assert_eq!(held(&world), 2);
    world.pass(300);
    assert_eq!(world.offers().iter().filter(|offer| offer.job == address(b'J', 1)).count(), 3);
}

#[test]
fn a_gang_that_cannot_pay_keeps_no_nodes() {
    let mut world = one_is_taken();
    add(&mut world, 1, &Asked { deposit: 1_500, maximum_price: 500_000, ..gang(3) });
    world.pass(605);
    assert_eq!((held(&world), world.core.gangs.holding), (0, None));
}

#[test]
fn a_gang_that_wants_more_providers_than_there_are_keeps_no_nodes() {
    let mut world = one_is_taken();
    world.connect(address(b'N', 4));
    // Four nodes of three providers.
    add(&mut world, 1, &Asked { different_providers: true, ..gang(4) });
    world.pass(605);
    assert_eq!((held(&world), world.core.gangs.holding), (0, None));
}

/// A deposit for ten seconds would have kept two nodes idle for an hour.
#[test]
fn no_node_is_kept_for_longer_than_the_gang_could_pay_for_it() {
    let mut world = one_is_taken();
    add(&mut world, 1, &Asked { deposit: 1_700, maximum_price: 500_000, ..gang(3) });
    world.pass(605);
    assert_eq!((held(&world), world.core.gangs.holding), (0, None));
}

#[test]
fn prices_that_rise_over_the_deposit_end_a_hold() {
    let mut world = one_is_taken();
    apply(&mut world, &Change::Stake(1, 5_000_000_000), &mut 1);
    // At 0.1, 0.2 and 0.3 USDC per hour enough for 834 seconds.
    add(&mut world, 1, &Asked { deposit: 139_000, maximum_price: 50_000_000, ..gang(3) });
    world.pass(605);
    assert_eq!(held(&world), 2);
    let hold = world.core.job(address(b'J', 1)).unwrap().gang.as_ref().unwrap().hold.as_ref().unwrap();
    assert_eq!(hold.until - hold.since, 834_000);
    apply(&mut world, &Change::Price(1, 50_000_000), &mut 1);
    world.connect(address(b'N', 4));
    world.pass(2);
    assert_eq!((held(&world), world.core.gangs.holding), (0, None), "three are free, and cost too much together");
}
