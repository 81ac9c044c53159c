//! What follows from what is known: after every event for the jobs it is about, at every tick for those that
//! have waited for this moment. Asks for nothing that is under way already.

mod attestation;
mod auction;
mod challenges;
mod claims;
mod cranks;
mod dependencies;
mod disputes;
mod dues;
mod ending;
mod extension;
mod forgetting;
mod gang;
mod handout;
mod jobs;
mod placement;
mod preemption;
mod queueing;
mod quorum;
mod scope;
mod service;
mod settlement;
mod silence;
mod specs;
mod spot_check;
mod vouchers;
mod work;

#[cfg(test)]
pub(crate) use auction::{WINDOW as AUCTION_WINDOW, rest_after as auction_rest};
pub(crate) use challenges::LASTS;
pub(crate) use ending::{is_result, preempted};
pub use gang::Lacking;
pub(crate) use gang::Unplanned;
pub(crate) use placement::{SHORTEST_LEASE, affordable, enough_for, most_to_ask, shortest_lease};
pub(crate) use preemption::Preemption;
#[cfg(test)]
pub(crate) use preemption::reservation_holder;
pub use quorum::TooFew;
pub(crate) use scope::Scope;
pub(crate) use spot_check::task_root;

use std::collections::BTreeSet;

use millrace_protocol::Address;

use crate::{Core, Now};

impl Core {
    pub(crate) fn decide(&mut self, now: Now, scope: &Scope) {
        let (jobs, leases) = self.within(now, scope);
        self.take_from_the_silent(now, &leases);
        for job in jobs.iter().copied() {
            if !self.serves(job) {
                continue;
            }
            self.fetch_spec(now, job);
            self.redo_disputed(job);
            self.redo_refuted(job);
            self.end_checks(now, job);
            self.heed_verdict(job);
            self.refuse_order(now, job);
            self.end_service(now, job);
            self.conclude(job);
            self.equip_members(job);
            self.end_leases(now, job);
            self.hand_out_checks(now, job);
            self.hand_out(now, job);
            self.extend_leases(now, job);
            self.drop_landed_offer(now, job);
            self.tend_gang(now, job);
            self.tend_auction(now, job);
            self.dispute_findings(now, job);
        }
        self.settle_claims(now);
        for job in jobs.iter().copied() {
            self.enlist(now, job);
        }
        self.place_all(now, scope);
        self.finalize_unreported(now, &leases);
        self.settle_and_expire(now, &leases);
        self.crank_rounds(now, &jobs);
        self.crank_jobs(now, &jobs);
        self.forget_jobs(now, scope);
        self.schedule(now, &self.touched(scope, &jobs));
    }

    /// What follows for nodes from what they have shown of their GPUs, and have not.
    pub(crate) fn prove(&mut self, now: Now, nodes: &BTreeSet<Address>) {
        self.challenge(now, nodes);
        self.attest(now, nodes);
        self.schedule_proofs(now, nodes);
    }
}
