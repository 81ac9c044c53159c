//! An orchestrator that is restarted while somebody watches a job, and one that tells a long log in parts.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use millrace_cli::follow;
use millrace_cli::market::Market;
use millrace_cli::output::Json;
use millrace_client::keys;
use millrace_link::rest::{JobStatus, Task, TaskState};
use millrace_protocol::{
    Address, GpuUnits, Job, JobState, JobTerms, MicroUsdc, Payment, PricePerGpuHour, Requirements, Seconds,
    ServiceLevel, UnixSeconds, Verification,
};

use crate::proxy::{Answer, Fate, Request, proxy};
use crate::run::millrace;

const JOB: Address = Address([9; 32]);

/// Of a job that is done and closed, with one task.
fn status() -> JobStatus {
    let requirements =
        Requirements { gpu_classes: 0, vram_mib: 0, units: GpuUnits(1), regions: 0, accept_simulated: true };
    let terms = JobTerms {
        requirements,
        maximum_price: PricePerGpuHour(1_000_000),
        concurrent_leases: 1,
        lease_seconds: Seconds(600),
        start_window: Seconds(300),
        retries: 3,
        deposit: MicroUsdc(1_000_000),
        spot: false,
        service_level: ServiceLevel::None,
        payment: Payment::Streaming,
        verification: Verification::Attested,
        dispute_window: Seconds::ZERO,
    };
    let chain = Job {
        terms,
        state: JobState::Done,
        reserved: MicroUsdc::ZERO,
        paid: MicroUsdc(95),
        fees: MicroUsdc(5),
        compensation: MicroUsdc::ZERO,
        dispute_bonds: MicroUsdc::ZERO,
        live_leases: 0,
        reported_leases: 0,
        completed: true,
        leases_opened: 1,
        attempts_failed: 0,
        start_deadline: UnixSeconds(1_000),
        cancelled_at: UnixSeconds::ZERO,
        settle_grace: Seconds(600),
    };
    let task = Task {
        index: 0,
        state: TaskState::Done,
        attempt: 1,
        node: None,
        secrets_until: None,
        bytes_done: 0,
        bytes_total: 0,
        outputs: Vec::new(),
        failure: None,
        early_outputs: None,
        setbacks: Vec::new(),
    };
    JobStatus {
        address: JOB,
        buyer: Address([1; 32]),
        id: 1,
        name: "render".to_owned(),
        attestor: None,
        chain,
        closed: true,
        kept_until: None,
        task_count: 1,
        tasks_done: 1,
        tasks: vec![task],
        leases: Vec::new(),
        explanation: None,
        failure: None,
        runway: None,
        spot_checks: None,
    }
}

fn told() -> Answer {
    Answer::new(200, serde_json::to_vec(&status()).unwrap())
}

/// An orchestrator that gives these answers one after the other, and then tells of the job.
async fn restarting(answers: fn(usize) -> Option<Answer>) -> (String, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = asked.clone();
    let decide = move |request: &Request| {
        if request.path.contains("/logs") {
            return Fate::Answer(Answer::new(200, ""));
        }
        Fate::Answer(answers(counted.fetch_add(1, Ordering::SeqCst)).unwrap_or_else(told))
    };
    (proxy("", decide).await, asked)
}

fn restart(nth: usize) -> Option<Answer> {
    match nth {
        0 => Some(Answer::refusal(503, "orchestrator-stopping")),
        1 => Some(Answer::new(502, "<html>Bad Gateway</html>")),
        2 => Some(Answer::refusal(404, "job-unknown")),
        _ => None,
    }
}

#[tokio::test]
async fn a_job_is_followed_through_a_restart_of_the_orchestrator_and_of_what_stands_before_it() {
    let (url, asked) = restarting(restart).await;
    let followed = follow::follow(&Json::default(), &Market::new(&url, None), JOB, None).await.unwrap();
    assert_eq!((followed.address, followed.closed, asked.load(Ordering::SeqCst)), (JOB, true, 4));
}

#[tokio::test]
async fn who_may_not_follow_a_job_is_told_so_at_once() {
    let (url, asked) = restarting(|_| Some(Answer::refusal(403, "not-the-buyer"))).await;
    let failure = follow::follow(&Json::default(), &Market::new(&url, None), JOB, None).await.unwrap_err();
    assert_eq!((failure.code.as_ref(), asked.load(Ordering::SeqCst)), ("not-the-buyer", 1));
}

/// What `job logs` says of the job.
async fn logs(url: String, further: &'static [&'static str]) -> String {
    let run = move || {
        let folder = tempfile::tempdir().unwrap();
        keys::load_or_create(&folder.path().join("key.json")).unwrap();
        let job = JOB.to_string();
        let words = ["--keypair", "key.json", "--orchestrator-url", &url, "job", "logs", &job];
        millrace(folder.path(), &[words.as_slice(), further].concat())
    };
    tokio::task::spawn_blocking(run).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_is_printed_to_its_end_however_many_answers_it_takes() {
    const LOG: &str = "one\ntwo\nthree\nfour\n";
    let decide = |request: &Request| {
        let Some((_, from)) = request.path.split_once("/logs?task=0&from=") else { return Fate::Answer(told()) };
        let from: usize = from.parse().unwrap();
        Fate::Answer(Answer::new(200, &LOG[from..LOG.len().min(from + 5)]))
    };
    let said = logs(proxy("", decide).await, &[]).await;
    assert_eq!(said, format!("status 0\n--- stdout\n{}\n--- stderr\n--- task 0", LOG.trim_end()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn logs_are_followed_through_a_restart_and_read_once_fail_by_it() {
    let stopping = |nth: usize| (nth == 0).then(|| Answer::refusal(503, "orchestrator-stopping"));
    let followed = logs(restarting(stopping).await.0, &["--follow"]).await;
    assert!(followed.starts_with("status 0") && followed.contains("the orchestrator is back"), "{followed}");
    let once = logs(restarting(stopping).await.0, &[]).await;
    assert!(once.starts_with("status 1") && once.contains("error[orchestrator-stopping]"), "{once}");
}
