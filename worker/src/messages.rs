//! The agent's words in the link's language, and back.

use millrace_agent::{
    Agent, Failure, Fault, Lease, LeasePhase, Outcome, Output, Phase, Report, Round, Setback, Task, TaskKey,
};
use millrace_link::grpc::worker_message::Body;
use millrace_link::grpc::{self, WorkerMessage};
use millrace_protocol::{Address, Diagnostic};
use millrace_spec::{Runtime, SignedBid, sha256};

use crate::container::Progress;

/// What a message must name and does not.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("the message's {0} is not 32 bytes")]
pub(crate) struct Malformed(&'static str);

pub(crate) fn address(bytes: &[u8], field: &'static str) -> Result<Address, Malformed> {
    bytes.try_into().map(Address).map_err(|_| Malformed(field))
}

pub(crate) fn key(lease: &[u8], task: u32, attempt: u32) -> Result<TaskKey, Malformed> {
    Ok(TaskKey { lease: address(lease, "lease")?, task, attempt })
}

pub(crate) fn message(body: Body) -> WorkerMessage {
    WorkerMessage { body: Some(body) }
}

fn update(key: TaskKey, job: Address, phase: grpc::Phase) -> grpc::TaskUpdate {
    grpc::TaskUpdate {
        lease: key.lease.0.to_vec(),
        job: job.0.to_vec(),
        index: key.task,
        attempt: key.attempt,
        phase: phase.into(),
        ..grpc::TaskUpdate::default()
    }
}

/// `None` for what only the rig's owner wants to know.
pub(crate) fn report(report: Report, job: Address) -> Option<WorkerMessage> {
    let update = match report {
        Report::AwaitingSecrets(key, until) => {
            grpc::TaskUpdate { secrets_until: until.0, ..update(key, job, grpc::Phase::AwaitingSecrets) }
        }
        Report::FetchingInputs(key) => update(key, job, grpc::Phase::FetchingInputs),
        Report::Pulling(key) => update(key, job, grpc::Phase::Pulling),
        Report::Creating(key, image_digest) => {
            grpc::TaskUpdate { image_digest, ..update(key, job, grpc::Phase::Creating) }
        }
        // To the orchestrator a container is created until it runs.
        Report::Starting(_) | Report::LeaseClosed { .. } | Report::GpuFault { .. } => return None,
        Report::ChallengeDeclined { number, reason } => {
            return Some(message(declined(number, reason.code(), reason.to_string())));
        }
        Report::Running(key) => update(key, job, grpc::Phase::Running),
        Report::Uploading(key) => update(key, job, grpc::Phase::Uploading),
        Report::Done(key, found) => {
            grpc::TaskUpdate { outputs: outputs(&found), ..update(key, job, grpc::Phase::Done) }
        }
        Report::Failed(key, found) => {
            grpc::TaskUpdate { failure: Some(failure(&found)), ..update(key, job, grpc::Phase::Failed) }
        }
        Report::BroughtAway(key, Round::Checkpoint, saved) => {
            return Some(message(Body::CheckpointSaved(grpc::CheckpointSaved {
                lease: key.lease.0.to_vec(),
                index: key.task,
                attempt: key.attempt,
                checkpoint: Some(grpc::Checkpoint {
                    manifest: saved.manifest.sha256.0.to_vec(),
                    manifest_size: saved.manifest.size,
                    attempt: key.attempt,
                }),
                files: saved.files,
                bytes: saved.bytes,
            })));
        }
        Report::BroughtAway(key, Round::Outputs, saved) => {
            return Some(message(Body::EarlyOutputs(grpc::EarlyOutputs {
                lease: key.lease.0.to_vec(),
                index: key.task,
                attempt: key.attempt,
                manifest: saved.manifest.sha256.0.to_vec(),
                manifest_size: saved.manifest.size,
            })));
        }
        Report::SetBack(key, round, told) => {
            let round = match round {
                Round::Checkpoint => grpc::Round::Checkpoint,
                Round::Outputs => grpc::Round::Outputs,
            };
            return Some(message(Body::Setback(grpc::Setback {
                lease: key.lease.0.to_vec(),
                index: key.task,
                attempt: key.attempt,
                round: round.into(),
                failure: told.as_ref().map(setback),
            })));
        }
        Report::LeaseEnded { lease, result_root } => {
            let report = grpc::LeaseReport { lease: lease.0.to_vec(), result_root: result_root.0.to_vec() };
            return Some(message(Body::LeaseReport(report)));
        }
    };
    Some(message(Body::TaskUpdate(update)))
}

/// Bytes moved in the task's current phase; `None` in a phase that moves none.
pub(crate) fn progress(task: &Task, progress: Progress) -> Option<WorkerMessage> {
    let moves = matches!(task.phase(), Phase::FetchingInputs | Phase::Pulling | Phase::Uploading);
    moves.then(|| {
        message(Body::TaskUpdate(grpc::TaskUpdate {
            bytes_done: progress.done,
            bytes_total: progress.total,
            ..update(task.key(), task.assignment.job, phase(task.phase()))
        }))
    })
}

/// Everything the rig still holds; also leases that only wait for their last voucher. An offer
/// whose transaction may not have landed is no lease yet: the orchestrator would call it over.
pub(crate) fn resume(
    agent: &Agent,
    draining: bool,
    runtimes: &[Runtime],
    cached_images: Vec<String>,
    advertised_address: String,
) -> WorkerMessage {
    let known = agent.leases().filter(|(_, lease)| lease.phase() != LeasePhase::Offered);
    let leases = known.map(|(lease, _)| lease.0.to_vec()).collect();
    let tasks = agent.tasks().filter(|task| !task.is_acknowledged()).map(|task| {
        let base = update(task.key(), task.assignment.job, phase(task.phase()));
        match task.outcome() {
            Some(Outcome::Done(found)) => grpc::TaskUpdate { outputs: outputs(found), ..base },
            Some(Outcome::Failed(found)) => grpc::TaskUpdate { failure: Some(failure(found)), ..base },
            None => match task.phase() {
                Phase::AwaitingSecrets { until } => grpc::TaskUpdate { secrets_until: until.0, ..base },
                _ => base,
            },
        }
    });
    let tasks = tasks.collect();
    let runtimes = runtimes.iter().map(|runtime| runtime.name().to_owned()).collect();
    message(Body::Resume(grpc::Resume { leases, tasks, cached_images, advertised_address, draining, runtimes }))
}

/// The leases the rig works for, and what runs under each. Not those of which it cannot say so: what it names is paid.
pub(crate) fn beat(agent: &Agent, draining: bool) -> grpc::Beat {
    let works = |lease: &Lease| matches!(lease.phase(), LeasePhase::Held | LeasePhase::Ending);
    let named = agent.leases().filter(|(address, lease)| works(lease) && agent.vouches_for(*address));
    let beats = named.map(|(lease, _)| grpc::LeaseBeat {
        lease: lease.0.to_vec(),
        running: agent.unfinished(lease).filter(|task| task.is_running()).map(|task| task.key().task).collect(),
    });
    grpc::Beat { leases: beats.collect(), draining, ..grpc::Beat::default() }
}

/// What the engine has now.
pub(crate) fn images(cached_images: Vec<String>) -> WorkerMessage {
    message(Body::Images(grpc::Images { cached_images }))
}

/// Whether what a buyer has sealed was taken.
pub(crate) fn sealed_reply(lease: Vec<u8>, refused: Option<&dyn Diagnostic>) -> WorkerMessage {
    let refusal = refused.map(no);
    message(Body::SealedReply(grpc::SealedReply { lease, refusal }))
}

fn no(problem: &dyn Diagnostic) -> grpc::Refusal {
    grpc::Refusal { code: problem.code().to_owned(), cause: problem.to_string() }
}

/// Which offer is answered: of a lease, or of more time for one.
pub(crate) type Reply = fn(grpc::OfferReply) -> Body;

/// What is answered: the lease as the offer names it, and the offered transaction.
pub(crate) struct Proposed {
    pub lease: Vec<u8>,
    pub transaction: Vec<u8>,
}

/// The rig's no to an offer.
pub(crate) fn refusal(reply: Reply, proposed: Proposed, problem: &dyn Diagnostic) -> WorkerMessage {
    answer(reply, proposed, grpc::offer_reply::Result::Refusal(no(problem)))
}

pub(crate) fn signature(reply: Reply, proposed: Proposed, signature: &[u8; 64]) -> WorkerMessage {
    answer(reply, proposed, grpc::offer_reply::Result::Signature(signature.to_vec()))
}

fn answer(reply: Reply, proposed: Proposed, result: grpc::offer_reply::Result) -> WorkerMessage {
    let Proposed { lease, transaction } = proposed;
    let transaction_sha256 = sha256(&transaction).0.to_vec();
    message(reply(grpc::OfferReply { lease, transaction_sha256, result: Some(result) }))
}

fn phase(phase: &Phase) -> grpc::Phase {
    match phase {
        Phase::Assigned => grpc::Phase::Assigned,
        Phase::AwaitingSecrets { .. } => grpc::Phase::AwaitingSecrets,
        Phase::FetchingInputs => grpc::Phase::FetchingInputs,
        Phase::Pulling => grpc::Phase::Pulling,
        Phase::Creating | Phase::Starting => grpc::Phase::Creating,
        Phase::Running { .. } | Phase::Stopping { .. } | Phase::Saving { .. } => grpc::Phase::Running,
        Phase::Uploading | Phase::Cleaning { .. } => grpc::Phase::Uploading,
        Phase::Ended { outcome: Outcome::Done(_) } => grpc::Phase::Done,
        Phase::Ended { outcome: Outcome::Failed(_) } => grpc::Phase::Failed,
    }
}

fn outputs(outputs: &[Output]) -> Vec<grpc::Output> {
    let one = |output: &Output| grpc::Output {
        path: output.path.clone(),
        size: output.object.size,
        sha256: output.object.sha256.0.to_vec(),
    };
    outputs.iter().map(one).collect()
}

fn failure(failure: &Failure) -> grpc::Failure {
    let fault = match failure.cause.fault() {
        Fault::Buyer => grpc::Fault::Job,
        Fault::Node => grpc::Fault::Node,
        Fault::Nobody => grpc::Fault::None,
    };
    let exit_code = match failure.cause {
        millrace_agent::Cause::ExitCode(code) => i32::try_from(code).ok(),
        _ => None,
    };
    grpc::Failure {
        code: failure.cause.code().to_owned(),
        cause: failure.to_string(),
        hint: failure.cause.hint(),
        fault: fault.into(),
        exit_code,
    }
}

/// Nobody answers for it: the task goes on.
fn setback(setback: &Setback) -> grpc::Failure {
    grpc::Failure {
        code: setback.cause.code().to_owned(),
        cause: setback.to_string(),
        hint: setback.cause.hint(),
        fault: grpc::Fault::None.into(),
        exit_code: None,
    }
}

/// What the rig has signed.
pub(crate) fn bid(signed: &SignedBid) -> WorkerMessage {
    let bid = &signed.bid;
    let told = grpc::SignedBid {
        opened_slot: bid.opened_slot,
        price: bid.price.0,
        valid_until: bid.valid_until.0,
        signature: signed.signature.0.to_vec(),
    };
    let result = Some(grpc::bid::Result::Signed(told));
    message(Body::Bid(grpc::Bid { job: bid.job.0.to_vec(), auction: bid.auction, result }))
}

/// The rig does not bid.
pub(crate) fn no_bid(job: Address, auction: u32, problem: &dyn Diagnostic) -> WorkerMessage {
    let refusal = grpc::Refusal { code: problem.code().to_owned(), cause: problem.to_string() };
    let result = Some(grpc::bid::Result::Refusal(refusal));
    message(Body::Bid(grpc::Bid { job: job.0.to_vec(), auction, result }))
}

/// The rig does not answer a challenge.
pub(crate) fn declined(number: u64, code: &str, cause: String) -> Body {
    let reason = Some(grpc::Refusal { code: code.to_owned(), cause });
    Body::GpuChallengeDeclined(grpc::GpuChallengeDeclined { number, reason })
}
