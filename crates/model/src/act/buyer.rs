use millrace_protocol::{Allowance, MicroUsdc, UnixSeconds};

use crate::{Account, Done, Market, Refusal};

impl Market {
    pub(super) fn deposit_balance(&mut self, buyer: usize, amount: MicroUsdc) -> Result<Done, Refusal> {
        if self.vaults.balance(Account::Wallet(buyer)) < amount {
            return Err(Refusal::Broke);
        }
        self.buyers[buyer].rules.deposit(amount)?;
        self.vaults.transfer(Account::Wallet(buyer), Account::Balance(buyer), amount);
        Ok(Done { amount, ..Done::default() })
    }

    pub(super) fn withdraw_balance(&mut self, buyer: usize, amount: MicroUsdc) -> Result<Done, Refusal> {
        self.buyers[buyer].rules.withdraw(amount)?;
        self.vaults.transfer(Account::Balance(buyer), Account::Wallet(buyer), amount);
        Ok(Done { amount, ..Done::default() })
    }

    pub(super) fn set_allowance(
        &mut self,
        buyer: usize,
        per_job: MicroUsdc,
        total: MicroUsdc,
        expires_at: UnixSeconds,
    ) -> Result<Done, Refusal> {
        let spent = self.buyers[buyer].allowance.spent;
        self.buyers[buyer].allowance = Allowance { per_job, total, spent, expires_at };
        Ok(Done::default())
    }
}
