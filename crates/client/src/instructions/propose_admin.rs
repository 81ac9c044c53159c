use anchor_lang::solana_program::instruction::Instruction;
use millrace_protocol::Address;

use super::{build, event_accounts};
use crate::address::{self, pubkey};

/// Names the key that becomes the admin once it accepts; none withdraws a proposal. Signers: `admin`.
pub fn propose_admin(admin: Address, next: Option<Address>) -> Vec<Instruction> {
    let (event_authority, program) = event_accounts();
    let accounts = millrace::accounts::ProposeAdmin {
        admin: pubkey(admin),
        config: pubkey(address::config()),
        event_authority,
        program,
    };
    vec![build(
        accounts,
        millrace::instruction::ProposeAdmin {
            args: millrace::ProposeAdminArgs { next: next.map(pubkey).unwrap_or_default() },
        },
    )]
}
