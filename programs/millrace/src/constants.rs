//! Layout constants of the accounts.

use anchor_lang::prelude::*;

/// Layout version that this program writes into every account.
#[constant]
pub const VERSION: u8 = 1;

/// Longest display name of a provider, in bytes of UTF-8.
#[constant]
pub const DISPLAY_NAME_BYTES: u8 = 32;

/// Bytes at the end of each account kept for later fields.
pub const SPARE: usize = 64;
