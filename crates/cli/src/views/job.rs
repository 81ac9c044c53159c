//! One job, and lists of jobs.

use std::collections::BTreeMap;

use millrace_link::rest::{Failure, JobStatus, LeaseStatus, Runway, Setback, SpotChecks, Task, TaskState};
use millrace_protocol::{JobState, LeaseOutcome, LeaseState, MicroUsdc, UnixSeconds};

use super::duration::{duration, in_time};
use super::{counted, explanation, node, short, terms};
use crate::output::Style;
use crate::output::table::{Column, render};

/// Tasks listed one by one; more are counted only.
const TASKS_LISTED: usize = 40;
/// Setbacks told one by one; more are counted only.
const SETBACKS_LISTED: usize = 8;

/// One word for where a job stands.
pub fn state(job: &JobStatus) -> &'static str {
    match job.chain.state {
        _ if job.failure.is_some() => "failed",
        JobState::Open => "waiting",
        JobState::Active if is_reported(job) => "reported",
        JobState::Active => "active",
        JobState::Cancelling => "cancelling",
        JobState::Done if job.chain.cancelled_at.0 > 0 => "cancelled",
        JobState::Done => "done",
        JobState::Expired => "expired",
    }
}

/// Whether nothing will happen to the job any more, except for its refund.
pub fn is_over(job: &JobStatus) -> bool {
    matches!(job.chain.state, JobState::Done | JobState::Expired)
}

/// Whether the work is done and no check of it is open, and what is left is to wait until nobody may object any more.
pub fn is_reported(job: &JobStatus) -> bool {
    let chain = &job.chain;
    let checked = job.spot_checks.is_none_or(|checks| checks.open == 0);
    checked && chain.state == JobState::Active && chain.completed && chain.live_leases == 0 && chain.reported_leases > 0
}

/// Whether a further node would do the job any good.
pub fn wants_nodes(job: &JobStatus) -> bool {
    let checks = job.spot_checks.is_some_and(|checks| checks.open > 0);
    let waiting = job.tasks.is_empty() || count(job, TaskState::Pending) > 0 || checks;
    match job.chain.state {
        JobState::Open => true,
        JobState::Active => waiting && job.chain.live_leases < job.chain.terms.concurrent_leases,
        JobState::Cancelling | JobState::Done | JobState::Expired => false,
    }
}

/// Everything about one job, as of `now`.
pub fn text(job: &JobStatus, now: UnixSeconds, style: Style) -> String {
    let mut parts = vec![format!("{} {}  {}", style.strong(title(job)), job.address, style.accent(state(job)))];
    let special = terms::special(&job.chain.terms);
    if !special.is_empty() {
        parts.push(format!("terms         {}", special.join(", ")));
    }
    parts.push(money(job));
    if let Some(until) = job.kept_until {
        parts.push(format!("forgotten     {}, with its logs and its results", in_time(until, now)));
    }
    if let Some(runway) = &job.runway {
        parts.push(self::runway(runway));
    }
    if let Some(checks) = &job.spot_checks {
        parts.push(self::checks(checks));
    }
    if let Some(failure) = &job.failure {
        let failed = style.error(&format!("failed[{}]", failure.code));
        parts.push(format!("{failed}: {}\n{}: {}", failure.cause, style.accent("hint"), failure.hint));
    }
    if let Some(reason) = job.explanation.as_ref().filter(|_| wants_nodes(job)) {
        parts.push(explanation::text(reason, style));
    }
    if !job.leases.is_empty() {
        parts.push(leases(&job.leases));
        parts.extend(images(&job.leases));
    }
    let waiting: Vec<_> = job.leases.iter().filter_map(|lease| awaited(job, lease, now)).collect();
    if !waiting.is_empty() {
        parts.push(waiting.join("\n"));
    }
    if !job.tasks.is_empty() {
        parts.push(tasks(job, now));
    }
    let setbacks: Vec<_> = setbacks(job).map(|(task, setback)| self::setback(task, setback, style)).collect();
    if !setbacks.is_empty() {
        let more = setbacks.len().saturating_sub(SETBACKS_LISTED);
        let more = (more > 0).then(|| format!("and {more} more"));
        parts.push(setbacks.into_iter().take(SETBACKS_LISTED).chain(more).collect::<Vec<_>>().join("\n"));
    }
    parts.join("\n\n")
}

/// What goes wrong beside the job's tasks, which go on.
pub fn setbacks(job: &JobStatus) -> impl Iterator<Item = (&Task, &Setback)> {
    job.tasks.iter().flat_map(|task| task.setbacks.iter().map(move |setback| (task, setback)))
}

/// `warning[checkpoint-invalid]: task 3, attempt 1: …`
pub fn setback(task: &Task, setback: &Setback, style: Style) -> String {
    let Setback { attempt, failure: Failure { code, cause, hint }, .. } = setback;
    let warning = style.accent(&format!("warning[{code}]"));
    format!("{warning}: task {}, attempt {attempt}: {cause}\n{}: {hint}", task.index, style.accent("hint"))
}

fn title(job: &JobStatus) -> &str {
    if job.name.is_empty() { "job" } else { &job.name }
}

fn money(job: &JobStatus) -> String {
    let chain = &job.chain;
    let in_vault = chain.vault_balance().unwrap_or_default();
    let last = if job.closed { ("refunded", in_vault) } else { ("in escrow", in_vault) };
    let mut rows = vec![
        ("deposit", chain.terms.deposit),
        ("reserved", chain.reserved),
        ("paid", chain.paid.plus(chain.fees).unwrap_or_default()),
        ("fee in it", chain.fees),
    ];
    if chain.compensation > MicroUsdc::ZERO {
        rows.push(("compensation", chain.compensation));
    }
    if chain.dispute_bonds > MicroUsdc::ZERO {
        rows.push(("dispute bonds", chain.dispute_bonds));
    }
    rows.push(last);
    let lines = rows.iter().map(|(name, amount)| format!("{name:<14}{:>20}", amount.to_string()));
    lines.collect::<Vec<_>>().join("\n")
}

fn runway(runway: &Runway) -> String {
    format!(
        "lasts {} more: {} an hour for {}; `millrace job extend` adds to it",
        duration(runway.lasts),
        runway.hourly,
        counted(usize::from(runway.leases), "lease")
    )
}

fn checks(checks: &SpotChecks) -> String {
    let SpotChecks { open, equal, different, lapsed } = *checks;
    let mut text = format!("spot checks   {equal} equal, {different} different, {open} to come");
    if lapsed > 0 {
        text.push_str(&format!(", {lapsed} not compared in time"));
    }
    text
}

/// What their containers are made from: a tag may not mean the same to all of them.
fn images(leases: &[LeaseStatus]) -> Option<String> {
    let mut digests = BTreeMap::<&str, usize>::new();
    for digest in leases.iter().filter_map(|lease| lease.image_digest.as_deref()) {
        *digests.entry(digest).or_default() += 1;
    }
    let line = |(digest, n_leases): (&&str, &usize)| match digests.len() {
        1 => format!("image         {digest}"),
        _ => format!("image         {digest} of {}", counted(*n_leases, "lease")),
    };
    (!digests.is_empty()).then(|| digests.iter().map(line).collect::<Vec<_>>().join("\n"))
}

fn leases(leases: &[LeaseStatus]) -> String {
    let rows: Vec<_> = leases
        .iter()
        .map(|lease| {
            let state = match (lease.ended, lease.chain.state) {
                (true, _) => "ended",
                (false, LeaseState::Assigned) => "assigned",
                (false, LeaseState::Running) if lease.chain.preempted_at > UnixSeconds::ZERO => "has notice",
                (false, LeaseState::Running) => "running",
                (false, LeaseState::Reported) => "reported",
                (false, LeaseState::Disputed) => "disputed",
            };
            vec![
                lease.number.to_string(),
                lease.provider_name.clone(),
                short(lease.node),
                node::hardware(&lease.hardware),
                state.to_owned(),
                format!("{} s", lease.metered.0),
                lease.chain.paid.to_string(),
            ]
        })
        .collect();
    let columns = [
        Column::Number("lease"),
        Column::Text("provider"),
        Column::Text("node"),
        Column::Text("hardware"),
        Column::Text("state"),
        Column::Number("metered"),
        Column::Number("paid"),
    ];
    render(&columns, &rows)
}

/// What a lease that has ended waits for.
fn awaited(job: &JobStatus, lease: &LeaseStatus, now: UnixSeconds) -> Option<String> {
    if lease.ended {
        return None;
    }
    let number = lease.number;
    let open = lease.chain.reserved;
    match lease.chain.state {
        LeaseState::Assigned | LeaseState::Running => None,
        LeaseState::Disputed => Some(format!("lease {number} is disputed: {open} wait for the arbiter")),
        LeaseState::Reported if job.chain.terms.verification.is_quorum() => {
            Some(format!("lease {number} has reported: {open} wait for the count"))
        }
        LeaseState::Reported => {
            let when = in_time(lease.chain.disputable_until, now);
            Some(format!(
                "lease {number} reports {}: it is settled {when}, with {open} still to be paid, unless it is disputed",
                outcome(lease.chain.reported)
            ))
        }
    }
}

/// How the end of a lease reads.
pub fn outcome(outcome: LeaseOutcome) -> &'static str {
    match outcome {
        LeaseOutcome::Completed => "completion",
        LeaseOutcome::Failed => "a failed job",
        LeaseOutcome::Released => "its release",
        LeaseOutcome::NodeFault => "a fault of the node",
        LeaseOutcome::Abandoned => "no start",
        LeaseOutcome::Lost => "silence",
        LeaseOutcome::TimedOut => "its time being over",
        LeaseOutcome::Preempted => "its notice being over",
        LeaseOutcome::AttestorGone => "an attestor that went away",
        LeaseOutcome::WrongResult => "a wrong result",
        LeaseOutcome::NoQuorum => "no quorum",
    }
}

fn tasks(job: &JobStatus, now: UnixSeconds) -> String {
    let done = count(job, TaskState::Done);
    let mut text = format!("{} of {} done", done, counted(job.tasks.len(), "task"));
    if job.tasks.len() > TASKS_LISTED {
        return text;
    }
    let rows: Vec<_> = job.tasks.iter().map(|task| task_row(job, task, now)).collect();
    let columns = [Column::Number("task"), Column::Text("state"), Column::Text("node"), Column::Text("note")];
    text.push_str("\n\n");
    text.push_str(&render(&columns, &rows));
    text
}

fn task_row(job: &JobStatus, task: &Task, now: UnixSeconds) -> Vec<String> {
    let place = |lease: &&LeaseStatus| Some(lease.node) == task.node;
    let hardware = job.leases.iter().find(place).map(|lease| node::hardware(&lease.hardware));
    let note = match (&task.failure, task.bytes_total) {
        _ if task.state == TaskState::AwaitingSecrets => {
            let until = task.secrets_until.map_or_else(|| "soon".to_owned(), |until| in_time(until, now));
            format!("the rig gives up {until}; `millrace job unlock` brings them")
        }
        (Some(failure), _) => format!("{}: {}", failure.code, failure.cause),
        (None, 0) => String::new(),
        (None, total) => format!("{} of {total} bytes", task.bytes_done),
    };
    let early = task.early_outputs.map(|early| {
        let files = counted(early.files as usize, "file");
        format!("{files} ({} bytes) of attempt {} so far, not final", early.bytes, early.attempt)
    });
    let note = [Some(note).filter(|note| !note.is_empty()), early].into_iter().flatten().collect::<Vec<_>>().join("; ");
    let at = task.node.map(short).unwrap_or_default();
    let state = match (is_over(job), task.state, task.attempt) {
        (true, TaskState::Pending, 0) => "not started",
        (true, TaskState::Pending, _) => "stopped",
        (_, state, _) => task_state(state),
    };
    vec![task.index.to_string(), state.to_owned(), [at, hardware.unwrap_or_default()].join(" "), note]
}

/// How a task's state reads.
pub fn task_state(state: TaskState) -> &'static str {
    match state {
        TaskState::Pending => "waiting",
        TaskState::Assigned => "assigned",
        TaskState::AwaitingSecrets => "waits for its secrets from the buyer",
        TaskState::FetchingInputs => "fetching inputs",
        TaskState::Pulling => "pulling image",
        TaskState::Creating => "creating container",
        TaskState::Running => "running",
        TaskState::Uploading => "uploading outputs",
        TaskState::Done => "done",
        TaskState::Failed => "failed",
    }
}

/// How many tasks are in a state.
pub fn count(job: &JobStatus, state: TaskState) -> usize {
    job.tasks.iter().filter(|task| task.state == state).count()
}

/// A line per job.
pub fn list(jobs: &[JobStatus]) -> String {
    if jobs.is_empty() {
        return "no jobs".to_owned();
    }
    let rows: Vec<_> = jobs
        .iter()
        .map(|job| {
            vec![
                job.address.to_string(),
                job.name.clone(),
                state(job).to_owned(),
                format!("{}/{}", job.tasks_done, job.task_count),
                job.chain.terms.deposit.to_string(),
                job.chain.paid.plus(job.chain.fees).unwrap_or_default().to_string(),
            ]
        })
        .collect();
    let columns = [
        Column::Text("job"),
        Column::Text("name"),
        Column::Text("state"),
        Column::Number("tasks"),
        Column::Number("deposit"),
        Column::Number("paid"),
    ];
    render(&columns, &rows)
}

#[cfg(test)]
pub(crate) mod tests;
