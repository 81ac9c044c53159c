use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use millrace_client::{Keypair, Signer as _};
use millrace_link::grpc::orchestrator_message::Body;
use millrace_link::grpc::worker_message::Body as WorkerBody;
use millrace_link::grpc::{self, Phase, TaskUpdate, offer_reply};
use millrace_protocol::voucher::{ExitClass, Voucher};
use millrace_protocol::{Address, Seconds};

use super::process::Setup;
use crate::support::offer;
use crate::support::orchestrator::Orchestrator;

/// Longer silence is not counted: nobody can say what the rig did meanwhile. Three heartbeats of the link that
/// the tests use.
const PATIENCE: Duration = Duration::from_millis(600);

/// From a notice to the end of its lease.
const NOTICE: Duration = Duration::from_secs(60);

/// A scheduler that believes in its lease and says everything again after each connection, as the real one
/// does. It meters the time between two heartbeats that name a running task.
pub struct Scheduler {
    pub orchestrator: Orchestrator,
    setup: Setup,
    key: Keypair,
    node_key: Keypair,
    tasks: u32,
    signed: bool,
    /// How tasks ended, as first heard; a later word must be the same.
    pub ends: BTreeMap<u32, TaskUpdate>,
    stopping: bool,
    ending: bool,
    /// When it ends that has notice.
    notice: Option<Instant>,
    /// The newest that was told of.
    pub early: Option<grpc::EarlyOutputs>,
    pub report: Option<[u8; 32]>,
    heard: Option<Instant>,
    metered: Duration,
    pub vouchers: Vec<Voucher>,
    pub log: Vec<u8>,
}

impl Scheduler {
    pub fn new(orchestrator: Orchestrator, setup: Setup, key: Keypair, node_key: Keypair, tasks: u32) -> Self {
        Self {
            orchestrator,
            setup,
            key,
            node_key,
            tasks,
            signed: false,
            ends: BTreeMap::new(),
            stopping: false,
            ending: false,
            notice: None,
            early: None,
            report: None,
            heard: None,
            metered: Duration::ZERO,
            vouchers: vec![],
            log: vec![],
        }
    }

    pub fn lease(&self) -> Address {
        self.setup.job().next_lease()
    }

    pub fn metered(&self) -> Seconds {
        Seconds(self.metered.as_secs())
    }

    pub fn is_done(&self) -> bool {
        self.ends.len() == self.tasks as usize
    }

    pub fn has_paid_out(&self) -> bool {
        self.vouchers.last().is_some_and(|voucher| voucher.is_final)
    }

    /// Hears what the worker says for a moment, and answers it.
    pub async fn attend(&mut self) {
        let Some(body) = self.orchestrator.listen(Duration::from_millis(50)).await else { return };
        match body {
            WorkerBody::Resume(_) => self.repeat(),
            WorkerBody::OfferReply(reply) => match reply.result.unwrap() {
                offer_reply::Result::Signature(_) => {
                    self.signed = true;
                    self.assign();
                }
                offer_reply::Result::Refusal(refusal) => panic!("refused: {refusal:?}"),
            },
            WorkerBody::Heartbeat(heartbeat) => {
                self.meter(&heartbeat.unverified().unwrap());
                self.say_notice();
            }
            WorkerBody::TaskUpdate(update) => self.on_update(update),
            WorkerBody::LogChunk(chunk) => self.on_log(chunk),
            WorkerBody::LeaseReport(report) => {
                let root: [u8; 32] = report.result_root.try_into().unwrap();
                assert_eq!(self.report.unwrap_or(root), root, "two reports differ; done: {:?}", self.ends);
                self.report = Some(root);
                match self.has_paid_out() {
                    true => self.say_last_voucher(),
                    false => self.attest(true),
                }
            }
            WorkerBody::EarlyOutputs(told) => self.early = Some(told),
            WorkerBody::CheckpointSaved(_) | WorkerBody::Setback(_) | WorkerBody::Images(_) => {}
            WorkerBody::GpuAnnouncement(_) => {}
            WorkerBody::GpuCommitment(_)
            | WorkerBody::GpuOpening(_)
            | WorkerBody::GpuChallengeDeclined(_)
            | WorkerBody::Bid(_)
            | WorkerBody::ExtensionReply(_) => {
                panic!("nobody asked for this: {body:?}")
            }
            WorkerBody::Hello(_) | WorkerBody::ChallengeResponse(_) | WorkerBody::SealedReply(_) => {
                panic!("out of order: {body:?}")
            }
        }
    }

    fn say(&self, body: Body) {
        self.orchestrator.say_if_there(body);
    }

    /// After a connection: what the worker may have missed.
    fn repeat(&mut self) {
        if !self.signed {
            let job = self.setup.job();
            let node = offer::node(&self.node_key, self.setup.node);
            self.say(Body::Offer(offer::offer(&self.key, &job, &node, &self.setup.spec(), offer::PRICE)));
            return;
        }
        if !self.ending {
            self.assign();
        }
        if self.stopping {
            self.stop();
        }
        self.say_notice();
        // Of a lease that is closed nothing is left to report.
        if self.ending && !self.has_paid_out() {
            self.end();
        }
        self.say_last_voucher();
    }

    fn assign(&self) {
        for index in (0..self.tasks).filter(|index| !self.ends.contains_key(index)) {
            self.say(Body::AssignTask(grpc::AssignTask {
                lease: self.lease().0.to_vec(),
                job: self.setup.job.0.to_vec(),
                index,
                attempt: 1,
                spec: self.setup.spec.clone(),
                peers: Vec::new(),
                checkpoint: None,
            }));
        }
    }

    /// The job is cancelled.
    pub fn stop(&mut self) {
        self.stopping = true;
        for index in (0..self.tasks).filter(|index| !self.ends.contains_key(index)) {
            self.say(Body::StopTask(grpc::StopTask { lease: self.lease().0.to_vec(), index, attempt: 1 }));
        }
    }

    /// The lease ends, and whoever works under it hears that until it does.
    pub fn give_notice(&mut self) {
        self.notice = Some(Instant::now() + NOTICE);
        self.say_notice();
    }

    pub fn has_notice(&self) -> bool {
        self.notice.is_some()
    }

    fn say_notice(&self) {
        let Some(ends) = self.notice.filter(|_| !self.ending) else { return };
        let seconds_left = ends.saturating_duration_since(Instant::now()).as_secs();
        self.say(Body::LeaseNotice(grpc::LeaseNotice { lease: self.lease().0.to_vec(), seconds_left }));
    }

    pub fn end(&mut self) {
        self.ending = true;
        self.say(Body::EndLease(grpc::EndLease { lease: self.lease().0.to_vec(), counted: false }));
    }

    pub fn is_ending(&self) -> bool {
        self.ending
    }

    pub fn is_stopping(&self) -> bool {
        self.stopping
    }

    fn meter(&mut self, beat: &grpc::Beat) {
        let lease = self.lease();
        let running = beat.leases.iter().any(|held| held.lease == lease.0 && !held.running.is_empty());
        let now = Instant::now();
        let last = std::mem::replace(&mut self.heard, running.then_some(now));
        if let (Some(last), true) = (last, running) {
            let gap = now - last;
            if gap <= PATIENCE {
                self.metered += gap;
            }
        }
    }

    fn on_update(&mut self, update: TaskUpdate) {
        if !matches!(update.phase(), Phase::Done | Phase::Failed) {
            return;
        }
        let ack = grpc::TaskAck { lease: update.lease.clone(), index: update.index, attempt: update.attempt };
        if let Some(known) = self.ends.get(&update.index) {
            assert_eq!((known.phase(), &known.outputs), (update.phase(), &update.outputs), "two ends of a task differ");
        }
        self.ends.insert(update.index, update);
        self.say(Body::TaskAck(ack));
    }

    fn on_log(&mut self, chunk: grpc::LogChunk) {
        if chunk.index == 0 {
            let offset = usize::try_from(chunk.offset).unwrap();
            assert!(offset <= self.log.len(), "a gap in the log");
            assert!(chunk.data.iter().zip(&self.log[offset..]).all(|(new, old)| new == old), "two logs differ");
            self.log.truncate(offset);
            self.log.extend(&chunk.data);
        }
        let offset = chunk.offset + chunk.data.len() as u64;
        let ack = grpc::LogAck { lease: chunk.lease, index: chunk.index, attempt: chunk.attempt, offset };
        self.say(Body::LogAck(ack));
    }

    /// A voucher over what has been metered until now.
    pub fn attest(&mut self, is_final: bool) {
        self.vouchers.push(Voucher {
            program: millrace_client::address::program(),
            lease: self.lease(),
            sequence: self.vouchers.len() as u64 + 1,
            metered: self.metered(),
            downtime: Seconds(0),
            is_final,
            exit_class: ExitClass::Completed,
            result_root: self.report.unwrap_or_default(),
        });
        self.say_last_voucher();
    }

    fn say_last_voucher(&self) {
        let Some(voucher) = self.vouchers.last() else { return };
        let message = voucher.encode().to_vec();
        let signature = <[u8; 64]>::from(self.key.sign_message(&message)).to_vec();
        self.say(Body::Voucher(grpc::Voucher { lease: voucher.lease.0.to_vec(), message, signature }));
    }
}
