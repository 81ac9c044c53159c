//! Services, gangs, jobs that come after others or have nodes bid, and crowds of spot leases with somebody who pays more, drawn beside
//! the other jobs and from a stream of their own: the jobs that come one by one are those that a seed always had.

use std::collections::BTreeMap;

use millrace_protocol::{Address, MicroUsdc, Payment, Seconds, Verification};
use millrace_spec::{After, Condition, Gang, Locality, Placement, Restart, Retry, Service, Shape};

use super::{JobPlan, RigPlan, Word, job};
use crate::draw::Draw;
use crate::name;

/// Tells the stream of the shapes from that of the seed.
const SHAPES: u64 = 0x5348_4150_4553;

/// At most two or three of each kind for each hour.
pub(super) fn draw(seed: u64, first: u64, hours: u64, rigs: &[RigPlan], calm: bool) -> Vec<JobPlan> {
    let mut draw = Draw::new(seed ^ SHAPES);
    let lasts = hours * 3_600_000;
    let mut plans = Vec::new();
    for _ in 0..draw.one_of(&[0, 0, 1, 1, 2]) * hours {
        let number = first + plans.len() as u64;
        let plan = job(&mut draw, number, lasts, calm);
        plans.push(gang(&mut draw, plan, rigs.len()));
    }
    for _ in 0..draw.one_of(&[0, 0, 1, 1, 2]) * hours {
        let number = first + plans.len() as u64;
        let plan = job(&mut draw, number, lasts, calm);
        plans.push(service(&mut draw, plan));
    }
    for _ in 0..draw.one_of(&[0, 0, 1, 2, 3]) * hours {
        let number = first + plans.len() as u64;
        let plan = job(&mut draw, number, lasts, calm);
        plans.push(later(&mut draw, plan, number));
    }
    for _ in 0..draw.one_of(&[0, 1, 1]) * hours {
        let number = first + plans.len() as u64;
        let plan = job(&mut draw, number, lasts, calm);
        plans.push(crowd(&mut draw, plan, rigs.len(), lasts));
        let (began, number) = (plans.last().map_or(0, |plan: &JobPlan| plan.at), number + 1);
        let plan = job(&mut draw, number, lasts, calm);
        plans.push(latecomer(&mut draw, plan, began));
    }
    for _ in 0..draw.one_of(&[0, 1, 1, 2]) * hours {
        let number = first + plans.len() as u64;
        let mut plan = job(&mut draw, number, lasts, calm);
        plan.spec.placement = Some(Placement { auction: true, ..Placement::default() });
        plans.push(plan);
    }
    for _ in 0..draw.one_of(&[0, 1, 1, 2]) * hours {
        let number = first + plans.len() as u64;
        let plan = job(&mut draw, number, lasts, calm);
        plans.push(counted(&mut draw, plan));
    }
    plans
}

/// Several providers do the same, and what most of them make is believed.
fn counted(draw: &mut Draw, mut plan: JobPlan) -> JobPlan {
    let (needed, size) = draw.one_of(&[(2, 2), (2, 3), (2, 3), (3, 4)]);
    plan.terms.verification = Verification::Quorum { needed, size };
    plan.terms.payment = Payment::OnResult;
    plan.terms.dispute_window = Seconds::ZERO;
    plan.terms.concurrent_leases = size.into();
    plan.terms.deposit = MicroUsdc(plan.terms.deposit.0.saturating_mul(size.into()));
    plan.spec.tasks = plan.spec.tasks.min(3);
    plan.spec.terms = plan.terms;
    plan.word = Word::Nothing;
    plan
}

/// A job that takes every rig that has room, as spot leases.
fn crowd(draw: &mut Draw, mut plan: JobPlan, rigs: usize, lasts: u64) -> JobPlan {
    plan.at = draw.between(5_000..=lasts / 2);
    plan.terms.spot = true;
    plan.terms.concurrent_leases = u16::try_from(rigs).unwrap_or(u16::MAX);
    plan.terms.deposit = MicroUsdc(plan.terms.deposit.0.saturating_mul(rigs as u64));
    plan.terms.retries += 5;
    plan.work.millis = (plan.work.millis.1 / 2, plan.work.millis.1);
    plan.spec.tasks = 60;
    plan.spec.terms = plan.terms;
    plan
}

/// A job at the posted price that comes when all rigs may be taken.
fn latecomer(draw: &mut Draw, mut plan: JobPlan, began: u64) -> JobPlan {
    plan.at = began + draw.between(30_000..=300_000);
    plan.terms.spot = false;
    plan.spec.terms = plan.terms;
    plan
}

/// After one or two of the jobs so far, some of them its own.
fn later(draw: &mut Draw, mut plan: JobPlan, number: u64) -> JobPlan {
    let conditions = [Condition::Completed, Condition::Ended, Condition::Ended];
    let mut after: BTreeMap<Address, Condition> = BTreeMap::new();
    for _ in 0..draw.between(1..=2) {
        let first = usize::try_from(draw.between(0..=number)).unwrap_or(0);
        after.insert(name::job(first), draw.one_of(&conditions));
    }
    plan.spec.after = Some(after.into_iter().map(|(job, on)| After { job, on }).collect());
    plan.spec.retry = draw.permille(500).then(|| Retry {
        backoff: Seconds(draw.one_of(&[5, 20])),
        fatal_exit_codes: Vec::new(),
        longest_backoff: Seconds(60),
        uncounted_exit_codes: vec![1],
    });
    plan.terms.start_window = Seconds(draw.one_of(&[600, 7_200]));
    plan.spec.terms = plan.terms;
    plan
}

fn gang(draw: &mut Draw, mut plan: JobPlan, rigs: usize) -> JobPlan {
    let size = draw.between(2..=4.min(rigs as u64).max(2));
    plan.spec.shape = Some(Shape::Gang(Gang { locality: draw.one_of(&[Locality::Region, Locality::Anywhere]) }));
    at_a_time(&mut plan, u32::try_from(size).unwrap_or(2));
    plan
}

fn service(draw: &mut Draw, mut plan: JobPlan) -> JobPlan {
    let (replicas, surge) = (draw.one_of(&[1, 1, 2, 3]), draw.one_of(&[0, 1, 1]));
    // It ends by its time, by its money, or by its buyer.
    let run_for = Some(Seconds(draw.one_of(&[400, 1_200, 2_400])));
    let restart = draw.one_of(&[Restart::Always, Restart::Always, Restart::OnFailure]);
    plan.spec.shape = Some(Shape::Service(Service { replicas, restart, run_for }));
    plan.spec.task_retries = 0;
    plan.terms.payment = Payment::Streaming;
    plan.terms.retries += 20;
    plan.word = Word::Nothing;
    plan.work.millis = draw.one_of(&[(1_000, 20_000), (30_000, 900_000), (3_600_000, 7_200_000)]);
    at_a_time(&mut plan, replicas + surge);
    plan
}

/// As many leases as tasks, and money for more than one round of them where there was money for more than one lease.
fn at_a_time(plan: &mut JobPlan, tasks: u32) {
    plan.spec.tasks = tasks;
    plan.terms.concurrent_leases = u16::try_from(tasks).unwrap_or(u16::MAX);
    plan.terms.deposit = MicroUsdc(plan.terms.deposit.0.saturating_mul(u64::from(tasks)));
    plan.spec.terms = plan.terms;
}
