use anchor_lang::prelude::Pubkey;
use anchor_lang::system_program;
use millrace::types::AllowanceTerms;
use millrace::{
    ChangeAllowanceArgs, DepositBalanceArgs, ExtendJobArgs, OpenAllowanceArgs, OpenBuyerArgs, OpenJobArgs,
    WithdrawBalanceArgs, accounts, instruction,
};
use millrace_protocol::{JobTerms, MicroUsdc, seeds};
use solana_keypair::Keypair;
use solana_signer::Signer;

use crate::{Call, Environment, JobHandle, Receipt, Wallet};

/// A buyer's prepaid balance.
#[derive(Clone)]
pub struct BalanceHandle {
    pub owner: Wallet,
    pub address: Pubkey,
    pub vault: Pubkey,
}

impl Environment {
    /// The balance that `owner` has, or will have.
    pub fn balance_of(owner: &Wallet) -> BalanceHandle {
        let address = Self::derive(&[seeds::BUYER, owner.address().as_ref()]);
        let vault = Self::derive(&[seeds::BUYER_VAULT, address.as_ref()]);
        BalanceHandle { owner: owner.clone(), address, vault }
    }

    pub fn open_buyer(&self, balance: &BalanceHandle) -> Call<accounts::OpenBuyer, instruction::OpenBuyer> {
        let (_, buyer_bump) = Self::find(&[seeds::BUYER, balance.owner.address().as_ref()]);
        let (_, buyer_vault_bump) = Self::find(&[seeds::BUYER_VAULT, balance.address.as_ref()]);
        let accounts = accounts::OpenBuyer {
            config: Self::config_address(),
            owner: balance.owner.address(),
            balance: balance.address,
            mint: self.mint,
            buyer_vault: balance.vault,
            token_program: anchor_spl::token::ID,
            system_program: system_program::ID,
            event_authority: Self::event_authority(),
            program: millrace::ID,
        };
        let args = OpenBuyerArgs { buyer_bump, buyer_vault_bump };
        Call::new(accounts, instruction::OpenBuyer { args }, &[&balance.owner.key])
    }

    /// A balance with `amount` in it.
    pub fn do_open_buyer(&mut self, owner: &Wallet, amount: MicroUsdc) -> BalanceHandle {
        let balance = Self::balance_of(owner);
        let call = self.open_buyer(&balance);
        self.send(&call).expect("open_buyer");
        if amount > MicroUsdc::ZERO {
            let call = self.deposit_balance(owner, &balance, amount);
            self.send(&call).expect("deposit_balance");
        }
        balance
    }

    pub fn deposit_balance(
        &self,
        payer: &Wallet,
        balance: &BalanceHandle,
        amount: MicroUsdc,
    ) -> Call<accounts::DepositBalance, instruction::DepositBalance> {
        let accounts = accounts::DepositBalance {
            payer: payer.address(),
            balance: balance.address,
            payer_tokens: payer.tokens,
            buyer_vault: balance.vault,
            token_program: anchor_spl::token::ID,
            event_authority: Self::event_authority(),
            program: millrace::ID,
        };
        let args = DepositBalanceArgs { amount: amount.0 };
        Call::new(accounts, instruction::DepositBalance { args }, &[&payer.key])
    }

    pub fn withdraw_balance(
        &self,
        balance: &BalanceHandle,
        amount: MicroUsdc,
    ) -> Call<accounts::WithdrawBalance, instruction::WithdrawBalance> {
        let accounts = accounts::WithdrawBalance {
            owner: balance.owner.address(),
            balance: balance.address,
            owner_tokens: balance.owner.tokens,
            buyer_vault: balance.vault,
            token_program: anchor_spl::token::ID,
            event_authority: Self::event_authority(),
            program: millrace::ID,
        };
        let args = WithdrawBalanceArgs { amount: amount.0 };
        Call::new(accounts, instruction::WithdrawBalance { args }, &[&balance.owner.key])
    }

    pub fn close_buyer(&self, balance: &BalanceHandle) -> Call<accounts::CloseBuyer, instruction::CloseBuyer> {
        let accounts = accounts::CloseBuyer {
            owner: balance.owner.address(),
            balance: balance.address,
            buyer_vault: balance.vault,
            owner_tokens: balance.owner.tokens,
            rent_payer: balance.owner.address(),
            token_program: anchor_spl::token::ID,
            event_authority: Self::event_authority(),
            program: millrace::ID,
        };
        Call::new(accounts, instruction::CloseBuyer {}, &[&balance.owner.key])
    }

    /// The address of a delegate's allowance.
    pub fn allowance_of(balance: &BalanceHandle, delegate: &Keypair) -> Pubkey {
        Self::derive(&[seeds::ALLOWANCE, balance.address.as_ref(), delegate.pubkey().as_ref()])
    }

    pub fn open_allowance(
        &self,
        balance: &BalanceHandle,
        delegate: &Keypair,
        terms: AllowanceTerms,
    ) -> Call<accounts::OpenAllowance, instruction::OpenAllowance> {
        let delegate = delegate.pubkey();
        let (allowance, allowance_bump) = Self::find(&[seeds::ALLOWANCE, balance.address.as_ref(), delegate.as_ref()]);
        let accounts = accounts::OpenAllowance {
            owner: balance.owner.address(),
            balance: balance.address,
            allowance,
            system_program: system_program::ID,
            event_authority: Self::event_authority(),
            program: millrace::ID,
        };
        let args = OpenAllowanceArgs { delegate, terms, allowance_bump };
        Call::new(accounts, instruction::OpenAllowance { args }, &[&balance.owner.key])
    }

    pub fn do_open_allowance(&mut self, balance: &BalanceHandle, delegate: &Keypair, terms: AllowanceTerms) -> Receipt {
        let call = self.open_allowance(balance, delegate, terms);
        self.send(&call).expect("open_allowance")
    }

    pub fn change_allowance(
        &self,
        balance: &BalanceHandle,
        delegate: &Keypair,
        terms: AllowanceTerms,
    ) -> Call<accounts::ChangeAllowance, instruction::ChangeAllowance> {
        let accounts = accounts::ChangeAllowance {
            owner: balance.owner.address(),
            balance: balance.address,
            allowance: Self::allowance_of(balance, delegate),
            event_authority: Self::event_authority(),
            program: millrace::ID,
        };
        let args = ChangeAllowanceArgs { terms };
        Call::new(accounts, instruction::ChangeAllowance { args }, &[&balance.owner.key])
    }

    pub fn close_allowance(
        &self,
        balance: &BalanceHandle,
        delegate: &Keypair,
    ) -> Call<accounts::CloseAllowance, instruction::CloseAllowance> {
        let accounts = accounts::CloseAllowance {
            owner: balance.owner.address(),
            balance: balance.address,
            allowance: Self::allowance_of(balance, delegate),
            rent_payer: balance.owner.address(),
            event_authority: Self::event_authority(),
            program: millrace::ID,
        };
        Call::new(accounts, instruction::CloseAllowance {}, &[&balance.owner.key])
    }

    /// By the owner of the balance, or by a delegate with an allowance.
    pub fn open_job_prepaid(
        &self,
        balance: &BalanceHandle,
        delegate: Option<&Keypair>,
        id: u64,
        terms: JobTerms,
    ) -> Call<accounts::OpenJobPrepaid, instruction::OpenJobPrepaid> {
        let authority = delegate.unwrap_or(&balance.owner.key);
        let job = Self::job_of(&balance.owner, &balance.owner, id);
        let (_, job_bump) = Self::find(&[seeds::JOB, balance.owner.address().as_ref(), &id.to_le_bytes()]);
        let (_, job_vault_bump) = Self::find(&[seeds::JOB_VAULT, job.address.as_ref()]);
        let accounts = accounts::OpenJobPrepaid {
            config: Self::config_address(),
            authority: authority.pubkey(),
            balance: balance.address,
            buyer_vault: balance.vault,
            allowance: delegate.map(|key| Self::allowance_of(balance, key)),
            job: job.address,
            mint: self.mint,
            job_vault: job.vault,
            token_program: anchor_spl::token::ID,
            system_program: system_program::ID,
            event_authority: Self::event_authority(),
            program: millrace::ID,
        };
        let args =
            OpenJobArgs { id, spec_hash: [7; 32], terms: terms.into(), attestor: None, job_bump, job_vault_bump };
        Call::new(accounts, instruction::OpenJobPrepaid { args }, &[authority])
    }

    pub fn do_open_job_prepaid(&mut self, balance: &BalanceHandle, id: u64, terms: JobTerms) -> JobHandle {
        let call = self.open_job_prepaid(balance, None, id, terms);
        self.send(&call).expect("open_job_prepaid");
        Self::job_of(&balance.owner, &balance.owner, id)
    }

    pub fn extend_job(
        &self,
        job: &JobHandle,
        args: ExtendJobArgs,
    ) -> Call<accounts::ExtendJob, instruction::ExtendJob> {
        let accounts = accounts::ExtendJob {
            buyer: job.buyer.address(),
            funder: job.funder.address(),
            funder_tokens: job.funder.tokens,
            job: job.address,
            job_vault: job.vault,
            token_program: anchor_spl::token::ID,
            event_authority: Self::event_authority(),
            program: millrace::ID,
        };
        Call::new(accounts, instruction::ExtendJob { args }, &[&job.buyer.key, &job.funder.key])
    }

    pub fn extend_job_prepaid(
        &self,
        balance: &BalanceHandle,
        job: &JobHandle,
        args: ExtendJobArgs,
    ) -> Call<accounts::ExtendJobPrepaid, instruction::ExtendJobPrepaid> {
        let accounts = accounts::ExtendJobPrepaid {
            owner: balance.owner.address(),
            balance: balance.address,
            buyer_vault: balance.vault,
            job: job.address,
            job_vault: job.vault,
            token_program: anchor_spl::token::ID,
            event_authority: Self::event_authority(),
            program: millrace::ID,
        };
        Call::new(accounts, instruction::ExtendJobPrepaid { args }, &[&balance.owner.key])
    }

    /// The rent goes to whoever opened the job.
    pub fn close_job_prepaid(
        &self,
        balance: &BalanceHandle,
        job: &JobHandle,
    ) -> Call<accounts::CloseJobPrepaid, instruction::CloseJobPrepaid> {
        let accounts = accounts::CloseJobPrepaid {
            job: job.address,
            job_vault: job.vault,
            balance: balance.address,
            buyer_vault: balance.vault,
            rent_payer: self.job(&job.address).rent_payer,
            token_program: anchor_spl::token::ID,
            event_authority: Self::event_authority(),
            program: millrace::ID,
        };
        Call::new(accounts, instruction::CloseJobPrepaid {}, &[])
    }
}
