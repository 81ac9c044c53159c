//! Random crashes, breaks, delays, repetitions and restarts. Whatever happens, no task is lost, none
//! is with two rigs that are there, every waiting job has a reason, and the money adds up.

use millrace_protocol::{
    Address, JobState, JobTerms, Parameters, Payment, Ruling, Seconds, UnixSeconds, Verification, transitions,
};
use millrace_spec::{Gang, Locality, Restart, Service, Shape};
use proptest::prelude::*;

use super::world::*;
use crate::*;

#[derive(Clone, Debug)]
enum Mishap {
    Kill(u32),
    Break(u32),
    Reconnect(u32),
    Restart,
    ChainDown(bool),
    Repeat(usize),
    Swap(usize),
    Drop(usize),
    FailTask(u32, u8),
    Refuse(u32, bool),
    Pass(u64),
    Cancel(u32),
    /// The buyer accepts, or disputes and is right or not, or the arbiter stays silent.
    Object(usize, u8),
    Preempt(usize),
    Extend(usize),
    Hold(usize),
}

const NODES: u32 = 4;
const JOBS: u32 = 3;
const GANG: Shape = Shape::Gang(Gang { locality: Locality::Region });

fn mishaps() -> impl Strategy<Value = Vec<Mishap>> {
    let node = 1..=NODES;
    let mishap = prop_oneof![
        2 => node.clone().prop_map(Mishap::Kill),
        3 => node.clone().prop_map(Mishap::Break),
        5 => node.clone().prop_map(Mishap::Reconnect),
        2 => Just(Mishap::Restart),
        1 => any::<bool>().prop_map(Mishap::ChainDown),
        3 => (0..8usize).prop_map(Mishap::Repeat),
        3 => (0..8usize).prop_map(Mishap::Swap),
        1 => (0..8usize).prop_map(Mishap::Drop),
        2 => (node.clone(), 0..4u8).prop_map(|(node, fault)| Mishap::FailTask(node, fault)),
        1 => (node, any::<bool>()).prop_map(|(node, refuses)| Mishap::Refuse(node, refuses)),
        8 => (1..15u64).prop_map(Mishap::Pass),
        1 => (1..=JOBS + 4).prop_map(Mishap::Cancel),
        3 => (0..4usize, 0..5u8).prop_map(|(lease, word)| Mishap::Object(lease, word)),
        1 => (0..4usize).prop_map(Mishap::Preempt),
        1 => (0..4usize).prop_map(Mishap::Extend),
        1 => (0..4usize).prop_map(Mishap::Hold),
    ];
    proptest::collection::vec(mishap, 1..60)
}

/// Events of workers come late, twice or not at all; readings of the chain come late.
fn shuffle(world: &mut World, mishap: &Mishap) {
    let from_worker = |event: &Event| matches!(event, Event::Heartbeat { .. } | Event::TaskUpdate { .. } | Event::Tick);
    match *mishap {
        Mishap::Repeat(index) => {
            if let Some(event) = world.inbox.get(index).filter(|event| from_worker(event)).cloned() {
                world.inbox.push_back(event);
            }
        }
        Mishap::Drop(index) if world.inbox.get(index).is_some_and(from_worker) => drop(world.inbox.remove(index)),
        Mishap::Swap(index)
            if [index, index + 1].into_iter().all(|place| world.inbox.get(place).is_some_and(from_worker)) =>
        {
            world.inbox.swap(index, index + 1);
        }
        _ => {}
    }
}

fn object(world: &mut World, lease: Address, word: u8) {
    if word == 0 {
        return world.accept(lease);
    }
    world.dispute(lease);
    match [Ruling::ProviderRight, Ruling::BuyerRight, Ruling::Split].into_iter().nth(usize::from(word) - 1) {
        Some(ruling) => world.rule(lease, Some(ruling)),
        None => {
            world.travelled += 7 * 86_400;
            world.drain();
        }
    }
}

/// The `index`th lease that the change is allowed for, where there is one.
fn change(
    world: &mut World,
    index: usize,
    change: impl Fn(&JobView, &mut LeaseView, &Parameters, UnixSeconds) -> Result<(), millrace_protocol::Error>,
) {
    let now = world.now().chain;
    let allowed = |view: &LeaseView| change(&world.jobs[&view.job], &mut view.clone(), &world.parameters, now).is_ok();
    let lease = world.leases.iter().filter(|(_, view)| allowed(view)).map(|(lease, _)| *lease).nth(index);
    if let Some(lease) = lease {
        world.change_lease(lease, |job, view, parameters, now| change(job, view, parameters, now).unwrap());
    }
}

fn apply(world: &mut World, mishap: &Mishap) {
    match *mishap {
        Mishap::Object(index, word) => {
            let now = world.now().chain;
            let lease = world
                .reported()
                .into_iter()
                .filter(|lease| now < world.leases[lease].lease.disputable_until)
                .nth(index);
            if let Some(lease) = lease {
                object(world, lease, word);
            }
        }
        Mishap::Preempt(index) => change(world, index, |job, view, parameters, now| {
            transitions::notice_preemption(&job.job, &mut view.lease, parameters, now)
        }),
        Mishap::Extend(index) => {
            change(world, index, |_, view, _, now| transitions::extend_start(&mut view.lease, now));
        }
        Mishap::Hold(index) => {
            change(world, index, |_, view, _, now| transitions::hold_lease(&mut view.lease, now));
        }
        Mishap::Kill(node) => world.kill(address(b'N', node)),
        Mishap::Break(node) => world.disconnect(address(b'N', node)),
        Mishap::Reconnect(node) => world.connect(address(b'N', node)),
        Mishap::Restart => world.restart(),
        Mishap::ChainDown(down) => world.chain_down = down,
        Mishap::Refuse(node, refuses) => world.rigs.get_mut(&address(b'N', node)).unwrap().refuses = refuses,
        Mishap::Pass(seconds) => world.pass(seconds),
        Mishap::FailTask(node, fault) => {
            let node = address(b'N', node);
            if world.rigs[&node].connected && !world.rigs[&node].running.is_empty() {
                let fault = [Fault::Buyer, Fault::Node, Fault::Image, Fault::Nobody][usize::from(fault)];
                world.fail_task(node, fault, "mishap");
            }
        }
        Mishap::Cancel(job) => {
            let job = address(b'J', job);
            let state = world.jobs.get(&job).map(|view| view.job.state);
            if matches!(state, Some(JobState::Open | JobState::Active)) {
                world.cancel(job);
            }
        }
        Mishap::Repeat(_) | Mishap::Drop(_) | Mishap::Swap(_) => {
            world.millis += 1_000;
            world.work();
            world.heartbeats();
            world.inbox.push_back(Event::Tick);
            shuffle(world, mishap);
        }
    }
    world.drain();
}

fn check(world: &World) {
    world.check_hand_outs();
    for (job, entry) in world.core.jobs().filter(|(_, entry)| entry.on_chain && entry.outcome.is_none()) {
        let explanation = world.explain(job);
        let reason = !explanation.blockers.is_empty()
            || explanation.nodes_fitting > 0
            || explanation.exclusions.values().any(|exclusion| exclusion.nodes > 0);
        assert!(reason, "{job} waits without a reason: {entry:?}");
        let active: Vec<_> = entry.tasks.iter().filter_map(Task::active_lease).collect();
        let distinct: std::collections::BTreeSet<_> = active.iter().collect();
        assert_eq!(active.len(), distinct.len(), "one lease has two tasks");
    }
}

/// A service and two gangs that want more nodes than there are.
fn add_shapes(world: &mut World) {
    let service = Service { replicas: 2, restart: Restart::Always, run_for: Some(Seconds(900)) };
    let shapes = [(3, Shape::Service(service)), (3, GANG), (2, GANG)];
    let counted = JobTerms {
        verification: Verification::Quorum { needed: 2, size: 3 },
        payment: Payment::OnResult,
        retries: 20,
        lease_seconds: Seconds(300),
        ..terms()
    };
    world.add_job(JOBS + 4, counted, Workload { task_retries: 20, ..workload(2) });
    for ((tasks, shape), number) in shapes.into_iter().zip(JOBS + 1..) {
        let leases = u16::try_from(tasks).unwrap();
        let terms = JobTerms { concurrent_leases: leases, retries: 20, lease_seconds: Seconds(300), ..terms() };
        world.add_job(number, terms, Workload { task_retries: 20, shape: Some(shape), ..workload(tasks) });
    }
}

fn live_through(mishaps: &[Mishap], shapes: bool) {
    let mut world = World::with_nodes(NODES);
    world.leaves_on_notice = mishaps.len().is_multiple_of(2);
    for number in 1..=JOBS {
        // The first job pays as it runs and settles at once; the others pay on result, or may be preempted.
        let terms = JobTerms { concurrent_leases: 2, retries: 3, ..terms() };
        let terms = match number {
            1 => terms,
            2 => JobTerms { payment: Payment::OnResult, dispute_window: Seconds(40), ..terms },
            _ => JobTerms { spot: true, dispute_window: Seconds(20), ..terms },
        };
        world.add_job(number, terms, workload(4 + number));
    }
    if shapes {
        add_shapes(&mut world);
    }
    world.drain();
    for mishap in mishaps {
        apply(&mut world, mishap);
        check(&world);
    }
    // Everything is well again: every job comes to its end and is closed.
    world.chain_down = false;
    for number in 1..=NODES {
        let node = address(b'N', number);
        world.rigs.get_mut(&node).unwrap().refuses = false;
        world.connect(node);
    }
    world.drain();
    for _ in 0..400 {
        world.pass(10);
        if world.jobs.is_empty() {
            break;
        }
    }
    if let Some(job) = world.jobs.keys().next() {
        panic!("{job} never ended: {:?} {:#?}", world.explain(*job), world.core.job(*job));
    }
    world.check_money();
    let services = |entry: &JobEntry| entry.workload().is_some_and(|workload| workload.service().is_some());
    for (job, entry) in world.core.jobs().filter(|(_, entry)| !services(entry)) {
        let ended = entry.outcome.clone().unwrap();
        // The last task may be done while the buyer cancels.
        let expected = ended == Outcome::Completed || (ended == Outcome::Cancelled && entry.all_done());
        assert_eq!(expected, entry.all_done(), "{job} ended as {ended:?}");
    }
}

/// Two final vouchers were under way when a third lease was offered: once they had landed, the job
/// had used up its attempts.
#[test]
fn no_lease_is_offered_while_another_is_about_to_end() {
    use Mishap::{FailTask, Kill, Pass};
    live_through(&[Pass(5), Pass(4), FailTask(1, 1), FailTask(3, 1), Kill(1), Kill(3), Pass(7)], false);
}

proptest! {
    #![proptest_config(ProptestConfig { max_shrink_iters: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_goes_wrong_jobs_end_and_the_money_adds_up(mishaps in mishaps()) {
        live_through(&mishaps, false);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, max_shrink_iters: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn services_and_gangs_end_too_and_no_gang_runs_in_parts(mishaps in mishaps()) {
        live_through(&mishaps, true);
    }
}
