use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::Stream;
use millrace_link::auth;
use millrace_link::grpc::link_server::{Link, LinkServer};
use millrace_link::grpc::orchestrator_message::Body;
use millrace_link::grpc::worker_message::Body as WorkerBody;
use millrace_link::grpc::{Challenge, OrchestratorMessage, Phase, Resume, TaskUpdate, Welcome, WorkerMessage};
use millrace_link::heartbeat::BeatVerifier;
use millrace_protocol::Address;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio_stream::wrappers::{TcpListenerStream, UnboundedReceiverStream};
use tonic::{Request, Response, Status, Streaming};

const PATIENCE: Duration = Duration::from_secs(40);
const NODE: [u8; 32] = [1; 32];
/// Between two heartbeats, in milliseconds.
const HEARTBEAT: u64 = 200;

type Outbound = UnboundedSender<Result<OrchestratorMessage, Status>>;

/// Says what the test says, and keeps what the worker says until the test asks for it.
pub struct Orchestrator {
    pub url: String,
    session: Arc<Mutex<Option<Outbound>>>,
    away: Arc<AtomicBool>,
    inbound: UnboundedReceiver<WorkerBody>,
}

struct Service {
    node_key: Address,
    objects_url: String,
    heartbeat_millis: u64,
    session: Arc<Mutex<Option<Outbound>>>,
    away: Arc<AtomicBool>,
    heard: UnboundedSender<WorkerBody>,
}

impl Orchestrator {
    /// One that knows a single node key.
    pub async fn start(node_key: Address, objects_url: String) -> Self {
        Self::start_beating(node_key, objects_url, HEARTBEAT).await
    }

    /// With so many milliseconds between two heartbeats.
    pub async fn start_beating(node_key: Address, objects_url: String, heartbeat_millis: u64) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let session = Arc::new(Mutex::new(None));
        let (heard, inbound) = unbounded_channel();
        let away = Arc::<AtomicBool>::default();
        let service =
            Service { node_key, objects_url, heartbeat_millis, session: session.clone(), away: away.clone(), heard };
        let server = tonic::transport::Server::builder().add_service(LinkServer::new(service));
        tokio::spawn(server.serve_with_incoming(TcpListenerStream::new(listener)));
        Self { url, session, away, inbound }
    }

    pub fn say(&self, body: Body) {
        let session = self.session.lock().unwrap();
        session.as_ref().expect("no worker is connected").send(Ok(OrchestratorMessage { body: Some(body) })).unwrap();
    }

    /// The same to a worker that may be dead: then nobody hears it.
    pub fn say_if_there(&self, body: Body) {
        if let Some(session) = self.session.lock().unwrap().as_ref() {
            let _ = session.send(Ok(OrchestratorMessage { body: Some(body) }));
        }
    }

    /// Whether nobody answers any more: links are broken off, and new ones refused.
    pub fn be_away(&self, away: bool) {
        self.away.store(away, Relaxed);
        if away && let Some(session) = self.session.lock().unwrap().take() {
            let _ = session.send(Err(Status::unavailable("gone")));
        }
    }

    /// What the worker says next, if it says anything within this time.
    pub async fn listen(&mut self, patience: Duration) -> Option<WorkerBody> {
        let next = self.inbound.recv();
        tokio::time::timeout(patience, next).await.ok().map(|body| body.expect("the orchestrator has stopped"))
    }

    /// Breaks the link off, as a restart would.
    pub fn hang_up(&self) {
        let session = self.session.lock().unwrap().take();
        let _ = session.expect("no worker is connected").send(Err(Status::unavailable("restarting")));
    }

    /// The next thing the worker says that `pick` wants; what it passes over is lost.
    pub async fn hear<T>(&mut self, what: &str, pick: impl Fn(WorkerBody) -> Option<T>) -> T {
        self.hear_within(PATIENCE, what, pick).await
    }

    pub async fn hear_within<T>(
        &mut self,
        patience: Duration,
        what: &str,
        pick: impl Fn(WorkerBody) -> Option<T>,
    ) -> T {
        let next = async {
            loop {
                let body = self.inbound.recv().await.expect("the orchestrator has stopped");
                if let Some(found) = pick(body) {
                    return found;
                }
            }
        };
        tokio::time::timeout(patience, next).await.unwrap_or_else(|_| panic!("the worker never said: {what}"))
    }

    pub async fn phase(&mut self, phase: Phase) -> TaskUpdate {
        self.hear(phase.as_str_name(), |body| match body {
            WorkerBody::TaskUpdate(update) if update.phase == i32::from(phase) => Some(update),
            _ => None,
        })
        .await
    }

    /// The end of a task, however it ended.
    pub async fn end(&mut self) -> TaskUpdate {
        self.end_within(PATIENCE).await
    }

    /// The same for a task that has much to do.
    pub async fn end_within(&mut self, patience: Duration) -> TaskUpdate {
        self.hear_within(patience, "the end of a task", |body| match body {
            WorkerBody::TaskUpdate(update) if matches!(update.phase(), Phase::Done | Phase::Failed) => Some(update),
            _ => None,
        })
        .await
    }

    pub async fn resume(&mut self) -> Resume {
        self.hear("resume", |body| match body {
            WorkerBody::Resume(resume) => Some(resume),
            _ => None,
        })
        .await
    }
}

#[tonic::async_trait]
impl Link for Service {
    type AttachStream = Pin<Box<dyn Stream<Item = Result<OrchestratorMessage, Status>> + Send>>;

    async fn attach(&self, request: Request<Streaming<WorkerMessage>>) -> Result<Response<Self::AttachStream>, Status> {
        if self.away.load(Relaxed) {
            return Err(Status::unavailable("gone"));
        }
        let mut inbound = request.into_inner();
        let (outbound, queue) = unbounded_channel();
        let (node_key, objects_url, heartbeat_millis) =
            (self.node_key, self.objects_url.clone(), self.heartbeat_millis);
        let (session, heard) = (self.session.clone(), self.heard.clone());
        tokio::spawn(async move {
            let say = |body| drop(outbound.send(Ok(OrchestratorMessage { body: Some(body) })));
            let Some(WorkerBody::Hello(hello)) = next(&mut inbound).await else { panic!("no hello") };
            assert_eq!(hello.node_key, node_key.0);
            let program = millrace_client::address::program();
            say(Body::Challenge(Challenge { nonce: vec![9; 32], program: program.0.to_vec() }));
            let Some(WorkerBody::ChallengeResponse(response)) = next(&mut inbound).await else {
                panic!("no answer to the challenge")
            };
            let expected = auth::link_challenge(program, node_key, &[9; 32]);
            auth::verify(node_key, &expected, &response.signature).expect("a wrong signature");
            *session.lock().unwrap() = Some(outbound.clone());
            say(Body::Welcome(Welcome { node: NODE.to_vec(), heartbeat_millis, object_endpoint: objects_url }));
            let mut beats = BeatVerifier::new(program, node_key, &[9; 32]);
            while let Some(body) = next(&mut inbound).await {
                if let WorkerBody::Heartbeat(heartbeat) = &body {
                    beats.verify(heartbeat).expect("a heartbeat of this link");
                }
                let _ = heard.send(body);
            }
        });
        Ok(Response::new(Box::pin(UnboundedReceiverStream::new(queue))))
    }
}

async fn next(inbound: &mut Streaming<WorkerMessage>) -> Option<WorkerBody> {
    inbound.message().await.ok().flatten().and_then(|message| message.body)
}
