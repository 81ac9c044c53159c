use anchor_lang::solana_program::instruction::Instruction;
use millrace_protocol::{Address, Parameters};

use super::{build, event_accounts};
use crate::address::{self, pubkey};

/// Changes the parameters inside the bounds of [`Parameters::check`]; leases keep those they were opened
/// under. Signers: `admin`.
pub fn set_parameters(admin: Address, parameters: &Parameters) -> Vec<Instruction> {
    let (event_authority, program) = event_accounts();
    let accounts = millrace::accounts::SetParameters {
        admin: pubkey(admin),
        config: pubkey(address::config()),
        event_authority,
        program,
    };
    vec![build(
        accounts,
        millrace::instruction::SetParameters { args: millrace::SetParametersArgs { parameters: (*parameters).into() } },
    )]
}
