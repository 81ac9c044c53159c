use anchor_lang::prelude::Pubkey;
use millrace_testkit::program::state::{Buyer, Job, Provider};

use super::Books;

/// What a token account is to the market.
#[derive(Clone, Copy)]
pub enum Place<'a> {
    Job(&'a Pubkey, &'a Job),
    Stake(&'a Pubkey, &'a Provider),
    Earnings(&'a Pubkey, &'a Provider),
    Balance(&'a Pubkey, &'a Buyer),
    Purse(&'a Pubkey),
}

impl Books {
    /// Who may move a token account's money.
    pub(super) fn token_owner(&self, address: &Pubkey) -> Option<&Pubkey> {
        self.place(address).map(Place::owner)
    }

    pub(super) fn place(&self, address: &Pubkey) -> Option<Place<'_>> {
        let ledger = &self.ledger;
        let job = ledger.jobs.iter().find(|(_, job)| job.job_vault == *address).map(|(key, job)| Place::Job(key, job));
        let providers = || ledger.providers.iter();
        let stake =
            || providers().find(|(_, one)| one.stake_vault == *address).map(|(key, one)| Place::Stake(key, one));
        let earnings =
            || providers().find(|(_, one)| one.earnings_vault == *address).map(|(key, one)| Place::Earnings(key, one));
        let balance = || {
            let mut balances = ledger.balances.iter();
            balances.find(|(_, one)| one.buyer_vault == *address).map(|(key, one)| Place::Balance(key, one))
        };
        let purse = || self.purses.get(address).map(Place::Purse);
        job.or_else(stake).or_else(earnings).or_else(balance).or_else(purse)
    }
}

impl<'a> Place<'a> {
    pub fn owner(self) -> &'a Pubkey {
        match self {
            Self::Job(key, _) | Self::Stake(key, _) | Self::Earnings(key, _) | Self::Balance(key, _) => key,
            Self::Purse(owner) => owner,
        }
    }
}
