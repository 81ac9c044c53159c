use anchor_lang::prelude::*;

use crate::types::Parameters;

#[event]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetworkInitialized {
    pub admin: Pubkey,
    pub scheduler: Pubkey,
    pub arbiter: Pubkey,
    pub treasury: Pubkey,
    pub mint: Pubkey,
    pub parameters: Parameters,
}
