//! Watching a job until it is over.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use millrace_link::rest::{JobStatus, TaskState};
use millrace_protocol::{Address, JobState};

use crate::errors::{ExitClass, Failure};
use crate::market::Market;
use crate::output::progress::Progress;
use crate::output::{Output, Style};
use crate::patience::Patience;
use crate::sealing::Handover;
use crate::views;

/// Between two looks.
const POLL: Duration = Duration::from_millis(400);
/// How long the refund may take after the job is over.
const REFUND: Duration = Duration::from_secs(30);

/// Shows a job's progress per node until it is over and its account closed, or until only its settlement is
/// waited for, and returns its last state. Its rigs are brought what only the buyer has, where they need that.
///
/// # Errors
/// An orchestrator that stays away, or that lies about the job's leases where secrets are at stake.
pub async fn follow(
    output: &dyn Output,
    market: &Market,
    job: Address,
    mut handover: Option<&mut Handover>,
) -> Result<JobStatus, Failure> {
    let mut progress = None;
    let mut patience = Patience::new(output);
    let mut over_since: Option<Instant> = None;
    let mut told = BTreeSet::new();
    loop {
        match market.job(job).await {
            Ok(status) => {
                patience.answered();
                if let Some(handover) = handover.as_deref_mut() {
                    handover.bring(output, market, &status).await?;
                }
                for (task, setback) in views::job::setbacks(&status) {
                    if told.insert((task.index, setback.attempt, setback.failure.code.clone())) {
                        output.note(&views::job::setback(task, setback, Style::plain()));
                    }
                }
                let n_tasks = status.tasks.len() as u64;
                if n_tasks > 0 {
                    draw(progress.get_or_insert_with(|| Progress::new(output, "tasks", n_tasks)), &status);
                }
                let mut refunded = false;
                if views::job::is_over(&status) {
                    let since = *over_since.get_or_insert_with(Instant::now);
                    refunded = status.closed || since.elapsed() > REFUND;
                }
                // Nobody waits for a window of days.
                if refunded || views::job::is_reported(&status) {
                    if let Some(progress) = progress {
                        progress.finish();
                    }
                    return Ok(status);
                }
            }
            // Unknown, it is on the chain all the same: an orchestrator that has just started reads it there.
            Err(error) if error.passes() || error.is_job_unknown() => patience.bear(error.into(), Instant::now())?,
            Err(error) => return Err(error.into()),
        }
        tokio::time::sleep(POLL).await;
    }
}

fn draw(progress: &mut Progress<'_>, status: &JobStatus) {
    let mut nodes: BTreeMap<Address, (u64, Vec<String>)> = BTreeMap::new();
    for lease in &status.leases {
        nodes.entry(lease.node).or_default();
    }
    for task in &status.tasks {
        let Some(node) = task.node else { continue };
        let (done, busy) = nodes.entry(node).or_default();
        match task.state {
            TaskState::Done => *done += 1,
            TaskState::Pending | TaskState::Failed => {}
            state => busy.push(format!("{} {}", task.index, views::job::task_state(state))),
        }
    }
    for (node, (done, busy)) in &nodes {
        progress.party(&party(status, *node), *done, &busy.join(", "));
    }
    let done = views::job::count(status, TaskState::Done) as u64;
    progress.total(done, &message(status));
}

/// `North rigs, rtx-4090 (simulated)`
pub fn party(status: &JobStatus, node: Address) -> String {
    match status.leases.iter().find(|lease| lease.node == node) {
        Some(lease) => format!("{}, {}", lease.provider_name, views::node::hardware(&lease.hardware)),
        None => views::short(node),
    }
}

fn message(status: &JobStatus) -> String {
    match (&status.explanation, status.chain.state) {
        (Some(explanation), JobState::Open) if explanation.nodes_fitting == 0 => {
            format!("waits: none of {} fits", views::counted(explanation.nodes_total as usize, "node"))
        }
        _ => views::job::state(status).to_owned(),
    }
}

/// The failure of a job that ended without completing; `None` for one that completed.
pub fn failure_of(status: &JobStatus) -> Option<Failure> {
    let failure = match (&status.failure, status.chain.state) {
        (Some(failure), _) => failure.clone(),
        (None, JobState::Expired) => millrace_link::rest::Failure {
            code: "job-expired".to_owned(),
            cause: "no node took the job before its start deadline; the whole deposit was refunded".to_owned(),
            hint: "`millrace job show` says which requirement excludes how many nodes".to_owned(),
        },
        (None, _) if status.chain.cancelled_at.0 > 0 => millrace_link::rest::Failure {
            code: "job-cancelled".to_owned(),
            cause: "the job was cancelled".to_owned(),
            hint: "unused money is refunded by itself; submit it again to run it".to_owned(),
        },
        (None, _) => return None,
    };
    let (code, message, hint) = (failure.code.into(), failure.cause, failure.hint);
    let (job, passes) = (Some(status.address.into()), false);
    Some(Failure { code, message, causes: Vec::new(), hint, class: ExitClass::Refused, job, passes })
}
