//! The books once more, counted by nothing but vouchers, prices and what wallets hold: `Market::check` holds
//! the rules' own books against the vaults, this holds both against what should have been paid.

use std::collections::{BTreeMap, BTreeSet};

use millrace_model::Account;
use millrace_protocol::voucher::Voucher;
use millrace_protocol::{Address, LeaseState, MicroUsdc, Payment, UnixSeconds};

use crate::ledger::{Failure, Instruction, Ledger};
use crate::name;
use crate::simulation::FORTUNE;

/// What was seen on its way to the chain.
#[derive(Default)]
pub struct Receipts {
    /// The last voucher redeemed of each lease, by its position in the market.
    redeemed: BTreeMap<usize, Voucher>,
    /// Positions in the market, also of leases that are gone.
    leases: BTreeMap<Address, usize>,
    /// Leases about which somebody ruled, or let the time for it pass.
    disputed: BTreeSet<usize>,
}

impl Receipts {
    pub fn note(&mut self, ledger: &Ledger, instruction: &Instruction, result: &Result<Vec<Address>, Failure>) {
        if result.is_err() {
            return;
        }
        match instruction {
            Instruction::OpenLease { job, opened_slot, number, .. } => {
                let lease = name::lease(*job, *opened_slot, *number);
                self.leases.extend(ledger.leases.get(&lease).map(|at| (lease, at.index)));
            }
            Instruction::Settle { voucher, .. } => {
                if let Some(index) = self.leases.get(&voucher.lease) {
                    self.redeemed.insert(*index, **voucher);
                }
            }
            Instruction::OpenDispute { lease } => self.disputed.extend(self.leases.get(lease)),
            _ => {}
        }
    }

    /// # Errors
    /// What was paid and not owed, or owed and not paid.
    pub fn check(&self, ledger: &Ledger) -> Result<(), String> {
        self.check_leases(ledger)?;
        check_jobs(ledger)?;
        self.check_wallets(ledger)
    }

    /// What each lease was paid in all, but for those that were disputed.
    pub fn paid(&self, ledger: &Ledger) -> Vec<(Address, MicroUsdc)> {
        let settled = self.leases.iter().filter(|(_, index)| !self.disputed.contains(*index));
        settled.map(|(lease, index)| (*lease, ledger.market.leases[*index].rules.paid)).collect()
    }

    /// Each lease was paid its attested seconds at its price, and no others.
    fn check_leases(&self, ledger: &Ledger) -> Result<(), String> {
        let market = &ledger.market;
        for (index, entry) in market.leases.iter().enumerate().filter(|(index, _)| !self.disputed.contains(index)) {
            let (lease, job) = (&entry.rules, &market.jobs[entry.job].rules);
            let attested = self.redeemed.get(&index).map_or(0, |voucher| voucher.metered.0);
            if lease.metered.0 != attested {
                return Err(format!("lease {index} metered {} s, and {attested} s were attested", lease.metered.0));
            }
            if lease.state == LeaseState::Disputed {
                return Err(format!("lease {index} is disputed and nobody disputed it"));
            }
            let cost = u128::from(lease.price.0) * u128::from(lease.units.0) * u128::from(attested) / 3_600;
            let paid = u128::from(lease.paid.0);
            let sent_away = job.is_cancelled() || lease.preempted_at > UnixSeconds::ZERO;
            let right = match job.terms.payment {
                _ if sent_away => paid <= cost,
                Payment::Streaming => paid == cost,
                Payment::OnResult => paid == cost || paid == 0,
            };
            if !right {
                return Err(format!("lease {index} was paid {paid} micro-USDC for {attested} s that cost {cost}"));
            }
        }
        Ok(())
    }

    /// Whoever disputed nothing has what it began with, less deposits, plus refunds; and providers have what
    /// their leases were paid.
    fn check_wallets(&self, ledger: &Ledger) -> Result<(), String> {
        let market = &ledger.market;
        let buyer_of = |lease: &usize| market.jobs[market.leases[*lease].job].buyer;
        let provider_of = |lease: &usize| market.nodes[market.leases[*lease].node].provider;
        let buyers: BTreeSet<usize> = self.disputed.iter().map(buyer_of).collect();
        for buyer in (0..market.buyers.len()).filter(|buyer| !buyers.contains(buyer)) {
            let jobs = market.jobs.iter().filter(|job| job.buyer == buyer);
            let (put_in, came_back) = jobs.fold((0, 0), |(put_in, came_back), job| {
                let refund = job.refund.map_or(0, |refund| u128::from(refund.0));
                (put_in + u128::from(job.rules.terms.deposit.0), came_back + refund)
            });
            let (should, has) =
                (u128::from(FORTUNE.0) + came_back - put_in, market.vaults.balance(Account::Wallet(buyer)));
            if u128::from(has.0) != should {
                return Err(format!("buyer {buyer} has {} micro-USDC and should have {should}", has.0));
            }
        }
        let providers: BTreeSet<usize> = self.disputed.iter().map(provider_of).collect();
        for provider in (0..market.providers.len()).filter(|provider| !providers.contains(provider)) {
            let leases = (0..market.leases.len()).filter(|lease| provider_of(lease) == provider);
            let should: u128 = leases
                .map(|lease| {
                    let rules = &market.leases[lease].rules;
                    // The network's: what a result that was outvoted costs beyond what was paid for it.
                    let lost =
                        if ledger.wrong.contains(&lease) { rules.bond.0.saturating_sub(rules.paid.0) } else { 0 };
                    u128::from(rules.paid.0) + u128::from(lost)
                })
                .sum();
            let has = market.vaults.balance(Account::Earnings(provider));
            if u128::from(has.0) != should {
                return Err(format!("provider {provider} earned {should} micro-USDC and has {}", has.0));
            }
        }
        Ok(())
    }
}

/// What a job's deposit was spent on, and what came back.
fn check_jobs(ledger: &Ledger) -> Result<(), String> {
    let market = &ledger.market;
    let mut spent = vec![0u128; market.jobs.len()];
    for entry in &market.leases {
        spent[entry.job] += u128::from(entry.rules.paid.0);
    }
    for (number, entry) in market.jobs.iter().enumerate() {
        let Some(refund) = entry.refund else { return Err(format!("job {number} is not closed")) };
        let came = u128::from(entry.rules.terms.deposit.0) + u128::from(entry.rules.compensation.0);
        if came != spent[number] + u128::from(refund.0) {
            let spent = spent[number];
            return Err(format!("job {number} had {came} micro-USDC, spent {spent} and got {} back", refund.0));
        }
    }
    Ok(())
}
