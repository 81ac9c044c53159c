use anchor_lang::prelude::Pubkey;
use millrace::{ChangePayoutArgs, RequestUnstakeArgs, SetProviderStatusArgs, accounts, instruction};
use millrace_protocol::MicroUsdc;

use crate::{Call, Environment, ProviderHandle, Receipt};

impl Environment {
    pub fn change_payout(
        &self,
        provider: &ProviderHandle,
        next: Pubkey,
    ) -> Call<accounts::ChangePayout, instruction::ChangePayout> {
        let accounts = accounts::ChangePayout {
            config: Self::config_address(),
            owner: provider.owner.address(),
            provider: provider.address,
            event_authority: Self::event_authority(),
            program: millrace::ID,
        };
        Call::new(accounts, instruction::ChangePayout { args: ChangePayoutArgs { next } }, &[&provider.owner.key])
    }

    pub fn do_change_payout(&mut self, provider: &ProviderHandle, next: Pubkey) -> Receipt {
        let call = self.change_payout(provider, next);
        self.send(&call).expect("change_payout")
    }

    pub fn close_provider(
        &self,
        provider: &ProviderHandle,
    ) -> Call<accounts::CloseProvider, instruction::CloseProvider> {
        let accounts = accounts::CloseProvider {
            owner: provider.owner.address(),
            provider: provider.address,
            owner_tokens: provider.owner.tokens,
            stake_vault: provider.stake_vault,
            earnings_vault: provider.earnings_vault,
            rent_payer: provider.owner.address(),
            token_program: anchor_spl::token::ID,
            event_authority: Self::event_authority(),
            program: millrace::ID,
        };
        Call::new(accounts, instruction::CloseProvider {}, &[&provider.owner.key])
    }

    pub fn do_close_provider(&mut self, provider: &ProviderHandle) -> Receipt {
        let call = self.close_provider(provider);
        self.send(&call).expect("close_provider")
    }

    pub fn delist_provider(
        &self,
        provider: &ProviderHandle,
    ) -> Call<accounts::DelistProvider, instruction::DelistProvider> {
        let accounts = accounts::DelistProvider {
            config: Self::config_address(),
            provider: provider.address,
            event_authority: Self::event_authority(),
            program: millrace::ID,
        };
        Call::new(accounts, instruction::DelistProvider {}, &[])
    }

    pub fn do_delist_provider(&mut self, provider: &ProviderHandle) -> Receipt {
        let call = self.delist_provider(provider);
        self.send(&call).expect("delist_provider")
    }

    pub fn relist_provider(
        &self,
        provider: &ProviderHandle,
    ) -> Call<accounts::RelistProvider, instruction::RelistProvider> {
        let accounts = accounts::RelistProvider {
            config: Self::config_address(),
            provider: provider.address,
            event_authority: Self::event_authority(),
            program: millrace::ID,
        };
        Call::new(accounts, instruction::RelistProvider {}, &[])
    }

    pub fn do_relist_provider(&mut self, provider: &ProviderHandle) -> Receipt {
        let call = self.relist_provider(provider);
        self.send(&call).expect("relist_provider")
    }

    pub fn request_unstake(
        &self,
        provider: &ProviderHandle,
        amount: MicroUsdc,
    ) -> Call<accounts::RequestUnstake, instruction::RequestUnstake> {
        let accounts = accounts::RequestUnstake {
            config: Self::config_address(),
            owner: provider.owner.address(),
            provider: provider.address,
            event_authority: Self::event_authority(),
            program: millrace::ID,
        };
        Call::new(
            accounts,
            instruction::RequestUnstake { args: RequestUnstakeArgs { amount: amount.0 } },
            &[&provider.owner.key],
        )
    }

    pub fn do_request_unstake(&mut self, provider: &ProviderHandle, amount: MicroUsdc) -> Receipt {
        let call = self.request_unstake(provider, amount);
        self.send(&call).expect("request_unstake")
    }

    pub fn set_provider_status(
        &self,
        provider: &ProviderHandle,
        draining: bool,
    ) -> Call<accounts::SetProviderStatus, instruction::SetProviderStatus> {
        let accounts = accounts::SetProviderStatus {
            config: Self::config_address(),
            owner: provider.owner.address(),
            provider: provider.address,
            event_authority: Self::event_authority(),
            program: millrace::ID,
        };
        Call::new(
            accounts,
            instruction::SetProviderStatus { args: SetProviderStatusArgs { draining } },
            &[&provider.owner.key],
        )
    }

    pub fn do_set_provider_status(&mut self, provider: &ProviderHandle, draining: bool) -> Receipt {
        let call = self.set_provider_status(provider, draining);
        self.send(&call).expect("set_provider_status")
    }

    pub fn sweep_fees(&self, provider: &ProviderHandle) -> Call<accounts::SweepFees, instruction::SweepFees> {
        let accounts = accounts::SweepFees {
            config: Self::config_address(),
            provider: provider.address,
            earnings_vault: provider.earnings_vault,
            treasury: self.treasury,
            token_program: anchor_spl::token::ID,
            event_authority: Self::event_authority(),
            program: millrace::ID,
        };
        Call::new(accounts, instruction::SweepFees {}, &[])
    }

    pub fn do_sweep_fees(&mut self, provider: &ProviderHandle) -> Receipt {
        let call = self.sweep_fees(provider);
        self.send(&call).expect("sweep_fees")
    }

    /// Signed by the owner, to its own token account.
    pub fn withdraw_earnings(
        &self,
        provider: &ProviderHandle,
    ) -> Call<accounts::WithdrawEarnings, instruction::WithdrawEarnings> {
        let accounts = accounts::WithdrawEarnings {
            authority: provider.owner.address(),
            provider: provider.address,
            payout_account: provider.owner.tokens,
            earnings_vault: provider.earnings_vault,
            token_program: anchor_spl::token::ID,
            event_authority: Self::event_authority(),
            program: millrace::ID,
        };
        Call::new(accounts, instruction::WithdrawEarnings {}, &[&provider.owner.key])
    }

    pub fn do_withdraw_earnings(&mut self, provider: &ProviderHandle) -> Receipt {
        let call = self.withdraw_earnings(provider);
        self.send(&call).expect("withdraw_earnings")
    }

    pub fn withdraw_stake(
        &self,
        provider: &ProviderHandle,
    ) -> Call<accounts::WithdrawStake, instruction::WithdrawStake> {
        let accounts = accounts::WithdrawStake {
            owner: provider.owner.address(),
            provider: provider.address,
            owner_tokens: provider.owner.tokens,
            stake_vault: provider.stake_vault,
            token_program: anchor_spl::token::ID,
            event_authority: Self::event_authority(),
            program: millrace::ID,
        };
        Call::new(accounts, instruction::WithdrawStake {}, &[&provider.owner.key])
    }

    pub fn do_withdraw_stake(&mut self, provider: &ProviderHandle) -> Receipt {
        let call = self.withdraw_stake(provider);
        self.send(&call).expect("withdraw_stake")
    }
}
