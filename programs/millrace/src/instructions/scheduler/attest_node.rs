use anchor_lang::prelude::*;
use millrace_protocol::{HardwareAttestation, HardwareClass, UnixSeconds};

use crate::constants::CONFIG;
use crate::events::{self, NodeAttested};
use crate::state::{Config, Node};
use crate::{clock, MarketError};

#[derive(AnchorSerialize, AnchorDeserialize, Clone, Debug)]
pub struct AttestNodeArgs {
    /// SHA-256 of the evidence, which whoever asks gets from the scheduler.
    pub digest: [u8; 32],
    /// 0 takes an earlier attestation back, 1 challenged, 2 enclave.
    pub class: u8,
    /// Score of the challenge, as the scheduler counts.
    pub score: u16,
    /// Unix seconds.
    pub expires_at: u64,
}

#[event_cpi]
#[derive(Accounts)]
pub struct AttestNode<'info> {
    #[account(address = CONFIG.0, has_one = scheduler @ MarketError::WrongScheduler)]
    #[cfg_attr(feature = "idl-build", account(seeds = [millrace_protocol::seeds::CONFIG], bump))]
    pub config: AccountLoader<'info, Config>,

    pub scheduler: Signer<'info>,

    #[account(mut)]
    pub node: AccountLoader<'info, Node>,
}

impl AttestNode<'_> {
    pub fn handle(ctx: Context<Self>, args: AttestNodeArgs) -> Result<()> {
        let accounts = ctx.accounts;
        let now = clock::now(&Clock::get()?)?;
        let class = HardwareClass::try_from(args.class).map_err(|_| MarketError::HardwareInvalid)?;
        let attestation = HardwareAttestation { class, expires_at: UnixSeconds(args.expires_at) };
        attestation.check(now).map_err(MarketError::from)?;

        let mut node = accounts.node.load_mut()?;
        let mut rules = node.rules()?;
        let before = rules.attestation;
        rules.attestation = attestation;
        node.update(&rules)?;
        node.attestation_digest = args.digest;
        node.attestation_score = args.score;
        node.attestor = accounts.scheduler.key();

        let event = NodeAttested {
            node: accounts.node.key(),
            provider: node.provider,
            attestor: node.attestor,
            digest: args.digest,
            score: args.score,
            class_before: before.class as u8,
            class_after: args.class,
            expires_at_before: before.expires_at.0,
            expires_at_after: args.expires_at,
            at: now.0,
        };
        events::emit(&accounts.event_authority, &event)
    }
}
