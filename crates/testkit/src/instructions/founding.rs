use std::sync::LazyLock;

use anchor_lang::prelude::Pubkey;
use anchor_lang::system_program;
use millrace::{InitializeArgs, accounts, instruction};
use millrace_protocol::{Parameters, seeds};
use solana_signer::Signer;

use crate::{Call, Environment, Receipt};

impl Environment {
    pub fn config_address() -> Pubkey {
        static ADDRESS: LazyLock<Pubkey> = LazyLock::new(|| Environment::derive(&[seeds::CONFIG]));
        *ADDRESS
    }

    pub fn initialize(&self, parameters: Parameters) -> Call<accounts::Initialize, instruction::Initialize> {
        let accounts = accounts::Initialize {
            admin: self.admin.pubkey(),
            config: Self::config_address(),
            mint: self.mint,
            treasury: self.treasury,
            program_data: self.program_data(),
            system_program: system_program::ID,
            event_authority: Self::event_authority(),
            program: millrace::ID,
        };
        let args = InitializeArgs {
            scheduler: self.scheduler.pubkey(),
            arbiter: self.arbiter.pubkey(),
            parameters: parameters.into(),
        };
        Call::new(accounts, instruction::Initialize { args }, &[&self.admin])
    }

    pub fn do_initialize(&mut self, parameters: Parameters) -> Receipt {
        let call = self.initialize(parameters);
        self.send(&call).expect("initialize")
    }
}
