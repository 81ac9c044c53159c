use anchor_lang::prelude::*;
use bytemuck::Zeroable;
use millrace_protocol::quorum::Quorum as Round;
use millrace_protocol::{seeds, JobState, Verification};

use crate::constants::{CONFIG, VERSION};
use crate::create::{self, Place};
use crate::events::{self, QuorumOpened};
use crate::state::{Config, Job, Quorum};
use crate::{clock, MarketError};

#[derive(AnchorSerialize, AnchorDeserialize, Clone, Debug)]
pub struct OpenQuorumArgs {
    pub quorum_bump: u8,
}

/// Opens a round without members. Anyone may also close it as long as nobody has joined: open the round
/// and its first lease in one transaction.
#[event_cpi]
#[derive(Accounts)]
pub struct OpenQuorum<'info> {
    #[account(address = CONFIG.0)]
    #[cfg_attr(feature = "idl-build", account(seeds = [seeds::CONFIG], bump))]
    pub config: AccountLoader<'info, Config>,

    /// Anyone; gets the rent back when the round is closed.
    #[account(mut)]
    pub payer: Signer<'info>,

    #[account(mut)]
    pub job: AccountLoader<'info, Job>,

    /// CHECK: Created here.
    #[account(mut)]
    #[cfg_attr(
        feature = "idl-build",
        account(
            seeds = [
                seeds::QUORUM,
                job.key().as_ref(),
                &job.load()?.opened_slot.to_le_bytes(),
                &job.load()?.quorum_round.to_le_bytes(),
            ],
            bump,
        )
    )]
    pub quorum: UncheckedAccount<'info>,

    pub system_program: Program<'info, System>,
}

impl OpenQuorum<'_> {
    pub fn handle(ctx: Context<Self>, args: OpenQuorumArgs) -> Result<()> {
        let accounts = ctx.accounts;
        let now = clock::now(&Clock::get()?)?;
        let parameters = accounts.config.load()?.rules()?;
        let mut job = accounts.job.load_mut()?;
        require!(job.quorum_open == 0, MarketError::QuorumOpen);
        let (slot, number) = (job.opened_slot.to_le_bytes(), job.quorum_round.to_le_bytes());
        let seeds: &[&[u8]] = &[seeds::QUORUM, accounts.job.as_ref().key.as_ref(), &slot, &number];
        let place = Place::prove(&accounts.quorum, seeds, args.quorum_bump)?;
        let rules = job.rules()?;
        let Verification::Quorum { needed, size } = rules.terms.verification else {
            return Err(MarketError::WrongQuorum.into());
        };
        require!(matches!(rules.state, JobState::Open | JobState::Active), MarketError::JobNotOpen);
        job.quorum_open = 1;

        let mut quorum = Quorum {
            version: VERSION,
            bump: args.quorum_bump,
            job: accounts.job.key(),
            round: job.quorum_round,
            rent_payer: accounts.payer.key(),
            ..Quorum::zeroed()
        };
        quorum.update(&Round::new(needed, size, parameters.reveal_window))?;
        create::account(&accounts.payer, place, &quorum)?;

        let event = QuorumOpened {
            job: quorum.job,
            quorum: accounts.quorum.key(),
            round: quorum.round,
            needed,
            size,
            reveal_window: quorum.reveal_window,
            at: now.0,
        };
        events::emit(&accounts.event_authority, &event)
    }
}
