use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use millrace_link::rest;
use millrace_protocol::{Address, JobState, Seconds, Verification};
use millrace_scheduler::{
    Cause, CheckState, JobEntry, JobView, LeaseEntry, Outcome, Output, Runway, Setbacks, SpecStatus, Stage, Task,
    TaskPhase, TaskState,
};
use serde::Deserialize;

use super::network::provider_name;
use super::{Asked, Authorized, Context, Refusal, count, explain};
use crate::driver::Driver;
use crate::logs::Log;

#[derive(Deserialize)]
pub(super) struct OfBuyer {
    buyer: String,
}

#[derive(Deserialize)]
pub(super) struct Piece {
    task: u32,
    #[serde(default)]
    from: u64,
}

pub(super) async fn list(
    State(context): State<Arc<Context>>,
    Asked(query): Asked<OfBuyer>,
    Authorized(key): Authorized,
) -> Result<Json<Vec<rest::JobStatus>>, Refusal> {
    let buyer = parse(&query.buyer)?;
    if buyer != key {
        return Err(not_the_buyer(buyer, key));
    }
    let jobs = context.ask(Some(key), move |driver| {
        let mut jobs: Vec<_> = driver.index.of_buyer(&driver.core, buyer).collect();
        jobs.sort_by_key(|(_, entry)| (entry.view.opened_at, entry.view.opened_slot));
        jobs.into_iter().map(|(address, entry)| status(driver, address, entry)).collect()
    });
    jobs.await.map(Json)
}

pub(super) async fn show(
    State(context): State<Arc<Context>>,
    Path(job): Path<String>,
    Authorized(key): Authorized,
) -> Result<Json<rest::JobStatus>, Refusal> {
    of_owner(&context, &job, key, explained).await.map(Json)
}

pub(super) async fn outputs(
    State(context): State<Arc<Context>>,
    Path(job): Path<String>,
    Authorized(key): Authorized,
) -> Result<Json<Vec<rest::TaskOutputs>>, Refusal> {
    of_owner(&context, &job, key, |driver, _, entry| {
        let done = entry.tasks.iter().zip(0u32..).filter_map(|(task, index)| match task.state {
            TaskState::Done { lease } => Some((task, index, lease)),
            TaskState::Pending | TaskState::Active { .. } | TaskState::Failed => None,
        });
        done.map(|(task, index, lease)| rest::TaskOutputs {
            index,
            node: driver.core.lease(lease).map(|lease| lease.view.node),
            outputs: task.outputs.iter().map(output).collect(),
        })
        .collect()
    })
    .await
    .map(Json)
}

pub(super) async fn logs(
    State(context): State<Arc<Context>>,
    Path(job): Path<String>,
    Asked(piece): Asked<Piece>,
    Authorized(key): Authorized,
) -> Result<impl IntoResponse, Refusal> {
    let task = piece.task;
    let log = of_owner(&context, &job, key, move |_, job, entry| {
        let found = entry.tasks.get(task);
        found.map(|found| Log { job, opened_slot: entry.view.opened_slot, task, attempt: found.attempt })
    });
    let Some(log) = log.await? else {
        return Err(task_unknown(task));
    };
    let read = context.logs.read(log, piece.from).await;
    let bytes = read.map_err(|error| {
        let hint = "the operator must look at the data folder";
        Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "log-unreadable", error.to_string(), hint)
    })?;
    Ok(([(CONTENT_TYPE, "application/octet-stream")], bytes))
}

pub(super) fn task_unknown(task: u32) -> Refusal {
    let hint = "tasks count from 0; `millrace job show` lists them";
    Refusal::new(StatusCode::NOT_FOUND, "task-unknown", format!("there is no task {task}"), hint)
}

/// Answers about a job to whoever may follow it.
pub(super) async fn of_owner<T: Send + 'static>(
    context: &Context,
    job: &str,
    key: Address,
    render: impl FnOnce(&Driver, Address, &JobEntry) -> T + Send + 'static,
) -> Result<T, Refusal> {
    let job = parse(job)?;
    let answer = context.ask(Some(key), move |driver| {
        let entry = driver.core.job(job).ok_or_else(|| no_such_job(driver))?;
        check_follower(&entry.view, key)?;
        Ok(render(driver, job, entry))
    });
    answer.await?
}

pub(super) fn no_such_job(driver: &Driver) -> Refusal {
    Refusal::no_such_job(driver.core.settings().keep_jobs)
}

/// A job's buyer may follow it, and the delegate who opened it, also once its allowance is gone: it wrote
/// the job's file.
pub(super) fn check_follower(job: &JobView, key: Address) -> Result<(), Refusal> {
    if job.buyer == key || job.delegate == Some(key) { Ok(()) } else { Err(not_the_buyer(job.buyer, key)) }
}

fn not_the_buyer(buyer: Address, key: Address) -> Refusal {
    let cause = format!("the job is {buyer}'s, and the request was signed by {key}");
    let hint = "sign with the buyer's wallet, or with the delegate's that opened the job";
    Refusal::new(StatusCode::FORBIDDEN, "not-the-buyer", cause, hint)
}

pub(super) fn parse(address: &str) -> Result<Address, Refusal> {
    address.parse().map_err(|_| Refusal::malformed(format!("`{address}` is not an address"), "give it in base58"))
}

/// A job with its tasks, and the reason why it waits. That is a look at all nodes, and there may be 100,000 tasks: a
/// list goes without.
fn explained(driver: &Driver, address: Address, entry: &JobEntry) -> rest::JobStatus {
    let waits = entry.outcome.is_none() && matches!(entry.view.job.state, JobState::Open | JobState::Active);
    let explanation = waits.then(|| explain::explanation(driver, address, entry)).flatten();
    let tasks = entry.tasks.iter().zip(0..).map(|(entry, index)| task(driver, index, entry)).collect();
    rest::JobStatus { explanation, tasks, ..status(driver, address, entry) }
}

fn status(driver: &Driver, address: Address, entry: &JobEntry) -> rest::JobStatus {
    let failure = match (&entry.outcome, &entry.spec) {
        (Some(Outcome::Failed(cause)), _) | (None, SpecStatus::Unusable(cause)) => Some(failure(cause)),
        // The chain only says that no lease came; what was in its way says more.
        (Some(Outcome::Expired), _) => Some(entry.story().last_failure.as_ref().map_or_else(expired, failure)),
        _ => None,
    };
    rest::JobStatus {
        address,
        buyer: entry.view.buyer,
        id: entry.view.id,
        name: entry.name().to_owned(),
        attestor: entry.view.attestor,
        chain: entry.view.job,
        closed: !entry.on_chain,
        kept_until: driver.core.kept_until(address),
        task_count: count(entry.tasks.len()),
        tasks_done: count(entry.tasks.done()),
        tasks: Vec::new(),
        leases: driver.core.leases_of(address).into_iter().map(|entry| lease(driver, entry)).collect(),
        explanation: None,
        failure,
        runway: driver.core.runway(address).map(runway),
        spot_checks: spot_checks(entry),
    }
}

fn spot_checks(entry: &JobEntry) -> Option<rest::SpotChecks> {
    let is_checked = matches!(entry.view.job.terms.verification, Verification::SpotCheck { .. });
    let [open, equal, different, lapsed] = entry.checks().map(count);
    is_checked.then_some(rest::SpotChecks { open, equal, different, lapsed })
}

fn runway(runway: Runway) -> rest::Runway {
    let Runway { leases, hourly, unspent, lasts } = runway;
    rest::Runway { leases, hourly, unspent, lasts }
}

fn task(driver: &Driver, index: u32, task: &Task) -> rest::Task {
    // A buyer who has to bring something to the rig that runs it again must know where.
    let checked = task.check.as_ref().and_then(|check| match check.state {
        CheckState::Running { lease, phase: TaskPhase::AwaitingSecrets { until } } => Some((lease, until)),
        _ => None,
    });
    let state = match task.state {
        _ if checked.is_some() => rest::TaskState::AwaitingSecrets,
        TaskState::Pending => rest::TaskState::Pending,
        TaskState::Done { .. } => rest::TaskState::Done,
        TaskState::Failed => rest::TaskState::Failed,
        TaskState::Active { phase, .. } => match phase {
            TaskPhase::Assigned => rest::TaskState::Assigned,
            TaskPhase::AwaitingSecrets { .. } => rest::TaskState::AwaitingSecrets,
            TaskPhase::FetchingInputs => rest::TaskState::FetchingInputs,
            TaskPhase::Pulling => rest::TaskState::Pulling,
            TaskPhase::Creating => rest::TaskState::Creating,
            TaskPhase::Running => rest::TaskState::Running,
            TaskPhase::Uploading => rest::TaskState::Uploading,
        },
    };
    let lease = match task.state {
        _ if let Some((lease, _)) = checked => Some(lease),
        TaskState::Active { lease, .. } | TaskState::Done { lease } => Some(lease),
        TaskState::Pending | TaskState::Failed => None,
    };
    let secrets_until = match task.state {
        _ if let Some((_, until)) = checked => Some(until),
        TaskState::Active { phase: TaskPhase::AwaitingSecrets { until }, .. } => Some(until),
        _ => None,
    };
    let (bytes_done, bytes_total) = if task.active_lease().is_some() { task.bytes } else { (0, 0) };
    rest::Task {
        index,
        state,
        attempt: task.attempt,
        node: lease.and_then(|lease| driver.core.lease(lease)).map(|lease| lease.view.node),
        secrets_until,
        bytes_done,
        bytes_total,
        outputs: task.outputs.iter().map(output).collect(),
        failure: task.last_failure.as_ref().map(failure),
        early_outputs: task.early_outputs.as_deref().map(|early| rest::EarlyOutputs {
            attempt: early.attempt,
            files: early.files,
            bytes: early.bytes,
        }),
        setbacks: task.setbacks.as_deref().map(setbacks).unwrap_or_default(),
    }
}

fn setbacks(setbacks: &Setbacks) -> Vec<rest::Setback> {
    let both = [(rest::Round::Checkpoint, &setbacks.checkpoint), (rest::Round::Outputs, &setbacks.outputs)];
    let told = both.into_iter().filter_map(|(round, told)| told.as_ref().map(|told| (round, told)));
    told.map(|(round, told)| rest::Setback { round, attempt: told.attempt, failure: failure(&told.cause) }).collect()
}

fn lease(driver: &Driver, entry: &LeaseEntry) -> rest::LeaseStatus {
    let view = &entry.view;
    let attested = entry.voucher.map_or(Seconds::ZERO, |voucher| voucher.metered);
    rest::LeaseStatus {
        address: entry.address,
        number: view.number,
        node: view.node,
        provider: view.provider,
        provider_name: provider_name(driver, view.provider),
        hardware: driver.book.node(view.node).map_or(explain::UNKNOWN_HARDWARE, |node| node.node.hardware),
        chain: view.lease,
        metered: attested.max(view.lease.metered),
        image_digest: entry.image.map(|digest| format!("sha256:{digest}")),
        ended: entry.stage == Stage::Over,
    }
}

pub(super) fn output(output: &Output) -> rest::Output {
    rest::Output { path: output.path.clone(), size: output.object.size, sha256: output.object.sha256.to_string() }
}

pub(super) fn failure(cause: &Cause) -> rest::Failure {
    rest::Failure { code: cause.code.clone(), cause: cause.message.clone(), hint: cause.hint.clone() }
}

fn expired() -> rest::Failure {
    rest::Failure {
        code: "start-deadline-passed".to_owned(),
        cause: "no node took the job before its start deadline".to_owned(),
        hint: "raise the price, ask for less, or give it more time to start".to_owned(),
    }
}
