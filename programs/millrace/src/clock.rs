use anchor_lang::prelude::*;
use millrace_protocol::UnixSeconds;

use crate::MarketError;

/// The chain's time.
///
/// # Errors
/// [`MarketError::Overflow`] before 1970.
pub fn now(clock: &Clock) -> Result<UnixSeconds> {
    u64::try_from(clock.unix_timestamp).map(UnixSeconds).map_err(|_| MarketError::Overflow.into())
}
