use anchor_lang::solana_program::instruction::Instruction;

use super::{build, event_accounts, token_program};
use crate::accounts::{JobAccount, LeaseAccount};
use crate::address::{self, pubkey};
use crate::voucher::SignedVoucher;

/// Redeems a voucher: the signature check and, right behind it, `settle`. No signers of its own.
/// Keep the two next to each other: the program reads the instruction before its own.
pub fn settle(job: &JobAccount, lease: &LeaseAccount, voucher: &SignedVoucher) -> Vec<Instruction> {
    let check = Instruction {
        program_id: solana_sdk_ids::ed25519_program::ID,
        accounts: Vec::new(),
        data: millrace::precompile::instruction_data(
            &voucher.attestor.0,
            &voucher.signature,
            &voucher.voucher.encode(),
        ),
    };
    let (event_authority, program) = event_accounts();
    let accounts = millrace::accounts::Settle {
        job: pubkey(lease.job),
        job_vault: pubkey(address::job_vault(lease.job)),
        lease: pubkey(lease.address),
        node: pubkey(lease.node),
        provider: pubkey(lease.provider),
        stake_vault: pubkey(address::stake_vault(lease.provider)),
        earnings_vault: pubkey(address::earnings_vault(lease.provider)),
        rent_payer: pubkey(lease.rent_payer),
        quorum: job.open_quorum().map(pubkey),
        instructions: solana_sdk_ids::sysvar::instructions::ID,
        token_program: token_program(),
        event_authority,
        program,
    };
    vec![check, build(accounts, millrace::instruction::Settle {})]
}
