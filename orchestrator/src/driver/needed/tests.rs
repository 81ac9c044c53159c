use std::collections::HashSet;

use millrace_protocol::*;
use millrace_scheduler::{
    Brought, Finding, JobRecord, LeaseRecord, LeaseView, MemberTaskRecord, Meter, Output, Placement, Record, Restarts,
    Run, SpecStatus, Stage, Task, TaskRecord, TaskState, Workload,
};
use millrace_spec::{ObjectRef, Sha256, sha256};

use crate::driver::{Input, sample};

const RUNS: Address = Address([1; 32]);
const ENDED: Address = Address([2; 32]);
const COUNTED: Address = Address([3; 32]);
const MEMBER: Address = Address([4; 32]);

fn object(name: &str) -> ObjectRef {
    ObjectRef { sha256: sha256(name.as_bytes()), size: 1 }
}

fn named<const N: usize>(names: [&str; N]) -> HashSet<Sha256> {
    names.map(|name| object(name).sha256).into()
}

fn outputs(name: &str) -> Vec<Output> {
    vec![Output { path: "file".to_owned(), object: object(name) }]
}

fn brought(name: &str) -> Option<Box<Brought>> {
    Some(Brought { manifest: object(name), attempt: 1, files: 1, bytes: 1 }.into())
}

fn job(job: Address, spec: &str, verification: Verification) -> JobRecord {
    let terms = JobTerms {
        concurrent_leases: 3,
        deposit: MicroUsdc(10_000_000),
        payment: Payment::OnResult,
        verification,
        dispute_window: Seconds(600),
        ..sample::terms()
    };
    let view = sample::view(1, object(spec).sha256, terms);
    let workload = Workload {
        name: "frames".to_owned(),
        tasks: 2,
        task_retries: 1,
        task_seconds: None,
        cpu_milli: 10,
        memory_mib: 8,
        disk_mib: 1,
        image: "image".to_owned(),
        placement: Placement::default(),
        shape: None,
        after: Vec::new(),
        retry: None,
        runtime: None,
    };
    JobRecord {
        job,
        view,
        on_chain: true,
        spec: SpecStatus::Known(workload.into()),
        outcome: None,
        failed_nodes: Default::default(),
        image_failures: Default::default(),
        last_failure: None,
        closed_by: None,
        closed_at: None,
        earlier: Vec::new(),
        restarts: Restarts::default(),
        findings: Vec::new(),
        reserved: None,
    }
}

fn task(job: Address, number: u32, task: Task) -> Record {
    Record::Task(TaskRecord { job, opened_slot: 1, number, task }.into())
}

fn member() -> LeaseRecord {
    let lease = Lease {
        state: LeaseState::Running,
        price: PricePerGpuHour(1_000_000),
        units: GpuUnits(1),
        opened_at: UnixSeconds(1),
        maximum: Seconds(600),
        reserved: MicroUsdc(166_666),
        paid: MicroUsdc::ZERO,
        fees: MicroUsdc::ZERO,
        bond: MicroUsdc::ZERO,
        sequence: 1,
        metered: Seconds(1),
        downtime: Seconds::ZERO,
        start_by: UnixSeconds(300),
        start_extended: false,
        started_late: false,
        attested_at: UnixSeconds(1),
        checkpoint_by: UnixSeconds(900),
        ends_by: UnixSeconds(1_000),
        preempted_at: UnixSeconds(0),
        reported: LeaseOutcome::Completed,
        disputable_until: UnixSeconds(0),
        fee: BasisPoints(500),
        abandon_penalty: BasisPoints(1_000),
        lost_penalty: BasisPoints(2_500),
        start_timeout: Seconds(300),
        checkpoint_interval: Seconds(900),
        hold_limit: Seconds(600),
        settle_grace: Seconds(600),
    };
    let (node, provider, attestor) = (Address([5; 32]), Address([6; 32]), Address([7; 32]));
    LeaseRecord {
        lease: MEMBER,
        view: LeaseView { job: COUNTED, node, provider, number: 0, attestor, lease },
        stage: Stage::Working,
        meter: Meter::default(),
        voucher: None,
        settlements: Vec::new(),
        silenced: false,
        handed_out_at: 0,
        image: None,
        round: Some(0),
    }
}

fn records() -> Vec<Record> {
    let run = |name| Run { lease: MEMBER, root: object("root").sha256, outputs: outputs(name) };
    let finding = Finding {
        task: 0,
        first: run("found first"),
        second: run("found second"),
        found_at: UnixSeconds(1),
        attempts_failed: 0,
        evidence: Some(object("no object").sha256),
        dispute: None,
        trouble: None,
    };
    let done = |name| Task { state: TaskState::Done { lease: MEMBER }, outputs: outputs(name), ..Task::default() };
    let under_way =
        |checkpoint, early| Task { checkpoint: brought(checkpoint), early_outputs: brought(early), ..Task::default() };
    let ended =
        JobRecord { on_chain: false, findings: vec![finding], ..job(ENDED, "ended's spec", Verification::Attested) };
    let own = MemberTaskRecord { lease: MEMBER, number: 0, task: done("member's output") };
    vec![
        Record::Job(job(RUNS, "spec", Verification::Attested).into()),
        task(RUNS, 0, done("output")),
        task(RUNS, 1, under_way("checkpoint", "early outputs")),
        Record::Job(ended.into()),
        task(ENDED, 0, done("result")),
        task(ENDED, 1, under_way("old checkpoint", "old early outputs")),
        Record::Job(job(COUNTED, "counted spec", Verification::Quorum { needed: 2, size: 3 }).into()),
        Record::Lease(member().into()),
        Record::MemberTask(own.into()),
    ]
}

#[tokio::test]
async fn what_jobs_refer_to_is_needed_and_less_of_it_once_they_are_gone() {
    let (mut driver, _folder) = sample::driver(records()).await;
    let needed = driver.needed_objects();
    assert_eq!(needed.specs, named(["spec", "counted spec"]));
    assert_eq!(needed.manifests, named(["checkpoint", "early outputs"]));
    let kept = ["output", "ended's spec", "result", "found first", "found second", "member's output"];
    assert_eq!(needed.others, named(kept));
    // None of these jobs has an account on chain.
    driver.take(Input::Reconciled, &mut Vec::new());
    let needed = driver.needed_objects();
    assert!(needed.specs.is_empty() && needed.manifests.is_empty());
    assert!(needed.others.is_superset(&named(["spec", "output", "result"])));
}
