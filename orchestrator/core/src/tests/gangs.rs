use std::collections::VecDeque;

use millrace_protocol::{Address, Hardware, JobTerms, MicroUsdc, PricePerGpuHour, Seconds};
use millrace_spec::{Gang, Locality, Shape};

use super::world::*;
use crate::*;

fn gang(size: u32, locality: Locality) -> Workload {
    Workload { shape: Some(Shape::Gang(Gang { locality })), ..workload(size) }
}

fn add_gang(world: &mut World, number: u32, size: u32, locality: Locality) -> Address {
    let terms = JobTerms { concurrent_leases: u16::try_from(size).unwrap(), ..terms() };
    let job = world.add_job(number, terms, gang(size, locality));
    world.drain();
    job
}

/// Hand-outs since `from` of the log: task, attempt and peers.
fn hand_outs(world: &World, from: usize) -> Vec<(u32, u32, Vec<Address>)> {
    let of = |action: &Action| match action {
        Action::AssignTask { task, attempt, peers, .. } => Some((*task, *attempt, peers.clone())),
        _ => None,
    };
    world.log[from..].iter().filter_map(of).collect()
}

fn incomplete(world: &World, job: Address) -> Option<Lacking> {
    world.explain(job).blockers.into_iter().find_map(|blocker| match blocker {
        Blocker::GangIncomplete { lacking, .. } => Some(lacking),
        _ => None,
    })
}

#[test]
fn all_nodes_or_none_and_each_knows_its_rank_and_its_peers() {
    let mut world = World::with_nodes(3);
    let job = add_gang(&mut world, 1, 4, Locality::Region);
    world.pass(20);
    assert!(world.offers().is_empty());
    assert_eq!(incomplete(&world, job), Some(Lacking { size: 4, placeable: 3, region: Some(4) }));
    let fourth = world.add_node(4, PricePerGpuHour(50_000), hardware());
    world.connect(fourth);
    world.drain();
    assert_eq!(world.leases.len(), 4);
    let nodes: Vec<Address> = [4, 1, 2, 3].map(|number| address(b'N', number)).into();
    let expected: Vec<_> = (0..4).map(|rank| (rank, 1, nodes.clone())).collect();
    assert_eq!(hand_outs(&world, 0), expected);
    let last_lease = world.log.iter().rposition(|action| matches!(action, Action::OfferLease(_)));
    let first_task = world.log.iter().position(|action| matches!(action, Action::AssignTask { .. }));
    assert!(last_lease < first_task, "nobody starts before all are there");
    world.pass(60);
    assert!(world.finished(job));
    world.check_money();
}

#[test]
fn each_member_of_a_gang_says_what_scored_next_and_is_no_member() {
    let mut world = World::with_nodes(6);
    world.task_millis = 60_000;
    let job = add_gang(&mut world, 1, 3, Locality::Region);
    let decisions = world.explain(job).decisions;
    let scored = |candidate: &Candidate| (candidate.node, candidate.score.price);
    let chosen: Vec<_> = decisions.iter().map(|decision| (decision.number, scored(&decision.chosen))).collect();
    let expected = [1, 2, 3u32].map(|number| (number - 1, (address(b'N', number), u64::from(number) * 100_000)));
    assert_eq!(chosen, expected);
    for decision in &decisions {
        let others: Vec<_> = decision.runners_up.iter().map(scored).collect();
        assert_eq!(others, [(address(b'N', 4), 400_000), (address(b'N', 5), 500_000)], "{}", decision.number);
        assert!(decision.runners_up.iter().all(|other| other.score.total() > decision.chosen.score.total()));
    }
}

#[test]
fn a_gang_of_all_nodes_that_fit_has_no_runners_up() {
    let mut world = World::with_nodes(2);
    world.task_millis = 60_000;
    let job = add_gang(&mut world, 1, 2, Locality::Anywhere);
    let decisions = world.explain(job).decisions;
    assert_eq!(decisions.len(), 2);
    assert!(decisions.iter().all(|decision| decision.runners_up.is_empty()));
}

#[test]
fn a_node_whose_provider_has_no_stake_for_a_further_member_is_among_those_that_scored_next() {
    let mut world = World::with_nodes(3);
    world.task_millis = 60_000;
    // Both of one provider, whose stake is enough for one lease.
    world.nodes.get_mut(&address(b'N', 2)).unwrap().provider = address(b'P', 1);
    let stake = &mut world.providers.get_mut(&address(b'P', 1)).unwrap().stake;
    (stake.total, stake.paid_in) = (MicroUsdc(5_000_000), MicroUsdc(5_000_000));
    world.see_node(address(b'N', 2));
    let job = add_gang(&mut world, 1, 2, Locality::Region);
    let decisions = world.explain(job).decisions;
    let seen: Vec<_> = decisions.iter().map(|decision| (decision.chosen.node, &decision.runners_up)).collect();
    let [(first, one), (second, two)] = &seen[..] else { panic!("{seen:?}") };
    assert_eq!((*first, *second), (address(b'N', 1), address(b'N', 3)));
    assert_eq!(one, two);
    assert_eq!(one.iter().map(|other| other.node).collect::<Vec<_>>(), [address(b'N', 2)]);
}

#[test]
fn a_gang_stays_in_one_region_unless_it_may_be_anywhere() {
    for (locality, expected) in [(Locality::Region, 0), (Locality::Anywhere, 3)] {
        let mut world = World::new();
        for number in 1..=4u32 {
            let region = if number <= 2 { 4 } else { 5 };
            let node = world.add_node(number, PricePerGpuHour(100_000), Hardware { region, ..hardware() });
            world.connect(node);
        }
        let job = add_gang(&mut world, 1, 3, locality);
        assert_eq!(world.leases.len(), expected, "{locality:?}");
        let lacking = Lacking { size: 3, placeable: 2, region: Some(4) };
        assert_eq!(incomplete(&world, job), (expected == 0).then_some(lacking));
    }
}

#[test]
fn the_cheapest_region_that_has_room_for_all_is_taken() {
    let mut world = World::new();
    for (number, region, price) in [(1, 4, 10_000), (2, 5, 300_000), (3, 5, 300_000), (4, 6, 200_000), (5, 6, 200_000)]
    {
        let node = world.add_node(number, PricePerGpuHour(price), Hardware { region, ..hardware() });
        world.connect(node);
    }
    add_gang(&mut world, 1, 2, Locality::Region);
    let nodes: Vec<_> = world.offers().iter().map(|offer| offer.node).collect();
    assert_eq!(nodes, [address(b'N', 4), address(b'N', 5)]);
}

#[test]
fn a_lost_member_ends_the_attempt_of_all_and_the_next_one_begins_anew() {
    let mut world = World::with_nodes(4);
    world.task_millis = 100_000;
    let job = add_gang(&mut world, 1, 3, Locality::Region);
    world.pass(20);
    world.kill(address(b'N', 2));
    world.pass(40);
    let running = |world: &World| world.rigs.values().map(|rig| rig.running.len()).sum::<usize>();
    assert_eq!(running(&world), 2, "for a minute the others wait for a word");
    let before = world.log.len();
    world.pass(60);
    let again: Vec<_> = hand_outs(&world, before);
    assert_eq!(again.iter().map(|(task, attempt, _)| (*task, *attempt)).collect::<Vec<_>>(), [(0, 2), (1, 2), (2, 2)]);
    assert!(again.iter().all(|(_, _, peers)| !peers.contains(&address(b'N', 2))), "{again:?}");
    world.pass(400);
    assert!(world.finished(job), "{:?}", world.explain(job));
    world.check_money();
}

#[test]
fn one_that_exits_with_an_error_takes_the_others_along() {
    let mut world = World::with_nodes(3);
    world.task_millis = 50_000;
    let job = add_gang(&mut world, 1, 3, Locality::Region);
    world.pass(10);
    world.fail_task(address(b'N', 2), Fault::Buyer, "exit-1");
    assert_eq!(world.rigs.values().map(|rig| rig.running.len()).sum::<usize>(), 0);
    world.pass(30);
    assert!(world.core.job(job).unwrap().tasks.iter().all(|task| task.attempt == 2));
    world.fail_task(address(b'N', 3), Fault::Buyer, "exit-2");
    world.pass(30);
    let failed = world.rigs.iter().find(|(_, rig)| !rig.running.is_empty()).map(|(node, _)| *node);
    world.fail_task(failed.unwrap(), Fault::Buyer, "exit-3");
    world.pass(100);
    assert!(world.jobs.is_empty(), "{:?}", world.explain(job));
    world.check_money();
}

#[test]
fn a_refusal_lets_all_go_and_another_set_is_tried() {
    let mut world = World::with_nodes(4);
    world.rigs.get_mut(&address(b'N', 3)).unwrap().refuses = true;
    let job = add_gang(&mut world, 1, 3, Locality::Region);
    assert!(hand_outs(&world, 0).is_empty());
    world.pass(2);
    assert!(world.leases.is_empty(), "the two that agreed are let go");
    assert!(world.ended.iter().all(|(_, _, paid)| *paid == MicroUsdc::ZERO), "and cost nothing: {:?}", world.ended);
    let pausing = |blocker: &Blocker| matches!(blocker, Blocker::GangPausing { failures: 1, .. });
    assert!(world.explain(job).blockers.iter().any(pausing), "{:?}", world.explain(job).blockers);
    world.pass(20);
    assert_eq!(hand_outs(&world, 0).len(), 3);
    let retries = world.core.job(job).unwrap().view.job.attempts_failed;
    assert_eq!(retries, 0);
    world.pass(60);
    assert!(world.finished(job));
}

#[test]
fn two_gangs_that_want_the_same_nodes_take_turns() {
    let mut world = World::with_nodes(4);
    let (one, other) = (add_gang(&mut world, 1, 3, Locality::Region), add_gang(&mut world, 2, 3, Locality::Region));
    assert_eq!(world.leases.len(), 3, "one has all of its nodes, the other none");
    assert!(world.leases.values().all(|lease| lease.job == one));
    world.pass(120);
    assert!(world.finished(one) && world.finished(other));
    world.check_money();
}

#[test]
fn nodes_kept_for_a_gang_go_to_nobody_else() {
    let mut world = World::with_nodes(3);
    world.rigs.get_mut(&address(b'N', 1)).unwrap().connected = true;
    let job = address(b'J', 1);
    let terms = JobTerms { concurrent_leases: 3, ..terms() };
    world.add_job(1, terms, gang(3, Locality::Region));
    // Until the first offer is answered, the others' nodes are kept.
    while world.offers().is_empty() {
        let event = world.inbox.pop_front().unwrap();
        let now = world.now();
        for action in world.core.on_event(now, event) {
            match action {
                Action::OfferLease(offer) => world.log.push(Action::OfferLease(offer)),
                other => world.carry_out(other),
            }
        }
    }
    assert_eq!(world.core.market.claims().count(), 3);
    assert!(matches!(world.explain(job).blockers.as_slice(), [Blocker::GangAssembling { joined: 0, size: 3 }, ..]));
    world.add_job(2, terms, workload(1));
    world.drain();
    assert_eq!(world.offers().len(), 1);
}

#[test]
fn a_scheduler_that_dies_while_a_gang_assembles_lets_the_half_go() {
    let mut world = World::with_nodes(4);
    let terms = JobTerms { concurrent_leases: 3, ..terms() };
    let job = world.add_job(1, terms, gang(3, Locality::Region));
    while world.leases.len() < 2 {
        let event = world.inbox.pop_front().unwrap();
        world.feed(event);
    }
    world.restart();
    world.drain();
    assert!(hand_outs(&world, 0).is_empty());
    world.pass(120);
    assert!(world.finished(job), "{:?}", world.explain(job));
    assert_eq!(hand_outs(&world, 0).len(), 3);
    world.check_money();
}

#[test]
fn a_running_gang_outlives_a_restart_of_the_scheduler() {
    let mut world = World::with_nodes(3);
    world.task_millis = 30_000;
    let job = add_gang(&mut world, 1, 3, Locality::Region);
    world.pass(10);
    world.restart();
    world.drain();
    world.pass(60);
    assert!(world.finished(job), "{:?}", world.explain(job));
    assert!(world.core.job(job).unwrap().tasks.iter().all(|task| task.attempt == 1));
}

#[test]
fn money_for_all_or_for_none() {
    let mut world = World::with_nodes(3);
    // Ten minutes at a million an hour for one lease: three of them get a third of it each.
    let price = PricePerGpuHour(1_000_000);
    world.nodes.values_mut().for_each(|view| view.node.price = price);
    for node in world.nodes.keys().copied().collect::<Vec<_>>() {
        world.see_node(node);
    }
    let terms = JobTerms { concurrent_leases: 3, maximum_price: price, deposit: MicroUsdc(166_667), ..terms() };
    world.add_job(1, terms, gang(3, Locality::Region));
    world.drain();
    let lengths: Vec<u64> = world.offers().iter().map(|offer| offer.maximum.0).collect();
    assert_eq!(lengths, [200, 200, 200]);
}

/// Three nodes, on which others always have more to do than there is room for, and never end at the same time.
fn crowded(lease: u64) -> (World, Address) {
    let mut world = World::with_nodes(3);
    world.task_millis = 97_000;
    for number in 7..=9 {
        let (lease_seconds, deposit) = (Seconds(lease), MicroUsdc(1_000_000_000));
        let terms = JobTerms { lease_seconds, deposit, concurrent_leases: 1, ..terms() };
        world.add_job(number, terms, Workload { task_retries: 9, ..workload(2_000) });
        world.pass(31);
    }
    let patient = JobTerms { concurrent_leases: 3, start_window: Seconds(86_400), ..terms() };
    let job = world.add_job(1, patient, gang(3, Locality::Region));
    world.drain();
    (world, job)
}

#[test]
fn small_jobs_do_not_starve_a_gang_for_longer_than_was_promised() {
    let (mut world, job) = crowded(120);
    world.pass(590);
    assert!(world.leases.values().all(|lease| lease.job != job));
    assert!(incomplete(&world, job).is_some());
    let mut held = 0;
    let mut waited = 0;
    while !world.leases.values().any(|lease| lease.job == job) {
        world.pass(1);
        waited += 1;
        assert!(waited < 30 + 120 + 60, "{:?}", world.explain(job).blockers);
        let holding = world.explain(job).blockers.into_iter().find_map(|blocker| match blocker {
            Blocker::GangHolding { held, size: 3, .. } => Some(held),
            _ => None,
        });
        held = held.max(holding.unwrap_or(0));
    }
    assert_eq!(held, 2, "one after the other, until the third comes free");
    world.pass(300);
    assert!(world.core.job(job).unwrap().all_done());
    assert!(world.core.market.claims().all(|(_, claim)| claim.buyer != Some(address(b'B', 1))));
}

#[test]
fn its_explanation_says_what_is_lacking_where_and_since_when_nodes_are_kept() {
    let mut world = World::new();
    for number in 1..=4u32 {
        let region = if number <= 3 { 4 } else { 5 };
        let node = world.add_node(number, PricePerGpuHour(100_000), Hardware { region, ..hardware() });
        if number != 3 {
            world.connect(node);
        }
    }
    world.task_millis = 97_000;
    let lease_seconds = Seconds(1_000);
    let mut single = JobTerms { lease_seconds, deposit: MicroUsdc(1_000_000_000), concurrent_leases: 1, ..terms() };
    single.requirements.regions = 1 << 4;
    world.add_job(7, single, Workload { task_retries: 9, ..workload(2_000) });
    world.drain();
    let patient = JobTerms { concurrent_leases: 2, start_window: Seconds(86_400), ..terms() };
    let job = world.add_job(1, patient, gang(2, Locality::Region));
    world.drain();
    let since = world.millis;
    world.pass(30);
    let told = world.explain(job);
    let lacking = Lacking { size: 2, placeable: 1, region: Some(4) };
    assert_eq!(told.blockers, [Blocker::GangIncomplete { lacking, since, kept_from: since + 600_000 }]);
    assert_eq!((told.nodes_total, told.nodes_fitting), (4, 2));
    let excluded = |nodes| Exclusion { nodes, alone: nodes };
    let expected = [(Constraint::NodeOffline, excluded(1)), (Constraint::NodeFull, excluded(1))];
    assert_eq!(told.exclusions, expected.into());
    world.pass(575);
    let since = since + 600_000;
    let told = world.explain(job);
    let holding = Blocker::GangHolding { held: 1, size: 2, region: Some(4), since, until: since + 3_600_000 };
    assert_eq!(told.blockers, [holding]);
    assert_eq!((told.nodes_fitting, &told.exclusions), (2, &expected.into()), "what is kept for it is not taken");
}

#[test]
fn no_node_is_kept_where_others_hold_theirs_for_longer_than_an_hour() {
    let (mut world, job) = crowded(7_200);
    world.pass(1_500);
    assert_eq!(world.leases.len(), 3);
    assert!(!world.explain(job).blockers.iter().any(|blocker| matches!(blocker, Blocker::GangHolding { .. })));
}

#[test]
fn one_gang_holds_nodes_at_a_time_and_gives_them_back_when_it_is_cancelled() {
    let (mut world, one) = crowded(120);
    let patient = JobTerms { concurrent_leases: 3, start_window: Seconds(86_400), ..terms() };
    let other = world.add_job(2, patient, gang(3, Locality::Region));
    world.drain();
    let holds = |world: &World, job| {
        world.explain(job).blockers.iter().any(|blocker| matches!(blocker, Blocker::GangHolding { .. }))
    };
    while !holds(&world, one) && !holds(&world, other) {
        world.pass(1);
    }
    let (first, second) = if holds(&world, one) { (one, other) } else { (other, one) };
    for _ in 0..20 {
        world.pass(1);
        assert!(!holds(&world, second) || !holds(&world, first), "both hold");
    }
    if world.jobs.contains_key(&first) && holds(&world, first) {
        world.cancel(first);
        assert!(!holds(&world, first));
    }
    world.pass(700);
    assert!(world.core.job(second).unwrap().all_done(), "{:?}", world.explain(second));
}

/// A lease of a chain that is busy: it is there three seconds after its offer.
#[test]
fn the_largest_gang_comes_together_where_each_lease_takes_its_time() {
    const SIZE: u32 = 64;
    const LANDING: u64 = 3;
    let mut world = World::with_nodes(SIZE);
    world.task_millis = 600_000;
    let terms = JobTerms {
        concurrent_leases: u16::try_from(SIZE).unwrap(),
        maximum_price: PricePerGpuHour(10_000_000),
        deposit: MicroUsdc(1_000_000_000),
        ..terms()
    };
    let job = world.add_job(1, terms, gang(SIZE, Locality::Region));
    let mut landing = VecDeque::new();
    for _ in 0..u64::from(SIZE) * LANDING + 5 {
        world.wait_a_second();
        while landing.front().is_some_and(|(at, _)| *at <= world.millis) {
            let (_, offer) = landing.pop_front().unwrap();
            world.award(offer);
        }
        while let Some(event) = world.inbox.pop_front() {
            for action in world.core.on_event(world.now(), event) {
                match action {
                    Action::OfferLease(offer) => landing.push_back((world.millis + LANDING * 1_000, offer)),
                    other => world.carry_out(other),
                }
            }
        }
    }
    assert_eq!(world.core.job(job).unwrap().view.job.leases_opened, SIZE, "in one attempt");
    let started = world.rigs.values().filter(|rig| !rig.running.is_empty()).count();
    assert_eq!(started, SIZE as usize, "{:?}", world.explain(job).blockers);
}

#[test]
fn a_member_that_fails_before_its_container_runs_waits_like_any_other() {
    let mut world = World::with_nodes(3);
    world.task_millis = 200_000;
    let retry = millrace_spec::Retry {
        backoff: Seconds(60),
        fatal_exit_codes: Vec::new(),
        longest_backoff: Seconds(60),
        uncounted_exit_codes: Vec::new(),
    };
    let terms = JobTerms { concurrent_leases: 3, ..terms() };
    let job = world.add_job(1, terms, Workload { retry: Some(retry), ..gang(3, Locality::Region) });
    world.drain();
    let lease = world.lease_of(address(b'N', 2));
    world.core.leases.get_mut(&lease).unwrap().meter = Meter::default();
    world.fail_task(address(b'N', 2), Fault::Buyer, "exit-1");
    world.pass(55);
    assert_eq!((hand_outs(&world, 0).len(), world.leases.len()), (3, 0), "nobody waits with a node in its hands");
    world.pass(10);
    assert_eq!(hand_outs(&world, 0).len(), 6, "{:?}", world.explain(job).blockers);
}
