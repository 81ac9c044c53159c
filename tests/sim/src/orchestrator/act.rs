//! What the scheduler's actions become.

use millrace_agent::TaskKey;
use millrace_protocol::Address;
use millrace_scheduler::{Action, Cause, Event, Notice, Offer, OpenFailure, Step, Transaction};

use super::{Asked, Chore, Input};
use crate::chain::Origin;
use crate::ledger::{Account, Instruction};
use crate::message::ToRig;
use crate::name;
use crate::sabotage::Sabotage;
use crate::simulation::{Simulation, What};

/// How long a worker may take to answer an offer, as in the real shell.
pub(super) const ANSWER_PATIENCE: u64 = 20_000;

impl Simulation {
    pub(super) fn act(&mut self, action: Action) {
        match action {
            Action::Notice(Notice::ResultsEqual { .. }) => self.witness.compared += 1,
            Action::Notice(Notice::ResultsDiffer { .. }) => self.witness.found += 1,
            Action::Persist(_) | Action::Forget(_) | Action::Notice(_) => {}
            Action::ExpireLease { .. } | Action::Settle { .. } if self.is_sabotaged(Sabotage::NobodyCranks) => {}
            Action::CloseJob { .. } if self.is_sabotaged(Sabotage::NobodyCloses) => {}
            Action::FetchSpec { job, .. } => {
                let fails = self.scenario.weather.specs_fail;
                let (delay, read) = (self.delay(), !self.chance(fails));
                let run = self.orchestrator.run;
                self.plan(delay, What::Input { run, input: Box::new(Input::SpecRead { job, read }) });
            }
            Action::OfferLease(offer) => {
                self.check_award(&offer);
                self.offer_lease(offer);
            }
            Action::ProposeExtension { node, lease, more } => self.propose_extension(node, lease, more),
            Action::InviteBids { nodes, invitation } => {
                self.note(|| format!("scheduler  > has {} nodes bid for {}", nodes.len(), name::short(invitation.job)));
                nodes.into_iter().for_each(|node| self.tell(node, ToRig::Invite(invitation)));
            }
            Action::RefuseBid { node, reason, .. } => self.tell(node, ToRig::BidRefused(reason)),
            Action::AssignTask { node, lease, job, task, attempt, .. } => {
                let has_spec = self.orchestrator.running.as_ref().is_some_and(|running| running.specs.contains(&job));
                if has_spec {
                    let key = TaskKey { lease, task, attempt };
                    self.handed_out(key, job);
                    self.tell(node, ToRig::Assign { key, job });
                    self.hand_out_wrongly(key, job);
                }
            }
            // Nor is anybody stopped, or the second worker would be as soon as it says a word.
            Action::StopTask { .. } if self.is_sabotaged(Sabotage::TaskRunsTwice) => {}
            Action::StopTask { node, lease, task, attempt } => {
                self.tell(node, ToRig::Stop(TaskKey { lease, task, attempt }));
            }
            Action::AcknowledgeTask { node, lease, task, attempt } => {
                self.tell(node, ToRig::Acknowledge(TaskKey { lease, task, attempt }));
            }
            Action::EndLease { node, lease, counted: false } => self.tell(node, ToRig::EndLease(lease)),
            Action::EndLease { node, lease, counted: true } => self.tell(node, ToRig::CountLease(lease)),
            Action::TellNotice { node, lease, left } => self.tell(node, ToRig::Notice { lease, left }),
            Action::LeaseOver { node, lease } => self.tell(node, ToRig::LeaseOver(lease)),
            Action::IssueVoucher { node, voucher } => {
                self.issued(&voucher);
                self.tell(node, ToRig::Voucher(Box::new(voucher)));
                if self.is_sabotaged(Sabotage::VouchersAreForked) {
                    let mut other = voucher;
                    other.downtime.0 += 1;
                    self.issued(&other);
                }
            }
            Action::Settle { lease, voucher } => {
                self.issued(&voucher);
                let transaction = Transaction::Settle { lease, sequence: voucher.sequence };
                let instruction = Instruction::Settle { voucher: Box::new(voucher), signed: true };
                self.transact(transaction, lease, instruction);
            }
            Action::NoticePreemption { lease } => {
                let transaction = Transaction::NoticePreemption { lease };
                self.transact(transaction, lease, Instruction::NoticePreemption { lease });
            }
            Action::ExpireLease { lease } => {
                self.transact(Transaction::ExpireLease { lease }, lease, Instruction::ExpireLease { lease });
            }
            Action::FinalizeLease { lease } => {
                self.transact(Transaction::FinalizeLease { lease }, lease, Instruction::FinalizeLease { lease });
            }
            Action::OpenDispute { lease, .. } => {
                // The market of the model takes every bond out of the buyer's wallet, also this one.
                self.transact(Transaction::OpenDispute { lease }, lease, Instruction::OpenDispute { lease });
            }
            Action::ExpireDispute { lease } => {
                self.transact(Transaction::ExpireDispute { lease }, lease, Instruction::ExpireDispute { lease });
            }
            Action::TallyQuorum { job } => {
                self.transact(Transaction::TallyQuorum { job }, job, Instruction::TallyQuorum { job });
            }
            Action::SettleMember { lease } => {
                self.transact(Transaction::SettleMember { lease }, lease, Instruction::SettleMember { lease });
            }
            Action::CloseQuorum { job } => {
                self.transact(Transaction::CloseQuorum { job }, job, Instruction::CloseQuorum { job });
            }
            Action::ExpireJob { job } => {
                self.transact(Transaction::ExpireJob { job }, job, Instruction::ExpireJob { job });
            }
            Action::CloseJob { job } => {
                if let Some(running) = &mut self.orchestrator.running {
                    running.specs.remove(&job);
                }
                self.transact(Transaction::CloseJob { job }, job, Instruction::CloseJob { job });
            }
            Action::ChallengeNode(order) => self.challenge_node(order),
            Action::TellRefusal { node, cause } => self.tell(node, ToRig::Refused { code: cause.code }),
            Action::AttestNode { node, attestation, digest, .. } => {
                self.check_attestation(node, attestation, digest);
                self.transact(Transaction::AttestNode { node }, node, Instruction::AttestNode { node, attestation });
            }
        }
    }

    /// Gives what was handed out to a second lease of the job as well, where that is sabotaged.
    fn hand_out_wrongly(&mut self, key: TaskKey, job: Address) {
        let again = self.is_sabotaged(Sabotage::AttemptIsHandedOutTwice);
        if !again && !self.is_sabotaged(Sabotage::TaskRunsTwice) {
            return;
        }
        let Some(core) = self.orchestrator.core() else { return };
        let mut others = core.open_leases().filter(|other| other.view.job == job && other.address != key.lease);
        let Some((lease, node)) = others.next().map(|other| (other.address, other.view.node)) else { return };
        drop(others);
        if again {
            self.handed_out(TaskKey { lease, ..key }, job);
        }
        // Under a number of its own: the workers do what they are told.
        self.tell(node, ToRig::Assign { key: TaskKey { lease, attempt: key.attempt + 100, ..key }, job });
    }

    /// Sends to the node's worker, if it is there.
    fn tell(&mut self, node: Address, message: ToRig) {
        if let Some(session) = self.orchestrator.session(node) {
            self.send_to_rig(session, message);
        }
    }

    pub(super) fn account(&self, address: Address) -> Option<&Account> {
        self.orchestrator.running.as_ref()?.accounts.get(&address)?.as_ref()
    }

    fn transact(&mut self, transaction: Transaction, about: Address, instruction: Instruction) {
        let run = self.orchestrator.run;
        let known = self.account(about).is_some();
        if !known || self.meets_silence() {
            let cause = Cause {
                code: if known { "rpc-unreachable" } else { "account-missing" }.to_owned(),
                message: "nothing was sent".to_owned(),
                hint: String::new(),
            };
            self.chore(0, Chore::Reconcile);
            let input = Input::Event(Event::TransactionFailed { transaction, cause });
            return self.plan(1, What::Input { run, input: Box::new(input) });
        }
        self.note(|| format!("scheduler  > {}", crate::senders::describe(&instruction)));
        self.send(instruction, Origin::Orchestrator { run, transaction });
    }

    /// A lease at a bid is on the disk before it is offered, and follows from the bids.
    fn check_award(&mut self, offer: &Offer) {
        let Some(root) = offer.bid_book else { return };
        let mut written = self.orchestrator.auctions().filter(|auction| auction.root == root);
        let award = Step::Awarded { lease: offer.number, node: offer.node };
        let problem = match written.next() {
            None => Some("not on the disk".to_owned()),
            Some(auction) if auction.steps.last() != Some(&award) => Some("not what was decided last".to_owned()),
            Some(auction) => auction.check().err().map(|error| error.to_string()),
        };
        drop(written);
        match problem {
            Some(problem) => self.breaks(format!("a bid of {} is taken: {problem}", name::short(offer.node))),
            None => self.witness.bids_taken += 1,
        }
    }

    fn offer_lease(&mut self, offer: Offer) {
        let run = self.orchestrator.run;
        let job = match self.account(offer.job) {
            Some(Account::Job(view)) => Some(*view),
            _ => None,
        };
        let node = self.account(offer.node).is_some();
        let delay = 20 + self.delay();
        let session = self.orchestrator.session(offer.node);
        let has_spec = self.orchestrator.running.as_ref().is_some_and(|running| running.specs.contains(&offer.job));
        let Some(job) = job.filter(|_| node && has_spec) else {
            let failure = OpenFailure::Unanswered;
            let input = Input::Event(Event::OfferFailed { job: offer.job, offer: offer.offer, failure });
            return self.plan(1, What::Input { run, input: Box::new(input) });
        };
        if self.meets_silence() {
            let transaction = Transaction::OpenLease { job: offer.job, offer: offer.offer };
            let cause = Cause {
                code: "rpc-unreachable".to_owned(),
                message: "a lease cannot be prepared".to_owned(),
                hint: String::new(),
            };
            let input = Input::Event(Event::TransactionFailed { transaction, cause });
            return self.plan(1, What::Input { run, input: Box::new(input) });
        }
        let lease = name::lease(offer.job, job.opened_slot, offer.number);
        let number = self.orchestrator.next_number();
        let Some(running) = &mut self.orchestrator.running else { return };
        // A later question to the same node about the same lease takes the earlier one's place.
        let same = |asked: &Asked| (asked.offer.node, asked.lease) == (offer.node, lease);
        let earlier: Vec<u64> =
            running.asked.iter().filter(|(_, asked)| same(asked)).map(|(number, _)| *number).collect();
        let opened_slot = job.opened_slot;
        running.asked.insert(number, Asked { offer, lease, opened_slot, session, valid_until: 0, sent: false });
        self.note(|| {
            format!("scheduler  > offers {} to {} at {}", name::short(lease), name::short(offer.node), offer.price)
        });
        earlier.into_iter().for_each(|number| self.chore(0, Chore::OfferOverdue { number }));
        self.chore(delay, Chore::OfferPrepared { number });
    }
}
