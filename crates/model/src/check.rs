//! The rules that hold always, after each step.

use millrace_protocol::quorum::MemberState;
use millrace_protocol::{GpuUnits, LeaseState, MicroUsdc};

use crate::market::address;
use crate::{Account, Action, Market};

impl Market {
    /// Rule 1, and that every counter counts.
    ///
    /// # Panics
    /// When one does not hold.
    pub fn check(&self) {
        self.check_jobs();
        self.check_leases();
        self.check_providers();
        self.check_rounds();
        for (number, buyer) in self.buyers.iter().enumerate() {
            buyer.rules.invariant().unwrap();
            assert_eq!(buyer.rules.balance, self.vaults.balance(Account::Balance(number)), "prepaid balance");
        }
    }

    fn check_jobs(&self) {
        for (number, entry) in self.jobs.iter().enumerate() {
            let (job, vault) = (&entry.rules, self.vaults.balance(Account::Job(number)));
            job.invariant().unwrap();
            let Some(refund) = entry.refund else {
                assert_eq!(job.vault_balance(), Ok(vault), "vault of job {number}");
                continue;
            };
            assert_eq!(vault, MicroUsdc::ZERO, "a closed job {number} left money behind");
            let came = job.terms.deposit.plus(job.compensation);
            let went = job.paid.plus(job.fees).and_then(|out| out.plus(refund));
            assert_eq!(came, went, "what came into job {number} went out of it");
            assert_eq!(self.unsettled(number).count(), 0, "a closed job {number} has leases");
            assert_eq!(entry.round, None, "a closed job {number} has a round");
        }
    }

    fn check_leases(&self) {
        let mut reserved = vec![MicroUsdc::ZERO; self.jobs.len()];
        let mut bonds = vec![MicroUsdc::ZERO; self.jobs.len()];
        let mut counts = vec![(0, 0); self.jobs.len()];
        let mut locked = vec![MicroUsdc::ZERO; self.providers.len()];
        let mut leased = vec![GpuUnits::ZERO; self.nodes.len()];
        for entry in self.leases.iter().filter(|entry| !entry.settled) {
            let lease = &entry.rules;
            lease.invariant().unwrap();
            reserved[entry.job] = reserved[entry.job].plus(lease.reserved).unwrap();
            let provider = self.nodes[entry.node].provider;
            locked[provider] = locked[provider].plus(lease.bond).unwrap();
            match lease.state.is_live() {
                true => {
                    counts[entry.job].0 += 1;
                    leased[entry.node] = leased[entry.node].plus(lease.units).unwrap();
                    let held = lease.reserved.plus(lease.paid);
                    assert_eq!(held, lease.worst_case(), "a live lease can still be paid in full");
                }
                false => counts[entry.job].1 += 1,
            }
        }
        for entry in self.disputes.iter().filter(|entry| !entry.over) {
            let job = self.leases[entry.lease].job;
            bonds[job] = bonds[job].plus(entry.rules.bond).unwrap();
            assert_eq!(self.leases[entry.lease].rules.state, LeaseState::Disputed);
        }
        for (number, entry) in self.jobs.iter().enumerate() {
            let job = &entry.rules;
            assert_eq!((job.reserved, job.dispute_bonds), (reserved[number], bonds[number]), "held by job {number}");
            assert_eq!((job.live_leases, job.reported_leases), counts[number], "leases of job {number}");
        }
        for (number, entry) in self.providers.iter().enumerate() {
            assert_eq!(entry.rules.stake.locked, locked[number], "bonds of provider {number}");
        }
        for (number, entry) in self.nodes.iter().enumerate() {
            entry.rules.invariant().unwrap();
            assert_eq!(entry.rules.leased, leased[number], "units of node {number}");
        }
    }

    fn check_providers(&self) {
        for (number, entry) in self.providers.iter().enumerate() {
            let provider = &entry.rules;
            provider.invariant().unwrap();
            assert_eq!(provider.stake.total, self.vaults.balance(Account::Stake(number)), "stake vault {number}");
            let earnings = self.vaults.balance(Account::Earnings(number));
            assert_eq!(provider.earnings.total(), Ok(earnings), "earnings vault {number}");
        }
    }

    /// A lease is settled exactly when its place in the round is through.
    fn check_rounds(&self) {
        for (number, entry) in self.leases.iter().enumerate() {
            let quorum = self.jobs[entry.job].rules.terms.verification.is_quorum();
            assert_eq!(entry.round.is_some(), quorum, "lease {number} and its round");
            let Some(round) = entry.round.filter(|_| !entry.settled) else { continue };
            let member = self.rounds[round].rules.joined().iter().find(|member| member.lease == address(number));
            let waiting =
                member.is_some_and(|member| !matches!(member.state, MemberState::Gone | MemberState::Settled));
            assert!(waiting, "lease {number} has no place in its round any more");
        }
        for (number, entry) in self.rounds.iter().enumerate() {
            entry.rules.invariant().unwrap();
            let through = |state| matches!(state, MemberState::Gone | MemberState::Settled);
            let open = entry.rules.joined().iter().filter(|member| !through(member.state)).count();
            let unsettled = self.leases.iter().filter(|lease| lease.round == Some(number) && !lease.settled).count();
            assert_eq!(open, unsettled, "round {number} and its leases");
        }
    }

    /// Rules 2 and 4: an action touches its own job, and the node and provider of its own lease, alone.
    ///
    /// # Panics
    /// When something else changed, or tokens appeared or vanished.
    pub fn check_isolation(&self, before: &Self, action: Action) {
        let (job, provider) = self.touched(action);
        assert_eq!(self.vaults.supply(), before.vaults.supply(), "tokens appeared or vanished");
        for (number, entry) in before.jobs.iter().enumerate().filter(|(number, _)| job != Some(*number)) {
            assert!(self.jobs[number] == *entry, "{action:?} wrote job {number}");
        }
        for (number, entry) in before.leases.iter().enumerate().filter(|(_, entry)| job != Some(entry.job)) {
            assert!(self.leases[number] == *entry, "{action:?} wrote lease {number}");
        }
        for (number, entry) in before.rounds.iter().enumerate().filter(|(_, entry)| job != Some(entry.job)) {
            assert!(self.rounds[number] == *entry, "{action:?} wrote round {number}");
        }
        for (number, entry) in before.providers.iter().enumerate().filter(|(number, _)| provider != Some(*number)) {
            assert!(self.providers[number] == *entry, "{action:?} wrote provider {number}");
        }
        for (number, entry) in before.nodes.iter().enumerate().filter(|(_, entry)| provider != Some(entry.provider)) {
            assert!(self.nodes[number] == *entry, "{action:?} wrote node {number}");
        }
        for account in self.vaults.differing(&before.vaults) {
            let own = match account {
                Account::Job(number) => job == Some(number),
                Account::Stake(number) | Account::Earnings(number) | Account::Owner(number) => provider == Some(number),
                Account::Wallet(_) | Account::Funder(_) | Account::Balance(_) | Account::Treasury => true,
            };
            assert!(own, "{action:?} moved the money of {account:?}");
        }
    }

    /// The job and the provider an action may write.
    pub fn touched(&self, action: Action) -> (Option<usize>, Option<usize>) {
        match action {
            Action::ExtendJob { job, .. }
            | Action::CancelJob { job }
            | Action::ExpireJob { job }
            | Action::CloseJob { job } => (Some(job), None),
            Action::OpenJob { .. } => (Some(self.jobs.len().saturating_sub(1)), None),
            Action::OpenLease { job, node, .. } => (Some(job), Some(self.nodes[node].provider)),
            Action::Settle { lease, .. }
            | Action::HoldLease { lease }
            | Action::ExtendStart { lease }
            | Action::ExtendLease { lease, .. }
            | Action::NoticePreemption { lease }
            | Action::ExpireLease { lease }
            | Action::AcceptLease { lease }
            | Action::FinalizeLease { lease }
            | Action::OpenDispute { lease }
            | Action::Commit { lease, .. }
            | Action::Reveal { lease, .. }
            | Action::SettleMember { lease } => (Some(self.leases[lease].job), Some(self.provider_of(lease))),
            Action::ResolveDispute { dispute, .. } | Action::ExpireDispute { dispute } => {
                let lease = self.disputes[dispute].lease;
                (Some(self.leases[lease].job), Some(self.provider_of(lease)))
            }
            Action::Tally { round } | Action::CloseQuorum { round } => (Some(self.rounds[round].job), None),
            Action::AddStake { provider, .. }
            | Action::Unbond { provider, .. }
            | Action::WithdrawStake { provider }
            | Action::WithdrawEarnings { provider }
            | Action::SweepFees { provider }
            | Action::Delist { provider }
            | Action::Relist { provider }
            | Action::SetDraining { provider, .. } => (None, Some(provider)),
            Action::Attest { node, .. } => (None, Some(self.nodes[node].provider)),
            Action::Wait(_)
            | Action::DepositBalance { .. }
            | Action::WithdrawBalance { .. }
            | Action::SetAllowance { .. } => (None, None),
        }
    }
}
