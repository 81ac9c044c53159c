use anchor_lang::solana_program::instruction::Instruction;
use millrace_protocol::Address;

use super::{build, event_accounts, system_program};
use crate::accounts::JobAccount;
use crate::address::{self, pubkey};

/// Opens the job's next round, at [`JobAccount::round`]. Send it in one transaction with the round's
/// first lease: as long as nobody has joined, anyone may close it. Signers: `payer`, of the rent.
pub fn open_quorum(payer: Address, job: &JobAccount) -> Vec<Instruction> {
    let (quorum, quorum_bump) = address::find_quorum(job.address, job.opened_slot, job.quorum_round);
    let (event_authority, program) = event_accounts();
    let accounts = millrace::accounts::OpenQuorum {
        config: pubkey(address::config()),
        payer: pubkey(payer),
        job: pubkey(job.address),
        quorum: pubkey(quorum),
        system_program: system_program(),
        event_authority,
        program,
    };
    let args = millrace::OpenQuorumArgs { quorum_bump };
    vec![build(accounts, millrace::instruction::OpenQuorum { args })]
}
