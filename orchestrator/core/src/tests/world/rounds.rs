//! Rounds of jobs whose results are counted: the chain's side by the real rules, and what rigs do about them.

use std::collections::BTreeMap;

use millrace_protocol::quorum::{MemberState, Quorum, commitment_preimage};
use millrace_protocol::{Address, transitions};
use millrace_spec::merkle::{self, Leaf};
use millrace_spec::{Sha256, sha256};

use super::{World, cause, output_of};
use crate::*;

/// What a rig does where its result is counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Voter {
    #[default]
    Honest,
    /// Makes up its outputs.
    Liar,
    /// Never commits.
    Mute,
    /// Commits and never reveals.
    Hidden,
    /// Commits to the true results, and uploads others.
    Swindler,
}

#[derive(Clone, Copy, Debug)]
pub struct Vote {
    pub root: Sha256,
    pub salt: [u8; 32],
    pub committed: bool,
    pub revealed: bool,
}

impl World {
    pub fn see_quorum(&mut self, job: Address) {
        if let Some((round, quorum)) = self.quorums.get(&job).copied() {
            self.inbox.push_back(Event::QuorumSeen { job, round, quorum: quorum.into() });
        }
    }

    /// The round that a lease is to join, opened in the same transaction where it is to be.
    pub fn join_round(&mut self, offer: &Offer, lease: Address, ends_by: millrace_protocol::UnixSeconds) {
        let now = self.now().chain;
        let view = self.jobs.get_mut(&offer.job).unwrap();
        let Some((needed, size)) = self.core.job(offer.job).and_then(|entry| entry.votes()) else {
            return assert_eq!(offer.joins, None, "a round of a job without one");
        };
        let joins = offer.joins.expect("a lease outside of any round");
        assert_eq!(joins.round, view.quorum_round, "another round");
        assert_eq!(joins.opens, !view.quorum_open, "a round is opened once");
        if joins.opens {
            view.quorum_open = true;
            let quorum = Quorum::new(needed, size, self.parameters.reveal_window);
            self.quorums.insert(offer.job, (joins.round, quorum));
        }
        let (_, quorum) = self.quorums.get_mut(&offer.job).unwrap();
        quorum.join(lease, offer.provider, ends_by, now).expect("the chain refuses a member");
    }

    /// A lease that was settled while it was live has no vote.
    pub fn leave_round(&mut self, job: Address, lease: Address) {
        let now = self.now().chain;
        if let Some((_, quorum)) = self.quorums.get_mut(&job) {
            quorum.leave(lease, now).unwrap();
        }
    }

    /// The rig's word on what it made, for the count.
    pub fn prepare_vote(&mut self, node: Address, lease: Address) {
        let voter = self.voters.get(&node).copied().unwrap_or_default();
        let rig = self.rigs.get_mut(&node).unwrap();
        let honest = |task: u32| output_of(task, voter == Voter::Liar);
        let leaves = rig.produced.get(&lease).into_iter().flatten().map(|task| {
            let output = honest(*task);
            Leaf { task: *task, path: output.path, object: output.object }
        });
        let root = if rig.failed.contains(&lease) { merkle::failed() } else { merkle::root(leaves.collect()) };
        let salt = sha256(&lease.0).0;
        rig.votes.entry(lease).or_insert(Vote { root, salt, committed: false, revealed: false });
    }

    /// Rigs commit and reveal as soon as the chain lets them.
    pub fn vote(&mut self) {
        let now = self.now().chain;
        if self.chain_down {
            return;
        }
        let mut seen = Vec::new();
        for (node, rig) in &mut self.rigs {
            let voter = self.voters.get(node).copied().unwrap_or_default();
            for (lease, vote) in rig.votes.iter_mut() {
                let Some(job) = self.leases.get(lease).map(|view| view.job) else { continue };
                let Some((_, quorum)) = self.quorums.get_mut(&job) else { continue };
                let hash = sha256(&commitment_preimage(*lease, vote.root.0, vote.salt)).0;
                if !vote.committed && voter != Voter::Mute && quorum.commit(*lease, hash, now).is_ok() {
                    vote.committed = true;
                    seen.push((job, Some((*node, *lease, vote.root))));
                }
                let willing = vote.committed && !vote.revealed && voter != Voter::Hidden;
                if willing && quorum.reveal(*lease, vote.root.0, hash, now).is_ok() {
                    vote.revealed = true;
                    seen.push((job, None));
                }
            }
        }
        for (job, report) in seen {
            self.slot += 1;
            self.see_quorum(job);
            if let Some((node, lease, result_root)) = report.filter(|(node, ..)| self.rigs[node].connected) {
                self.inbox.push_back(Event::LeaseReport { node, lease, result_root });
            }
        }
    }

    pub fn tally_quorum(&mut self, job: Address) {
        let now = self.now().chain;
        let transaction = Transaction::TallyQuorum { job };
        if self.chain_down {
            return self.inbox.push_back(Event::TransactionFailed { transaction, cause: cause("rpc") });
        }
        let (_, quorum) = self.quorums.get_mut(&job).expect("a count of a round that is closed");
        match quorum.tally(now) {
            Err(millrace_protocol::Error::QuorumCounted) => {
                self.see_quorum(job);
                self.inbox.push_back(Event::TransactionFailed { transaction, cause: cause("counted") });
            }
            counted => {
                self.verdicts.push((job, counted.expect("counted too early")));
                self.slot += 1;
                self.see_quorum(job);
                self.inbox.push_back(Event::TransactionDone { transaction, signature: "tally".to_owned() });
            }
        }
    }

    pub fn settle_member(&mut self, lease: Address) {
        let now = self.now().chain;
        let transaction = Transaction::SettleMember { lease };
        let Some(view) = self.leases.get_mut(&lease).filter(|_| !self.chain_down) else {
            return self.inbox.push_back(Event::TransactionFailed { transaction, cause: cause("gone") });
        };
        let (job, node) = (view.job, view.node);
        let (_, quorum) = self.quorums.get_mut(&job).unwrap();
        let provider = self.providers.get_mut(&view.provider).unwrap();
        let job_rules = &mut self.jobs.get_mut(&job).unwrap().job;
        let settled = transitions::settle_member(job_rules, &mut view.lease, provider, quorum, lease, now);
        self.follow(lease, settled.expect("settled too early"));
        self.land(transaction, job, lease, node);
    }

    pub fn close_quorum(&mut self, job: Address) {
        let transaction = Transaction::CloseQuorum { job };
        if self.chain_down || !self.quorums.contains_key(&job) {
            return self.inbox.push_back(Event::TransactionFailed { transaction, cause: cause("gone") });
        }
        let (_, quorum) = self.quorums.remove(&job).unwrap();
        assert!(quorum.is_over(), "closed too early: {quorum:?}");
        let view = self.jobs.get_mut(&job).unwrap();
        (view.quorum_open, view.quorum_round) = (false, view.quorum_round + 1);
        self.slot += 1;
        self.see_job(job);
        self.inbox.push_back(Event::TransactionDone { transaction, signature: "close".to_owned() });
    }

    /// What a test asks for: the members' providers and how far they are, of the job's round.
    pub fn members(&self, job: Address) -> BTreeMap<Address, MemberState> {
        let quorum = self.quorums.get(&job).map(|(_, quorum)| *quorum);
        quorum.iter().flat_map(Quorum::joined).map(|member| (member.provider, member.state)).collect()
    }
}
