//! How every account of the program comes into being: at an address derived from its seeds.
//!
//! The client names the bump, so that the program need not search for it. `allocate` proves three things:
//!
//! - *The address is that of these seeds and this bump*: it is their hash.
//! - *It is a derived address, which nobody has the key to*: the runtime lets it sign by its seeds.
//! - *The bump is the highest that gives one.* Were any bump taken, one set of seeds would have several
//!   addresses: an owner could register twice, a buyer open two jobs under one id, and what clients
//!   derive would not be what exists. So each higher bump is shown to give a point on the curve, which
//!   is no derived address: some 350 compute units each, of which there is one on average.
//!   `Pubkey::find_program_address` takes 1500 for each, and the bump's own besides.
//!
//! Once created, an account is known by its owner and discriminator, and a vault by its owner's field:
//! no instruction derives an address again.

use anchor_lang::prelude::*;
use anchor_lang::solana_program::program::invoke_signed;
use anchor_lang::solana_program::system_instruction;
use anchor_lang::{Owner, ZeroCopy};
use anchor_spl::token;
use solana_curve25519::edwards::{validate_edwards, PodEdwardsPoint};
use solana_sha256_hasher::hashv;

use crate::MarketError;

/// Most seeds of any account, bump included.
const MOST_SEEDS: usize = 5;
/// What the runtime hashes behind the seeds.
const DERIVED_ADDRESS: &[u8] = b"ProgramDerivedAddress";

/// Where an account is to be.
#[derive(Clone, Copy)]
pub struct Place<'a> {
    /// At most four.
    pub seeds: &'a [&'a [u8]],
    pub bump: u8,
}

/// Creates an account of the program that holds `state`.
///
/// # Errors
/// [`ErrorCode::ConstraintSeeds`] where the address is another than that of `place`,
/// [`MarketError::BumpNotCanonical`]; the system program's refusal where the account exists already.
pub fn account<'info, T: ZeroCopy + Owner + Discriminator>(
    payer: &AccountInfo<'info>,
    account: &AccountInfo<'info>,
    place: Place,
    state: &T,
) -> Result<()> {
    let header = T::DISCRIMINATOR.len();
    allocate(payer, account, place, header + size_of::<T>(), &T::owner())?;
    let mut data = account.try_borrow_mut_data()?;
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
    vault: &AccountInfo<'info>,
    place: Place,
    mint: &AccountInfo<'info>,
    authority: &Pubkey,
) -> Result<()> {
    allocate(payer, vault, place, token::TokenAccount::LEN, &token::ID)?;
    let initialize = token::spl_token::instruction::initialize_account3(&token::ID, vault.key, mint.key, authority)?;
    Ok(invoke_signed(&initialize, &[vault.clone(), mint.clone()], &[])?)
}

fn allocate<'info>(
    payer: &AccountInfo<'info>,
    account: &AccountInfo<'info>,
    place: Place,
    space: usize,
    owner: &Pubkey,
) -> Result<()> {
    check(account.key, place)?;
    let bump = [place.bump];
    let mut seeds: [&[u8]; MOST_SEEDS] = [&[]; MOST_SEEDS];
    let n_seeds = place.seeds.len();
    seeds[..n_seeds].copy_from_slice(place.seeds);
    seeds[n_seeds] = &bump;
    let signer: &[&[&[u8]]] = &[&seeds[..=n_seeds]];

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

fn check(address: &Pubkey, place: Place) -> Result<()> {
    require!(hash(place) == address.to_bytes(), ErrorCode::ConstraintSeeds);
    for higher in (place.bump..u8::MAX).map(|bump| bump + 1) {
        let candidate = PodEdwardsPoint(hash(Place { bump: higher, ..place }));
        require!(validate_edwards(&candidate), MarketError::BumpNotCanonical);
    }
    Ok(())
}

/// What the runtime computes for seeds, bump and program; an address where it is not on the curve.
fn hash(place: Place) -> [u8; 32] {
    let n_seeds = place.seeds.len();
    let bump = [place.bump];
    let mut parts: [&[u8]; MOST_SEEDS + 2] = [&[]; MOST_SEEDS + 2];
    parts[..n_seeds].copy_from_slice(place.seeds);
    parts[n_seeds] = &bump;
    parts[n_seeds + 1] = crate::ID.as_ref();
    parts[n_seeds + 2] = DERIVED_ADDRESS;
    hashv(&parts[..n_seeds + 3]).to_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_highest_bump_that_gives_an_address_is_taken() {
        let mut n_lower = 0;
        for number in 0..200u64 {
            let id = number.to_le_bytes();
            let seeds: &[&[u8]] = &[b"job", &[7; 32], &id];
            let (address, canonical) = Pubkey::find_program_address(seeds, &crate::ID);
            assert_eq!(check(&address, Place { seeds, bump: canonical }), Ok(()));
            for bump in 200..canonical {
                let Ok(lower) = Pubkey::create_program_address(&[seeds[0], seeds[1], &id, &[bump]], &crate::ID) else {
                    continue;
                };
                assert_eq!(check(&lower, Place { seeds, bump }), Err(MarketError::BumpNotCanonical.into()));
                assert_eq!(check(&address, Place { seeds, bump }), Err(ErrorCode::ConstraintSeeds.into()));
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
