use crate::{Error, MicroUsdc};

/// The ledger of a provider's earnings vault: whose money lies in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Earnings {
    /// What the owner may withdraw.
    pub owner: MicroUsdc,
    /// What anyone may sweep to the treasury.
    pub fees: MicroUsdc,
}

impl Earnings {
    /// What the vault must hold.
    ///
    /// # Errors
    /// [`Error::Overflow`].
    pub fn total(&self) -> Result<MicroUsdc, Error> {
        self.owner.plus(self.fees)
    }
}
