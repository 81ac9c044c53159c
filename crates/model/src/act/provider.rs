use millrace_protocol::MicroUsdc;

use crate::{Account, Done, Market, Refusal};

impl Market {
    pub(super) fn add_stake(&mut self, provider: usize, amount: MicroUsdc) -> Result<Done, Refusal> {
        if self.vaults.balance(Account::Owner(provider)) < amount {
            return Err(Refusal::Broke);
        }
        self.providers[provider].rules.stake.add(amount)?;
        self.vaults.transfer(Account::Owner(provider), Account::Stake(provider), amount);
        Ok(Done { amount, ..Done::default() })
    }

    pub(super) fn unbond(&mut self, provider: usize, amount: MicroUsdc) -> Result<Done, Refusal> {
        self.providers[provider].rules.stake.unbond(amount, self.parameters.unbonding, self.now)?;
        Ok(Done::default())
    }

    pub(super) fn withdraw_stake(&mut self, provider: usize) -> Result<Done, Refusal> {
        let amount = self.providers[provider].rules.stake.withdraw(self.now)?;
        self.vaults.transfer(Account::Stake(provider), Account::Owner(provider), amount);
        Ok(Done { amount, ..Done::default() })
    }

    pub(super) fn withdraw_earnings(&mut self, provider: usize) -> Result<Done, Refusal> {
        let amount = self.providers[provider].rules.earnings.withdraw()?;
        self.vaults.transfer(Account::Earnings(provider), Account::Owner(provider), amount);
        Ok(Done { amount, ..Done::default() })
    }

    pub(super) fn sweep_fees(&mut self, provider: usize) -> Result<Done, Refusal> {
        let amount = self.providers[provider].rules.earnings.sweep()?;
        self.vaults.transfer(Account::Earnings(provider), Account::Treasury, amount);
        Ok(Done { amount, ..Done::default() })
    }

    pub(super) fn delist(&mut self, provider: usize) -> Result<Done, Refusal> {
        self.providers[provider].rules.delist(self.parameters.delist_floor, self.now)?;
        Ok(Done::default())
    }

    pub(super) fn relist(&mut self, provider: usize) -> Result<Done, Refusal> {
        self.providers[provider].rules.relist(self.parameters.delist_floor, self.now)?;
        Ok(Done::default())
    }

    pub(super) fn set_draining(&mut self, provider: usize, draining: bool) -> Result<Done, Refusal> {
        let rules = &mut self.providers[provider].rules;
        match draining {
            true => rules.drain()?,
            false => rules.resume(self.parameters.delist_floor, self.now)?,
        }
        Ok(Done::default())
    }
}
