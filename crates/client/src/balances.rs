//! What wallets have, and whether it is enough before a transaction is paid for.

use anchor_lang::solana_program::program_pack::Pack;
use anchor_spl::token::spl_token::state::Account as TokenState;
use millrace_protocol::{Address, MicroUsdc};

use crate::address::{pubkey, token_account};
use crate::{Asset, Client, Error};

impl Client {
    /// An owner's USDC: what its associated token account of the mint holds; zero without one.
    ///
    /// # Errors
    /// [`Error::Unreachable`].
    pub async fn usdc_balance(&self, owner: Address, mint: Address) -> Result<MicroUsdc, Error> {
        self.token_balance(token_account(owner, mint)).await
    }

    /// What a token account holds; zero where there is none.
    ///
    /// # Errors
    /// [`Error::Unreachable`].
    pub async fn token_balance(&self, account: Address) -> Result<MicroUsdc, Error> {
        let found = self.chain_accounts(&[account]).await?.1.pop().flatten();
        let state = found
            .filter(|account| account.owner == anchor_spl::token::ID)
            .and_then(|account| TokenState::unpack(&account.data).ok());
        Ok(state.map_or(MicroUsdc::ZERO, |state| MicroUsdc(state.amount)))
    }

    /// An owner's SOL, in lamports.
    ///
    /// # Errors
    /// [`Error::Unreachable`].
    pub async fn lamports(&self, owner: Address) -> Result<u64, Error> {
        self.ask(|rpc| async move { rpc.get_balance(&pubkey(owner)).await }).await
    }

    /// Fails unless the owner has the amount, so that a shortage is told with both numbers.
    ///
    /// # Errors
    /// [`Error::InsufficientFunds`], [`Error::Unreachable`].
    pub async fn require_usdc(&self, owner: Address, mint: Address, needed: MicroUsdc) -> Result<(), Error> {
        let available = self.usdc_balance(owner, mint).await?;
        if available >= needed {
            return Ok(());
        }
        let (available, needed) = (Some(available.0), Some(needed.0));
        Err(Error::InsufficientFunds { owner, asset: Asset::Usdc, available, needed })
    }
}
