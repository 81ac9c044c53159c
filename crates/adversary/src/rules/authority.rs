//! Who must have signed for what has changed.

use anchor_lang::prelude::Pubkey;
use anchor_lang::solana_program::instruction::Instruction;
use bytemuck::bytes_of;
use millrace_testkit::program::state::{Job, Lease, Node, Provider};

use super::{Books, signed};

/// Status of a provider that anyone may bring about, and end, by its reputation.
const DELISTED: u8 = 2;
/// Of a lease that has reported.
const REPORTED: u8 = 2;

impl Books {
    pub(super) fn check_authority(&self, after: &Self, instructions: &[Instruction]) {
        let by = |key: &Pubkey| signed(instructions, key);
        let changed = bytes_of(&self.config) != bytes_of(&after.config);
        assert!(!changed || by(&self.config.admin) || self.is_handed_over(after, by), "the configuration changed");
        for (key, now) in &after.ledger.providers {
            let before = self.ledger.providers.get(key);
            assert!(
                before.is_some_and(|before| same_wishes(before, now)) || by(&now.owner),
                "the provider {key} changed"
            );
        }
        for (key, now) in &after.ledger.nodes {
            let owner = self.provider_owner(after, &now.provider);
            let before = self.ledger.nodes.get(key);
            assert!(before.is_some_and(|before| same_offer(before, now)) || by(&owner), "the node {key} changed");
            let attested = before.is_none_or(|before| same_attestation(before, now));
            assert!(attested || by(&owner) || by(&self.config.scheduler), "the attestation of {key} changed");
        }
        for (key, before) in self.ledger.nodes.iter().filter(|(key, _)| !after.ledger.nodes.contains_key(*key)) {
            assert!(by(&self.provider_owner(after, &before.provider)), "the node {key} was removed");
        }
        for (key, now) in &after.ledger.allowances {
            let terms = self.ledger.allowances.get(key).map(|one| (one.per_job, one.total, one.expires_at));
            let same = terms == Some((now.per_job, now.total, now.expires_at));
            assert!(same || by(&after.ledger.balances[&now.buyer].owner), "the allowance {key} changed");
        }
        self.check_jobs(after, by);
        self.check_leases(after, instructions);
        self.check_rounds(after, by);
    }

    /// The admin whom the last one proposed has signed, and nothing but the role has changed.
    fn is_handed_over(&self, after: &Self, by: impl Fn(&Pubkey) -> bool) -> bool {
        let mut expected = self.config;
        (expected.admin, expected.pending_admin) = (self.config.pending_admin, Pubkey::default());
        bytes_of(&expected) == bytes_of(&after.config) && by(&after.config.admin)
    }

    fn provider_owner(&self, after: &Self, provider: &Pubkey) -> Pubkey {
        let state = self.ledger.providers.get(provider).or_else(|| after.ledger.providers.get(provider));
        state.map(|provider| provider.owner).unwrap_or_default()
    }

    fn check_jobs(&self, after: &Self, by: impl Fn(&Pubkey) -> bool) {
        for (key, now) in &after.ledger.jobs {
            let funder = match after.ledger.balances.get(&now.funder) {
                Some(balance) if now.prepaid != 0 => balance.owner,
                _ => now.funder,
            };
            match self.ledger.jobs.get(key) {
                // A prepaid job may be a delegate's, whose allowance the payments are held against.
                None => assert!(now.prepaid != 0 || (by(&now.buyer) && by(&funder)), "the job {key} was opened"),
                Some(before) => {
                    let same = same_terms(before, now);
                    assert!(same || (by(&now.buyer) && by(&funder)), "the terms of the job {key} changed");
                    assert!(before.cancelled_at == now.cancelled_at || by(&now.buyer), "the job {key} was cancelled");
                }
            }
        }
    }

    fn check_leases(&self, after: &Self, instructions: &[Instruction]) {
        let by = |key: &Pubkey| signed(instructions, key);
        let attested = |lease: &Lease| has_voucher(instructions, &lease.attestor);
        for (key, now) in &after.ledger.leases {
            let node = || self.ledger.nodes.get(&now.node).is_some_and(|node| by(&node.node_key));
            let chosen = || by(&self.config.scheduler) || by(&after.ledger.jobs[&now.job].buyer);
            let Some(before) = self.ledger.leases.get(key) else {
                assert!(node() && chosen() && by(&now.rent_payer), "the lease {key} was opened");
                continue;
            };
            assert!(same_meter(before, now) || attested(before), "the lease {key} was metered");
            let held = before.start_by == now.start_by && before.checkpoint_by == now.checkpoint_by;
            assert!(held || attested(before) || node(), "the lease {key} was held");
            assert!(
                before.maximum_seconds == now.maximum_seconds || (node() && chosen()),
                "the lease {key} was extended"
            );
            assert!(
                before.preempted_at == now.preempted_at || by(&self.config.scheduler),
                "the lease {key} was preempted"
            );
            assert!(
                before.state >= REPORTED || now.state < REPORTED || attested(before),
                "the lease {key} has reported"
            );
        }
        for (key, before) in self.ledger.leases.iter().filter(|(key, _)| !after.ledger.leases.contains_key(*key)) {
            let now = self.now.0.max(after.now.0);
            let job = &self.ledger.jobs[&before.job];
            let accepted = before.state == REPORTED && by(&job.buyer);
            let ruled = before.state > REPORTED && by(&self.config.arbiter);
            let over = now >= self.earliest_end(key, before, job);
            let counted = before.state == REPORTED && self.is_counted(&before.job);
            assert!(attested(before) || accepted || ruled || over || counted, "the lease {key} ended before its time");
        }
    }

    fn is_counted(&self, job: &Pubkey) -> bool {
        self.ledger.quorums.values().any(|round| round.job == *job && round.verdict != 0)
    }

    /// A member's commitment and result are its node's word.
    fn check_rounds(&self, after: &Self, by: impl Fn(&Pubkey) -> bool) {
        for (key, now) in &after.ledger.quorums {
            let Some(before) = self.ledger.quorums.get(key) else { continue };
            for (old, new) in before.members.iter().zip(&now.members).filter(|(old, new)| old.lease == new.lease) {
                let node = self.ledger.leases.get(&old.lease).and_then(|lease| self.ledger.nodes.get(&lease.node));
                let said = node.is_some_and(|node| by(&node.node_key));
                assert!(old.hash == new.hash || said, "a result in the round {key} changed");
            }
        }
    }

    /// From when on anyone may end a lease, in Unix seconds.
    fn earliest_end(&self, key: &Pubkey, lease: &Lease, job: &Job) -> u64 {
        let cancelled = if job.cancelled_at > 0 { job.cancelled_at + job.settle_grace } else { u64::MAX };
        let grace = lease.settle_grace;
        let preempted = if lease.preempted_at > 0 { lease.preempted_at + grace } else { u64::MAX };
        let mut disputes = self.ledger.disputes.values();
        match lease.state {
            0 => lease.start_by.min(cancelled).min(preempted),
            1 => lease.checkpoint_by.min(lease.ends_by + grace).min(cancelled).min(preempted),
            REPORTED => lease.disputable_until,
            _ => disputes.find(|dispute| dispute.lease == *key).map_or(u64::MAX, |dispute| dispute.decide_by),
        }
    }
}

/// Whether the chain has checked a signature of the attestor's.
fn has_voucher(instructions: &[Instruction], attestor: &Pubkey) -> bool {
    let mut checks = instructions.iter().filter(|one| one.program_id == solana_sdk_ids::ed25519_program::ID);
    checks.any(|check| check.data.windows(32).any(|bytes| bytes == attestor.as_ref()))
}

/// What only its owner may change about a provider.
fn same_wishes(before: &Provider, now: &Provider) -> bool {
    let listed = |one: &Provider| if one.status == DELISTED { None } else { Some(one.status) };
    let status = listed(before) == listed(now) || before.status == DELISTED || now.status == DELISTED;
    let payout = |one: &Provider| (one.payout_owner, one.next_payout_owner, one.next_payout_from);
    let counts = |one: &Provider| (one.owner, one.nodes, one.nodes_added, one.staked, one.stake_withdrawn);
    // What has unlocked leaves by the owner's signature too, which counts see.
    status && payout(before) == payout(now) && counts(before) == counts(now) && before.unbonding == now.unbonding
}

/// What only its provider's owner may change about a node.
fn same_offer(before: &Node, now: &Node) -> bool {
    let offer = |one: &Node| (one.node_key, one.price, one.spot_price, one.service_level, one.status, one.hardware);
    let shape = |one: &Node| (one.provider, one.driver, one.cuda, one.capabilities, one.rent_payer);
    offer(before) == offer(now) && shape(before) == shape(now)
}

fn same_attestation(before: &Node, now: &Node) -> bool {
    let attestation =
        |one: &Node| (one.attestor, one.attestation_digest, one.attestation_class, one.attestation_expires_at);
    attestation(before) == attestation(now)
}

/// What only buyer and funder may change about a job, together.
fn same_terms(before: &Job, now: &Job) -> bool {
    let parties = |one: &Job| (one.buyer, one.funder, one.attestor, one.job_vault, one.rent_payer, one.id);
    before.terms == now.terms && parties(before) == parties(now)
}

/// What only a voucher may change about a lease.
fn same_meter(before: &Lease, now: &Lease) -> bool {
    let meter = |one: &Lease| (one.sequence, one.metered_seconds, one.downtime_seconds, one.paid, one.result_root);
    meter(before) == meter(now)
}
