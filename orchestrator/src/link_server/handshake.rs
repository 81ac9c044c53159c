use std::time::Duration;

use millrace_link::grpc::orchestrator_message::Body;
use millrace_link::grpc::worker_message::Body as WorkerBody;
use millrace_link::grpc::{Challenge, OrchestratorMessage, Welcome, WorkerMessage};
use millrace_link::{LINK_VERSION, auth};
use millrace_protocol::Address;
use rand::RngCore;
use tonic::{Status, Streaming};

use super::{Context, Peer};
use crate::outbound::Outbound;

/// How long a worker may take to prove its key.
const PATIENCE: Duration = Duration::from_secs(15);
/// A node registered a moment ago is waited for this often, [`NODE_PAUSE`] apart.
const NODE_TRIES: u32 = 10;
const NODE_PAUSE: Duration = Duration::from_millis(500);

/// Has the worker prove its node key; returns whom it speaks for.
pub(super) async fn shake_hands(
    context: &Context,
    inbound: &mut Streaming<WorkerMessage>,
    outbound: &Outbound,
) -> Result<Peer, Status> {
    let proven = tokio::time::timeout(PATIENCE, prove(context, inbound, outbound));
    let (key, nonce) = proven.await.map_err(|_| Status::deadline_exceeded("the node key was not proven in time"))??;
    let node = find_node(context, key).await?;
    let welcome = Welcome {
        node: node.0.to_vec(),
        heartbeat_millis: context.heartbeat_millis,
        object_endpoint: context.object_endpoint.clone(),
    };
    send(outbound, Body::Welcome(welcome)).await?;
    Ok(Peer { node, key, nonce })
}

async fn prove(
    context: &Context,
    inbound: &mut Streaming<WorkerMessage>,
    outbound: &Outbound,
) -> Result<(Address, [u8; 32]), Status> {
    let Some(WorkerBody::Hello(hello)) = next(inbound).await? else {
        return Err(Status::failed_precondition("a link begins with a hello"));
    };
    if hello.link_version != LINK_VERSION {
        let message = format!("this orchestrator speaks link version {LINK_VERSION}, not {}", hello.link_version);
        return Err(Status::failed_precondition(message));
    }
    let key = <[u8; 32]>::try_from(hello.node_key.as_slice()).map(Address);
    let key = key.map_err(|_| Status::invalid_argument("a node key has 32 bytes"))?;
    let mut nonce = [0; 32];
    rand::thread_rng().fill_bytes(&mut nonce);
    send(outbound, Body::Challenge(Challenge { nonce: nonce.to_vec(), program: context.program.0.to_vec() })).await?;
    let Some(WorkerBody::ChallengeResponse(response)) = next(inbound).await? else {
        return Err(Status::failed_precondition("a challenge is answered before anything else"));
    };
    let signed = auth::link_challenge(context.program, key, &nonce);
    auth::verify(key, &signed, &response.signature)
        .map_err(|_| Status::unauthenticated("the signature is not the node key's"))?;
    Ok((key, nonce))
}

async fn find_node(context: &Context, key: Address) -> Result<Address, Status> {
    for _ in 0..NODE_TRIES {
        let found = context.inbox.ask(move |driver| {
            let found = driver.book.node_of_key(key);
            if found.is_none() {
                driver.chain.reconcile_for_stranger();
            }
            found
        });
        match found.await {
            Some(Some(node)) => return Ok(node),
            Some(None) => tokio::time::sleep(NODE_PAUSE).await,
            None => return Err(Status::unavailable("the orchestrator is stopping")),
        }
    }
    Err(Status::permission_denied(format!("no node on chain has the key {key}")))
}

pub(super) async fn next(inbound: &mut Streaming<WorkerMessage>) -> Result<Option<WorkerBody>, Status> {
    match inbound.message().await? {
        Some(message) => Ok(message.body),
        None => Err(Status::cancelled("the worker closed the link")),
    }
}

async fn send(outbound: &Outbound, body: Body) -> Result<(), Status> {
    let message = OrchestratorMessage { body: Some(body) };
    outbound.send(Ok(message)).await.map_err(|_| Status::cancelled("the worker closed the link"))
}
