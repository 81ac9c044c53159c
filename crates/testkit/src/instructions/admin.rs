use anchor_lang::prelude::Pubkey;
use millrace::{
    ProposeAdminArgs, SetArbiterArgs, SetParametersArgs, SetPausedArgs, SetSchedulerArgs, accounts, instruction,
};
use millrace_protocol::Parameters;
use solana_keypair::Keypair;
use solana_signer::Signer;

use crate::{Call, Environment, Receipt};

impl Environment {
    pub fn accept_admin(&self, next: &Keypair) -> Call<accounts::AcceptAdmin, instruction::AcceptAdmin> {
        let accounts = accounts::AcceptAdmin {
            pending_admin: next.pubkey(),
            config: Self::config_address(),
            event_authority: Self::event_authority(),
            program: millrace::ID,
        };
        Call::new(accounts, instruction::AcceptAdmin {}, &[next])
    }

    pub fn do_accept_admin(&mut self, next: &Keypair) -> Receipt {
        let call = self.accept_admin(next);
        self.send(&call).expect("accept_admin")
    }

    pub fn propose_admin(&self, next: Pubkey) -> Call<accounts::ProposeAdmin, instruction::ProposeAdmin> {
        let accounts = accounts::ProposeAdmin {
            admin: self.admin.pubkey(),
            config: Self::config_address(),
            event_authority: Self::event_authority(),
            program: millrace::ID,
        };
        Call::new(accounts, instruction::ProposeAdmin { args: ProposeAdminArgs { next } }, &[&self.admin])
    }

    pub fn do_propose_admin(&mut self, next: Pubkey) -> Receipt {
        let call = self.propose_admin(next);
        self.send(&call).expect("propose_admin")
    }

    pub fn set_arbiter(&self, arbiter: Pubkey) -> Call<accounts::SetArbiter, instruction::SetArbiter> {
        let accounts = accounts::SetArbiter {
            admin: self.admin.pubkey(),
            config: Self::config_address(),
            event_authority: Self::event_authority(),
            program: millrace::ID,
        };
        Call::new(accounts, instruction::SetArbiter { args: SetArbiterArgs { arbiter } }, &[&self.admin])
    }

    pub fn do_set_arbiter(&mut self, arbiter: Pubkey) -> Receipt {
        let call = self.set_arbiter(arbiter);
        self.send(&call).expect("set_arbiter")
    }

    pub fn set_parameters(&self, parameters: Parameters) -> Call<accounts::SetParameters, instruction::SetParameters> {
        let accounts = accounts::SetParameters {
            admin: self.admin.pubkey(),
            config: Self::config_address(),
            event_authority: Self::event_authority(),
            program: millrace::ID,
        };
        Call::new(
            accounts,
            instruction::SetParameters { args: SetParametersArgs { parameters: parameters.into() } },
            &[&self.admin],
        )
    }

    pub fn do_set_parameters(&mut self, parameters: Parameters) -> Receipt {
        let call = self.set_parameters(parameters);
        self.send(&call).expect("set_parameters")
    }

    pub fn set_paused(&self, paused: bool) -> Call<accounts::SetPaused, instruction::SetPaused> {
        let accounts = accounts::SetPaused {
            admin: self.admin.pubkey(),
            config: Self::config_address(),
            event_authority: Self::event_authority(),
            program: millrace::ID,
        };
        Call::new(accounts, instruction::SetPaused { args: SetPausedArgs { paused } }, &[&self.admin])
    }

    pub fn do_set_paused(&mut self, paused: bool) -> Receipt {
        let call = self.set_paused(paused);
        self.send(&call).expect("set_paused")
    }

    pub fn set_scheduler(&self, scheduler: Pubkey) -> Call<accounts::SetScheduler, instruction::SetScheduler> {
        let accounts = accounts::SetScheduler {
            admin: self.admin.pubkey(),
            config: Self::config_address(),
            event_authority: Self::event_authority(),
            program: millrace::ID,
        };
        Call::new(accounts, instruction::SetScheduler { args: SetSchedulerArgs { scheduler } }, &[&self.admin])
    }

    pub fn do_set_scheduler(&mut self, scheduler: Pubkey) -> Receipt {
        let call = self.set_scheduler(scheduler);
        self.send(&call).expect("set_scheduler")
    }

    pub fn set_treasury(&self, treasury: Pubkey) -> Call<accounts::SetTreasury, instruction::SetTreasury> {
        let accounts = accounts::SetTreasury {
            admin: self.admin.pubkey(),
            config: Self::config_address(),
            treasury,
            event_authority: Self::event_authority(),
            program: millrace::ID,
        };
        Call::new(accounts, instruction::SetTreasury {}, &[&self.admin])
    }

    pub fn do_set_treasury(&mut self, treasury: Pubkey) -> Receipt {
        let call = self.set_treasury(treasury);
        self.send(&call).expect("set_treasury")
    }
}
