use anchor_lang::prelude::*;
use millrace_protocol::{PricePerGpuHour, ServiceLevel};

use crate::events::{self, NodeUpdated};
use crate::state::{Node, Provider};
use crate::types::NodeOffer;
use crate::{clock, MarketError};

#[derive(AnchorSerialize, AnchorDeserialize, Clone, Debug)]
pub struct UpdateNodeArgs {
    /// The whole of it; what does not change is said again.
    pub offer: NodeOffer,
}

#[event_cpi]
#[derive(Accounts)]
pub struct UpdateNode<'info> {
    pub owner: Signer<'info>,

    #[account(has_one = owner @ MarketError::WrongOwner)]
    pub provider: AccountLoader<'info, Provider>,

    #[account(mut, has_one = provider @ MarketError::WrongProvider)]
    pub node: AccountLoader<'info, Node>,
}

impl UpdateNode<'_> {
    fn validate(&self, args: &UpdateNodeArgs) -> Result<()> {
        // As when the node was added.
        require!(args.offer.price > 0, MarketError::AmountZero);
        self.provider.load()?.rules()?;
        Ok(())
    }

    #[access_control(ctx.accounts.validate(&args))]
    pub fn handle(ctx: Context<Self>, args: UpdateNodeArgs) -> Result<()> {
        let accounts = ctx.accounts;
        accounts.provider.load()?.rules()?;
        let node = &mut *accounts.node.load_mut()?;
        let (before, attestation_class_before) = (NodeOffer::of(node), node.attestation_class);
        let offer = args.offer;
        let mut rules = node.rules()?;
        rules.describe(offer.hardware.into()).map_err(MarketError::from)?;
        rules.price = PricePerGpuHour(offer.price);
        rules.spot_price = PricePerGpuHour(offer.spot_price);
        rules.service_level = ServiceLevel::try_from(offer.service_level).map_err(MarketError::from)?;
        (node.driver, node.cuda, node.capabilities) = (offer.driver, offer.cuda, offer.capabilities);
        node.update(&rules)?;
        let after = NodeOffer::of(node);
        let described = |offer: &NodeOffer| (offer.hardware, offer.driver, offer.cuda, offer.capabilities);
        if described(&before) != described(&after) {
            node.forget_attestation();
        }

        let event = NodeUpdated {
            node: accounts.node.key(),
            provider: node.provider,
            before,
            after,
            attestation_class_before,
            attestation_class_after: node.attestation_class,
            at: clock::now(&Clock::get()?)?.0,
        };
        events::emit(&accounts.event_authority, &event)
    }
}
