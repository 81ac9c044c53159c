use std::collections::HashSet;
use std::convert::Infallible;

use millrace_link::grpc::orchestrator_message::Body;
use millrace_link::grpc::worker_message::Body as WorkerBody;
use millrace_link::grpc::{LogAck, LogChunk, OrchestratorMessage, WorkerMessage};
use millrace_link::heartbeat::BeatVerifier;
use millrace_protocol::Address;
use millrace_scheduler::{Event, TaskProgress};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tonic::{Status, Streaming};

use super::connection::Proven;
use super::handshake::{next, shake_hands};
use super::said::{self, Said, Saying};
use super::{Context, Peer, convert, rounds};
use crate::challenge::Heard;
use crate::driver::{Input, Session};
use crate::logs::Log;
use crate::outbound::Outbound;

/// One worker's stream, from its hello to its end.
pub(super) async fn run(
    context: Context,
    id: u64,
    mut inbound: Streaming<WorkerMessage>,
    outbound: Outbound,
    proven: Proven,
) {
    let end = context.stop.child_token();
    let ended = serve(&context, id, &mut inbound, &outbound, (&end, proven)).await;
    tracing::debug!(session = id, reason = ended.message(), "a worker's stream has ended");
    // Nobody listens any more when the worker closed it.
    let _ = outbound.try_send(Err(ended));
}

async fn serve(
    context: &Context,
    id: u64,
    inbound: &mut Streaming<WorkerMessage>,
    outbound: &Outbound,
    (end, proven): (&CancellationToken, Proven),
) -> Status {
    let peer = match shake_hands(context, inbound, outbound).await {
        Ok(peer) => peer,
        Err(status) => {
            tracing::warn!(reason = status.message(), "a worker was turned away");
            return status;
        }
    };
    proven.set();
    let node = peer.node;
    tracing::info!(%node, session = id, "worker connected");
    let (saying, said) = said::channel();
    let conversation = converse(context, id, peer, inbound, outbound, saying, end.clone());
    let ended = tokio::select! {
        () = end.cancelled() => Status::unavailable("the orchestrator has ended this stream"),
        Err(status) = conversation => status,
        Err(status) = said::look_into(context, node, id, said) => status,
    };
    tracing::info!(%node, session = id, reason = ended.message(), "worker disconnected");
    context.inbox.send(Input::Detached { node, session: id }).await;
    ended
}

async fn converse(
    context: &Context,
    id: u64,
    Peer { node, key, nonce }: Peer,
    inbound: &mut Streaming<WorkerMessage>,
    outbound: &Outbound,
    saying: Saying,
    end: CancellationToken,
) -> Result<Infallible, Status> {
    let Some(WorkerBody::Resume(resume)) = next(inbound).await? else {
        return Err(Status::failed_precondition("a worker first says what it holds"));
    };
    let held = convert::held(&resume)?;
    let (mut reports, mut ended) = (Vec::new(), HashSet::new());
    for update in &resume.tasks {
        let event = convert::task_update(node, update)?;
        reports.extend(convert::image_found(node, update));
        // A worker says an end again, after what it brought away before: taken from here, the next attempt would begin
        // without that.
        if is_end(&event) {
            ended.insert((update.lease.clone(), update.index, update.attempt));
        } else {
            reports.push(event);
        }
    }
    let advertised_address = convert::advertised_address(&resume.advertised_address);
    let session = Session { node, key, id, advertised_address, outbound: outbound.clone(), _end: end.drop_guard() };
    let images = convert::images(resume.cached_images);
    let runtimes = convert::runtimes(&resume.runtimes);
    let mut draining = resume.draining;
    let mut beats = BeatVerifier::new(context.program, key, &nonce);
    deliver(context, Input::Attached { session, draining, runtimes, images, held, reports }).await?;
    loop {
        let input = match next(inbound).await? {
            Some(WorkerBody::Heartbeat(heartbeat)) => {
                let beat = beats.verify(&heartbeat).map_err(|error| Status::unauthenticated(error.to_string()))?;
                if std::mem::replace(&mut draining, beat.draining) != draining {
                    tracing::info!(%node, draining, "the rig's owner has said whether it takes further leases");
                    let event = Event::WorkerDraining { node, draining };
                    deliver(context, Input::FromWorker { node, session: id, event }).await?;
                }
                let event = convert::heartbeat(node, &beat)?;
                Input::FromWorker { node, session: id, event }
            }
            Some(WorkerBody::TaskUpdate(update)) => {
                let event = convert::task_update(node, &update)?;
                if let Some(event) = convert::image_found(node, &update) {
                    deliver(context, Input::FromWorker { node, session: id, event }).await?;
                }
                if is_end(&event) {
                    saying.say(Said::Event(event.into())).await?;
                    continue;
                }
                Input::FromWorker { node, session: id, event }
            }
            Some(WorkerBody::CheckpointSaved(saved)) => {
                let told = rounds::checkpoint(&saved)?;
                // No further round says it in a newer form.
                if ended.remove(&(saved.lease, saved.index, saved.attempt)) {
                    saying.say(Said::Round(told)).await?;
                } else {
                    saying.say_if_there_is_room(node, told);
                }
                continue;
            }
            Some(WorkerBody::EarlyOutputs(told)) => {
                saying.say_if_there_is_room(node, rounds::early_outputs(&told)?);
                continue;
            }
            Some(WorkerBody::Setback(told)) => {
                if let Some(event) = rounds::setback(node, &told)? {
                    saying.say(Said::Event(event.into())).await?;
                }
                continue;
            }
            Some(WorkerBody::LeaseReport(report)) => {
                saying.say(Said::Event(convert::lease_report(node, &report)?.into())).await?;
                continue;
            }
            Some(WorkerBody::Images(images)) => {
                let event = Event::WorkerImages { node, images: convert::images(images.cached_images) };
                Input::FromWorker { node, session: id, event }
            }
            Some(WorkerBody::OfferReply(reply)) => {
                let Some((lease, reply)) = convert::reply(reply)? else { continue };
                Input::OfferAnswered { node, session: id, lease, reply }
            }
            Some(WorkerBody::ExtensionReply(reply)) => {
                let Some((lease, reply)) = convert::reply(reply)? else { continue };
                Input::ExtensionAnswered { node, session: id, lease, reply }
            }
            Some(WorkerBody::GpuAnnouncement(told)) => {
                Input::FromWorker { node, session: id, event: convert::announcement(node, id, told)? }
            }
            Some(WorkerBody::GpuCommitment(told)) => {
                let at = Instant::now();
                let number = told.number;
                let heard = Heard { answer: convert::commitment(told)?, at };
                Input::ChallengeAnswered { node, session: id, number, heard }
            }
            Some(WorkerBody::GpuOpening(told)) => {
                let at = Instant::now();
                let number = told.number;
                let heard = Heard { answer: convert::opening(told)?, at };
                Input::ChallengeAnswered { node, session: id, number, heard }
            }
            Some(WorkerBody::GpuChallengeDeclined(told)) => {
                let (at, number) = (Instant::now(), told.number);
                let heard = Heard { answer: convert::declined(told), at };
                Input::ChallengeAnswered { node, session: id, number, heard }
            }
            Some(WorkerBody::SealedReply(reply)) => {
                let lease = convert::address(&reply.lease, "lease")?;
                let refusal = reply.refusal.as_ref().map(convert::bounded);
                Input::SealedAnswered { node, session: id, lease, refusal }
            }
            Some(WorkerBody::Bid(bid)) => {
                let (job, auction) = (convert::address(&bid.job, "job")?, bid.auction);
                let Some(told) = convert::bid(bid)? else { continue };
                Input::BidHeard { node, session: id, job, auction, told }
            }
            Some(WorkerBody::LogChunk(chunk)) => {
                store_log(context, node, chunk, outbound).await?;
                continue;
            }
            Some(WorkerBody::Hello(_) | WorkerBody::ChallengeResponse(_) | WorkerBody::Resume(_)) => {
                return Err(Status::failed_precondition("the handshake is over"));
            }
            // A later worker may say more than this version knows.
            None => continue,
        };
        deliver(context, input).await?;
    }
}

/// A task's last word.
fn is_end(event: &Event) -> bool {
    use TaskProgress::{Done, Failed};
    matches!(event, Event::TaskUpdate { progress: Done { .. } | Failed { .. }, .. })
}

pub(super) async fn deliver(context: &Context, input: Input) -> Result<(), Status> {
    if context.inbox.send(input).await { Ok(()) } else { Err(Status::unavailable("the orchestrator is stopping")) }
}

/// Stores a piece of a log of a task that this node was the last to be given. Of another task or an
/// earlier attempt nobody reads a log, and a worker must not write into another's.
async fn store_log(context: &Context, node: Address, chunk: LogChunk, outbound: &Outbound) -> Result<(), Status> {
    let (lease, job) = (convert::address(&chunk.lease, "lease")?, convert::address(&chunk.job, "job")?);
    let (index, attempt) = (chunk.index, chunk.attempt);
    let known = context.inbox.ask(move |driver| {
        let own = driver.core.lease(lease).is_some_and(|entry| entry.view.node == node && entry.view.job == job);
        let entry = driver.core.job(job).filter(|_| own)?;
        let task = driver.core.tasks_of(lease)?.get(index)?;
        let current = task.attempt == attempt && task.lease == Some(lease);
        current.then_some(Log { job, opened_slot: entry.view.opened_slot, task: index, attempt })
    });
    let end = chunk.offset.saturating_add(chunk.data.len() as u64);
    let offset = match known.await {
        Some(Some(log)) => match context.logs.append(log, chunk.offset, &chunk.data).await {
            Ok(offset) => offset,
            Err(error) => {
                // Not acknowledged: the worker will offer it again.
                tracing::warn!(%job, task = index, %error, "a log cannot be stored");
                return Ok(());
            }
        },
        // Nobody will ask for it.
        Some(None) => end,
        None => return Err(Status::unavailable("the orchestrator is stopping")),
    };
    let ack = LogAck { lease: chunk.lease, index, attempt, offset };
    let message = OrchestratorMessage { body: Some(Body::LogAck(ack)) };
    outbound.send(Ok(message)).await.map_err(|_| Status::cancelled("the worker closed the link"))
}
