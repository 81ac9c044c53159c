use anchor_lang::prelude::Pubkey;
use bytemuck::Zeroable;
use millrace::state;
use millrace_protocol::{Parameters, Seconds};

use super::*;

const PLACE: Address = Address([5; 32]);

fn key(number: u8) -> Pubkey {
    Pubkey::new_from_array([number; 32])
}

fn config() -> state::Config {
    state::Config {
        version: VERSION,
        bump: 1,
        admin: key(1),
        scheduler: key(2),
        treasury: key(3),
        mint: key(4),
        parameters: Parameters::default().into(),
        rent_payer: key(1),
        ..state::Config::zeroed()
    }
}

fn provider() -> state::Provider {
    let mut display_name = [0; 32];
    display_name[..6].copy_from_slice("Mühle".as_bytes());
    state::Provider {
        version: VERSION,
        bump: 1,
        stake_vault: key(2),
        earnings_vault: key(3),
        owner: key(1),
        display_name,
        n_nodes: 7,
        stake_total: 90,
        stake_locked: 40,
        staked: 100,
        slashed: 10,
        earnings_owner: 5,
        earnings_fees: 6,
        registered_at: 8,
        rent_payer: key(1),
        ..state::Provider::zeroed()
    }
}

fn bytes<T: ZeroCopy + Discriminator>(account: &T) -> Vec<u8> {
    [T::DISCRIMINATOR, bytemuck::bytes_of(account)].concat()
}

#[test]
fn fields_arrive_in_the_protocols_types() {
    let AnyAccount::Config(config) = AnyAccount::decode(PLACE, &bytes(&config())).unwrap() else { panic!() };
    assert_eq!((config.address, config.mint), (PLACE, Address([4; 32])));
    assert_eq!(config.parameters.checkpoint_interval, Seconds(900));

    let provider = ProviderAccount::decode(PLACE, &bytes(&provider())).unwrap();
    assert_eq!(provider.display_name, "Mühle");
    assert_eq!(provider.stake.free().0, 50);
    assert_eq!((provider.earnings.owner.0, provider.earnings.fees.0, provider.n_nodes), (5, 6, 7));
}

#[test]
fn bytes_are_read_wherever_they_lie_in_memory() {
    let good = bytes(&config());
    for offset in 0..16 {
        let shifted = [vec![0; offset], good.clone()].concat();
        assert!(ConfigAccount::decode(PLACE, &shifted[offset..]).is_ok(), "{offset}");
    }
}

#[test]
fn other_kinds_versions_and_lengths_are_refused() {
    let good = bytes(&config());
    assert_eq!(ProviderAccount::decode(PLACE, &good), Err(DecodeError::WrongKind));
    assert_eq!(AnyAccount::decode(PLACE, &[0; 200]), Err(DecodeError::WrongKind));
    assert_eq!(AnyAccount::decode(PLACE, &[]), Err(DecodeError::WrongKind));
    assert_eq!(ConfigAccount::decode(PLACE, &good[..8]), Err(DecodeError::Malformed));
    assert_eq!(ConfigAccount::decode(PLACE, &good[..100]), Err(DecodeError::Malformed));
    let mut later = good;
    later[8] = 2;
    assert_eq!(ConfigAccount::decode(PLACE, &later), Err(DecodeError::UnknownVersion(2)));
}

#[test]
fn accounts_that_contradict_themselves_are_refused() {
    let mut account = config();
    account.parameters.fee_bps = 10_000;
    assert_eq!(ConfigAccount::decode(PLACE, &bytes(&account)), Err(DecodeError::Contradictory));
    let mut account = provider();
    account.stake_locked = 91;
    assert_eq!(ProviderAccount::decode(PLACE, &bytes(&account)), Err(DecodeError::Contradictory));
    let mut account = provider();
    account.display_name[0] = 0xff;
    assert_eq!(ProviderAccount::decode(PLACE, &bytes(&account)), Err(DecodeError::Contradictory));
}

#[test]
fn discriminators_differ() {
    let distinct: std::collections::HashSet<_> = AccountKind::ALL.iter().map(|kind| kind.discriminator()).collect();
    assert_eq!(distinct.len(), AccountKind::ALL.len());
}
