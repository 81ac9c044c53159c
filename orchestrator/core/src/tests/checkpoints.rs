//! What a task's next attempt begins with.

use millrace_protocol::{Address, JobTerms};
use millrace_spec::{ObjectRef, sha256};

use super::world::*;
use crate::*;

fn checkpoint(content: &str, attempt: u32) -> Brought {
    let manifest = ObjectRef { sha256: sha256(content.as_bytes()), size: content.len() as u64 };
    Brought { manifest, attempt, files: 1, bytes: 5 }
}

/// A job of one long task at work on the first of two nodes.
fn at_work() -> (World, Address, Address) {
    let mut world = World::with_nodes(2);
    world.task_millis = 1_000_000;
    let job = world.add_job(1, JobTerms { concurrent_leases: 1, retries: 5, ..terms() }, workload(1));
    world.drain();
    world.pass(10);
    let lease = world.lease_of(address(b'N', 1));
    (world, job, lease)
}

fn tell(world: &mut World, node: u32, lease: Address, checkpoint: Brought) {
    let node = address(b'N', node);
    world.inbox.push_back(Event::BroughtAway { node, lease, task: 0, round: Round::Checkpoint, brought: checkpoint });
    world.drain();
}

fn kept(world: &World, job: Address) -> Option<Brought> {
    world.core.job(job).unwrap().tasks[0].checkpoint.as_deref().copied()
}

fn handed_out(world: &World) -> Vec<(u32, Option<Brought>)> {
    let handed_out = world.log.iter().filter_map(|action| match action {
        Action::AssignTask { attempt, checkpoint, .. } => Some((*attempt, *checkpoint)),
        _ => None,
    });
    handed_out.collect()
}

#[test]
fn the_next_attempt_begins_with_the_newest_also_after_a_restart() {
    let (mut world, job, lease) = at_work();
    tell(&mut world, 1, lease, checkpoint("one", 1));
    tell(&mut world, 1, lease, checkpoint("two", 1));
    world.restart();
    world.drain();
    assert_eq!(kept(&world, job), Some(checkpoint("two", 1)));
    world.fail_task(address(b'N', 1), Fault::Node, "container-lost");
    world.pass(30);
    assert_eq!(handed_out(&world), [(1, None), (2, Some(checkpoint("two", 1)))]);
}

#[test]
fn one_that_comes_before_the_next_hand_out_counts_and_one_that_comes_after_does_not() {
    let (mut world, job, lease) = at_work();
    let node = address(b'N', 1);
    world.rigs.values_mut().for_each(|rig| rig.refuses = true);
    world.fail_task(node, Fault::Node, "container-lost");
    tell(&mut world, 1, lease, checkpoint("last", 1));
    assert_eq!(kept(&world, job), Some(checkpoint("last", 1)));
    world.rigs.values_mut().for_each(|rig| rig.refuses = false);
    world.pass(60);
    assert_eq!(handed_out(&world).last(), Some(&(2, Some(checkpoint("last", 1)))));
    tell(&mut world, 1, lease, checkpoint("late", 1));
    assert_eq!(kept(&world, job), Some(checkpoint("last", 1)), "the second attempt may be further already");
}

#[test]
fn nobody_else_says_what_a_task_begins_with() {
    let (mut world, job, lease) = at_work();
    tell(&mut world, 2, lease, checkpoint("another rig's", 1));
    tell(&mut world, 1, lease, checkpoint("another attempt's", 2));
    tell(&mut world, 1, address(b'L', 99), checkpoint("another lease's", 1));
    assert_eq!(kept(&world, job), None);
}

#[test]
fn a_task_that_is_done_keeps_nothing() {
    let (mut world, job, lease) = at_work();
    tell(&mut world, 1, lease, checkpoint("one", 1));
    world.rigs.values_mut().for_each(|rig| rig.running.iter_mut().for_each(|task| task.3 = 0));
    world.pass(2);
    assert!(kept(&world, job).is_none());
    tell(&mut world, 1, lease, checkpoint("late", 1));
    assert!(kept(&world, job).is_none());
}

fn set_back(world: &mut World, node: u32, (lease, attempt): (Address, u32), cause: Option<Cause>) {
    let (node, round) = (address(b'N', node), Round::Checkpoint);
    world.inbox.push_back(Event::SetBack { node, lease, task: 0, attempt, round, cause });
    world.drain();
}

fn setback(world: &World, job: Address) -> Option<(u32, String)> {
    let setbacks = world.core.job(job).unwrap().tasks[0].setbacks.as_deref()?;
    setbacks.checkpoint.as_ref().map(|told| (told.attempt, told.cause.code.clone()))
}

#[test]
fn one_that_failed_is_known_until_one_is_kept_also_after_a_restart() {
    let (mut world, job, lease) = at_work();
    set_back(&mut world, 1, (lease, 1), Some(cause("checkpoint-invalid")));
    assert_eq!(setback(&world, job), Some((1, "checkpoint-invalid".to_owned())));
    world.restart();
    assert_eq!(setback(&world, job), Some((1, "checkpoint-invalid".to_owned())), "nobody has connected yet");
    world.drain();
    set_back(&mut world, 1, (lease, 1), Some(cause("checkpoint-invalid")));
    tell(&mut world, 1, lease, checkpoint("one", 1));
    assert_eq!(setback(&world, job), None);
    set_back(&mut world, 1, (lease, 1), Some(cause("checkpoint-failed")));
    tell(&mut world, 1, lease, checkpoint("one", 1));
    assert_eq!(setback(&world, job), None, "the same one again is one that is kept");
    set_back(&mut world, 1, (lease, 1), Some(cause("checkpoint-failed")));
    set_back(&mut world, 1, (lease, 1), None);
    assert_eq!(setback(&world, job), None);
    assert!(world.core.job(job).unwrap().tasks[0].setbacks.is_none());
}

#[test]
fn whoever_connects_and_says_nothing_has_none_but_an_attempt_that_is_over_keeps_its_own() {
    let (mut world, job, lease) = at_work();
    set_back(&mut world, 1, (lease, 1), Some(cause("checkpoint-slow")));
    world.restart();
    world.drain();
    assert_eq!(setback(&world, job), None);
    set_back(&mut world, 1, (lease, 1), Some(cause("checkpoint-late")));
    world.fail_task(address(b'N', 1), Fault::Node, "container-lost");
    world.pass(30);
    assert_eq!(handed_out(&world).last(), Some(&(2, None)));
    assert_eq!(setback(&world, job), Some((1, "checkpoint-late".to_owned())), "the second attempt began with less");
    set_back(&mut world, 1, (lease, 1), None);
    assert_eq!(setback(&world, job), Some((1, "checkpoint-late".to_owned())), "its time is over");
}

#[test]
fn nobody_else_says_what_goes_wrong_beside_a_task() {
    let (mut world, job, lease) = at_work();
    set_back(&mut world, 2, (lease, 1), Some(cause("another-rigs")));
    set_back(&mut world, 1, (lease, 2), Some(cause("another-attempts")));
    set_back(&mut world, 1, (address(b'L', 99), 1), Some(cause("another-leases")));
    assert_eq!(setback(&world, job), None);
}

#[test]
fn early_outputs_are_the_newest_of_whichever_attempt_until_the_task_is_done() {
    let (mut world, job, lease) = at_work();
    let tell = |world: &mut World, lease, brought| {
        let (node, round) = (world.core.lease(lease).unwrap().view.node, Round::Outputs);
        world.inbox.push_back(Event::BroughtAway { node, lease, task: 0, round, brought });
        world.drain();
    };
    let early = |world: &World| world.core.job(job).unwrap().tasks[0].early_outputs.as_deref().copied();
    tell(&mut world, lease, checkpoint("half", 1));
    tell(&mut world, lease, checkpoint("another attempt's", 2));
    world.restart();
    world.drain();
    assert_eq!(early(&world), Some(checkpoint("half", 1)));
    assert_eq!(kept(&world, job), None, "no attempt begins with outputs");
    world.fail_task(address(b'N', 1), Fault::Node, "container-lost");
    world.pass(30);
    assert_eq!(early(&world), Some(checkpoint("half", 1)), "there is nothing newer");
    let second = world.core.job(job).unwrap().tasks[0].lease.unwrap();
    tell(&mut world, second, checkpoint("more", 2));
    assert_eq!(early(&world), Some(checkpoint("more", 2)));
    world.rigs.values_mut().for_each(|rig| rig.running.iter_mut().for_each(|task| task.3 = 0));
    world.pass(2);
    assert_eq!(early(&world), None);
}
