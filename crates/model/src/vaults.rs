use std::collections::BTreeMap;

use millrace_protocol::MicroUsdc;

/// Where tokens lie. Numbers are positions in the market's lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Account {
    /// A buyer's own.
    Wallet(usize),
    /// Somebody's who pays for a buyer's jobs.
    Funder(usize),
    /// A buyer's prepaid balance.
    Balance(usize),
    Job(usize),
    Stake(usize),
    Earnings(usize),
    /// A provider owner's own.
    Owner(usize),
    Treasury,
}

/// Every token of the market. What is moved must be there.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Vaults(BTreeMap<Account, u64>);

impl Vaults {
    /// Tokens from outside, before the market begins.
    pub fn mint(&mut self, to: Account, amount: MicroUsdc) {
        *self.0.entry(to).or_default() += amount.0;
    }

    /// # Panics
    /// When `from` has less: the rules moved money that is not there.
    pub fn transfer(&mut self, from: Account, to: Account, amount: MicroUsdc) {
        if amount == MicroUsdc::ZERO {
            return;
        }
        let held = self.0.entry(from).or_default();
        *held = held.checked_sub(amount.0).unwrap_or_else(|| panic!("{from:?} lacks {amount} for {to:?}"));
        *self.0.entry(to).or_default() += amount.0;
    }

    pub fn balance(&self, account: Account) -> MicroUsdc {
        MicroUsdc(self.0.get(&account).copied().unwrap_or_default())
    }

    pub fn supply(&self) -> u128 {
        self.0.values().copied().map(u128::from).sum()
    }

    /// Accounts whose balance is not the same in both.
    pub fn differing(&self, other: &Self) -> Vec<Account> {
        let accounts = self.0.keys().chain(other.0.keys());
        accounts.copied().filter(|account| self.balance(*account) != other.balance(*account)).collect()
    }
}
