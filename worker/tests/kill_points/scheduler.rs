use std::collections::BTreeMap;
use std::time::{Duration, Instant, SystemTime};

use millrace_client::accounts::JobAccount;
use millrace_client::{Keypair, Signer as _};
use millrace_link::grpc::orchestrator_message::Body;
use millrace_link::grpc::worker_message::Body as WorkerBody;
use millrace_link::grpc::{self, Phase, TaskUpdate, offer_reply};
use millrace_protocol::voucher::{ExitClass, Voucher};
use millrace_protocol::{Address, Seconds, UnixSeconds};

use super::chain::MORE;
use super::process::Setup;
use crate::support::offer;
use crate::support::orchestrator::Orchestrator;

/// Longer silence is not counted: nobody can say what the rig did meanwhile. Three heartbeats of the link that
/// the tests use.
const PATIENCE: Duration = Duration::from_millis(600);

/// From a notice to the end of its lease.
const NOTICE: Duration = Duration::from_secs(60);
/// From its beginning until the bids of an auction are no longer good, in seconds.
const BIDS_LAST: u64 = 600;

/// A scheduler that believes in its lease and says everything again after each connection, as the real one
/// does. It meters the time between two heartbeats that name a running task.
pub struct Scheduler {
    pub orchestrator: Orchestrator,
    setup: Setup,
    key: Keypair,
    tasks: u32,
    signed: bool,
    /// Until when bids must be good, where the lease is for whoever bids.
    auction: Option<UnixSeconds>,
    /// What the rig has bid.
    pub bid: Option<grpc::SignedBid>,
    /// How often it has refused to give another lease at that.
    pub bids_refused: u32,
    /// Whether the result is counted with others'.
    pub is_counted: bool,
    /// What the task begins with.
    pub begins_with: Option<grpc::Checkpoint>,
    /// The newest that was told of before the task ended.
    pub checkpoint: Option<grpc::Checkpoint>,
    extending: bool,
    /// Whether the rig has signed more time.
    pub is_extended: bool,
    /// Whether the lease is one that nobody knows any more.
    pub is_gone: bool,
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
    pub fn new(orchestrator: Orchestrator, setup: Setup, key: Keypair, tasks: u32) -> Self {
        Self {
            orchestrator,
            setup,
            key,
            tasks,
            signed: false,
            auction: None,
            bid: None,
            bids_refused: 0,
            is_counted: false,
            begins_with: None,
            checkpoint: None,
            extending: false,
            is_extended: false,
            is_gone: false,
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

    /// The lease is for whoever bids.
    pub fn hold_auction(&mut self) {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
        self.auction = Some(UnixSeconds(now + BIDS_LAST));
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
            WorkerBody::Resume(resume) => {
                resume.tasks.into_iter().for_each(|update| self.on_update(update));
                self.repeat();
            }
            WorkerBody::OfferReply(reply) => self.on_reply(reply),
            WorkerBody::Bid(bid) => match bid.result.unwrap() {
                grpc::bid::Result::Signed(signed) => {
                    assert_eq!(*self.bid.get_or_insert_with(|| signed.clone()), signed, "two bids in one auction");
                    self.offer();
                }
                grpc::bid::Result::Refusal(refusal) => panic!("no bid: {refusal:?}"),
            },
            WorkerBody::ExtensionReply(reply) => match reply.result.unwrap() {
                offer_reply::Result::Signature(_) => self.is_extended = true,
                // It was proposed once more while it landed.
                offer_reply::Result::Refusal(refusal) => assert!(self.is_extended, "no more time: {refusal:?}"),
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
            // Whoever is given the next attempt begins with the newest that is known by then.
            WorkerBody::CheckpointSaved(saved) if !self.is_done() => self.checkpoint = saved.checkpoint,
            WorkerBody::CheckpointSaved(_) | WorkerBody::Setback(_) | WorkerBody::Images(_) => {}
            WorkerBody::GpuAnnouncement(_) => {}
            WorkerBody::GpuCommitment(_) | WorkerBody::GpuOpening(_) | WorkerBody::GpuChallengeDeclined(_) => {
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
            match self.auction.filter(|_| self.bid.is_none()) {
                Some(valid_until) => self.invite(valid_until),
                None => self.offer(),
            }
            return;
        }
        if self.is_gone {
            self.say(Body::LeaseOver(grpc::LeaseOver { lease: self.lease().0.to_vec() }));
            return;
        }
        self.tempt();
        if !self.ending {
            self.assign();
        }
        if self.extending && !self.is_extended {
            self.extend();
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

    fn on_reply(&mut self, reply: grpc::OfferReply) {
        match reply.result.unwrap() {
            offer_reply::Result::Signature(_) if reply.lease == self.lease().0 => {
                self.signed = true;
                self.tempt();
                self.assign();
            }
            offer_reply::Result::Refusal(refusal) if reply.lease == self.next_job().next_lease().0 => {
                assert_eq!(refusal.code, "bid-used");
                self.bids_refused += 1;
            }
            // It was offered once more while it was signed.
            offer_reply::Result::Refusal(refusal) if self.signed && refusal.code == "lease-held" => {}
            other => panic!("neither the lease nor a bid that is used: {other:?}"),
        }
    }

    fn invite(&self, valid_until: UnixSeconds) {
        let (job, spec) = (self.setup.job(), self.setup.spec());
        self.say(Body::BidInvitation(grpc::BidInvitation {
            job: job.address.0.to_vec(),
            opened_slot: job.opened_slot,
            auction: 0,
            valid_until: valid_until.0,
            wanted: Some(grpc::LeaseWanted {
                maximum_price: spec.terms.maximum_price.0,
                units: spec.terms.requirements.units.0.into(),
                maximum_seconds: spec.terms.lease_seconds.0,
                cpu_milli: spec.limits.cpu_milli,
                memory_mib: spec.limits.memory_mib,
                disk_mib: spec.limits.disk_mib,
                network: spec.network,
                accept_simulated: spec.terms.requirements.accept_simulated,
            }),
        }));
    }

    fn offer(&self) {
        self.say_offer(&self.setup.job());
    }

    /// Offers another lease at a bid that is used.
    fn tempt(&self) {
        if self.bid.is_some() {
            self.say_offer(&self.next_job());
        }
    }

    /// The job once its next lease was opened.
    fn next_job(&self) -> JobAccount {
        let mut job = self.setup.job();
        job.job.leases_opened += 1;
        job
    }

    fn say_offer(&self, job: &JobAccount) {
        let mut offer = offer::offer(&self.key, job, &self.setup.node(), &self.setup.spec(), offer::PRICE);
        if self.bid.is_some() {
            // What tells is the root of an auction's bids, with which the transaction ends but for one byte.
            let end = offer.transaction.len() - 1;
            offer.transaction[end - 32..end].fill(7);
            // The message follows two signatures and how many they are.
            let (signatures, message) = offer.transaction.split_at_mut(129);
            signatures[1..65].copy_from_slice(&<[u8; 64]>::from(self.key.sign_message(message)));
        }
        self.say(Body::Offer(offer));
    }

    /// Proposes more time for the lease, until the rig signs it.
    pub fn extend(&mut self) {
        self.extending = true;
        let job = self.setup.job();
        self.say(Body::Extension(offer::extension(&self.key, &job, &self.setup.node(), MORE)));
    }

    pub fn is_extending(&self) -> bool {
        self.extending
    }

    /// Of each task; there was one before where it begins with a checkpoint.
    pub fn attempt(&self) -> u32 {
        self.begins_with.as_ref().map_or(1, |checkpoint| checkpoint.attempt + 1)
    }

    fn assign(&self) {
        for index in (0..self.tasks).filter(|index| !self.ends.contains_key(index)) {
            self.say(Body::AssignTask(grpc::AssignTask {
                lease: self.lease().0.to_vec(),
                job: self.setup.job.0.to_vec(),
                index,
                attempt: self.attempt(),
                spec: self.setup.spec.clone(),
                peers: Vec::new(),
                checkpoint: self.begins_with.clone(),
            }));
        }
    }

    /// The job is cancelled.
    pub fn stop(&mut self) {
        self.stopping = true;
        for index in (0..self.tasks).filter(|index| !self.ends.contains_key(index)) {
            let (lease, attempt) = (self.lease().0.to_vec(), self.attempt());
            self.say(Body::StopTask(grpc::StopTask { lease, index, attempt }));
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
        let (lease, counted) = (self.lease().0.to_vec(), self.is_counted);
        self.say(Body::EndLease(grpc::EndLease { lease, counted }));
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
