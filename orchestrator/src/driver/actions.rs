use std::time::Duration;

use millrace_link::grpc;
use millrace_link::grpc::orchestrator_message::Body;
use millrace_protocol::transitions::LeaseOffer;
use millrace_protocol::voucher::Voucher;
use millrace_protocol::{Address, MicroUsdc};
use millrace_scheduler::{Action, Cause, Event, Notice, Offer, OpenFailure, Transaction};
use millrace_spec::Sha256;

use super::answers::propose;
use super::specs::cause;
use super::{Driver, Input};

impl Driver {
    pub(super) fn act(&mut self, action: Action) {
        match action {
            // Written before anything else of the batch.
            Action::Persist(_) | Action::Forget(_) => {}
            Action::FetchSpec { job, spec_hash } => self.read_spec(job, spec_hash, Duration::ZERO),
            Action::OfferLease(offer) => self.offer_lease(offer),
            Action::InviteBids { nodes, invitation } => self.invite_bids(nodes, invitation),
            Action::RefuseBid { node, job, auction, reason } => self.refuse_bid(node, (job, auction), reason),
            Action::ProposeExtension { node, lease, more } => self.propose_extension(node, lease, more),
            Action::AssignTask { node, lease, job, task, attempt, peers, checkpoint } => {
                tracing::debug!(%job, task, attempt, %node, "task handed out");
                // Without its spec the worker could not run it; its silence puts the task back.
                let Some(spec) = self.specs.get(&job) else { return };
                let (lease, job) = (lease.0.to_vec(), job.0.to_vec());
                let spec = spec.bytes.clone();
                let peers = peers.into_iter().map(|node| self.peer(node)).collect();
                let checkpoint = checkpoint.map(|made| grpc::Checkpoint {
                    manifest: made.manifest.sha256.0.to_vec(),
                    manifest_size: made.manifest.size,
                    attempt: made.attempt,
                });
                let assign = grpc::AssignTask { lease, job, index: task, attempt, spec, peers, checkpoint };
                self.tell(node, Body::AssignTask(assign));
            }
            Action::StopTask { node, lease, task, attempt } => {
                let lease = lease.0.to_vec();
                self.tell(node, Body::StopTask(grpc::StopTask { lease, index: task, attempt }));
            }
            Action::AcknowledgeTask { node, lease, task, attempt } => {
                let lease = lease.0.to_vec();
                self.tell(node, Body::TaskAck(grpc::TaskAck { lease, index: task, attempt }));
            }
            Action::EndLease { node, lease, counted } => {
                self.tell(node, Body::EndLease(grpc::EndLease { lease: lease.0.to_vec(), counted }));
            }
            Action::TellNotice { node, lease, left } => {
                let notice = grpc::LeaseNotice { lease: lease.0.to_vec(), seconds_left: left.0 };
                self.tell(node, Body::LeaseNotice(notice));
            }
            Action::LeaseOver { node, lease } => {
                self.tell(node, Body::LeaseOver(grpc::LeaseOver { lease: lease.0.to_vec() }));
            }
            Action::IssueVoucher { node, voucher } => {
                let message = self.signer.message(voucher);
                self.tell(node, Body::Voucher(message));
            }
            Action::Settle { lease, voucher } => self.settle(lease, voucher),
            Action::NoticePreemption { lease } => self.notice_preemption(lease),
            Action::ExpireLease { lease } => self.expire_lease(lease),
            Action::FinalizeLease { lease } => self.finalize_lease(lease),
            Action::OpenDispute { lease, evidence, bond } => self.open_dispute(lease, evidence, bond),
            Action::ExpireDispute { lease } => self.expire_dispute(lease),
            Action::TallyQuorum { job } => self.tally_quorum(job),
            Action::SettleMember { lease } => self.settle_member(lease),
            Action::CloseQuorum { job } => self.close_quorum(job),
            Action::ExpireJob { job } => self.expire_job(job),
            Action::CloseJob { job } => self.close_job(job),
            Action::ChallengeNode(order) => self.challenge_node(&order),
            Action::TellRefusal { node, cause: Cause { code, message, hint } } => {
                self.tell(node, Body::GpuRefusal(grpc::GpuRefusal { code, cause: message, hint }));
            }
            Action::AttestNode { node, attestation, digest, score } => {
                self.attest_node(node, attestation, (digest, score));
            }
            Action::Notice(Notice::ResultRootDiffers { lease, reported, own }) => {
                tracing::warn!(%lease, %reported, %own, "a worker's result root differs from what it uploaded");
            }
            Action::Notice(Notice::ResultsEqual { job, task }) => {
                tracing::debug!(%job, task, "a spot check came to the same result");
            }
            Action::Notice(Notice::ResultsDiffer { job, task, first, second }) => {
                tracing::warn!(%job, task, %first, %second, "a spot check came to another result, which is disputed");
            }
            Action::Notice(Notice::CheckLapsed { job, task, reason }) => {
                tracing::warn!(%job, task, ?reason, "a task that was drawn for a spot check was not compared");
            }
            Action::Notice(Notice::WorkerSilent { node, lease }) => {
                tracing::warn!(%node, %lease, "a worker fell silent, its tasks go to others");
            }
        }
    }

    fn offer_lease(&mut self, offer: Offer) {
        let accounts = self.book.job(offer.job).zip(self.book.node(offer.node));
        let (Some((job, node)), Some(spec)) = (accounts, self.specs.get(&offer.job)) else {
            self.later(Event::OfferFailed { job: offer.job, offer: offer.offer, failure: OpenFailure::Unanswered });
            return;
        };
        tracing::info!(job = %offer.job, node = %offer.node, price = %offer.price, "offering a lease");
        let (mut job, node, spec) = (job.clone(), node.clone(), spec.bytes.clone());
        // The scheduler's count is never behind; the account's may be a reading late.
        job.job.leases_opened = offer.number;
        if let Some(joins) = offer.joins {
            (job.quorum_round, job.quorum_open) = (joins.round, true);
        }
        let opens_round = offer.joins.is_some_and(|joins| joins.opens);
        let negotiated = offer.bid_book.is_some();
        let terms = LeaseOffer { price: offer.price, negotiated, maximum: offer.maximum };
        let lease = job.next_lease();
        let answered = self.answers.expect(offer.node, lease);
        let outbound = self.sessions.get(&offer.node).map(|session| session.outbound.clone());
        let (chain, inbox) = (self.chain.clone(), self.inbox.clone());
        self.beside.spawn(async move {
            let transaction = Transaction::OpenLease { job: offer.job, offer: offer.offer };
            let prepared = match chain.prepare_lease(&job, &node, terms, (offer.bid_book, opens_round)).await {
                Ok(prepared) => prepared,
                Err(error) => {
                    tracing::warn!(job = %job.address, %error, "a lease cannot be prepared");
                    inbox.send(failed(transaction, cause(&error))).await;
                    chain.reconcile_soon();
                    return;
                }
            };
            let message = grpc::Offer {
                lease: lease.0.to_vec(),
                job: job.address.0.to_vec(),
                transaction: prepared.transaction.clone(),
                spec,
            };
            let proposed = (Body::Offer(message), prepared.transaction.as_slice());
            let words = ("the lease", "nothing to do: other nodes are asked");
            let input = match propose(outbound, proposed, answered, words).await {
                Ok(signature) => match chain.open_lease(&prepared, &job, &node, signature).await {
                    Ok((updates, signature)) => done(updates, transaction, signature),
                    Err(error) => {
                        tracing::warn!(job = %job.address, %error, "a lease cannot be opened");
                        chain.reconcile_soon();
                        failed(transaction, cause(&error))
                    }
                },
                Err(failure) => {
                    tracing::info!(job = %job.address, node = %node.address, ?failure, "an offer came to nothing");
                    Input::Event(Event::OfferFailed { job: offer.job, offer: offer.offer, failure })
                }
            };
            inbox.send(input).await;
        });
    }

    fn settle(&mut self, lease: Address, voucher: Voucher) {
        let transaction = Transaction::Settle { lease, sequence: voucher.sequence };
        let Some((job, account)) = self.book.lease_and_job(lease) else { return self.unknown(transaction) };
        let signed = self.signer.sign(voucher);
        self.transact(transaction, move |chain| async move { chain.settle(&job, &account, &signed).await });
    }

    fn notice_preemption(&mut self, lease: Address) {
        let transaction = Transaction::NoticePreemption { lease };
        let Some(account) = self.book.lease(lease).cloned() else { return self.unknown(transaction) };
        tracing::info!(%lease, node = %account.node, "a spot lease makes room for a job at the posted price");
        self.transact(transaction, move |chain| async move { chain.notice_preemption(&account).await });
    }

    fn expire_lease(&mut self, lease: Address) {
        let transaction = Transaction::ExpireLease { lease };
        let Some((job, account)) = self.book.lease_and_job(lease) else { return self.unknown(transaction) };
        self.transact(transaction, move |chain| async move { chain.expire_lease(&job, &account).await });
    }

    fn finalize_lease(&mut self, lease: Address) {
        let transaction = Transaction::FinalizeLease { lease };
        let Some(account) = self.book.lease(lease).cloned() else { return self.unknown(transaction) };
        self.transact(transaction, move |chain| async move { chain.finalize_lease(&account).await });
    }

    /// What was found stays with the job, whatever becomes of the transaction.
    fn open_dispute(&mut self, lease: Address, evidence: Sha256, bond: MicroUsdc) {
        let transaction = Transaction::OpenDispute { lease };
        let Some((job, account)) = self.book.lease_and_job(lease) else { return self.unknown(transaction) };
        tracing::info!(%lease, job = %account.job, %evidence, %bond, "disputing a lease");
        self.transact(
            transaction,
            move |chain| async move { chain.open_dispute(&job, &account, evidence, bond).await },
        );
    }

    fn expire_dispute(&mut self, lease: Address) {
        let transaction = Transaction::ExpireDispute { lease };
        let accounts = self.book.lease_and_job(lease).zip(self.book.dispute(lease).cloned());
        let Some(((job, account), dispute)) = accounts else { return self.unknown(transaction) };
        self.transact(transaction, move |chain| async move { chain.expire_dispute(&job, &account, &dispute).await });
    }

    fn tally_quorum(&mut self, job: Address) {
        let transaction = Transaction::TallyQuorum { job };
        let Some(round) = self.book.round(job).cloned() else { return self.unknown(transaction) };
        self.transact(transaction, move |chain| async move { chain.tally_quorum(&round).await });
    }

    fn settle_member(&mut self, lease: Address) {
        let transaction = Transaction::SettleMember { lease };
        let Some((job, account)) = self.book.lease_and_job(lease) else { return self.unknown(transaction) };
        self.transact(transaction, move |chain| async move { chain.settle_member(&job, &account).await });
    }

    fn close_quorum(&mut self, job: Address) {
        let transaction = Transaction::CloseQuorum { job };
        let Some(round) = self.book.round(job).cloned() else { return self.unknown(transaction) };
        self.transact(transaction, move |chain| async move { chain.close_quorum(&round).await });
    }

    fn expire_job(&mut self, job: Address) {
        self.transact(Transaction::ExpireJob { job }, move |chain| async move { chain.expire_job(job).await });
    }

    fn close_job(&mut self, job: Address) {
        let transaction = Transaction::CloseJob { job };
        let Some(account) = self.book.job(job).cloned() else { return self.unknown(transaction) };
        self.transact(transaction, move |chain| async move { chain.close_job(&account).await });
    }

    pub(super) fn transact<F, T>(&mut self, transaction: Transaction, send: F)
    where
        F: FnOnce(crate::chain::Chain) -> T,
        T: Future<Output = crate::chain::Landed> + Send + 'static,
    {
        let (chain, inbox) = (self.chain.clone(), self.inbox.clone());
        let sending = send(self.chain.clone());
        self.beside.spawn(async move {
            let input = match sending.await {
                Ok((updates, signature)) => {
                    tracing::info!(?transaction, signature, "transaction landed");
                    done(updates, transaction, signature)
                }
                Err(error) => {
                    tracing::warn!(?transaction, %error, "transaction failed");
                    chain.reconcile_soon();
                    failed(transaction, cause(&error))
                }
            };
            inbox.send(input).await;
        });
    }

    /// The account is gone already, or not here yet: reconciling will tell which.
    pub(super) fn unknown(&mut self, transaction: Transaction) {
        self.chain.reconcile_soon();
        let cause = Cause {
            code: "account-missing".to_owned(),
            message: "the account is not known here".to_owned(),
            hint: "nothing to do: the accounts are being read again".to_owned(),
        };
        self.later(Event::TransactionFailed { transaction, cause });
    }

    pub(super) fn later(&mut self, event: Event) {
        let inbox = self.inbox.clone();
        self.beside.spawn(async move {
            inbox.send(Input::Event(event)).await;
        });
    }
}

pub(super) fn done(updates: Vec<millrace_client::Update>, transaction: Transaction, signature: String) -> Input {
    Input::Updates { updates, then: Some(Event::TransactionDone { transaction, signature }) }
}

pub(super) fn failed(transaction: Transaction, cause: Cause) -> Input {
    Input::Event(Event::TransactionFailed { transaction, cause })
}
