//! How an action is sent to the chain.

use anchor_lang::{InstructionData, ToAccountMetas};
use millrace_model::{Account, Action, Funding, Market};
use millrace_testkit::program::ExtendJobArgs;
use millrace_testkit::program::types::AllowanceTerms;
use millrace_testkit::protocol::Verification;
use millrace_testkit::protocol::transitions::{JobExtension, LeaseOffer};
use millrace_testkit::protocol::voucher::Voucher;
use millrace_testkit::{Call, Environment, LeaseHandle, Refusal, attestation, commitment};

use super::follower::Follower;

/// What every member hides its root with.
const SALT: [u8; 32] = [3; 32];

impl Follower {
    /// Sends what `action` stands for; `before` is the market as it was. Whoever may send it does.
    ///
    /// # Errors
    /// The chain's refusal.
    pub fn send(&mut self, before: &Market, action: Action) -> Result<(), Refusal> {
        match action {
            Action::Wait(_) => unreachable!("time passes without a transaction"),
            Action::DepositBalance { buyer, amount } => {
                let call = self.chain.deposit_balance(&self.buyers[buyer], &self.balances[buyer], amount);
                self.call(&call)
            }
            Action::WithdrawBalance { buyer, amount } => {
                let call = self.chain.withdraw_balance(&self.balances[buyer], amount);
                self.call(&call)
            }
            Action::SetAllowance { buyer, per_job, total, expires_at } => {
                let terms = AllowanceTerms { per_job: per_job.0, total: total.0, expires_at: expires_at.0 };
                let call = self.chain.change_allowance(&self.balances[buyer], &self.delegates[buyer], terms);
                self.call(&call)
            }
            Action::OpenJob { buyer, funding, terms } => self.open_job(before, buyer, funding, terms),
            Action::ExtendJob { job, extension } => self.extend_job(before, job, extension),
            Action::CancelJob { job } => self.call(&self.chain.cancel_job(&self.jobs[job])),
            Action::ExpireJob { job } => self.call(&self.chain.expire_job(&self.jobs[job])),
            Action::CloseJob { job } => match before.jobs[job].funder {
                Account::Balance(buyer) => {
                    let call = self.chain.close_job_prepaid(&self.balances[buyer], &self.jobs[job]);
                    self.call(&call)
                }
                _ => self.call(&self.chain.close_job(&self.jobs[job])),
            },
            Action::OpenLease { job, node, offer } => self.open_lease(job, node, offer),
            Action::Settle { lease, of, sequence, metered, downtime, is_final, class } => {
                let attested = attestation(self.leases[of].address, sequence, metered);
                let voucher = Voucher { downtime, is_final, exit_class: class, ..attested };
                let call = self.chain.settle(&self.leases[lease], &voucher);
                self.call(&call)
            }
            Action::HoldLease { lease } => self.call(&self.chain.hold_lease(&self.leases[lease])),
            Action::ExtendStart { lease } => self.call(&self.chain.extend_start(&self.leases[lease])),
            Action::ExtendLease { lease, more } => self.call(&self.chain.extend_lease(&self.leases[lease], more)),
            Action::NoticePreemption { lease } => self.call(&self.chain.notice_preemption(&self.leases[lease])),
            Action::ExpireLease { lease } => self.call(&self.chain.expire_lease(&self.leases[lease])),
            Action::AcceptLease { lease } => self.call(&self.chain.accept_lease(&self.leases[lease])),
            Action::FinalizeLease { lease } => self.call(&self.chain.finalize_lease(&self.leases[lease])),
            Action::OpenDispute { lease } => {
                let call = self.chain.open_dispute(&self.leases[lease], &self.buyer_of(before, lease));
                self.call(&call)
            }
            Action::ResolveDispute { dispute, ruling } => {
                let lease = before.disputes[dispute].lease;
                let challenger = self.buyer_of(before, lease);
                let call = self.chain.resolve_dispute(&self.leases[lease], &challenger, ruling);
                self.call(&call)
            }
            Action::ExpireDispute { dispute } => {
                let lease = before.disputes[dispute].lease;
                let call = self.chain.expire_dispute(&self.leases[lease], &self.buyer_of(before, lease));
                self.call(&call)
            }
            Action::Commit { lease, root } => {
                let commitment = commitment(&self.leases[lease], [root; 32], SALT);
                let call = self.chain.commit_result(&self.leases[lease], commitment);
                self.call(&call)
            }
            Action::Reveal { lease, root } => {
                let call = self.chain.reveal_result(&self.leases[lease], [root; 32], SALT);
                self.call(&call)
            }
            Action::Tally { round } => {
                let call = self.chain.tally_quorum(&self.jobs[before.rounds[round].job]);
                self.call(&call)
            }
            Action::SettleMember { lease } => self.call(&self.chain.settle_member(&self.leases[lease])),
            Action::CloseQuorum { round } => {
                let call = self.chain.close_quorum(&self.jobs[before.rounds[round].job]);
                self.call(&call)
            }
            Action::AddStake { provider, amount } => {
                let call = self.chain.add_stake(&self.nodes[2 * provider].provider, amount);
                self.call(&call)
            }
            Action::Unbond { provider, amount } => {
                let call = self.chain.request_unstake(&self.nodes[2 * provider].provider, amount);
                self.call(&call)
            }
            Action::WithdrawStake { provider } => {
                self.call(&self.chain.withdraw_stake(&self.nodes[2 * provider].provider))
            }
            Action::WithdrawEarnings { provider } => {
                self.call(&self.chain.withdraw_earnings(&self.nodes[2 * provider].provider))
            }
            Action::SweepFees { provider } => self.call(&self.chain.sweep_fees(&self.nodes[2 * provider].provider)),
            Action::Delist { provider } => self.call(&self.chain.delist_provider(&self.nodes[2 * provider].provider)),
            Action::Relist { provider } => self.call(&self.chain.relist_provider(&self.nodes[2 * provider].provider)),
            Action::SetDraining { provider, draining } => {
                let call = self.chain.set_provider_status(&self.nodes[2 * provider].provider, draining);
                self.call(&call)
            }
            Action::Attest { node, attestation } => {
                let call = self.chain.attest_node(&self.nodes[node], attestation);
                self.call(&call)
            }
        }
    }

    fn open_job(
        &mut self,
        before: &Market,
        buyer: usize,
        funding: Funding,
        terms: millrace_testkit::protocol::JobTerms,
    ) -> Result<(), Refusal> {
        let id = before.jobs.len() as u64;
        let funder = if funding == Funding::Funder { &self.funders[buyer] } else { &self.buyers[buyer] };
        let job = Environment::job_of(&self.buyers[buyer], funder, id);
        match funding {
            Funding::Wallet | Funding::Funder => {
                let call = self.chain.open_job(&job, id, terms);
                self.call(&call)?;
            }
            Funding::Balance | Funding::Delegate => {
                let delegate = (funding == Funding::Delegate).then_some(&self.delegates[buyer]);
                let call = self.chain.open_job_prepaid(&self.balances[buyer], delegate, id, terms);
                self.call(&call)?;
            }
        }
        self.jobs.push(job);
        Ok(())
    }

    fn extend_job(&mut self, before: &Market, job: usize, extension: JobExtension) -> Result<(), Refusal> {
        let args = ExtendJobArgs {
            deposit: extension.deposit.0,
            lease_seconds: extension.lease_seconds.0,
            start_window: extension.start_window.0,
        };
        match before.jobs[job].funder {
            Account::Balance(buyer) => {
                let call = self.chain.extend_job_prepaid(&self.balances[buyer], &self.jobs[job], args);
                self.call(&call)
            }
            _ => self.call(&self.chain.extend_job(&self.jobs[job], args)),
        }
    }

    /// A lease that would be the first of a round comes with the round.
    fn open_lease(&mut self, job: usize, node: usize, offer: LeaseOffer) -> Result<(), Refusal> {
        let (job, node) = (self.jobs[job].clone(), self.nodes[node].clone());
        let mut call = self.chain.open_lease(&job, &node);
        call.data.args.price = offer.price.0;
        call.data.args.maximum_seconds = offer.maximum.0;
        call.data.args.bid_book_root = [u8::from(offer.negotiated); 32];
        let terms = self.chain.job(&job.address).rules().unwrap().terms;
        if matches!(terms.verification, Verification::Quorum { .. }) && call.accounts.quorum.is_none() {
            let round = self.chain.open_round(&job);
            call.before.push(round.instruction());
            call.accounts.quorum = Some(round.accounts.quorum);
        }
        let address = call.accounts.lease;
        self.call(&call)?;
        self.leases.push(LeaseHandle { address, job, node });
        Ok(())
    }

    fn call<A: ToAccountMetas, D: InstructionData>(&mut self, call: &Call<A, D>) -> Result<(), Refusal> {
        self.chain.send(call).map(drop)
    }
}
