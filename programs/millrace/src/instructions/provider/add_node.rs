use anchor_lang::prelude::*;
use bytemuck::Zeroable;
use millrace_protocol::{self as protocol, seeds, NodeStatus};

use crate::constants::VERSION;
use crate::create::{self, Place};
use crate::events::{self, NodeAdded};
use crate::state::{Node, Provider};
use crate::types::Hardware;
use crate::{clock, MarketError};

#[derive(AnchorSerialize, AnchorDeserialize, Clone, Debug)]
pub struct AddNodeArgs {
    pub hardware: Hardware,
    /// Driver version as major * 1000 + minor; 0 without a GPU.
    pub driver: u32,
    /// CUDA version as major * 1000 + minor; 0 without one.
    pub cuda: u32,
    /// Bit flags in the provider's word.
    pub capabilities: u32,
    /// Micro-USDC per GPU-hour.
    pub price: u64,
    /// Price of preemptible leases; 0 takes none.
    pub spot_price: u64,
    /// The highest service level the node answers for: 0 none, 1 silver, 2 gold.
    pub service_level: u8,
    pub node_bump: u8,
}

#[event_cpi]
#[derive(Accounts)]
pub struct AddNode<'info> {
    /// Pays the rent.
    #[account(mut)]
    pub owner: Signer<'info>,

    #[account(mut, has_one = owner @ MarketError::WrongOwner)]
    pub provider: AccountLoader<'info, Provider>,

    /// Hot key on the rig. Signs, so that nobody can register a rig that is another's.
    pub node_key: Signer<'info>,

    /// CHECK: Created here.
    #[account(mut)]
    #[cfg_attr(
        feature = "idl-build",
        account(seeds = [seeds::NODE, provider.key().as_ref(), &provider.load()?.nodes_added.to_le_bytes()], bump)
    )]
    pub node: UncheckedAccount<'info>,

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
        let accounts = ctx.accounts;
        let at = clock::now(&Clock::get()?)?.0;
        let mut provider = accounts.provider.load_mut()?;
        provider.rules()?;
        let index = provider.nodes_added;
        let index_bytes = index.to_le_bytes();
        let seeds: &[&[u8]] = &[seeds::NODE, accounts.provider.as_ref().key.as_ref(), &index_bytes];
        let place = Place::prove(&accounts.node, seeds, args.node_bump)?;
        provider.nodes_added = index.checked_add(1).ok_or(MarketError::Overflow)?;
        provider.nodes = provider.nodes.checked_add(1).ok_or(MarketError::Overflow)?;

        let node = Node {
            version: VERSION,
            bump: args.node_bump,
            index,
            provider: accounts.provider.key(),
            node_key: accounts.node_key.key(),
            rent_payer: accounts.owner.key(),
            hardware: args.hardware,
            driver: args.driver,
            cuda: args.cuda,
            capabilities: args.capabilities,
            price: args.price,
            spot_price: args.spot_price,
            service_level: args.service_level,
            added_at: at,
            status: NodeStatus::Active as u8,
            ..Node::zeroed()
        };
        node.rules()?.invariant().map_err(MarketError::from)?;
        create::account(&accounts.owner, place, &node)?;

        let event = NodeAdded {
            node: accounts.node.key(),
            provider: node.provider,
            index,
            node_key: node.node_key,
            hardware: node.hardware,
            price: node.price,
            spot_price: node.spot_price,
            service_level: node.service_level,
            at,
        };
        events::emit(&accounts.event_authority, &event)
    }
}
