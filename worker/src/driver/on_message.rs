use ed25519_dalek::Signer;
use millrace_agent::{Assignment, Cause, Event, Failure, Report, Restore, StopReason};
use millrace_link::grpc::orchestrator_message::Body;
use millrace_link::grpc::{AssignTask, OrchestratorMessage, Peer, Voucher};
use millrace_link::{auth, is_advertisable};
use millrace_protocol::{Address, Seconds, voucher};
use millrace_spec::{JobSpec, ObjectRef, Sha256, Shape, sha256};

use super::Driver;
use crate::Error;
use crate::logs::Shipment;
use crate::messages::{Malformed, address, key, report};

/// First bytes of what the node's key signs for a salt.
const SALT: &[u8] = b"millrace result salt v1";

impl Driver {
    /// The orchestrator is believed in what it may decide, and checked in everything else.
    pub(super) async fn on_message(&mut self, message: OrchestratorMessage) -> Result<(), Error> {
        let event = match message.body {
            Some(Body::Offer(offer)) => {
                self.on_offer(offer);
                return Ok(());
            }
            Some(Body::BidInvitation(invitation)) => {
                self.on_invitation(invitation);
                return Ok(());
            }
            Some(Body::Extension(extension)) => {
                self.on_extension(extension);
                return Ok(());
            }
            Some(Body::BidRefusal(refusal)) => {
                Self::bid_refused(refusal);
                return Ok(());
            }
            Some(Body::Sealed(sealed)) => {
                self.on_sealed(sealed);
                return Ok(());
            }
            Some(Body::AssignTask(assign)) => self.assigned(assign),
            Some(Body::StopTask(stop)) => key(&stop.lease, stop.index, stop.attempt)
                .map(|key| Some(Event::StopTask { key, reason: StopReason::Requested })),
            Some(Body::EndLease(end)) => address(&end.lease, "lease").map(|lease| {
                Some(match end.counted {
                    true => Event::CountLease { lease, salt: self.salt(lease) },
                    false => Event::EndLease(lease),
                })
            }),
            Some(Body::LeaseNotice(notice)) => {
                let left = Seconds(notice.seconds_left);
                address(&notice.lease, "lease").map(|lease| Some(Event::NoticeGiven { lease, left }))
            }
            Some(Body::LeaseOver(over)) => address(&over.lease, "lease").map(|lease| Some(Event::LeaseOver(lease))),
            Some(Body::Voucher(voucher)) => Ok(self.voucher(voucher)),
            Some(Body::TaskAck(ack)) => {
                key(&ack.lease, ack.index, ack.attempt).map(|key| Some(Event::TaskAcknowledged(key)))
            }
            Some(Body::LogAck(ack)) => {
                if let Ok(key) = key(&ack.lease, ack.index, ack.attempt) {
                    self.tell_logs(Shipment::Stored { key, offset: ack.offset });
                }
                return Ok(());
            }
            Some(Body::GpuChallenge(challenge)) => Ok(self.challenge_asked(challenge)),
            Some(Body::GpuRefusal(refusal)) => {
                self.challenge_refused(refusal);
                return Ok(());
            }
            Some(Body::OpenTiles(request)) => {
                self.challenges.open(request);
                return Ok(());
            }
            // A later orchestrator may say more than this version knows.
            None => return Ok(()),
            Some(Body::Challenge(_) | Body::Welcome(_)) => {
                tracing::warn!("the orchestrator said something out of order");
                return Ok(());
            }
        };
        match event {
            Ok(Some(event)) => self.feed(event).await,
            Ok(None) => Ok(()),
            Err(error) => {
                tracing::warn!(%error, "a message of the orchestrator is ignored");
                Ok(())
            }
        }
    }

    /// A task, if its spec is the one that the lease was signed for.
    fn assigned(&mut self, assign: AssignTask) -> Result<Option<Event>, Malformed> {
        let key = key(&assign.lease, assign.index, assign.attempt)?;
        let job = address(&assign.job, "job")?;
        let refuse = |cause: Cause, detail: &str| report(Report::Failed(key, Failure::new(cause, detail)), job);
        let Some(lease) = self.agent.lease(&key.lease) else {
            self.send_some(refuse(Cause::LeaseUnknown, ""));
            return Ok(None);
        };
        let spec = JobSpec::from_canonical(&assign.spec).ok().filter(|spec| spec.hash() == lease.terms.spec);
        let agreed = spec.filter(|spec| job == lease.terms.job && key.task < spec.tasks);
        let Some(spec) = agreed else {
            self.send_some(refuse(Cause::InputCorrupt, "the job's spec is not the one the lease was signed for"));
            return Ok(None);
        };
        let peers = match peers(&assign.peers, &spec) {
            Ok(peers) => peers,
            Err(detail) => {
                self.send_some(refuse(Cause::InputCorrupt, detail));
                return Ok(None);
            }
        };
        let mut assignment = Assignment { peers, ..Assignment::from_spec(key, job, &spec) };
        if let (Some(kept), Some(told)) = (&mut assignment.checkpoint, assign.checkpoint) {
            let sha256 = Sha256(address(&told.manifest, "manifest")?.0);
            let manifest = ObjectRef { sha256, size: told.manifest_size };
            kept.restore = Some(Restore { manifest, attempt: told.attempt });
        }
        Ok(Some(Event::TaskAssigned(assignment)))
    }

    fn send_some(&self, message: Option<millrace_link::grpc::WorkerMessage>) {
        if let Some(message) = message {
            self.send(message);
        }
    }

    /// What nobody can guess without the node's key, and the same whenever it is asked for: whoever knew it could try
    /// out what a result is before it is shown.
    fn salt(&self, lease: Address) -> [u8; 32] {
        let signature = self.signing.sign(&[SALT, &lease.0].concat());
        sha256(&signature.to_bytes()).0
    }

    /// A voucher, if its attestor signed it for a lease of this rig.
    fn voucher(&self, received: Voucher) -> Option<Event> {
        let voucher = voucher::Voucher::decode(&received.message).ok()?;
        let lease = self.agent.lease(&voucher.lease)?;
        let genuine = auth::verify(lease.terms.attestor, &received.message, &received.signature).is_ok();
        if !genuine || voucher.program != millrace_client::address::program() {
            tracing::warn!(lease = %voucher.lease, "a voucher is not genuine");
            return None;
        }
        Some(Event::Voucher { voucher, signature: received.signature })
    }
}

/// A gang's task comes with all of its peers, and no other task with any.
fn peers(told: &[Peer], spec: &JobSpec) -> Result<Vec<String>, &'static str> {
    let expected = if matches!(spec.shape, Some(Shape::Gang(_))) { spec.tasks as usize } else { 0 };
    if told.len() != expected {
        return Err("the task does not come with all members of its gang");
    }
    if !told.iter().all(|peer| is_advertisable(&peer.address)) {
        return Err("a member of the gang has an address that is none");
    }
    Ok(told.iter().map(|peer| peer.address.clone()).collect())
}
