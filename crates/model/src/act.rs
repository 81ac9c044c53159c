//! What an action does: by the pure rules, and to the vaults.

mod buyer;
mod dispute;
mod job;
mod lease;
mod provider;
mod quorum;

use millrace_protocol::Error;
use millrace_protocol::transitions::Movements;

use crate::{Account, Action, Market};

/// Why nothing happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    Rules(Error),
    /// Its account is closed.
    Gone,
    /// Its sender has less than it would pay.
    Broke,
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::Rules(error)
    }
}

/// What happened, for who follows it elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Done {
    /// Of the transitions that end in movements.
    pub movements: Movements,
    /// What else moved, between the two accounts that the action names.
    pub amount: millrace_protocol::MicroUsdc,
}

impl From<Movements> for Done {
    fn from(movements: Movements) -> Self {
        Self { movements, ..Self::default() }
    }
}

impl Market {
    /// Carries an action out, or leaves the market as it was.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn act(&mut self, action: Action) -> Result<Done, Refusal> {
        match action {
            Action::Wait(seconds) => {
                self.advance(seconds);
                Ok(Done::default())
            }
            Action::DepositBalance { buyer, amount } => self.deposit_balance(buyer, amount),
            Action::WithdrawBalance { buyer, amount } => self.withdraw_balance(buyer, amount),
            Action::SetAllowance { buyer, per_job, total, expires_at } => {
                self.set_allowance(buyer, per_job, total, expires_at)
            }
            Action::OpenJob { buyer, funding, terms } => self.open_job(buyer, funding, terms),
            Action::ExtendJob { job, extension } => self.extend_job(job, extension),
            Action::CancelJob { job } => self.cancel_job(job),
            Action::ExpireJob { job } => self.expire_job(job),
            Action::CloseJob { job } => self.close_job(job),
            Action::OpenLease { job, node, offer } => self.open_lease(job, node, offer),
            Action::Settle { lease, .. } => self.settle(lease, action),
            Action::HoldLease { lease } => self.hold_lease(lease),
            Action::ExtendStart { lease } => self.extend_start(lease),
            Action::ExtendLease { lease, more } => self.extend_lease(lease, more),
            Action::NoticePreemption { lease } => self.notice_preemption(lease),
            Action::ExpireLease { lease } => self.expire_lease(lease),
            Action::AcceptLease { lease } => self.accept_lease(lease),
            Action::FinalizeLease { lease } => self.finalize_lease(lease),
            Action::OpenDispute { lease } => self.open_dispute(lease),
            Action::ResolveDispute { dispute, ruling } => self.resolve_dispute(dispute, ruling),
            Action::ExpireDispute { dispute } => self.expire_dispute(dispute),
            Action::Commit { lease, root } => self.commit(lease, root),
            Action::Reveal { lease, root } => self.reveal(lease, root),
            Action::Tally { round } => self.tally(round),
            Action::SettleMember { lease } => self.settle_member(lease),
            Action::CloseQuorum { round } => self.close_quorum(round),
            Action::AddStake { provider, amount } => self.add_stake(provider, amount),
            Action::Unbond { provider, amount } => self.unbond(provider, amount),
            Action::WithdrawStake { provider } => self.withdraw_stake(provider),
            Action::WithdrawEarnings { provider } => self.withdraw_earnings(provider),
            Action::SweepFees { provider } => self.sweep_fees(provider),
            Action::Delist { provider } => self.delist(provider),
            Action::Relist { provider } => self.relist(provider),
            Action::SetDraining { provider, draining } => self.set_draining(provider, draining),
            Action::Attest { node, attestation } => {
                attestation.check(self.now)?;
                self.nodes[node].rules.attestation = attestation;
                Ok(Done::default())
            }
        }
    }

    /// Moves what a transition on `lease` says, and marks the lease where it is settled.
    fn carry_out(&mut self, lease: usize, movements: Movements) -> Done {
        let (job, provider) = (Account::Job(self.leases[lease].job), self.provider_of(lease));
        let (stake, earnings) = (Account::Stake(provider), Account::Earnings(provider));
        self.vaults.transfer(stake, job, movements.compensation);
        self.vaults.transfer(stake, earnings, movements.forfeit);
        self.vaults.transfer(job, earnings, movements.payment);
        self.vaults.transfer(job, earnings, movements.challenger_forfeit);
        if movements.settled {
            self.leases[lease].settled = true;
        }
        movements.into()
    }
}
