use std::collections::BTreeSet;

use millrace_protocol::{Address, LeaseState, MicroUsdc, transitions};
use millrace_spec::Sha256;

use crate::state::check::evidence_digest;
use crate::{Action, Core, Finding, LeaseEntry, Now};

impl Core {
    /// Disputes the leases whose results were found to be others, as soon as they are reported and as long as they
    /// can be. What is found about a lease after that stays a finding.
    pub(in crate::decide) fn dispute_findings(&mut self, now: Now, job: Address) {
        let Some(entry) = self.jobs.get(&job) else { return };
        let found: BTreeSet<Address> = entry.story().findings.iter().map(|finding| finding.first.lease).collect();
        for lease in found {
            self.forget_trouble(job, lease);
            let idle = |entry: &&LeaseEntry| !entry.crank.in_flight && now.millis >= entry.crank.again_at;
            let entry = self.leases.get(&lease).filter(idle);
            let Some(bond) = entry.and_then(|entry| self.dispute_bond(now, entry)) else { continue };
            let evidence = self.fix_evidence(job, lease);
            if let Some(entry) = self.leases.get_mut(&lease) {
                entry.crank.in_flight = true;
            }
            self.push(Action::OpenDispute { lease, evidence, bond });
        }
    }

    /// The lease is disputed, whatever was heard of the last transaction.
    fn forget_trouble(&mut self, job: Address, lease: Address) {
        let disputed = |entry: &LeaseEntry| entry.view.lease.state == LeaseState::Disputed;
        if !self.leases.get(&lease).is_some_and(disputed) {
            return;
        }
        let Some(entry) = self.jobs.get_mut(&job) else { return };
        let findings = entry.story_mut().findings.iter_mut().filter(|finding| finding.first.lease == lease);
        if findings.filter_map(|finding| finding.trouble.take()).count() > 0 {
            self.touch_job(job);
        }
    }

    /// What it costs to dispute the lease. None where the chain would not have it: before its report, once its window
    /// is over, and where its buyer was quicker.
    fn dispute_bond(&self, now: Now, entry: &LeaseEntry) -> Option<MicroUsdc> {
        let mut job = self.jobs.get(&entry.view.job)?.view.job;
        let mut lease = entry.view.lease;
        let opened = transitions::open_dispute(&mut job, &mut lease, self.market.parameters()?, now.chain);
        opened.ok().map(|dispute| dispute.bond)
    }

    /// The digest of what is known of the lease when it is first to be disputed. It stays the same however often the
    /// transaction is sent.
    fn fix_evidence(&mut self, job: Address, lease: Address) -> Sha256 {
        let Some(entry) = self.jobs.get_mut(&job) else { return Sha256::default() };
        let findings = &mut entry.story_mut().findings;
        let of_lease = |finding: &&Finding| finding.first.lease == lease;
        if let Some(fixed) = findings.iter().filter(of_lease).find_map(|finding| finding.evidence) {
            return fixed;
        }
        let digest = evidence_digest(job, lease, findings.iter().filter(of_lease));
        for finding in findings.iter_mut().filter(|finding| finding.first.lease == lease) {
            finding.evidence = Some(digest);
        }
        self.touch_job(job);
        digest
    }
}
