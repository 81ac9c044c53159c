use anchor_lang::solana_program::instruction::Instruction;
use millrace_protocol::{Address, Parameters};

use super::{build, event_accounts, system_program};
use crate::address::{self, pubkey};

/// Who runs a new network and with which parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Foundation {
    /// The program's upgrade authority; signs and pays.
    pub admin: Address,
    pub scheduler: Address,
    /// Decides disputes.
    pub arbiter: Address,
    /// Token account of `mint` that fees are swept to.
    pub treasury: Address,
    pub mint: Address,
    pub parameters: Parameters,
}

/// Founds the network. Signers: `admin`.
pub fn initialize(foundation: Foundation) -> Vec<Instruction> {
    let (event_authority, program) = event_accounts();
    let accounts = millrace::accounts::Initialize {
        admin: pubkey(foundation.admin),
        config: pubkey(address::config()),
        mint: pubkey(foundation.mint),
        treasury: pubkey(foundation.treasury),
        program_data: pubkey(address::program_data()),
        system_program: system_program(),
        event_authority,
        program,
    };
    let args = millrace::InitializeArgs {
        scheduler: pubkey(foundation.scheduler),
        arbiter: pubkey(foundation.arbiter),
        parameters: foundation.parameters.into(),
    };
    vec![build(accounts, millrace::instruction::Initialize { args })]
}
