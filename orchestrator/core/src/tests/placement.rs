use millrace_protocol::{GpuUnits, Hardware, JobTerms, MicroUsdc, PricePerGpuHour, Requirements, Seconds};

use super::world::*;
use crate::*;

#[test]
fn the_cheapest_node_that_fits_gets_the_first_lease() {
    let mut world = World::new();
    for (number, price) in [(1, 300_000), (2, 100_000), (3, 200_000)] {
        let node = world.add_node(number, PricePerGpuHour(price), hardware());
        world.connect(node);
    }
    world.add_job(1, terms(), workload(2));
    world.drain();
    let nodes: Vec<_> = world.offers().iter().map(|offer| offer.node).collect();
    assert_eq!(nodes, [address(b'N', 2), address(b'N', 3)]);
    assert_eq!(world.offers().iter().map(|offer| offer.number).collect::<Vec<_>>(), [0, 1]);
}

#[test]
fn the_last_node_with_room_for_a_size_is_left_to_it() {
    // One GPU of eight costs less than the one alone; so many rigs of eight are there.
    for (eights, expected) in [(1, 1), (2, 1), (6, 2)] {
        let mut world = World::new();
        let node = world.add_node(1, PricePerGpuHour(150_000), hardware());
        world.connect(node);
        for number in 2..2 + eights {
            let large = Hardware { gpu_count: 8, cpu_cores: 64, ..hardware() };
            let node = world.add_node(number, PricePerGpuHour(100_000), large);
            world.connect(node);
        }
        let job = world.add_job(1, terms(), workload(1));
        world.drain();
        assert_eq!(world.offers()[0].node, address(b'N', expected), "{eights} large ones");
        let decision = world.explain(job).decisions.remove(0);
        let scarce: Vec<u64> = std::iter::once(decision.chosen)
            .chain(decision.runners_up)
            .filter(|scored| scored.node == address(b'N', 2))
            .map(|scored| scored.score.scarcity)
            .collect();
        // Who asks for eight of one node finds none beside the lease, or a gang of two does not.
        let expected = if eights > 4 { 0 } else { 300_000 / u64::from(eights) };
        assert_eq!(scarce, [expected]);
    }
}

#[test]
fn among_equals_the_node_with_the_image_wins_then_the_lowest_address() {
    for (cached, expected) in [(None, 1), (Some(3), 3)] {
        let mut world = World::new();
        for number in 1..=3 {
            world.add_node(number, PricePerGpuHour(100_000), hardware());
            let images = if cached == Some(number) { ["image:1".to_owned()].into() } else { [].into() };
            let (node, held) = (address(b'N', number), Vec::new());
            world.rigs.get_mut(&node).unwrap().connected = true;
            world.inbox.push_back(Event::WorkerConnected { node, session: 0, images, held });
        }
        world.add_job(1, terms(), workload(1));
        world.drain();
        assert_eq!(world.offers()[0].node, address(b'N', expected));
    }
}

#[test]
fn no_more_leases_than_tasks_or_than_the_job_allows() {
    for (tasks, concurrent, expected) in [(2, 5, 2), (9, 2, 2), (9, 9, 4)] {
        let mut world = World::with_nodes(4);
        world.add_job(1, JobTerms { concurrent_leases: concurrent, ..terms() }, workload(tasks));
        world.drain();
        assert_eq!(world.leases.len(), expected, "{tasks} tasks, {concurrent} at once");
    }
}

#[test]
fn a_lease_is_as_long_as_the_deposit_reaches() {
    let mut world = World::with_nodes(2);
    // Enough for one whole lease at the highest price and a little more.
    let price = PricePerGpuHour(3_600_000);
    for (node, view) in &mut world.nodes {
        view.node.price = price;
        let node = *node;
        let view = *view;
        world.inbox.push_back(Event::NodeSeen { node, view });
    }
    let deposit = MicroUsdc(600_000 + 50_000);
    world.add_job(1, JobTerms { maximum_price: price, deposit, ..terms() }, workload(9));
    world.drain();
    let lengths: Vec<_> = world.offers().iter().map(|offer| offer.maximum).collect();
    assert_eq!(lengths, [Seconds(600), Seconds(50)]);
}

#[test]
fn a_rest_too_small_for_a_lease_is_said_so() {
    let mut world = World::with_nodes(2);
    let terms = JobTerms { maximum_price: PricePerGpuHour(100_000), deposit: MicroUsdc(16_666 + 200), ..terms() };
    let job = world.add_job(1, terms, workload(9));
    world.drain();
    assert_eq!(world.offers().len(), 1);
    let blockers = world.explain(job).blockers;
    assert!(blockers.iter().any(|blocker| matches!(blocker, Blocker::DepositExhausted { .. })), "{blockers:?}");
}

#[test]
fn nodes_are_not_promised_twice() {
    let mut world = World::with_nodes(1);
    for number in 1..=3 {
        world.add_job(number, terms(), workload(4));
    }
    world.drain();
    assert_eq!(world.leases.len(), 1);
    world.pass(200);
    assert!((1..=3).all(|number| world.finished(address(b'J', number))));
    world.check_money();
}

#[test]
fn one_stake_is_not_promised_twice() {
    let mut world = World::new();
    let first = world.add_node(1, PricePerGpuHour(100_000), hardware());
    let second = world.add_node(2, PricePerGpuHour(100_000), hardware());
    // Both nodes are one provider's, whose stake covers one bond of 2.4 USDC.
    world.nodes.get_mut(&second).unwrap().provider = address(b'P', 1);
    let stake = &mut world.providers.get_mut(&address(b'P', 1)).unwrap().stake;
    (stake.total, stake.paid_in) = (MicroUsdc(3_000_000), MicroUsdc(3_000_000));
    world.see_node(first);
    world.see_node(second);
    world.connect(first);
    world.connect(second);
    let job = world.add_job(1, terms(), workload(4));
    world.drain();
    assert_eq!(world.leases.len(), 1);
    assert_eq!(world.explain(job).exclusions[&Constraint::StakeTooSmall].nodes, 2);
}

#[test]
fn cpu_memory_and_disk_are_shared_by_the_jobs_on_a_node() {
    let mut world = World::new();
    let node = world.add_node(1, PricePerGpuHour(100_000), Hardware { gpu_count: 4, ..hardware() });
    world.connect(node);
    let hungry = Workload { cpu_milli: 5_000, ..workload(4) };
    world.add_job(1, terms(), hungry.clone());
    let second = world.add_job(2, terms(), hungry);
    world.drain();
    assert_eq!(world.leases.len(), 1);
    assert_eq!(world.explain(second).exclusions.keys().collect::<Vec<_>>(), [&Constraint::Cpu]);
}

#[test]
fn a_refusing_node_is_left_alone_for_a_while() {
    let mut world = World::with_nodes(2);
    world.rigs.get_mut(&address(b'N', 1)).unwrap().refuses = true;
    let job = world.add_job(1, terms(), workload(1));
    world.drain();
    let nodes: Vec<_> = world.offers().iter().map(|offer| offer.node).collect();
    assert_eq!(nodes, [address(b'N', 1), address(b'N', 2)]);
    world.pass(10);
    assert!(world.finished(job));
}

#[test]
fn a_refusal_by_the_only_node_is_asked_again_later() {
    let mut world = World::with_nodes(1);
    world.rigs.get_mut(&address(b'N', 1)).unwrap().refuses = true;
    let job = world.add_job(1, terms(), workload(1));
    world.drain();
    world.pass(29);
    assert_eq!(world.offers().len(), 1);
    assert_eq!(world.explain(job).suggestion.unwrap().change, Change::Wait(Constraint::Resting));
    world.rigs.get_mut(&address(b'N', 1)).unwrap().refuses = false;
    world.pass(20);
    assert!(world.finished(job));
}

#[test]
fn a_spec_that_is_not_there_yet_is_asked_for_again() {
    let mut world = World::with_nodes(1);
    let job = world.add_job(1, terms(), workload(1));
    let (hash, late) = world.specs.pop_first().unwrap();
    world.drain();
    assert_eq!(world.explain(job).blockers, [Blocker::SpecMissing(Some(cause("spec-missing")))]);
    world.pass(3);
    world.specs.insert(hash, late);
    world.pass(10);
    assert!(world.finished(job));
}

#[test]
fn a_spec_that_is_none_ends_the_job_at_its_start_deadline() {
    let mut world = World::with_nodes(1);
    let job = world.add_job(1, terms(), workload(1));
    world.specs.clear();
    world.drain();
    world.feed(Event::SpecFailed { job, cause: cause("not-canonical"), permanent: true });
    assert_eq!(world.outcome(job), Some(&Outcome::Failed(cause("not-canonical").into())));
    world.pass(901);
    assert_eq!(world.refunds[&job], terms().deposit);
    assert!(world.offers().is_empty());
}

#[test]
fn older_readings_change_nothing() {
    let mut world = World::with_nodes(1);
    world.task_millis = 60_000;
    let job = world.add_job(1, terms(), workload(1));
    let early = world.jobs[&job];
    world.drain();
    let seen = world.core.job(job).unwrap().view;
    assert_eq!(seen.job.live_leases, 1);
    world.feed(Event::JobSeen { job, view: early });
    assert_eq!(world.core.job(job).unwrap().view, seen);
    assert_eq!(world.offers().len(), 1);
    world.cancel(job);
    world.pass(5);
    world.feed(Event::JobSeen { job, view: seen });
    assert!(!world.core.job(job).unwrap().on_chain, "a closed job does not come back");
}

#[test]
fn a_new_job_under_an_old_id_starts_from_nothing() {
    let mut world = World::with_nodes(1);
    let job = world.add_job(1, terms(), workload(3));
    world.drain();
    world.pass(30);
    assert!(world.finished(job));
    world.slot += 1;
    world.closed.clear();
    world.add_job(1, terms(), workload(2));
    world.drain();
    assert_eq!(world.core.job(job).unwrap().tasks.len(), 2);
    assert_eq!(world.core.job(job).unwrap().outcome, None);
    // What the old one left on disk is not taken for the new one's.
    world.restart();
    world.drain();
    let done = |task: &&Task| matches!(task.state, TaskState::Done { .. });
    assert_eq!(world.core.job(job).unwrap().tasks.iter().filter(done).count(), 0);
    world.pass(30);
    assert!(world.finished(job));
}

#[test]
fn only_what_the_requirements_ask_excludes() {
    let mut world = World::with_nodes(1);
    let requirements = Requirements { units: GpuUnits(1), ..terms().requirements };
    let job = world.add_job(1, JobTerms { requirements, ..terms() }, workload(1));
    world.drain();
    assert_eq!(world.explain(job).blockers, [Blocker::NothingToHandOut]);
}
