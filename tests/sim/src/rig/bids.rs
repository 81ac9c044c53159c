//! What a worker bids, like the real shell. Nobody signs here: what a session says, its rig says.

use millrace_agent::{Event, policy};
use millrace_protocol::Address;
use millrace_scheduler::{Event as Told, Invitation};
use millrace_spec::{Bid, BidSignature, SignedBid};

use crate::message::ToOrchestrator;
use crate::name;
use crate::simulation::Simulation;

impl Simulation {
    /// Decides, remembers, bids: in this order.
    pub(super) fn invited(&mut self, rig: usize, invitation: Invitation) {
        let Invitation { job, opened_slot, auction, valid_until, .. } = invitation;
        let Some(view) = self.job_on_chain(job) else { return };
        let Some(plan) = self.plans.get(&view.spec_hash) else { return };
        let spec = &self.scenario.jobs[*plan].spec;
        let terms = &spec.terms;
        let wanted = policy::Offer {
            lease: Address::default(),
            job,
            spec: spec.hash(),
            attestor: name::SCHEDULER,
            scheduler: name::SCHEDULER,
            spot: terms.spot,
            price: terms.maximum_price,
            auctioned: true,
            units: terms.requirements.units,
            maximum: terms.lease_seconds,
            cpu_millis: spec.limits.cpu_milli,
            memory_mib: spec.limits.memory_mib,
            disk_mib: u64::from(spec.limits.disk_mib),
            network: spec.network,
            runtime: spec.runtime,
            accept_simulated: terms.requirements.accept_simulated,
        };
        let (own, now) = (self.policy(rig), self.rig_now(rig));
        let Some(agent) = &self.rigs[rig].agent else { return };
        let node = name::node(rig);
        let said = match policy::bid(&own, agent, &wanted, (terms.maximum_price, valid_until), 200_000, now) {
            Ok(price) => {
                let bid = Bid { program: name::PROGRAM, job, opened_slot, auction, node, price, valid_until };
                let signed = SignedBid { bid, signature: BidSignature([1; 64]) };
                self.rig_feed(rig, Event::BidSigned(signed));
                self.note(|| format!("{:<10} > bids {price} for {}", name::short(node), name::short(job)));
                Told::BidMade { signed, key: node }
            }
            Err(refusal) => {
                self.note(|| format!("{:<10} > bids nothing: {refusal}", name::short(node)));
                Told::BidDeclined { node, job, auction }
            }
        };
        // It may have died in between.
        if let Some(session) = self.rigs[rig].session {
            self.send_to_orchestrator(session, ToOrchestrator::Said(Box::new(said)));
        }
    }
}
