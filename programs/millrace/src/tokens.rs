//! What the program does with token accounts: read them in place, move tokens, close vaults.

use anchor_lang::prelude::*;
use anchor_lang::solana_program::program::invoke_signed;
use anchor_spl::token::{self, spl_token};
use millrace_protocol::MicroUsdc;

use crate::MarketError;

// Layout of a token account: `spl_token::state::Account`.
const MINT: usize = 0;
const OWNER: usize = 32;
const AMOUNT: usize = 64;
const LENGTH: usize = token::TokenAccount::LEN;

/// A transfer out of an account whose owner signs: a wallet, or an account of the program by its seeds in `signer`.
pub fn transfer<'info>(
    from: &AccountInfo<'info>,
    to: &AccountInfo<'info>,
    authority: &AccountInfo<'info>,
    amount: MicroUsdc,
    signer: &[&[&[u8]]],
) -> Result<()> {
    if amount == MicroUsdc::ZERO {
        return Ok(());
    }
    let transfer = spl_token::instruction::transfer(&token::ID, from.key, to.key, authority.key, &[], amount.0)?;
    Ok(invoke_signed(&transfer, &[from.clone(), to.clone(), authority.clone()], signer)?)
}

/// Closes an empty vault; its rent goes to `destination`.
pub fn close<'info>(
    vault: &AccountInfo<'info>,
    destination: &AccountInfo<'info>,
    authority: &AccountInfo<'info>,
    signer: &[&[&[u8]]],
) -> Result<()> {
    let close = spl_token::instruction::close_account(&token::ID, vault.key, destination.key, authority.key, &[])?;
    Ok(invoke_signed(&close, &[vault.clone(), destination.clone(), authority.clone()], signer)?)
}

/// What a token account holds.
///
/// # Errors
/// Those of [`mint`].
pub fn balance(account: &AccountInfo) -> Result<MicroUsdc> {
    read(account, AMOUNT).map(|bytes| MicroUsdc(u64::from_le_bytes(bytes)))
}

/// The mint of a token account.
///
/// # Errors
/// [`ErrorCode::AccountOwnedByWrongProgram`], [`ErrorCode::AccountDidNotDeserialize`] for what is no token account.
pub fn mint(account: &AccountInfo) -> Result<Pubkey> {
    read(account, MINT).map(Pubkey::new_from_array)
}

/// Who may move the tokens of a token account.
///
/// # Errors
/// Those of [`mint`].
pub fn owner(account: &AccountInfo) -> Result<Pubkey> {
    read(account, OWNER).map(Pubkey::new_from_array)
}

fn read<const LEN: usize>(account: &AccountInfo, at: usize) -> Result<[u8; LEN]> {
    require!(*account.owner == token::ID, ErrorCode::AccountOwnedByWrongProgram);
    let data = account.try_borrow_data()?;
    require!(data.len() == LENGTH, ErrorCode::AccountDidNotDeserialize);
    let mut bytes = [0; LEN];
    bytes.copy_from_slice(&data[at..at + LEN]);
    Ok(bytes)
}

/// A vault holds at least what its ledger says. More is possible: anyone may send tokens to it.
///
/// # Errors
/// [`MarketError::VaultShort`].
pub fn check_vault(balance: MicroUsdc, ledger: MicroUsdc) -> Result<()> {
    require!(balance >= ledger, MarketError::VaultShort);
    Ok(())
}
