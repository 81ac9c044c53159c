use anchor_lang::prelude::*;
use millrace_protocol::NodeStatus;

use crate::events::{self, NodeStatusSet};
use crate::state::{Node, Provider};
use crate::{clock, MarketError};

#[derive(AnchorSerialize, AnchorDeserialize, Clone, Debug)]
pub struct SetNodeStatusArgs {
    /// Whether the node takes no further leases; those under way go on.
    pub draining: bool,
}

#[event_cpi]
#[derive(Accounts)]
pub struct SetNodeStatus<'info> {
    pub owner: Signer<'info>,

    #[account(has_one = owner @ MarketError::WrongOwner)]
    pub provider: AccountLoader<'info, Provider>,

    #[account(mut, has_one = provider @ MarketError::WrongProvider)]
    pub node: AccountLoader<'info, Node>,
}

impl SetNodeStatus<'_> {
    pub fn handle(ctx: Context<Self>, args: SetNodeStatusArgs) -> Result<()> {
        let accounts = ctx.accounts;
        accounts.provider.load()?.rules()?;
        let node = &mut *accounts.node.load_mut()?;
        let before = node.status;
        let mut rules = node.rules()?;
        rules.status = if args.draining { NodeStatus::Draining } else { NodeStatus::Active };
        node.update(&rules)?;

        let event = NodeStatusSet {
            node: accounts.node.key(),
            provider: node.provider,
            before,
            after: node.status,
            at: clock::now(&Clock::get()?)?.0,
        };
        events::emit(&accounts.event_authority, &event)
    }
}
