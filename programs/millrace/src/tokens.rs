//! The only three things the program does with tokens.

use anchor_lang::prelude::*;
use anchor_spl::token::{self, CloseAccount, Token, TokenAccount, Transfer};
use millrace_protocol::MicroUsdc;

use crate::MarketError;

/// A transfer out of an account whose owner signs: a wallet, or a program-derived address by its seeds in `signer`.
pub fn transfer<'info>(
    from: &mut Account<'info, TokenAccount>,
    to: &mut Account<'info, TokenAccount>,
    authority: AccountInfo<'info>,
    amount: MicroUsdc,
    signer: &[&[&[u8]]],
) -> Result<()> {
    if amount == MicroUsdc::ZERO {
        return Ok(());
    }
    let accounts = Transfer { from: from.to_account_info(), to: to.to_account_info(), authority };
    token::transfer(CpiContext::new_with_signer(Token::id(), accounts, signer), amount.0)?;
    from.reload()?;
    to.reload()
}

/// Closes an empty vault; its rent goes to `destination`.
pub fn close<'info>(
    vault: &Account<'info, TokenAccount>,
    destination: AccountInfo<'info>,
    authority: AccountInfo<'info>,
    signer: &[&[&[u8]]],
) -> Result<()> {
    let accounts = CloseAccount { account: vault.to_account_info(), destination, authority };
    token::close_account(CpiContext::new_with_signer(Token::id(), accounts, signer))
}

/// A vault holds at least what its ledger says. More is possible: anyone may send tokens to it.
///
/// # Errors
/// [`MarketError::VaultShort`].
pub fn check_vault(vault: &TokenAccount, ledger: MicroUsdc) -> Result<()> {
    require_gte!(vault.amount, ledger.0, MarketError::VaultShort);
    Ok(())
}
