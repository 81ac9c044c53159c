//! How every account of the program comes into being: at an address derived from its seeds.
//!
//! The client names the bump, so that the program need not search for it. A [`Place`] proves that
//!
//! - *the address is that of these seeds and this bump*: it is their hash;
//! - *the bump is the highest that gives an address*. Were any bump taken, one set of seeds would have
//!   several addresses: an owner could register twice, a buyer open two jobs under one id, and what
//!   clients derive would not be what exists. So each higher bump is shown to give a point on the
//!   curve, which is no derived address: some 350 compute units each, of which there is one on
//!   average. `Pubkey::find_program_address` takes 1500 for each, and for the bump itself.
//!
//! That it is a derived address at all, which nobody has the key to, the runtime proves: it lets the
//! address sign by its seeds, and the system program creates nothing at an address that does not sign.
//!
//! Once created, an account is known by its owner and discriminator, and a vault by the field of the
//! account that owns it: no instruction derives an address again.

use anchor_lang::prelude::*;
use anchor_lang::solana_program::program::invoke_signed;
use anchor_lang::solana_program::system_instruction;
use anchor_lang::{Owner, ZeroCopy};
use anchor_spl::token::{self, spl_token, TokenAccount};
use solana_curve25519::edwards::{validate_edwards, PodEdwardsPoint};
use solana_sha256_hasher::hashv;

use crate::MarketError;

/// Most seeds of any account, bump included.
const MOST_SEEDS: usize = 5;
/// What the runtime hashes behind the seeds.
const DERIVED_ADDRESS: &[u8] = b"ProgramDerivedAddress";

/// An address where an account may be created.
#[derive(Clone, Copy)]
pub struct Place<'a, 'info> {
    account: &'a AccountInfo<'info>,
    seeds: &'a [&'a [u8]],
    bump: u8,
}

impl<'a, 'info> Place<'a, 'info> {
    /// Takes at most four seeds. Prove a place before the rules are asked: a client whose seeds are
    /// outdated shall hear that.
    ///
    /// # Errors
    /// [`ErrorCode::ConstraintSeeds`] where the address is another than that of seeds and bump,
    /// [`MarketError::BumpNotCanonical`].
    pub fn prove(account: &'a AccountInfo<'info>, seeds: &'a [&'a [u8]], bump: u8) -> Result<Self> {
        require!(hash(seeds, bump) == account.key.to_bytes(), ErrorCode::ConstraintSeeds);
        for higher in (bump..u8::MAX).map(|bump| bump + 1) {
            require!(validate_edwards(&PodEdwardsPoint(hash(seeds, higher))), MarketError::BumpNotCanonical);
        }
        Ok(Self { account, seeds, bump })
    }
}

/// Creates an account of the program that holds `state`.
///
/// # Errors
/// The system program's refusal where the account exists already.
pub fn account<'info, T: ZeroCopy + Owner + Discriminator>(
    payer: &AccountInfo<'info>,
    place: Place<'_, 'info>,
    state: &T,
) -> Result<()> {
    let header = T::DISCRIMINATOR.len();
    allocate(payer, place, header + size_of::<T>(), &T::owner())?;
    let mut data = place.account.try_borrow_mut_data()?;
    data[..header].copy_from_slice(T::DISCRIMINATOR);
    data[header..].copy_from_slice(bytemuck::bytes_of(state));
    Ok(())
}

/// Creates an empty token account of `mint` that only `authority`, an account of the program, can move tokens out of.
///
/// # Errors
/// Those of [`account`].
pub fn vault<'info>(
    payer: &AccountInfo<'info>,
    place: Place<'_, 'info>,
    mint: &AccountInfo<'info>,
    authority: &Pubkey,
) -> Result<()> {
    allocate(payer, place, TokenAccount::LEN, &token::ID)?;
    let vault = place.account;
    let initialize = spl_token::instruction::initialize_account3(&token::ID, vault.key, mint.key, authority)?;
    Ok(invoke_signed(&initialize, &[vault.clone(), mint.clone()], &[])?)
}

fn allocate<'info>(payer: &AccountInfo<'info>, place: Place<'_, 'info>, space: usize, owner: &Pubkey) -> Result<()> {
    let Place { account, seeds, bump } = place;
    let bump = [bump];
    let mut signer: [&[u8]; MOST_SEEDS] = [&[]; MOST_SEEDS];
    signer[..seeds.len()].copy_from_slice(seeds);
    signer[seeds.len()] = &bump;
    let signer: &[&[&[u8]]] = &[&signer[..=seeds.len()]];

    let rent = Rent::get()?.minimum_balance(space);
    let present = account.lamports();
    let space = space as u64;
    if present == 0 {
        let create = system_instruction::create_account(payer.key, account.key, rent, space, owner);
        return Ok(invoke_signed(&create, &[payer.clone(), account.clone()], signer)?);
    }
    // Anyone may send lamports to an address before it is used; that must not block the account.
    if present < rent {
        let transfer = system_instruction::transfer(payer.key, account.key, rent - present);
        invoke_signed(&transfer, &[payer.clone(), account.clone()], &[])?;
    }
    let infos = std::slice::from_ref(account);
    invoke_signed(&system_instruction::allocate(account.key, space), infos, signer)?;
    Ok(invoke_signed(&system_instruction::assign(account.key, owner), infos, signer)?)
}

/// What the runtime computes for seeds, bump and program; an address where it is not on the curve.
fn hash(seeds: &[&[u8]], bump: u8) -> [u8; 32] {
    let n_seeds = seeds.len();
    let bump = [bump];
    let mut parts: [&[u8]; MOST_SEEDS + 2] = [&[]; MOST_SEEDS + 2];
    parts[..n_seeds].copy_from_slice(seeds);
    parts[n_seeds] = &bump;
    parts[n_seeds + 1] = crate::ID.as_ref();
    parts[n_seeds + 2] = DERIVED_ADDRESS;
    hashv(&parts[..n_seeds + 3]).to_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prove(address: Pubkey, seeds: &[&[u8]], bump: u8) -> Result<()> {
        let (owner, mut lamports) = (Pubkey::default(), 0);
        let account = AccountInfo::new(&address, false, true, &mut lamports, &mut [], &owner, false);
        Place::prove(&account, seeds, bump).map(|_| ())
    }

    #[test]
    fn only_the_highest_bump_that_gives_an_address_is_taken() {
        let mut n_lower = 0;
        for number in 0..200u64 {
            let id = number.to_le_bytes();
            let seeds: &[&[u8]] = &[b"job", &[7; 32], &id];
            let (address, canonical) = Pubkey::find_program_address(seeds, &crate::ID);
            assert_eq!(prove(address, seeds, canonical), Ok(()));
            for bump in 200..canonical {
                let Ok(lower) = Pubkey::create_program_address(&[seeds[0], seeds[1], &id, &[bump]], &crate::ID) else {
                    continue;
                };
                assert_eq!(prove(lower, seeds, bump), Err(MarketError::BumpNotCanonical.into()));
                assert_eq!(prove(address, seeds, bump), Err(ErrorCode::ConstraintSeeds.into()));
                n_lower += 1;
            }
        }
        assert!(n_lower > 1_000, "hardly any lower bump was tried");
    }

    #[test]
    fn the_configurations_address_is_the_derived_one() {
        let derived = Pubkey::find_program_address(&[millrace_protocol::seeds::CONFIG], &crate::ID);
        assert_eq!(crate::constants::CONFIG, derived);
    }
}
