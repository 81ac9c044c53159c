use anchor_lang::prelude::*;
use millrace_protocol::quorum::commitment_preimage;
use millrace_protocol::Address;
use solana_sha256_hasher::hash;

use crate::events::{self, ResultRevealed};
use crate::state::{Lease, Node, Quorum};
use crate::{clock, MarketError};

#[derive(AnchorSerialize, AnchorDeserialize, Clone, Debug)]
pub struct RevealResultArgs {
    pub root: [u8; 32],
    /// What kept the root from being guessed.
    pub salt: [u8; 32],
}

#[event_cpi]
#[derive(Accounts)]
pub struct RevealResult<'info> {
    pub node_key: Signer<'info>,

    #[account(has_one = node_key @ MarketError::WrongNodeKey)]
    pub node: AccountLoader<'info, Node>,

    #[account(has_one = node @ MarketError::WrongNode)]
    pub lease: AccountLoader<'info, Lease>,

    /// The round that the lease has joined.
    #[account(mut, constraint = quorum.load()?.job == lease.load()?.job @ MarketError::WrongQuorum)]
    pub quorum: AccountLoader<'info, Quorum>,
}

impl RevealResult<'_> {
    pub fn handle(ctx: Context<Self>, args: RevealResultArgs) -> Result<()> {
        let accounts = ctx.accounts;
        accounts.node.load()?.rules()?;
        accounts.lease.load()?.rules()?;
        let now = clock::now(&Clock::get()?)?;
        let lease = accounts.lease.key();
        let address = Address(lease.to_bytes());
        let commitment = hash(&commitment_preimage(address, args.root, args.salt)).to_bytes();
        let mut quorum = accounts.quorum.load_mut()?;
        let mut rules = quorum.rules()?;
        rules.reveal(address, args.root, commitment, now).map_err(MarketError::from)?;
        quorum.update(&rules)?;

        let event = ResultRevealed {
            job: quorum.job,
            quorum: accounts.quorum.key(),
            round: quorum.round,
            lease,
            root: args.root,
            at: now.0,
        };
        events::emit(&accounts.event_authority, &event)
    }
}
