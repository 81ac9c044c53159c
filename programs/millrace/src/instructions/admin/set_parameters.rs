use anchor_lang::prelude::*;
use millrace_protocol as protocol;

use crate::constants::CONFIG;
use crate::events::{self, ParametersSet};
use crate::state::Config;
use crate::types::Parameters;
use crate::{clock, MarketError};

#[derive(AnchorSerialize, AnchorDeserialize, Clone, Debug)]
pub struct SetParametersArgs {
    pub parameters: Parameters,
}

#[event_cpi]
#[derive(Accounts)]
pub struct SetParameters<'info> {
    pub admin: Signer<'info>,

    #[account(mut, address = CONFIG.0, has_one = admin @ MarketError::WrongAdmin)]
    #[cfg_attr(feature = "idl-build", account(seeds = [millrace_protocol::seeds::CONFIG], bump))]
    pub config: AccountLoader<'info, Config>,
}

impl SetParameters<'_> {
    pub fn handle(ctx: Context<Self>, args: SetParametersArgs) -> Result<()> {
        let accounts = ctx.accounts;
        let config = &mut *accounts.config.load_mut()?;
        config.rules()?;
        let rules = protocol::Parameters::from(args.parameters);
        rules.check().map_err(MarketError::from)?;
        let before = std::mem::replace(&mut config.parameters, rules.into());

        let event = ParametersSet { before, after: config.parameters, at: clock::now(&Clock::get()?)?.0 };
        events::emit(&accounts.event_authority, &event)
    }
}
