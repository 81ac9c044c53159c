//! What the placement engine adds to the job file's requirements, and how it tells why.

use millrace_protocol::{Address, Hardware, JobTerms, PricePerGpuHour};
use millrace_spec::Version;

use super::world::*;
use crate::*;

fn node(number: u32) -> Address {
    address(b'N', number)
}

fn asking(placement: Placement) -> Workload {
    Workload { placement, ..workload(2) }
}

/// The only constraint and the change it suggests, for a job that one node cannot take.
fn excluded(placement: Placement) -> (Vec<Constraint>, Option<Change>) {
    let mut world = World::with_nodes(1);
    let job = world.add_job(1, terms(), asking(placement));
    world.drain();
    assert!(world.offers().is_empty());
    let explanation = world.explain(job);
    (explanation.exclusions.into_keys().collect(), explanation.suggestion.map(|suggestion| suggestion.change))
}

#[test]
fn by_country() {
    let (found, change) = excluded(Placement { countries: vec![*b"FR", *b"CH"], ..Placement::default() });
    assert_eq!((found, change), (vec![Constraint::Country], Some(Change::AcceptCountry(*b"DE"))));
}

#[test]
fn by_the_driver_and_by_cuda() {
    let driver = |version| Placement { minimum_driver: Version(version), ..Placement::default() };
    let cuda = |version| Placement { minimum_cuda: Version(version), ..Placement::default() };
    let lower = (vec![Constraint::Driver], Some(Change::LowerDriver(Version(550_054))));
    assert_eq!(excluded(driver(550_055)), lower);
    assert_eq!(excluded(cuda(12_005)), (vec![Constraint::Cuda], Some(Change::LowerCuda(Version(12_004)))));
}

#[test]
fn a_node_fits_whose_versions_are_what_the_job_asks_for() {
    let mut world = World::with_nodes(2);
    let newer = world.nodes.get_mut(&node(2)).unwrap();
    (newer.driver, newer.cuda) = (Version(570_086), Version(12_008));
    world.see_node(node(2));
    let asked = |minimum_driver, minimum_cuda| {
        let placement = Placement {
            minimum_driver: Version(minimum_driver),
            minimum_cuda: Version(minimum_cuda),
            ..Placement::default()
        };
        Workload { placement, ..workload(1) }
    };
    world.add_job(1, terms(), asked(550_055, 12_005));
    world.add_job(2, terms(), asked(550_054, 12_004));
    world.drain();
    let nodes: Vec<_> = world.offers().iter().map(|offer| offer.node).collect();
    assert_eq!(nodes, [node(2), node(1)], "the first is the cheaper one, and older");
}

#[test]
fn a_node_that_tells_no_version_is_for_jobs_that_ask_for_none_until_it_tells_one() {
    let mut world = World::with_nodes(1);
    let silent = world.nodes.get_mut(&node(1)).unwrap();
    (silent.driver, silent.cuda) = (Version::NONE, Version::NONE);
    world.see_node(node(1));
    let placement = Placement { minimum_cuda: Version(1), ..Placement::default() };
    let job = world.add_job(1, terms(), asking(placement));
    world.drain();
    assert!(world.offers().is_empty());
    let explanation = world.explain(job);
    assert_eq!(explanation.exclusions.into_keys().collect::<Vec<_>>(), [Constraint::Cuda]);
    assert_eq!(explanation.suggestion.unwrap().change, Change::LowerCuda(Version::NONE));
    world.nodes.get_mut(&node(1)).unwrap().cuda = Version(70_000);
    world.see_node(node(1));
    world.drain();
    assert_eq!(world.offers().iter().map(|offer| offer.job).collect::<Vec<_>>(), [job]);
}

#[test]
fn by_a_list_of_providers_and_by_a_denied_one() {
    let (own, other) = (address(b'P', 1), address(b'P', 2));
    for placement in [
        Placement { providers: vec![other], ..Placement::default() },
        Placement { denied_providers: vec![own], ..Placement::default() },
    ] {
        let expected = (vec![Constraint::ProviderUnwanted], Some(Change::AcceptProvider(own)));
        assert_eq!(excluded(placement), expected);
    }
}

#[test]
fn leases_of_a_job_that_wants_different_providers_are_with_different_ones() {
    let mut world = World::with_nodes(3);
    world.task_millis = 60_000;
    world.nodes.get_mut(&node(2)).unwrap().provider = address(b'P', 1);
    world.see_node(node(2));
    let job = world.add_job(
        1,
        terms(),
        Workload { tasks: 3, ..asking(Placement { different_providers: true, ..Placement::default() }) },
    );
    world.drain();
    let nodes: Vec<_> = world.offers().iter().map(|offer| offer.node).collect();
    assert_eq!(nodes, [node(1), node(3)]);
    let explanation = world.explain(job);
    assert_eq!(explanation.exclusions[&Constraint::SameProvider].nodes, 3);
    assert_eq!(explanation.suggestion.unwrap().change, Change::AcceptSameProvider);
}

#[test]
fn a_placed_job_says_why_and_what_the_others_scored() {
    let mut world = World::with_nodes(5);
    world.task_millis = 60_000;
    let job = world.add_job(1, terms(), workload(1));
    world.drain();
    let explanation = world.explain(job);
    let [decision] = &explanation.decisions[..] else { panic!("{:?}", explanation.decisions) };
    let scored = |candidate: &Candidate| (candidate.node, candidate.score.price, candidate.score.image);
    assert_eq!(scored(&decision.chosen), (node(1), 100_000, explanation.weights.image.0));
    let others: Vec<_> = decision.runners_up.iter().map(scored).collect();
    assert_eq!(others, [(node(2), 200_000, 5_000), (node(3), 300_000, 5_000)]);
    // Once the lease is over, nothing keeps its story.
    world.pass(120);
    assert!(world.finished(job) && world.explain(job).decisions.is_empty());
}

#[test]
fn a_large_rig_stays_whole_as_long_as_a_small_one_costs_little_more() {
    let large = Hardware { gpu_count: 8, ..hardware() };
    // Seven GPUs left idle, the only room for eight, and half of the room for a pair of one each.
    for (premium, expected) in [(14_000 + 300_000 - 150_001, 2), (14_000 + 300_000 - 149_999, 1)] {
        let mut world = World::new();
        let first = world.add_node(1, PricePerGpuHour(100_000), large);
        let second = world.add_node(2, PricePerGpuHour(100_000 + premium), hardware());
        world.connect(first);
        world.connect(second);
        world.add_job(1, terms(), workload(1));
        world.drain();
        assert_eq!(world.offers()[0].node, node(expected), "for {premium} more");
    }
}

#[test]
fn an_image_that_is_there_is_worth_its_weight_and_no_more() {
    for (premium, expected) in [(4_999, 2), (5_001, 1)] {
        let mut world = World::new();
        for (number, price) in [(1, 100_000), (2, 100_000 + premium)] {
            world.add_node(number, PricePerGpuHour(price), hardware());
            let images = if number == 2 { ["image:1".to_owned()].into() } else { [].into() };
            let (node, held) = (node(number), Vec::new());
            world.rigs.get_mut(&node).unwrap().connected = true;
            world.inbox.push_back(Event::WorkerConnected { node, session: 0, images, held });
        }
        world.add_job(1, terms(), workload(1));
        world.drain();
        assert_eq!(world.offers()[0].node, node(expected), "for {premium} more");
    }
}

#[test]
fn an_image_that_comes_or_goes_later_counts_from_then_on() {
    for (first, later, expected) in [(vec![], vec![2], 2), (vec![2], vec![], 1)] {
        let mut world = World::new();
        for number in [1, 2] {
            let node = world.add_node(number, PricePerGpuHour(100_000), hardware());
            world.connect(node);
        }
        for having in [&first, &later] {
            let images = if having.contains(&2) { ["image:1".to_owned()].into() } else { [].into() };
            world.inbox.push_back(Event::WorkerImages { node: node(2), images });
        }
        world.add_job(1, terms(), workload(1));
        world.drain();
        assert_eq!(world.offers()[0].node, node(expected));
    }
}

#[test]
fn a_slow_link_is_worth_its_weight_as_long_as_it_is_slow() {
    // A link that moves nothing costs 500 bps of the price: 5,000 of 100,000.
    for (premium, measures, expected) in [
        (4_000, [20_000, 10].as_slice(), 1),
        (4_000, &[10, 10], 2),
        (6_000, &[10, 10], 1),
        (4_000, &[10, 20_000, 20_000, 20_000], 1),
    ] {
        let mut world = World::new();
        for (number, price) in [(1, 100_000), (2, 100_000 + premium)] {
            let node = world.add_node(number, PricePerGpuHour(price), hardware());
            world.connect(node);
        }
        for kib_per_second in measures.iter().copied() {
            world.inbox.push_back(Event::LinkMeasured { node: node(1), kib_per_second });
            // Nobody knows this one.
            world.inbox.push_back(Event::LinkMeasured { node: node(9), kib_per_second });
        }
        world.add_job(1, terms(), workload(1));
        world.drain();
        assert_eq!(world.offers()[0].node, node(expected), "{premium} more, {measures:?}");
    }
}

#[test]
fn a_rig_that_drains_gets_no_offer_until_it_does_so_no_more() {
    let mut world = World::with_nodes(1);
    world.drain();
    let draining = |draining| Event::WorkerDraining { node: node(1), draining };
    world.inbox.push_back(draining(true));
    let job = world.add_job(1, terms(), workload(1));
    world.drain();
    assert!(world.offers().is_empty());
    // What its owner said lasts over a lost connection.
    world.disconnect(node(1));
    world.connect(node(1));
    world.pass(1);
    assert!(world.offers().is_empty());
    assert!(world.explain(job).exclusions.contains_key(&Constraint::NodeDraining));
    world.inbox.push_back(draining(false));
    world.drain();
    assert_eq!(world.offers().len(), 1, "it need not wait for anything else to happen");
}

#[test]
fn a_lease_goes_on_when_its_rig_begins_to_drain() {
    let mut world = World::with_nodes(1);
    world.add_job(1, terms(), workload(2));
    world.drain();
    assert_eq!(world.leases.len(), 1);
    world.inbox.push_back(Event::WorkerDraining { node: node(1), draining: true });
    world.pass(1);
    let entry = world.core.open_leases().next().expect("the lease is still there");
    assert!(entry.stage == Stage::Working && world.core.active_task(entry.address).is_some());
}

#[test]
fn a_worker_that_flaps_gets_no_new_lease_until_its_quarantine_is_over() {
    let mut world = World::with_nodes(1);
    world.drain();
    for _ in 0..4 {
        world.disconnect(node(1));
        world.connect(node(1));
        world.pass(1);
    }
    let job = world.add_job(1, terms(), workload(1));
    world.drain();
    let explanation = world.explain(job);
    assert_eq!(explanation.exclusions.keys().collect::<Vec<_>>(), [&Constraint::Quarantined]);
    assert_eq!(explanation.suggestion.unwrap().change, Change::Wait(Constraint::Quarantined));
    world.pass(118);
    assert!(world.offers().is_empty());
    world.pass(2);
    assert_eq!(world.offers().len(), 1);
}

#[test]
fn a_task_that_failed_on_a_node_is_left_to_the_others() {
    let mut world = World::with_nodes(2);
    world.task_millis = 10_000;
    let retries = Workload { task_retries: 3, ..workload(4) };
    world.add_job(1, JobTerms { concurrent_leases: 2, ..terms() }, retries);
    world.drain();
    world.fail_task(node(1), Fault::Buyer, "exit-code");
    let assigned = |world: &World| {
        let assigned = world.log.iter().filter_map(|action| match action {
            Action::AssignTask { node, task, .. } => Some((*node, *task)),
            _ => None,
        });
        assigned.collect::<Vec<_>>()
    };
    assert_eq!(assigned(&world), [(node(1), 0), (node(2), 1), (node(1), 2)], "not the one it just failed");
    world.pass(10);
    assert_eq!(assigned(&world)[3..], [(node(1), 3), (node(2), 0)]);
}

#[test]
fn a_node_that_turns_out_to_be_of_another_class_is_given_to_who_waits_for_that() {
    let mut world = World::with_nodes(1);
    let mut terms = terms();
    terms.requirements.gpu_classes = 1 << 9;
    let job = world.add_job(1, terms, workload(1));
    world.drain();
    assert_eq!(world.offers().len(), 0);
    world.nodes.get_mut(&node(1)).unwrap().node.hardware.gpu_class = 9;
    world.see_node(node(1));
    world.drain();
    assert_eq!(world.offers().iter().map(|offer| offer.job).collect::<Vec<_>>(), [job]);
}

#[test]
fn an_idle_lease_that_somebody_else_attests_keeps_no_task_waiting() {
    let mut world = World::with_nodes(2);
    world.scheduler = address(b'A', 1);
    let job = world.add_job(1, terms(), workload(1));
    while world.leases.is_empty() {
        let event = world.inbox.pop_front().unwrap();
        world.feed(event);
    }
    world.scheduler = ATTESTOR;
    world.drain();
    assert_eq!(world.leases.len(), 2, "{:?}", world.explain(job));
    world.pass(10);
    assert!(world.core.job(job).unwrap().all_done(), "{:?}", world.explain(job));
}

#[test]
fn who_was_put_aside_is_asked_again_when_its_node_has_rested_and_not_before() {
    let mut world = World::with_nodes(1);
    world.rigs.get_mut(&node(1)).unwrap().refuses = true;
    let job = world.add_job(1, terms(), workload(1));
    world.drain();
    let again_at = *world.core.job(job).unwrap().story().resting.values().next().unwrap();
    let queue = format!("{:?}", world.core.queue);
    while world.millis + 1_000 < again_at {
        world.pass(1);
        assert_eq!((format!("{:?}", world.core.queue), world.offers().len()), (queue.clone(), 1));
    }
    world.rigs.get_mut(&node(1)).unwrap().refuses = false;
    world.pass(1);
    assert_eq!(world.offers().len(), 2);
}
