use anchor_lang::prelude::*;

use crate::events::{self, NodeKeyRotated};
use crate::state::{Node, Provider};
use crate::{clock, MarketError};

#[event_cpi]
#[derive(Accounts)]
pub struct RotateNodeKey<'info> {
    pub owner: Signer<'info>,

    #[account(has_one = owner @ MarketError::WrongOwner)]
    pub provider: AccountLoader<'info, Provider>,

    /// The rig's new key. Signs, so that nobody can name a key that is another's, or one that nobody has.
    pub node_key: Signer<'info>,

    #[account(mut, has_one = provider @ MarketError::WrongProvider)]
    pub node: AccountLoader<'info, Node>,
}

impl RotateNodeKey<'_> {
    pub fn handle(ctx: Context<Self>) -> Result<()> {
        let accounts = ctx.accounts;
        accounts.provider.load()?.rules()?;
        let node = &mut *accounts.node.load_mut()?;
        node.rules()?;
        let attestation_class_before = node.attestation_class;
        let before = std::mem::replace(&mut node.node_key, accounts.node_key.key());
        node.forget_attestation();

        let event = NodeKeyRotated {
            node: accounts.node.key(),
            provider: node.provider,
            before,
            after: node.node_key,
            attestation_class_before,
            attestation_class_after: node.attestation_class,
            at: clock::now(&Clock::get()?)?.0,
        };
        events::emit(&accounts.event_authority, &event)
    }
}
