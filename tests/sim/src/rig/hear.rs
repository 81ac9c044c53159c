//! What a worker makes of what it is told, like the real shell.

use std::collections::BTreeSet;

use millrace_agent::{Assignment, Event, LeasePhase, Report, StopReason, TaskKey, policy};
use millrace_protocol::transitions::LeaseOffer;
use millrace_protocol::{Address, Seconds};
use millrace_scheduler::{Cause, JobView};
use millrace_spec::sha256;

use crate::harm::Harm;
use crate::ledger::Account;
use crate::message::{ToOrchestrator, ToRig};
use crate::name;
use crate::scenario::{Character, Fault};
use crate::simulation::{RigChore, Simulation, What};

impl Simulation {
    pub fn rig_hears(&mut self, session: u64, message: ToRig, mut harms: BTreeSet<Harm>) {
        let Some(rig) = self.links.rig_of(session) else { return };
        let current = self.rigs[rig].session == Some(session);
        if !current || !self.gets_through(session) || !self.is_of_run(session, rig) {
            return;
        }
        if self.held_up(session) || self.suffers(Fault::WorkerHangs { rig }) {
            harms.insert(Harm::MessageHeldUp);
            return self.plan(200, What::ToRig { session, message: Box::new(message), harms });
        }
        if !self.is_heard(&harms) {
            return;
        }
        self.note(|| format!("{:<10} < {}", name::short(name::node(rig)), line(&message)));
        match message {
            ToRig::Offer { number, lease, job, offer } => {
                // The chain is asked beside the loop.
                let delay = self.delay();
                self.rig_plan(rig, delay, RigChore::Vetted { number, lease, job, offer });
            }
            ToRig::Extend { number, lease, job, more } => {
                let delay = self.delay();
                self.rig_plan(rig, delay, RigChore::VettedExtension { number, lease, job, more });
            }
            ToRig::Invite(invitation) => self.invited(rig, invitation),
            // It is in the log by now, which is where an owner looks.
            ToRig::BidRefused(_) => {}
            ToRig::Assign { key, job } => self.assigned(rig, key, job),
            ToRig::Stop(_) | ToRig::EndLease(_) | ToRig::CountLease(_) | ToRig::LeaseOver(_) | ToRig::Notice { .. }
                if self.character(rig) == Character::Stubborn && !self.quiet => {}
            ToRig::Stop(key) => self.rig_feed(rig, Event::StopTask { key, reason: StopReason::Requested }),
            ToRig::Acknowledge(key) => self.rig_feed(rig, Event::TaskAcknowledged(key)),
            ToRig::EndLease(lease) => self.rig_feed(rig, Event::EndLease(lease)),
            ToRig::CountLease(lease) => {
                // Nobody else asks for it in here.
                let salt = sha256(&[lease.0.as_slice(), b"salt"].concat()).0;
                self.rig_feed(rig, Event::CountLease { lease, salt });
            }
            ToRig::LeaseOver(lease) => self.rig_feed(rig, Event::LeaseOver(lease)),
            ToRig::Notice { lease, left } => self.rig_feed(rig, Event::NoticeGiven { lease, left }),
            // It is in the log by now, which is where an owner looks.
            ToRig::Refused { .. } => {}
            ToRig::Challenge { number, nonce } => self.rig_is_asked(rig, number, nonce),
            ToRig::Voucher(voucher) => {
                let known = self.rigs[rig].agent.as_ref().is_some_and(|agent| agent.lease(&voucher.lease).is_some());
                if known {
                    self.rig_feed(rig, Event::Voucher { voucher: *voucher, signature: vec![1; 64] });
                }
            }
        }
    }

    pub(super) fn job_on_chain(&self, job: Address) -> Option<JobView> {
        match self.chain.confirmed.read(job)? {
            Account::Job(view) => Some(view),
            _ => None,
        }
    }

    /// Decides, remembers, signs: in this order.
    pub fn vetted(&mut self, rig: usize, (number, lease): (u64, Address), job: Address, offered: LeaseOffer) {
        let Some(view) = self.job_on_chain(job) else {
            return self.refuse(rig, (number, lease), "account-missing", "the job is not there".to_owned());
        };
        let Some(plan) = self.plans.get(&view.spec_hash) else { return };
        let spec = &self.scenario.jobs[*plan].spec;
        let requirements = view.job.terms.requirements;
        let offer = policy::Offer {
            lease,
            job,
            spec: spec.hash(),
            attestor: name::SCHEDULER,
            scheduler: name::SCHEDULER,
            spot: view.job.terms.spot,
            price: offered.price,
            auctioned: offered.negotiated,
            units: requirements.units,
            maximum: offered.maximum,
            cpu_millis: spec.limits.cpu_milli,
            memory_mib: spec.limits.memory_mib,
            disk_mib: u64::from(spec.limits.disk_mib),
            network: spec.network,
            runtime: spec.runtime,
            accept_simulated: requirements.accept_simulated,
        };
        let (own, now) = (self.policy(rig), self.rig_now(rig));
        let Some(agent) = &self.rigs[rig].agent else { return };
        match policy::check(&own, agent, &offer, 200_000, now) {
            Ok(terms) => {
                self.rig_feed(rig, Event::OfferAccepted { lease, terms });
                // It may have died in between.
                if let Some(session) = self.rigs[rig].session {
                    self.note(|| format!("{:<10} > signs {}", name::short(name::node(rig)), name::short(lease)));
                    self.send_to_orchestrator(session, ToOrchestrator::Answer { number, lease, answer: Ok(()) });
                }
            }
            Err(refusal) => {
                let code = millrace_protocol::Diagnostic::code(&refusal);
                self.refuse(rig, (number, lease), code, refusal.to_string());
            }
        }
    }

    /// Decides, then signs.
    pub fn vetted_extension(&mut self, rig: usize, number: u64, lease: Address, job: Address, more: Seconds) {
        let on_chain = match self.chain.confirmed.read(lease) {
            Some(Account::Lease(view)) if view.node == name::node(rig) && view.job == job => Some(view),
            _ => None,
        };
        let Some((on_chain, view)) = on_chain.zip(self.job_on_chain(job)) else {
            let message = "the lease is not there".to_owned();
            return self.refuse_extension(rig, (number, lease), "account-missing", message);
        };
        let plan = self.plans.get(&view.spec_hash).map(|plan| &self.scenario.jobs[*plan].spec);
        let extension = policy::Extension {
            lease,
            job,
            more,
            auctioned: plan.and_then(|spec| spec.placement.as_ref()).is_some_and(|placement| placement.auction),
            on_chain: on_chain.lease,
            rules: view.job,
            clock: self.chain.clock,
        };
        let (own, now) = (self.policy(rig), self.rig_now(rig));
        let Some(agent) = &self.rigs[rig].agent else { return };
        match policy::check_extension(&own, agent, &extension, now) {
            Ok(maximum) => {
                self.rig_feed(rig, Event::ExtensionAgreed { lease, maximum });
                if let Some(session) = self.rigs[rig].session {
                    self.note(|| {
                        let node = name::short(name::node(rig));
                        format!("{node:<10} > signs {} s more for {}", more.0, name::short(lease))
                    });
                    let answer = ToOrchestrator::ExtensionAnswer { number, lease, answer: Ok(()) };
                    self.send_to_orchestrator(session, answer);
                }
            }
            Err(refusal) => {
                let code = millrace_protocol::Diagnostic::code(&refusal);
                self.refuse_extension(rig, (number, lease), code, refusal.to_string());
            }
        }
    }

    fn refuse_extension(&mut self, rig: usize, (number, lease): (u64, Address), code: &str, message: String) {
        if let Some(session) = self.rigs[rig].session {
            self.note(|| {
                let node = name::short(name::node(rig));
                format!("{node:<10} > refuses more time for {}: {message}", name::short(lease))
            });
            let answer = Err(Cause { code: code.to_owned(), message, hint: String::new() });
            self.send_to_orchestrator(session, ToOrchestrator::ExtensionAnswer { number, lease, answer });
        }
    }

    fn refuse(&mut self, rig: usize, (number, lease): (u64, Address), code: &str, message: String) {
        if let Some(session) = self.rigs[rig].session {
            self.note(|| format!("{:<10} > refuses {}: {message}", name::short(name::node(rig)), name::short(lease)));
            let cause = Cause { code: code.to_owned(), message, hint: String::new() };
            self.send_to_orchestrator(session, ToOrchestrator::Answer { number, lease, answer: Err(cause) });
        }
    }

    /// A task, if the rig holds the lease it belongs to.
    fn assigned(&mut self, rig: usize, key: TaskKey, job: Address) {
        let Some(agent) = &self.rigs[rig].agent else { return };
        let plan = agent.lease(&key.lease).and_then(|lease| self.plans.get(&lease.terms.spec));
        let Some(plan) = plan else {
            let failure = millrace_agent::Cause::LeaseUnknown.into();
            return self.rig_reports(rig, Report::Failed(key, failure));
        };
        let spec = &self.scenario.jobs[*plan].spec;
        let assignment = Assignment::from_spec(key, job, spec);
        self.rig_feed(rig, Event::TaskAssigned(assignment));
    }

    pub fn lease_is_read(&mut self, rig: usize, lease: Address) {
        let account = match self.chain.confirmed.read(lease) {
            Some(Account::Lease(view)) if view.node == name::node(rig) => Some(view.lease),
            _ => None,
        };
        let clock = self.chain.clock;
        self.rig_feed(rig, Event::LeaseRead { lease, account, clock });
    }

    pub fn round_is_read(&mut self, rig: usize, lease: Address) {
        let round = self.chain.confirmed.round_for(lease).map(Box::new);
        let clock = self.chain.clock;
        self.rig_feed(rig, Event::RoundRead { lease, round, clock });
    }

    /// The leases the worker works for: what a heartbeat names.
    pub fn works_for(&self, rig: usize) -> Vec<Address> {
        let works = |phase| matches!(phase, LeasePhase::Held | LeasePhase::Ending);
        let Some(agent) = &self.rigs[rig].agent else { return Vec::new() };
        agent.leases().filter(|(_, lease)| works(lease.phase())).map(|(lease, _)| lease).collect()
    }
}

fn task(key: &TaskKey) -> String {
    format!("task {}.{} of {}", key.task, key.attempt, name::short(key.lease))
}

fn line(message: &ToRig) -> String {
    match message {
        ToRig::Offer { lease, offer, .. } => {
            format!("offer of {} at {} for {} s", name::short(*lease), offer.price, offer.maximum.0)
        }
        ToRig::Extend { lease, more, .. } => format!("{} s more for {}", more.0, name::short(*lease)),
        ToRig::Invite(invitation) => {
            format!("bid for {}, auction {}", name::short(invitation.job), invitation.auction)
        }
        ToRig::BidRefused(reason) => format!("its bid does not count: {}", reason.code()),
        ToRig::Assign { key, .. } => format!("run {}", task(key)),
        ToRig::Stop(key) => format!("stop {}", task(key)),
        ToRig::Acknowledge(key) => format!("{} is booked", task(key)),
        ToRig::EndLease(lease) => format!("end {}", name::short(*lease)),
        ToRig::CountLease(lease) => format!("end {}, its result is counted", name::short(*lease)),
        ToRig::LeaseOver(lease) => format!("{} is over", name::short(*lease)),
        ToRig::Notice { lease, left } => format!("{} ends in {} s by a notice", name::short(*lease), left.0),
        ToRig::Refused { code } => format!("its GPUs are refused: {code}"),
        ToRig::Challenge { number, .. } => format!("challenge #{number}"),
        ToRig::Voucher(voucher) => format!(
            "voucher {} #{}: {} s{}",
            name::short(voucher.lease),
            voucher.sequence,
            voucher.metered.0,
            if voucher.is_final { format!(", final, {:?}", voucher.exit_class) } else { String::new() }
        ),
    }
}
