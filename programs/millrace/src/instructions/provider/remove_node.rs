use anchor_lang::prelude::*;

use crate::events::{self, NodeRemoved};
use crate::state::{Node, Provider};
use crate::{clock, MarketError};

#[event_cpi]
#[derive(Accounts)]
pub struct RemoveNode<'info> {
    pub owner: Signer<'info>,

    #[account(mut, has_one = owner @ MarketError::WrongOwner)]
    pub provider: AccountLoader<'info, Provider>,

    #[account(
        mut,
        close = rent_payer,
        has_one = provider @ MarketError::WrongProvider,
        has_one = rent_payer @ MarketError::WrongRentPayer,
    )]
    pub node: AccountLoader<'info, Node>,

    /// CHECK: Named by the node; only receives the rent.
    #[account(mut)]
    pub rent_payer: UncheckedAccount<'info>,
}

impl RemoveNode<'_> {
    pub fn handle(ctx: Context<Self>) -> Result<()> {
        let accounts = ctx.accounts;
        let node = accounts.node.load()?;
        node.rules()?.check_idle().map_err(MarketError::from)?;
        let provider = &mut *accounts.provider.load_mut()?;
        let nodes_before = provider.nodes;
        let mut rules = provider.rules()?;
        rules.nodes = nodes_before.checked_sub(1).ok_or(MarketError::InvariantBroken)?;
        // `nodes_added` stays: no later node gets this one's address.
        provider.update(&rules)?;

        let event = NodeRemoved {
            node: accounts.node.key(),
            provider: node.provider,
            index: node.index,
            node_key: node.node_key,
            nodes_before,
            nodes_after: provider.nodes,
            at: clock::now(&Clock::get()?)?.0,
        };
        events::emit(&accounts.event_authority, &event)
    }
}
