//! What buyers do: open jobs, extend and cancel some, and speak about reports.

use millrace_protocol::transitions::JobExtension;
use millrace_protocol::{Address, Ruling};

use crate::chain::Origin;
use crate::ledger::{Account, Instruction};
use crate::name;
use crate::scenario::Word;
use crate::simulation::{Simulation, What};

impl Simulation {
    pub fn job_comes(&mut self, number: usize) {
        let plan = &self.scenario.jobs[number];
        let job = name::job(number);
        let (terms, spec_hash) = (Box::new(plan.terms), plan.spec.hash());
        let (buyer, cancelled_after, extensions) = (plan.buyer, plan.cancelled_after, plan.extensions.clone());
        self.send(Instruction::OpenJob { job, buyer, terms, spec_hash }, Origin::Outside);
        for (after, extension) in extensions {
            self.plan(after, What::JobIsExtended(job, extension));
        }
        if let Some(after) = cancelled_after {
            self.plan(after, What::JobIsCancelled(job));
        }
    }

    pub fn job_is_extended(&mut self, job: Address, extension: JobExtension) {
        self.send(Instruction::ExtendJob { job, extension }, Origin::Outside);
    }

    pub fn job_is_cancelled(&mut self, job: Address) {
        self.send(Instruction::CancelJob { job }, Origin::Outside);
    }

    /// Says a word about some reports, and has some disputes decided. Where nobody speaks, time does.
    pub fn buyers_speak(&mut self) {
        for lease in self.chain.confirmed.reported() {
            let Some(Account::Lease(view)) = self.chain.confirmed.read(lease) else { continue };
            let word = self.scenario.jobs[name::number(view.job)].word;
            if !self.draw.permille(200) {
                continue;
            }
            match word {
                Word::Nothing => {}
                Word::Accepts => self.send(Instruction::AcceptLease { lease }, Origin::Outside),
                Word::Disputes => self.send(Instruction::OpenDispute { lease }, Origin::Outside),
            }
        }
        for lease in self.chain.confirmed.disputed() {
            if self.draw.permille(20) {
                let ruling = self.draw.one_of(&[Ruling::ProviderRight, Ruling::BuyerRight, Ruling::Split]);
                self.send(Instruction::ResolveDispute { lease, ruling }, Origin::Outside);
            }
        }
        if !self.quiet && !self.scenario.is_calm() {
            self.preempt_some();
        }
    }

    /// By the scheduler's key: it may end spot leases with notice.
    fn preempt_some(&mut self) {
        for lease in self.chain.confirmed.live() {
            let Some(Account::Lease(view)) = self.chain.confirmed.read(lease) else { continue };
            let spot = self.scenario.jobs[name::number(view.job)].terms.spot;
            if spot && self.draw.permille(10) {
                self.send(Instruction::NoticePreemption { lease }, Origin::Outside);
            }
        }
    }
}
