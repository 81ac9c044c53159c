//! What a random step means in the market as it is.

use millrace_protocol::quorum::{MemberState, Verdict};
use millrace_protocol::transitions::{JobExtension, LeaseOffer};
use millrace_protocol::voucher::ExitClass;
use millrace_protocol::{
    GpuUnits, HardwareAttestation, JobState, JobTerms, LeaseState, MicroUsdc, PricePerGpuHour, ProviderStatus,
    Requirements, Seconds, UnixSeconds,
};

use crate::market::address;
use crate::{Action, Market, Step, Terms};

/// The highest price a job pays, which most nodes ask for less than.
const MAXIMUM_PRICE: PricePerGpuHour = PricePerGpuHour(3_600_000);

/// One of those that pass, or one of all for every fourth `index`.
fn pick(index: usize, all: usize, passes: impl Fn(usize) -> bool) -> Option<usize> {
    let wanted: Vec<usize> = (0..all).filter(|number| index.is_multiple_of(4) || passes(*number)).collect();
    (!wanted.is_empty()).then(|| wanted[index / 4 % wanted.len()])
}

impl Market {
    /// The action that a step stands for; `None` where there is nothing it could be about.
    pub fn resolve(&self, step: Step) -> Option<Action> {
        Some(match step {
            Step::Wait(seconds) => Action::Wait(Seconds(seconds)),
            Step::WaitFor { what, late } => Action::Wait(self.until_a_deadline(what, late)?),
            Step::Deposit { buyer, amount } => Action::DepositBalance { buyer, amount: MicroUsdc(amount) },
            Step::Withdraw { buyer, eighths } => {
                Action::WithdrawBalance { buyer, amount: part(self.buyers[buyer].rules.balance, eighths, 8) }
            }
            Step::Allow { buyer, amount, seconds } => Action::SetAllowance {
                buyer,
                per_job: MicroUsdc(amount),
                total: MicroUsdc(3 * amount),
                expires_at: UnixSeconds(self.now.0 + seconds),
            },
            Step::OpenJob { buyer, funding, terms } => Action::OpenJob { buyer, funding, terms: job_terms(terms) },
            Step::ExtendJob { job, deposit, lease_seconds, start_window } => Action::ExtendJob {
                job: self.a_job(job)?,
                extension: JobExtension {
                    deposit: MicroUsdc(deposit),
                    lease_seconds: Seconds(lease_seconds),
                    start_window: Seconds(start_window),
                },
            },
            Step::CancelJob { job } => Action::CancelJob { job: self.a_job(job)? },
            Step::ExpireJob { job } => {
                Action::ExpireJob { job: self.a_job_that(job, |state| state == JobState::Open)? }
            }
            Step::CloseJob { job } => {
                let over = |state| matches!(state, JobState::Done | JobState::Expired);
                Action::CloseJob { job: self.a_job_that(job, over)? }
            }
            Step::OpenLease { job, node, sixteenths, eighths } => self.an_offer(job, node, sixteenths, eighths)?,
            Step::Settle { lease, .. } => self.a_voucher(self.a_live_lease(lease)?, step),
            Step::Replay { voucher } => {
                let lease = self.redeemed.get(voucher % self.redeemed.len().max(1))?.0;
                self.redeemed_again(voucher, lease)?
            }
            Step::Divert { voucher, lease } => self.redeemed_again(voucher, self.a_live_lease(lease)?)?,
            Step::Hold { lease } => Action::HoldLease { lease: self.a_live_lease(lease)? },
            Step::ExtendStart { lease } => Action::ExtendStart { lease: self.a_live_lease(lease)? },
            Step::ExtendLease { lease, seconds } => {
                Action::ExtendLease { lease: self.a_live_lease(lease)?, more: Seconds(seconds) }
            }
            Step::Notice { lease } => Action::NoticePreemption { lease: self.a_live_lease(lease)? },
            Step::ExpireLease { lease } => Action::ExpireLease { lease: self.a_live_lease(lease)? },
            Step::Accept { lease } => Action::AcceptLease { lease: self.a_reported_lease(lease)? },
            Step::Finalize { lease } => Action::FinalizeLease { lease: self.a_reported_lease(lease)? },
            Step::Dispute { lease } => Action::OpenDispute { lease: self.a_reported_lease(lease)? },
            Step::Resolve { dispute, ruling } => Action::ResolveDispute { dispute: self.a_dispute(dispute)?, ruling },
            Step::ExpireDispute { dispute } => Action::ExpireDispute { dispute: self.a_dispute(dispute)? },
            Step::Commit { lease, root } => Action::Commit { lease: self.a_member(lease)?, root },
            Step::Reveal { lease, root } => Action::Reveal { lease: self.a_member(lease)?, root },
            Step::Proceed { round } => self.proceed(self.an_open_round(round)?)?,
            Step::Tally { round } => Action::Tally { round: self.a_round(round)? },
            Step::SettleMember { lease } => Action::SettleMember { lease: self.a_member(lease)? },
            Step::CloseQuorum { round } => Action::CloseQuorum { round: self.a_round(round)? },
            Step::AddStake { provider, amount } => Action::AddStake { provider, amount: MicroUsdc(amount) },
            Step::Unbond { provider, sixteenths } => {
                let free = self.providers[provider].rules.stake.free().ok()?;
                Action::Unbond { provider, amount: part(free, sixteenths, 16) }
            }
            Step::WithdrawStake { provider } => Action::WithdrawStake { provider },
            Step::WithdrawEarnings { provider } => Action::WithdrawEarnings { provider },
            Step::Sweep { provider } => Action::SweepFees { provider },
            Step::Delist { provider } => Action::Delist { provider },
            Step::Relist { provider } => {
                let delisted = |number: usize| self.providers[number].rules.status == ProviderStatus::Delisted;
                let wanted = pick(4 * provider + 1, self.providers.len(), delisted);
                Action::Relist { provider: wanted.unwrap_or(provider) }
            }
            Step::Drain { provider, draining } => Action::SetDraining { provider, draining },
            Step::Attest { node, class, seconds } => Action::Attest {
                node,
                attestation: HardwareAttestation { class, expires_at: UnixSeconds(self.now.0 + seconds) },
            },
        })
    }

    fn a_job(&self, index: usize) -> Option<usize> {
        self.a_job_that(index, |_| true)
    }

    fn a_job_that(&self, index: usize, passes: impl Fn(JobState) -> bool) -> Option<usize> {
        pick(index, self.jobs.len(), |job| self.jobs[job].refund.is_none() && passes(self.jobs[job].rules.state))
    }

    fn a_live_lease(&self, index: usize) -> Option<usize> {
        pick(index, self.leases.len(), |lease| !self.leases[lease].settled && self.leases[lease].rules.state.is_live())
    }

    fn a_reported_lease(&self, index: usize) -> Option<usize> {
        pick(index, self.leases.len(), |lease| !self.leases[lease].settled && !self.leases[lease].rules.state.is_live())
    }

    fn a_member(&self, index: usize) -> Option<usize> {
        pick(index, self.leases.len(), |lease| !self.leases[lease].settled && self.leases[lease].round.is_some())
    }

    fn a_dispute(&self, index: usize) -> Option<usize> {
        pick(index, self.disputes.len(), |dispute| !self.disputes[dispute].over)
    }

    fn a_round(&self, index: usize) -> Option<usize> {
        pick(index, self.rounds.len(), |round| !self.rounds[round].closed)
    }

    fn an_open_round(&self, index: usize) -> Option<usize> {
        pick(index | 1, self.rounds.len(), |round| !self.rounds[round].closed)
    }

    /// The next thing that brings a round forward. Every fifth lease has another result.
    fn proceed(&self, round: usize) -> Option<Action> {
        let entry = &self.rounds[round];
        let members = || (0..self.leases.len()).filter(|lease| self.leases[*lease].round == Some(round));
        let root = |lease: usize| 7 + u8::from(lease.is_multiple_of(5));
        let in_state = |state| {
            members().find(|lease| {
                entry.rules.joined().iter().any(|member| member.lease == address(*lease) && member.state == state)
            })
        };
        if entry.rules.verdict != Verdict::Open {
            let waiting = members().find(|lease| !self.leases[*lease].settled);
            return Some(waiting.map_or(Action::CloseQuorum { round }, |lease| match self.leases[lease].rules.state {
                LeaseState::Reported => Action::SettleMember { lease },
                _ => self.a_final_voucher(lease),
            }));
        }
        if let Some(lease) = in_state(MemberState::Leased) {
            let live = self.leases[lease].rules.state.is_live();
            return Some(if live { self.a_final_voucher(lease) } else { Action::Commit { lease, root: root(lease) } });
        }
        let joinable = entry.rules.joined < entry.rules.size && entry.rules.reveal_by == UnixSeconds::ZERO;
        if joinable && self.now < entry.rules.commit_by {
            let strange = |provider| entry.rules.joined().iter().all(|member| member.provider != address(provider));
            let node = (0..self.nodes.len()).find(|node| strange(self.nodes[*node].provider))?;
            let terms = &self.jobs[entry.job].rules.terms;
            let price = self.nodes[node].rules.posted_price(terms.spot)?;
            let offer = LeaseOffer { price, negotiated: false, maximum: terms.lease_seconds };
            return Some(Action::OpenLease { job: entry.job, node, offer });
        }
        match in_state(MemberState::Committed) {
            Some(lease) if self.now < entry.rules.reveal_deadline().ok()? => {
                Some(Action::Reveal { lease, root: root(lease) })
            }
            _ => Some(Action::Tally { round }),
        }
    }

    fn a_final_voucher(&self, lease: usize) -> Action {
        let rules = &self.leases[lease].rules;
        let metered = Seconds(self.now.since(rules.opened_at).0.clamp(rules.metered.0, rules.maximum.0));
        Action::Settle {
            lease,
            of: lease,
            sequence: rules.sequence + 1,
            metered,
            downtime: rules.downtime,
            is_final: true,
            class: ExitClass::Completed,
        }
    }

    fn an_offer(&self, job: usize, node: usize, sixteenths: u64, eighths: Option<u64>) -> Option<Action> {
        let takes = |state| matches!(state, JobState::Open | JobState::Active);
        let job = self.a_job_that(job, takes)?;
        let terms = &self.jobs[job].rules.terms;
        let posted = self.nodes[node].rules.posted_price(terms.spot)?;
        let price = eighths.map_or(posted, |eighths| PricePerGpuHour(posted.0 * eighths / 8));
        let maximum = Seconds(terms.lease_seconds.0 * sixteenths / 16);
        let offer = LeaseOffer { price, negotiated: eighths.is_some_and(|eighths| eighths > 4), maximum };
        Some(Action::OpenLease { job, node, offer })
    }

    fn a_voucher(&self, lease: usize, step: Step) -> Action {
        let Step::Settle { eighths, down, sequences, is_final, class, .. } = step else {
            unreachable!("a voucher comes with Settle")
        };
        let rules = &self.leases[lease].rules;
        let share = self.now.since(rules.opened_at).0 * eighths / 8;
        let downtime = share * down / 16;
        Action::Settle {
            lease,
            of: lease,
            sequence: rules.sequence + sequences,
            // An honest attestor stops at the lease's end; every eighth does not.
            metered: Seconds(if eighths == 8 { share - downtime } else { (share - downtime).min(rules.maximum.0) }),
            downtime: Seconds(downtime),
            is_final,
            class,
        }
    }

    fn redeemed_again(&self, voucher: usize, lease: usize) -> Option<Action> {
        let (of, voucher) = *self.redeemed.get(voucher % self.redeemed.len().max(1))?;
        Some(Action::Settle {
            lease,
            of,
            sequence: voucher.sequence,
            metered: voucher.metered,
            downtime: voucher.downtime,
            is_final: voucher.is_final,
            class: voucher.exit_class,
        })
    }

    /// How long until one second before, at or after one of the deadlines ahead.
    fn until_a_deadline(&self, what: usize, late: u64) -> Option<Seconds> {
        let mut ahead: Vec<UnixSeconds> = Vec::new();
        for entry in self.leases.iter().filter(|entry| !entry.settled) {
            let lease = &entry.rules;
            ahead.extend(lease.deadline(&self.jobs[entry.job].rules).map(|(at, _)| at));
            ahead.extend([lease.ends_by, lease.preempted_at, lease.disputable_until]);
        }
        for entry in self.rounds.iter().filter(|entry| !entry.closed) {
            ahead.push(entry.rules.commit_by);
            ahead.extend(entry.rules.reveal_deadline());
        }
        let waiting = self.jobs.iter().filter(|entry| entry.refund.is_none());
        ahead.extend(waiting.map(|entry| entry.rules.start_deadline));
        ahead.extend(self.disputes.iter().filter(|entry| !entry.over).map(|entry| entry.rules.decide_by));
        ahead.retain(|at| *at > self.now);
        ahead.sort();
        // Mostly one of the next: far ones would end everything else.
        let at = ahead.get(what % ahead.len().clamp(1, 4))?;
        Some(Seconds((at.0 + late).saturating_sub(self.now.0 + 1)))
    }
}

fn part(amount: MicroUsdc, parts: u64, of: u64) -> MicroUsdc {
    MicroUsdc(amount.0 / of * parts)
}

fn job_terms(terms: Terms) -> JobTerms {
    let requirements = Requirements {
        gpu_classes: 1 << 8,
        vram_mib: 8_192,
        units: GpuUnits(terms.units),
        regions: 1 << 4,
        accept_simulated: false,
    };
    JobTerms {
        requirements,
        maximum_price: MAXIMUM_PRICE,
        concurrent_leases: terms.concurrent,
        lease_seconds: Seconds(terms.lease_seconds),
        start_window: Seconds(terms.start_window),
        retries: terms.retries,
        // Sometimes a micro-USDC short of one more lease.
        deposit: MicroUsdc(terms.leases * (u64::from(terms.units) * terms.lease_seconds * 1_000) + terms.leases - 1),
        spot: terms.spot,
        service_level: terms.service_level,
        payment: terms.payment,
        verification: terms.verification,
        dispute_window: Seconds(terms.dispute_window),
    }
}
