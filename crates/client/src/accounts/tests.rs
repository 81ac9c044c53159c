use anchor_lang::prelude::Pubkey;
use bytemuck::Zeroable;
use millrace::state;
use millrace_protocol::quorum::MemberState;
use millrace_protocol::{Dispute, MicroUsdc, Parameters, Provider, Seconds, UnixSeconds};

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
        nodes: 7,
        stake_total: 90,
        stake_locked: 40,
        staked: 100,
        slashed: 10,
        earnings_owner: 5,
        earnings_fees: 6,
        earnings_received: 11,
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
    assert_eq!(provider.provider.stake.free(), Ok(MicroUsdc(50)));
    let Provider { earnings, nodes, .. } = provider.provider;
    assert_eq!((earnings.owner.0, earnings.fees.0, nodes), (5, 6, 7));
}

#[test]
fn disputes_and_rounds_keep_their_keys_and_rules() {
    let dispute = state::Dispute {
        version: VERSION,
        job: key(1),
        lease: key(2),
        challenger: key(3),
        evidence_hash: [4; 32],
        rent_payer: key(5),
        bond: 6,
        opened_at: 7,
        decide_by: 8,
        ..state::Dispute::zeroed()
    };
    let AnyAccount::Dispute(dispute) = AnyAccount::decode(PLACE, &bytes(&dispute)).unwrap() else { panic!() };
    let keys = [dispute.address, dispute.job, dispute.lease, dispute.challenger, dispute.rent_payer];
    assert_eq!(keys, [PLACE, Address([1; 32]), Address([2; 32]), Address([3; 32]), Address([5; 32])]);
    assert_eq!(dispute.evidence_hash, [4; 32]);
    let Dispute { bond, opened_at, decide_by } = dispute.dispute;
    assert_eq!((bond, opened_at, decide_by), (MicroUsdc(6), UnixSeconds(7), UnixSeconds(8)));

    let mut quorum = state::Quorum {
        version: VERSION,
        needed: 2,
        size: 3,
        joined: 1,
        job: key(1),
        rent_payer: key(2),
        reveal_window: 60,
        round: 4,
        ..state::Quorum::zeroed()
    };
    quorum.members[0].lease = key(6);
    quorum.members[0].state = 1;
    let AnyAccount::Quorum(account) = AnyAccount::decode(PLACE, &bytes(&quorum)).unwrap() else { panic!() };
    assert_eq!((account.address, account.job, account.round), (PLACE, Address([1; 32]), 4));
    assert_eq!(account.rent_payer, Address([2; 32]));
    assert_eq!((account.quorum.needed, account.quorum.size, account.quorum.reveal_window), (2, 3, Seconds(60)));
    let [member] = account.quorum.joined() else { panic!() };
    assert_eq!((member.lease, member.state), (Address([6; 32]), MemberState::Committed));
    quorum.joined = 4;
    assert_eq!(QuorumAccount::decode(PLACE, &bytes(&quorum)), Err(DecodeError::Contradictory));
    quorum.joined = 1;
    quorum.members[0].state = 9;
    assert_eq!(QuorumAccount::decode(PLACE, &bytes(&quorum)), Err(DecodeError::Contradictory));
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
