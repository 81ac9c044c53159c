//! Layout constants of the accounts, and the one address that is known before anything is created.

use anchor_lang::derive_program_address;
use anchor_lang::prelude::*;
use millrace_protocol::seeds;

/// Layout version that this program writes into every account.
#[constant]
pub const VERSION: u8 = 1;

/// Longest display name of a provider, in bytes of UTF-8.
#[constant]
pub const DISPLAY_NAME_BYTES: u8 = 32;

/// Bytes at the end of each account kept for later fields.
pub const SPARE: usize = 64;

/// Address and bump of the network's configuration.
pub const CONFIG: (Pubkey, u8) = {
    let (address, bump) = derive_program_address(&[seeds::CONFIG], &crate::ID_CONST.to_bytes());
    (Pubkey::new_from_array(address), bump)
};
