use super::*;
use millrace_link::rest::{EarlyOutputs, Exclusion, Explanation, Failure, Round, Runway, SpotChecks};
use millrace_protocol::{
    Address, BasisPoints, GpuUnits, Hardware, Job, JobTerms, Lease, Payment, PricePerGpuHour, Requirements, Seconds,
    ServiceLevel, UnixSeconds, Verification,
};

const NOW: UnixSeconds = UnixSeconds(120);

fn hardware(gpu_class: u8) -> Hardware {
    Hardware {
        gpu_class,
        gpu_count: 1,
        vram_mib: 24_576,
        cpu_cores: 2,
        memory_mib: 4_096,
        disk_mib: 20_000,
        region: 4,
        country: *b"DE",
        simulated: true,
    }
}

/// Of a plain job.
pub fn terms() -> JobTerms {
    let requirements =
        Requirements { gpu_classes: 0, vram_mib: 0, units: GpuUnits(1), regions: 0, accept_simulated: true };
    JobTerms {
        requirements,
        maximum_price: PricePerGpuHour(2_000_000),
        concurrent_leases: 3,
        lease_seconds: Seconds(600),
        start_window: Seconds(300),
        retries: 3,
        deposit: MicroUsdc(1_000_000),
        spot: false,
        service_level: ServiceLevel::None,
        payment: Payment::Streaming,
        verification: Verification::Attested,
        dispute_window: Seconds::ZERO,
    }
}

fn chain(state: JobState) -> Job {
    Job {
        terms: terms(),
        state,
        reserved: MicroUsdc(333_333),
        paid: MicroUsdc(95),
        fees: MicroUsdc(5),
        compensation: MicroUsdc::ZERO,
        dispute_bonds: MicroUsdc::ZERO,
        live_leases: 1,
        reported_leases: 0,
        completed: false,
        leases_opened: 1,
        attempts_failed: 0,
        start_deadline: UnixSeconds(1_000),
        cancelled_at: UnixSeconds::ZERO,
        settle_grace: Seconds(600),
    }
}

fn lease() -> LeaseStatus {
    LeaseStatus {
        address: Address([5; 32]),
        number: 0,
        node: Address([6; 32]),
        provider: Address([7; 32]),
        provider_name: "North rigs".to_owned(),
        hardware: hardware(8),
        chain: Lease {
            state: LeaseState::Running,
            price: PricePerGpuHour(400_000),
            units: GpuUnits(1),
            opened_at: UnixSeconds(100),
            maximum: Seconds(600),
            reserved: MicroUsdc(333_333),
            paid: MicroUsdc(100),
            fees: MicroUsdc(5),
            bond: MicroUsdc(1_000_000),
            sequence: 3,
            metered: Seconds(9),
            downtime: Seconds::ZERO,
            start_by: UnixSeconds(400),
            start_extended: false,
            started_late: false,
            attested_at: UnixSeconds(100),
            checkpoint_by: UnixSeconds(160),
            ends_by: UnixSeconds(1_000),
            preempted_at: UnixSeconds::ZERO,
            reported: LeaseOutcome::Completed,
            disputable_until: UnixSeconds::ZERO,
            fee: BasisPoints(500),
            abandon_penalty: BasisPoints(1_000),
            lost_penalty: BasisPoints(2_500),
            start_timeout: Seconds(300),
            checkpoint_interval: Seconds(60),
            hold_limit: Seconds(21_600),
            settle_grace: Seconds(600),
        },
        metered: Seconds(12),
        image_digest: Some(format!("sha256:{}", "ab".repeat(32))),
        ended: false,
    }
}

fn task(index: u32, state: TaskState, node: Option<Address>) -> Task {
    Task {
        index,
        state,
        attempt: 1,
        node,
        secrets_until: None,
        bytes_done: 0,
        bytes_total: 0,
        outputs: Vec::new(),
        failure: None,
        early_outputs: None,
        setbacks: Vec::new(),
    }
}

fn job() -> JobStatus {
    JobStatus {
        address: Address([3; 32]),
        buyer: Address([4; 32]),
        id: 7,
        attestor: None,
        name: "water-wheel".to_owned(),
        chain: chain(JobState::Active),
        closed: false,
        kept_until: None,
        task_count: 3,
        tasks_done: 1,
        tasks: vec![
            task(0, TaskState::Done, Some(Address([6; 32]))),
            Task { bytes_done: 10, bytes_total: 40, ..task(1, TaskState::Uploading, Some(Address([6; 32]))) },
            task(2, TaskState::Pending, None),
        ],
        leases: vec![lease()],
        explanation: None,
        failure: None,
        runway: None,
        spot_checks: None,
    }
}

#[test]
fn images_are_told_apart_where_a_tag_does_not_mean_the_same_to_all() {
    let other = LeaseStatus { image_digest: Some("sha256:cd".to_owned()), ..lease() };
    let unknown = LeaseStatus { image_digest: None, ..lease() };
    let shown = images(&[lease(), other, lease(), unknown]).unwrap();
    let same = "ab".repeat(32);
    assert_eq!(shown, format!("image         sha256:{same} of 2 leases\nimage         sha256:cd of 1 lease"));
    assert_eq!(images(&[LeaseStatus { image_digest: None, ..lease() }]), None);
}

#[test]
fn an_active_job_shows_money_leases_and_tasks() {
    insta::assert_snapshot!(text(&job(), NOW, Style::plain()));
}

#[test]
fn a_spot_checked_job_says_how_far_its_checks_are() {
    let checks = SpotChecks { open: 2, equal: 5, different: 1, lapsed: 0 };
    let said = |checks| text(&JobStatus { spot_checks: Some(checks), ..job() }, NOW, Style::plain());
    assert!(said(checks).contains("spot checks   5 equal, 1 different, 2 to come\n"));
    let checks = SpotChecks { lapsed: 3, ..checks };
    assert!(said(checks).contains("spot checks   5 equal, 1 different, 2 to come, 3 not compared in time\n"));
}

#[test]
fn a_closed_job_says_how_long_it_is_kept() {
    assert!(!text(&job(), NOW, Style::plain()).contains("forgotten"));
    let kept_until = Some(UnixSeconds(NOW.0 + 29 * 86_400 + 3_600));
    let said = text(&JobStatus { closed: true, kept_until, ..job() }, NOW, Style::plain());
    assert!(said.contains("\n\nforgotten     in 29d 1h, with its logs and its results\n\n"), "{said}");
}

#[test]
fn a_waiting_job_says_why() {
    let mut job = job();
    job.chain = Job { live_leases: 0, reserved: MicroUsdc::ZERO, ..chain(JobState::Open) };
    job.leases.clear();
    job.tasks.truncate(0);
    job.explanation = Some(Explanation {
        nodes_total: 2,
        nodes_fitting: 0,
        exclusions: vec![Exclusion {
            requirement: "gpu-model".to_owned(),
            asked: "b200".to_owned(),
            nodes: 2,
            nodes_excluded_by_this_alone: 2,
        }],
        suggestion: Some("accept rtx-4090 too".to_owned()),
    });
    insta::assert_snapshot!(text(&job, NOW, Style::plain()));
}

#[test]
fn a_job_that_needs_no_more_nodes_is_not_told_to_wait() {
    let mut job = job();
    job.explanation = Some(Explanation { nodes_total: 1, nodes_fitting: 0, exclusions: Vec::new(), suggestion: None });
    assert!(text(&job, NOW, Style::plain()).contains("waits"), "a task is pending and two more nodes are allowed");
    job.tasks.pop();
    assert!(!text(&job, NOW, Style::plain()).contains("waits"));
}

#[test]
fn a_failed_job_shows_code_cause_and_hint() {
    let mut job = job();
    job.chain = Job { live_leases: 0, reserved: MicroUsdc::ZERO, ..chain(JobState::Done) };
    job.closed = true;
    job.leases.clear();
    job.tasks = vec![Task {
        failure: Some(Failure {
            code: "container-failed".to_owned(),
            cause: "the container ended with status 3".to_owned(),
            hint: "read its log".to_owned(),
        }),
        ..task(0, TaskState::Failed, None)
    }];
    job.failure = job.tasks[0].failure.clone();
    insta::assert_snapshot!(text(&job, NOW, Style::plain()));
}

#[test]
fn a_job_whose_report_may_be_disputed_says_until_when() {
    let mut job = job();
    let mut disputed = lease();
    (disputed.number, disputed.chain.state) = (1, LeaseState::Disputed);
    let reported = &mut job.leases[0].chain;
    (reported.state, reported.disputable_until) = (LeaseState::Reported, UnixSeconds(NOW.0 + 3_550));
    job.leases.push(disputed);
    (job.chain.live_leases, job.chain.reported_leases, job.chain.completed) = (0, 2, true);
    (job.chain.terms.payment, job.chain.terms.dispute_window) = (Payment::OnResult, Seconds(3_600));
    job.chain.dispute_bonds = MicroUsdc(1_000_000);
    job.tasks.truncate(1);
    insta::assert_snapshot!(text(&job, NOW, Style::plain()));
    assert!(is_reported(&job));
    for (open, reported) in [(1, false), (0, true)] {
        job.spot_checks = Some(SpotChecks { open, equal: 1, different: 0, lapsed: 0 });
        assert_eq!(is_reported(&job), reported, "a rig that checks may ask for what only the buyer has");
    }
    job.spot_checks = None;
    let later = text(&job, UnixSeconds(100_000), Style::plain());
    assert!(later.contains("it is settled now"), "{later}");
}

#[test]
fn a_list_has_a_line_per_job() {
    insta::assert_snapshot!(list(&[job()]));
    assert_eq!(list(&[]), "no jobs");
}

#[test]
fn long_jobs_are_counted_not_listed() {
    let mut job = job();
    job.tasks = (0..500).map(|index| task(index, TaskState::Pending, None)).collect();
    let text = text(&job, NOW, Style::plain());
    assert!(text.ends_with("0 of 500 tasks done"), "{text}");
}

#[test]
fn tasks_of_a_job_that_is_over_do_not_wait() {
    let mut job = job();
    for (index, attempt) in [(0, 0), (1, 1)] {
        let last = job.tasks.len() - 1;
        job.tasks[last - index].state = TaskState::Pending;
        job.tasks[last - index].attempt = attempt;
    }
    assert!(text(&job, NOW, Style::plain()).contains("waiting"));
    job.chain.state = JobState::Done;
    let over = text(&job, NOW, Style::plain());
    assert!(over.contains("not started") && over.contains("stopped") && !over.contains("waiting"), "{over}");
}

#[test]
fn a_service_says_how_long_its_money_lasts() {
    let mut job = job();
    let (hourly, unspent) = (MicroUsdc(300_000), MicroUsdc(900_000));
    job.runway = Some(Runway { leases: 3, hourly, unspent, lasts: Seconds(10_800) });
    let text = text(&job, NOW, Style::plain());
    assert!(text.contains("lasts 3h more: 0.300000 USDC an hour for 3 leases"), "{text}");
}

#[test]
fn what_is_finished_of_a_running_task_and_what_goes_wrong_beside_it_are_told() {
    let mut status = job();
    let failure = Failure {
        code: "checkpoint-invalid".to_owned(),
        cause: "what lies in /checkpoint cannot be kept: trick is a link".to_owned(),
        hint: "write plain files".to_owned(),
    };
    let setback = Setback { round: Round::Checkpoint, attempt: 2, failure };
    status.tasks = (0..10)
        .map(|index| Task {
            early_outputs: Some(EarlyOutputs { attempt: 2, files: 3, bytes: 4_096 }),
            setbacks: vec![setback.clone()],
            ..task(index, TaskState::Running, None)
        })
        .collect();
    let text = text(&status, NOW, Style::plain());
    assert!(text.contains("3 files (4096 bytes) of attempt 2 so far, not final"), "{text}");
    let told = "warning[checkpoint-invalid]: task 0, attempt 2: what lies in /checkpoint cannot be kept: trick is a \
        link\nhint: write plain files";
    assert!(text.contains(told), "{text}");
    assert!(text.ends_with("and 2 more"), "{text}");
    assert_eq!(text.matches("warning[").count(), SETBACKS_LISTED);
}
