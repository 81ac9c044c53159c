//! A rig without containers: it speaks the link, signs leases, and says that tasks are done.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ed25519_dalek::Signer;
use millrace_challenge::{Challenge, Cpu, Millis, OpenedTile, Prover, Tiles, Within};
use millrace_client::{Keypair, cosign};
use millrace_link::grpc::link_client::LinkClient;
use millrace_link::grpc::orchestrator_message::Body;
use millrace_link::grpc::worker_message::Body as WorkerBody;
use millrace_link::grpc::{self, OrchestratorMessage, Phase, WorkerMessage};
use millrace_link::heartbeat::BeatSigner;
use millrace_link::objects::ObjectClient;
use millrace_link::{LINK_VERSION, auth};
use millrace_protocol::voucher::Voucher;
use millrace_protocol::{Address, PricePerGpuHour, UnixSeconds};
use millrace_spec::merkle::{self, Leaf};
use millrace_spec::{Bid, ObjectRef, Sha256};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle;
use tokio_stream::wrappers::UnboundedReceiverStream;
use tonic::{Status, Streaming};

use crate::market::{HEARTBEAT, Rigging, signing_key};

/// What survives a broken stream: the rig's journal.
#[derive(Default)]
pub struct Journal {
    pub leases: BTreeSet<Address>,
    /// Handed out and not done, by lease, task, attempt.
    pub running: BTreeSet<(Address, u32, u32)>,
    /// Brought away of tasks that are not acknowledged, as it says again after each connection.
    pub saved: Vec<grpc::CheckpointSaved>,
    /// Done and not acknowledged.
    pub done: BTreeMap<(Address, u32, u32), grpc::TaskUpdate>,
    pub leaves: BTreeMap<Address, Vec<Leaf>>,
    pub vouchers: BTreeMap<Address, Voucher>,
    /// Of leases that end, with the seconds left.
    pub notices: Vec<(Address, u64)>,
    /// Why its GPUs were refused.
    pub refusals: Vec<String>,
    /// Every task ever handed out.
    pub n_assigned: usize,
    /// What the last one is to begin with.
    pub begins_with: Option<grpc::Checkpoint>,
    /// Why its bids did not count.
    pub refused_bids: Vec<String>,
    /// Leases whose results are counted, and what they made.
    pub counted: Option<(Address, Sha256)>,
    /// What buyers brought, as it came.
    pub sealed: Vec<Vec<u8>>,
}

/// A rig that computes the answers on a processor, whatever it says of that.
#[derive(Clone, Copy)]
pub struct Proves {
    pub gpu: &'static str,
    /// Says that it was a processor.
    pub admits: bool,
    /// Opens other tiles than it committed itself to.
    pub forges: bool,
}

#[derive(Clone)]
pub struct Rig {
    url: String,
    node: Address,
    key: Arc<Keypair>,
    pub journal: Arc<Mutex<Journal>>,
    task_time: Duration,
    /// Every task fails so.
    failure: Option<grpc::Failure>,
    /// Reports outputs that it never uploads, and writes into the log of whoever is next.
    lies: bool,
    /// Uploads something else than the work makes.
    invents: bool,
    /// Stops what runs under a lease with notice; otherwise it runs on to its end.
    leaves_on_notice: bool,
    /// Takes no further lease.
    pub draining: Arc<AtomicBool>,
    /// How it answers GPU challenges; none where it does not.
    proves: Option<Proves>,
    provers: Arc<Mutex<BTreeMap<String, Prover<Cpu>>>>,
    /// What it bids in auctions; none where it does not.
    bid: Option<u64>,
    /// Signs another price than it names.
    forges_bids: bool,
    /// Says nothing of what is brought to it.
    hoards: bool,
    /// Of the stream that stands.
    outbound: Arc<Mutex<Option<UnboundedSender<WorkerMessage>>>>,
}

impl Rig {
    pub fn new(url: String, rigging: &Rigging, task_time: Duration) -> Self {
        let (node, key) = (rigging.node, rigging.node_key.clone());
        Self {
            url,
            node,
            key,
            journal: Arc::default(),
            task_time,
            failure: None,
            lies: false,
            invents: false,
            draining: Arc::default(),
            leaves_on_notice: false,
            proves: None,
            provers: Arc::default(),
            bid: None,
            forges_bids: false,
            hoards: false,
            outbound: Arc::default(),
        }
    }

    /// Says something more than it says by itself.
    pub fn say(&self, body: WorkerBody) {
        say(self.outbound.lock().unwrap().as_ref().expect("it has no stream"), body);
    }

    pub fn failing(self, failure: grpc::Failure) -> Self {
        Self { failure: Some(failure), ..self }
    }

    pub fn leaving(self) -> Self {
        Self { leaves_on_notice: true, ..self }
    }

    pub fn lying(self) -> Self {
        Self { lies: true, ..self }
    }

    pub fn inventing(self) -> Self {
        Self { invents: true, ..self }
    }

    /// The lease that it was told is counted, and its result.
    pub async fn counted(&self) -> (Address, Sha256) {
        for _ in 0..300 {
            if let Some(counted) = self.journal.lock().unwrap().counted {
                return counted;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("nothing of {} is counted", self.node);
    }

    pub fn proving(self, proves: Proves) -> Self {
        Self { proves: Some(proves), ..self }
    }

    pub fn bidding(self, price: u64) -> Self {
        Self { bid: Some(price), ..self }
    }

    pub fn hoarding(self) -> Self {
        Self { hoards: true, ..self }
    }

    pub fn forging_bids(self, price: u64) -> Self {
        Self { bid: Some(price), forges_bids: true, ..self }
    }

    /// Connects again and again until aborted.
    pub fn run(&self) -> JoinHandle<()> {
        let rig = self.clone();
        tokio::spawn(async move {
            loop {
                let _ = rig.session().await;
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        })
    }

    /// One stream; returns why it ended.
    pub async fn session(&self) -> Result<(), Status> {
        let channel = tonic::transport::Endpoint::from_shared(self.url.clone()).unwrap().connect().await;
        let mut client = LinkClient::new(channel.map_err(|error| Status::unavailable(error.to_string()))?);
        let (outbound, queue) = unbounded_channel();
        let signing = signing_key(&self.key);
        let node_key = Address(signing.verifying_key().to_bytes());
        let (version, software_version) = (LINK_VERSION, "test".to_owned());
        let hello = grpc::Hello { node_key: node_key.0.to_vec(), link_version: version, software_version };
        say(&outbound, WorkerBody::Hello(hello));
        let mut inbound = client.attach(UnboundedReceiverStream::new(queue)).await?.into_inner();
        let Body::Challenge(challenge) = hear(&mut inbound).await? else { panic!("no challenge") };
        let program = Address(challenge.program.try_into().unwrap());
        let nonce: [u8; 32] = challenge.nonce.try_into().unwrap();
        let signature = signing.sign(&auth::link_challenge(program, node_key, &nonce)).to_bytes().to_vec();
        say(&outbound, WorkerBody::ChallengeResponse(grpc::ChallengeResponse { signature }));
        let Body::Welcome(welcome) = hear(&mut inbound).await? else { panic!("no welcome") };
        assert_eq!(welcome.node, self.node.0);
        let signing = Arc::new(signing);
        let mut beats = BeatSigner::new(program, signing.clone(), &nonce);
        let objects = ObjectClient::new(&welcome.object_endpoint, signing);
        say(&outbound, WorkerBody::Resume(self.resume()));
        *self.outbound.lock().unwrap() = Some(outbound.clone());
        let saved = self.journal.lock().unwrap().saved.clone();
        saved.into_iter().for_each(|saved| say(&outbound, WorkerBody::CheckpointSaved(saved)));
        if let Some(proves) = &self.proves {
            let gpus = vec![proves.gpu.to_owned()];
            say(&outbound, WorkerBody::GpuAnnouncement(grpc::GpuAnnouncement { gpus, simulated: proves.admits }));
        }
        for (lease, task, attempt) in self.journal.lock().unwrap().running.clone() {
            self.work(&outbound, &objects, lease, task, attempt);
        }
        let mut beat = tokio::time::interval(HEARTBEAT);
        loop {
            tokio::select! {
                _ = beat.tick() => {
                    say(&outbound, WorkerBody::Heartbeat(beats.sign(self.beat())));
                    // Until acknowledged, as a real worker does.
                    let done: Vec<_> = self.journal.lock().unwrap().done.values().cloned().collect();
                    done.into_iter().for_each(|update| say(&outbound, WorkerBody::TaskUpdate(update)));
                }
                message = hear(&mut inbound) => self.on_message(message?, &outbound, &objects),
            }
        }
    }

    fn on_message(&self, message: Body, outbound: &UnboundedSender<WorkerMessage>, objects: &ObjectClient) {
        let mut journal = self.journal.lock().unwrap();
        match message {
            Body::Offer(offer) => {
                let cosigned = cosign::cosign(&offer.transaction, self.node, &self.key).unwrap();
                journal.leases.insert(cosigned.lease.lease);
                let result = Some(grpc::offer_reply::Result::Signature(cosigned.signature.to_vec()));
                say(outbound, WorkerBody::OfferReply(reply(offer.lease, &offer.transaction, result)));
            }
            Body::Extension(extension) => {
                let cosigned = cosign::extension::cosign(&extension.transaction, self.node, &self.key).unwrap();
                let result = Some(grpc::offer_reply::Result::Signature(cosigned.signature.to_vec()));
                say(outbound, WorkerBody::ExtensionReply(reply(extension.lease, &extension.transaction, result)));
            }
            Body::AssignTask(task) => {
                if self.lies {
                    let data = b"forged".to_vec();
                    let (lease, job, index, attempt) = (task.lease.clone(), task.job, task.index, task.attempt + 1);
                    let chunk = grpc::LogChunk { lease, job, index, attempt, offset: 0, data };
                    say(outbound, WorkerBody::LogChunk(chunk));
                }
                let lease = Address(task.lease.try_into().unwrap());
                journal.n_assigned += 1;
                journal.begins_with = task.checkpoint;
                journal.running.insert((lease, task.index, task.attempt));
                drop(journal);
                self.work(outbound, objects, lease, task.index, task.attempt);
            }
            // It opens nothing: what was brought to it, it says it has.
            Body::Sealed(sealed) => {
                journal.sealed.push(sealed.envelope);
                if self.hoards {
                    return;
                }
                let reply = grpc::SealedReply { lease: sealed.lease, refusal: None };
                say(outbound, WorkerBody::SealedReply(reply));
            }
            Body::StopTask(task) => {
                let lease = Address(task.lease.try_into().unwrap());
                journal.running.remove(&(lease, task.index, task.attempt));
            }
            Body::TaskAck(task) => {
                let lease = Address(task.lease.try_into().unwrap());
                journal.done.remove(&(lease, task.index, task.attempt));
            }
            Body::EndLease(end) => {
                let lease = Address(end.lease.clone().try_into().unwrap());
                journal.running.retain(|task| task.0 != lease);
                let root = merkle::root(journal.leaves.get(&lease).cloned().unwrap_or_default());
                if end.counted {
                    journal.counted = Some((lease, root));
                }
                let report = grpc::LeaseReport { lease: end.lease, result_root: root.0.to_vec() };
                say(outbound, WorkerBody::LeaseReport(report));
            }
            Body::LeaseNotice(notice) => {
                let lease = Address(notice.lease.try_into().unwrap());
                journal.notices.push((lease, notice.seconds_left));
                let stopped: Vec<_> =
                    journal.running.iter().filter(|task| task.0 == lease && self.leaves_on_notice).copied().collect();
                for (_, index, attempt) in stopped {
                    journal.running.remove(&(lease, index, attempt));
                    let failure = grpc::Failure {
                        code: "preempted".to_owned(),
                        fault: grpc::Fault::None.into(),
                        ..Default::default()
                    };
                    let failed = grpc::TaskUpdate {
                        lease: lease.0.to_vec(),
                        index,
                        attempt,
                        phase: Phase::Failed.into(),
                        failure: Some(failure),
                        ..Default::default()
                    };
                    journal.done.insert((lease, index, attempt), failed.clone());
                    say(outbound, WorkerBody::TaskUpdate(failed));
                }
            }
            Body::LeaseOver(over) => {
                let lease = Address(over.lease.try_into().unwrap());
                journal.leases.remove(&lease);
                journal.running.retain(|task| task.0 != lease);
            }
            Body::Voucher(voucher) => {
                let voucher = Voucher::decode(&voucher.message).unwrap();
                if voucher.is_final {
                    journal.leases.remove(&voucher.lease);
                }
                journal.vouchers.insert(voucher.lease, voucher);
            }
            Body::LogAck(_) => {}
            Body::BidInvitation(invitation) => {
                drop(journal);
                say(outbound, WorkerBody::Bid(self.answer(invitation)));
            }
            Body::BidRefusal(refusal) => journal.refused_bids.push(refusal.reason.unwrap().code),
            Body::GpuChallenge(challenge) => {
                drop(journal);
                self.prove(challenge, outbound);
            }
            Body::GpuRefusal(refusal) => journal.refusals.push(refusal.code),
            Body::OpenTiles(request) => {
                drop(journal);
                self.open(&request, outbound);
            }
            Body::Challenge(_) | Body::Welcome(_) => panic!("the handshake is over"),
        }
    }

    fn answer(&self, invitation: grpc::BidInvitation) -> grpc::Bid {
        let grpc::BidInvitation { job, opened_slot, auction, valid_until, .. } = invitation;
        let Some(price) = self.bid else {
            let refusal = grpc::Refusal { code: "bids-off".to_owned(), cause: String::new() };
            return grpc::Bid { job, auction, result: Some(grpc::bid::Result::Refusal(refusal)) };
        };
        let bid = Bid {
            program: millrace_client::address::program(),
            job: Address(job.clone().try_into().unwrap()),
            opened_slot,
            auction,
            node: self.node,
            price: PricePerGpuHour(price + u64::from(self.forges_bids)),
            valid_until: UnixSeconds(valid_until),
        };
        let signature = signing_key(&self.key).sign(&bid.message()).to_bytes().to_vec();
        let signed = grpc::SignedBid { opened_slot, price, valid_until, signature };
        grpc::Bid { job, auction, result: Some(grpc::bid::Result::Signed(signed)) }
    }

    fn prove(&self, told: grpc::GpuChallenge, outbound: &UnboundedSender<WorkerMessage>) {
        let proves = self.proves.expect("a rig that announced no GPU is challenged");
        let none = Within { commit: Millis(0), open: Millis(0) };
        for seed in told.gpus {
            let challenge = Challenge {
                nonce: seed.nonce.try_into().unwrap(),
                node: self.node,
                gpu: seed.gpu.clone(),
                tiles: Tiles::nearest(seed.tiles),
                samples: 0,
                within: none,
                accept_simulated: false,
            };
            let Ok(prover) = Prover::work(Cpu::default(), &challenge);
            let commitment = prover.commitment();
            self.provers.lock().unwrap().insert(seed.gpu.clone(), prover);
            let commitment = grpc::GpuCommitment {
                number: told.number,
                gpu: seed.gpu,
                tiles: commitment.tiles,
                root: commitment.root.to_vec(),
                simulated: proves.admits,
                driver: vec![7; 32],
            };
            say(outbound, WorkerBody::GpuCommitment(commitment));
        }
    }

    fn open(&self, request: &grpc::OpenTiles, outbound: &UnboundedSender<WorkerMessage>) {
        let forges = self.proves.is_some_and(|proves| proves.forges);
        let mut provers = self.provers.lock().unwrap();
        let Ok(opening) = provers.get_mut(&request.gpu).unwrap().open(&request.tiles) else {
            panic!("such tiles exist")
        };
        let tile = |opened: OpenedTile| grpc::OpenedTile {
            tile: opened.tile,
            words: opened.words.iter().flat_map(|word| (word ^ u32::from(forges)).to_le_bytes()).collect(),
            path: opened.path.iter().map(|digest| digest.to_vec()).collect(),
        };
        let tiles = opening.tiles.into_iter().map(tile).collect();
        let opening = grpc::GpuOpening { number: request.number, gpu: request.gpu.clone(), tiles };
        say(outbound, WorkerBody::GpuOpening(opening));
    }

    fn work(
        &self,
        outbound: &UnboundedSender<WorkerMessage>,
        objects: &ObjectClient,
        lease: Address,
        task: u32,
        attempt: u32,
    ) {
        let (rig, outbound, objects) = (self.clone(), outbound.clone(), objects.clone());
        tokio::spawn(async move {
            let update = |phase: Phase| grpc::TaskUpdate {
                lease: lease.0.to_vec(),
                index: task,
                attempt,
                phase: phase.into(),
                ..Default::default()
            };
            if let Some(failure) = rig.failure.clone() {
                let failed = grpc::TaskUpdate { failure: Some(failure), ..update(Phase::Failed) };
                rig.journal.lock().unwrap().running.remove(&(lease, task, attempt));
                return say(&outbound, WorkerBody::TaskUpdate(failed));
            }
            say(&outbound, WorkerBody::TaskUpdate(update(Phase::Running)));
            tokio::time::sleep(rig.task_time).await;
            let content = if rig.invents { format!("noise {task}") } else { format!("frame {task}") };
            let object = if rig.lies {
                ObjectRef { sha256: millrace_spec::sha256(b"never uploaded"), size: 14 }
            } else {
                let Ok(object) = objects.put_bytes(content.as_bytes()).await else { return };
                object
            };
            let mut journal = rig.journal.lock().unwrap();
            if !journal.running.remove(&(lease, task, attempt)) {
                return;
            }
            let path = format!("frame{task}.png");
            journal.leaves.entry(lease).or_default().push(Leaf { task, path: path.clone(), object });
            let output = grpc::Output { path, size: object.size, sha256: object.sha256.0.to_vec() };
            let done = grpc::TaskUpdate { outputs: vec![output], ..update(Phase::Done) };
            journal.done.insert((lease, task, attempt), done.clone());
            say(&outbound, WorkerBody::TaskUpdate(done));
        });
    }

    fn resume(&self) -> grpc::Resume {
        let journal = self.journal.lock().unwrap();
        let running = journal.running.iter().map(|(lease, task, attempt)| grpc::TaskUpdate {
            lease: lease.0.to_vec(),
            index: *task,
            attempt: *attempt,
            phase: Phase::Running.into(),
            ..Default::default()
        });
        grpc::Resume {
            leases: journal.leases.iter().map(|lease| lease.0.to_vec()).collect(),
            tasks: running.chain(journal.done.values().cloned()).collect(),
            cached_images: vec!["millrace/test:1".to_owned()],
            advertised_address: String::new(),
            // A later worker may know of more than the orchestrator.
            runtimes: ["gvisor", "unheard-of"].map(str::to_owned).to_vec(),
            draining: self.draining.load(Relaxed),
        }
    }

    fn beat(&self) -> grpc::Beat {
        let journal = self.journal.lock().unwrap();
        let beat = |lease: &Address| grpc::LeaseBeat { lease: lease.0.to_vec(), running: Vec::new() };
        let leases = journal.leases.iter().map(beat).collect();
        grpc::Beat { number: 0, leases, draining: self.draining.load(Relaxed) }
    }
}

fn reply(lease: Vec<u8>, transaction: &[u8], result: Option<grpc::offer_reply::Result>) -> grpc::OfferReply {
    grpc::OfferReply { lease, transaction_sha256: millrace_spec::sha256(transaction).0.to_vec(), result }
}

fn say(outbound: &UnboundedSender<WorkerMessage>, body: WorkerBody) {
    let _ = outbound.send(WorkerMessage { body: Some(body) });
}

async fn hear(inbound: &mut Streaming<OrchestratorMessage>) -> Result<Body, Status> {
    let message = inbound.message().await?.ok_or_else(|| Status::cancelled("closed"))?;
    Ok(message.body.expect("an empty message"))
}
