use anchor_lang::prelude::*;
use millrace_protocol::Address;

use crate::events::{self, ResultCommitted};
use crate::state::{Lease, Node, Quorum};
use crate::{clock, MarketError};

#[derive(AnchorSerialize, AnchorDeserialize, Clone, Debug)]
pub struct CommitResultArgs {
    /// SHA-256 of [`millrace_protocol::quorum::commitment_preimage`].
    pub commitment: [u8; 32],
}

#[event_cpi]
#[derive(Accounts)]
pub struct CommitResult<'info> {
    pub node_key: Signer<'info>,

    #[account(has_one = node_key @ MarketError::WrongNodeKey)]
    pub node: AccountLoader<'info, Node>,

    #[account(has_one = node @ MarketError::WrongNode)]
    pub lease: AccountLoader<'info, Lease>,

    /// The round that the lease has joined.
    #[account(mut, constraint = quorum.load()?.job == lease.load()?.job @ MarketError::WrongQuorum)]
    pub quorum: AccountLoader<'info, Quorum>,
}

impl CommitResult<'_> {
    pub fn handle(ctx: Context<Self>, args: CommitResultArgs) -> Result<()> {
        let accounts = ctx.accounts;
        accounts.node.load()?.rules()?;
        accounts.lease.load()?.rules()?;
        let now = clock::now(&Clock::get()?)?;
        let lease = accounts.lease.key();
        let mut quorum = accounts.quorum.load_mut()?;
        let mut rules = quorum.rules()?;
        rules.commit(Address(lease.to_bytes()), args.commitment, now).map_err(MarketError::from)?;
        quorum.update(&rules)?;

        let event = ResultCommitted {
            job: quorum.job,
            quorum: accounts.quorum.key(),
            round: quorum.round,
            lease,
            commitment: args.commitment,
            commit_by: quorum.commit_by,
            reveal_by: quorum.reveal_by,
            at: now.0,
        };
        events::emit(&accounts.event_authority, &event)
    }
}
