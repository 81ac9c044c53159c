use millrace_protocol::transitions::{self, JobExtension};
use millrace_protocol::{Error, JobTerms, MicroUsdc};

use crate::{Account, Done, Funding, JobEntry, Market, Refusal};

impl Market {
    pub(super) fn open_job(&mut self, buyer: usize, funding: Funding, terms: JobTerms) -> Result<Done, Refusal> {
        let rules = transitions::open_job(terms, &self.parameters, self.now)?;
        let funder = match funding {
            Funding::Wallet => Account::Wallet(buyer),
            Funding::Funder => Account::Funder(buyer),
            Funding::Balance | Funding::Delegate => Account::Balance(buyer),
        };
        let mut entry = self.buyers[buyer];
        if funding == Funding::Delegate {
            entry.allowance.draw(terms.deposit, self.now)?;
        }
        match funder {
            Account::Balance(_) => entry.rules.open_job(terms.deposit)?,
            _ => self.check_purse(funder, terms.deposit)?,
        }
        self.buyers[buyer] = entry;
        let job = self.jobs.len();
        self.vaults.transfer(funder, Account::Job(job), terms.deposit);
        self.jobs.push(JobEntry { buyer, funder, rules, round: None, rounds: 0, refund: None });
        Ok(Done { amount: terms.deposit, ..Done::default() })
    }

    /// Whether a wallet can pay.
    fn check_purse(&self, funder: Account, amount: MicroUsdc) -> Result<(), Refusal> {
        if self.vaults.balance(funder) < amount { Err(Refusal::Broke) } else { Ok(()) }
    }

    pub(super) fn extend_job(&mut self, job: usize, extension: JobExtension) -> Result<Done, Refusal> {
        let mut entry = self.open_entry(job)?;
        transitions::extend_job(&mut entry.rules, extension, self.now)?;
        match entry.funder {
            Account::Balance(buyer) => self.buyers[buyer].rules.spend(extension.deposit)?,
            funder => self.check_purse(funder, extension.deposit)?,
        }
        self.vaults.transfer(entry.funder, Account::Job(job), extension.deposit);
        self.jobs[job] = entry;
        Ok(Done { amount: extension.deposit, ..Done::default() })
    }

    pub(super) fn cancel_job(&mut self, job: usize) -> Result<Done, Refusal> {
        self.open_entry(job)?;
        transitions::cancel_job(&mut self.jobs[job].rules, self.now)?;
        Ok(Done::default())
    }

    pub(super) fn expire_job(&mut self, job: usize) -> Result<Done, Refusal> {
        self.open_entry(job)?;
        transitions::expire_job(&mut self.jobs[job].rules, self.now)?;
        Ok(Done::default())
    }

    pub(super) fn close_job(&mut self, job: usize) -> Result<Done, Refusal> {
        let entry = self.open_entry(job)?;
        let refund = transitions::close_job(&entry.rules)?;
        if entry.round.is_some() {
            return Err(Error::QuorumNotOver.into());
        }
        if let Account::Balance(buyer) = entry.funder {
            self.buyers[buyer].rules.close_job(refund, entry.rules.is_cancelled(), 0)?;
        }
        self.vaults.transfer(Account::Job(job), entry.funder, refund);
        self.jobs[job].refund = Some(refund);
        Ok(Done { amount: refund, ..Done::default() })
    }

    /// A job whose account is still there.
    pub(super) fn open_entry(&self, job: usize) -> Result<JobEntry, Refusal> {
        Some(self.jobs[job]).filter(|entry| entry.refund.is_none()).ok_or(Refusal::Gone)
    }
}
