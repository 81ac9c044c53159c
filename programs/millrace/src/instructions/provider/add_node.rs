use anchor_lang::prelude::*;
use millrace_protocol::{self as protocol, seeds, NodeStatus};

use crate::constants::{SPARE, VERSION};
use crate::events::NodeAdded;
use crate::state::{Node, Provider};
use crate::types::Hardware;
use crate::{clock, MarketError};

#[derive(AnchorSerialize, AnchorDeserialize, Clone, Debug)]
pub struct AddNodeArgs {
    pub hardware: Hardware,
    /// Micro-USDC per GPU-hour.
    pub price: u64,
}

#[event_cpi]
#[derive(Accounts)]
pub struct AddNode<'info> {
    /// Pays the rent.
    #[account(mut)]
    pub owner: Signer<'info>,

    #[account(mut, has_one = owner @ MarketError::WrongOwner)]
    pub provider: Box<Account<'info, Provider>>,

    /// Hot key on the rig. Signs, so that nobody can register a rig that is another's.
    pub node_key: Signer<'info>,

    #[account(
        init,
        payer = owner,
        space = Node::DISCRIMINATOR.len() + Node::INIT_SPACE,
        seeds = [seeds::NODE, provider.key().as_ref(), &provider.n_nodes.to_le_bytes()],
        bump,
    )]
    pub node: Box<Account<'info, Node>>,

    pub system_program: Program<'info, System>,
}

impl AddNode<'_> {
    fn validate(&self, args: &AddNodeArgs) -> Result<()> {
        // Work for nothing pays no fee and still weighs on the network's books.
        require!(args.price > 0, MarketError::AmountZero);
        protocol::Hardware::from(args.hardware).check().map_err(|error| MarketError::from(error).into())
    }

    #[access_control(ctx.accounts.validate(&args))]
    pub fn handle(ctx: Context<Self>, args: AddNodeArgs) -> Result<()> {
        let accounts = &mut *ctx.accounts;
        let at = clock::now(&Clock::get()?)?.0;
        let index = accounts.provider.n_nodes;
        accounts.provider.n_nodes = index.checked_add(1).ok_or(MarketError::Overflow)?;
        accounts.provider.invariant()?;
        accounts.node.set_inner(Node {
            version: VERSION,
            bump: ctx.bumps.node,
            provider: accounts.provider.key(),
            index,
            node_key: accounts.node_key.key(),
            hardware: args.hardware,
            price: args.price,
            leased: 0,
            status: NodeStatus::Active as u8,
            added_at: at,
            rent_payer: accounts.owner.key(),
            spare: [0; SPARE],
        });
        accounts.node.invariant()?;
        let event = NodeAdded {
            node: accounts.node.key(),
            provider: accounts.provider.key(),
            index,
            node_key: accounts.node.node_key,
            hardware: args.hardware,
            price: args.price,
            at,
        };
        emit_cpi!(event);
        Ok(())
    }
}
