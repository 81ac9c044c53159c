//! The bytes of an account of each kind, as this version writes them: recorded once in
//! `tests/vectors/accounts`, one file a kind, in hexadecimal. Each field has a value of its own. A layout
//! that changes is another version: the recorded bytes stay.

use anchor_lang::prelude::Pubkey;
use anchor_lang::{Discriminator, ZeroCopy};
use millrace::state::{Allowance, Buyer, Config, Dispute, Job, Lease, Node, Provider, Quorum, QuorumMember, Unbonding};
use millrace::types::{Hardware, JobTerms, Parameters};
use millrace_protocol::quorum::MEMBERS;

use super::{DecodeError, read};

fn key(number: u8) -> Pubkey {
    Pubkey::new_from_array([number; 32])
}

/// The recorded bytes hold exactly these fields, and these fields make exactly the recorded bytes.
fn check<T: ZeroCopy + Discriminator + PartialEq + std::fmt::Debug>(kind: &str, recorded: &str, fields: &T) {
    let written = [T::DISCRIMINATOR, bytemuck::bytes_of(fields)].concat();
    let digits: String = recorded.split_whitespace().collect();
    let bytes = hex::decode(digits).unwrap();
    let lines: Vec<String> = written.chunks(32).map(hex::encode).collect();
    assert_eq!(bytes, written, "the {kind} is written otherwise than recorded; now:\n{}", lines.join("\n"));
    assert_eq!(read::<T>(&bytes).as_ref(), Ok(fields), "the recorded {kind} decodes to other fields");
    for version in [0, 2] {
        let mut other = bytes.clone();
        other[T::DISCRIMINATOR.len()] = version;
        assert_eq!(read::<T>(&other), Err(DecodeError::UnknownVersion(version)));
    }
}

macro_rules! golden {
    ($($test:ident: $file:literal, $fields:expr;)*) => {
        $(
            #[test]
            fn $test() {
                let recorded = include_str!(concat!("../../../../tests/vectors/accounts/", $file, ".hex"));
                check($file, recorded, &$fields);
                assert!($fields.rules().is_ok(), "the recorded {} contradicts itself", $file);
            }
        )*
    };
}

golden! {
    a_config: "config", config();
    a_provider: "provider", provider();
    a_node: "node", node();
    a_buyer: "buyer", buyer();
    an_allowance: "allowance", allowance();
    a_job: "job", job();
    a_lease: "lease", lease();
    a_dispute: "dispute", dispute();
    a_quorum: "quorum", quorum();
}

fn config() -> Config {
    Config {
        version: 1,
        bump: 2,
        paused: 1,
        padding: [0; 5],
        admin: key(10),
        pending_admin: key(11),
        scheduler: key(12),
        arbiter: key(13),
        treasury: key(14),
        mint: key(15),
        rent_payer: key(16),
        parameters: Parameters {
            minimum_bond: [1_000, 1_001, 1_002, 1_003],
            minimum_dispute_bond: 1_004,
            start_timeout: 301,
            checkpoint_interval: 901,
            hold_limit: 21_601,
            settle_grace: 601,
            preemption_notice: 61,
            decide_window: 604_801,
            reveal_window: 3_601,
            unbonding: 1_209_601,
            payout_delay: 172_801,
            minimum_reputation_bps: [5_001, 5_002, 5_003, 5_004],
            delist_floor_bps: 2_501,
            fee_bps: 501,
            bond_hours: 25,
            abandon_penalty_bps: 1_001,
            lost_penalty_bps: 2_502,
            dispute_bond_bps: 1_005,
            padding: [0; 4],
        },
        spare: [0; 64],
    }
}

fn provider() -> Provider {
    let mut display_name = [0; 32];
    display_name[..6].copy_from_slice("Mühle".as_bytes());
    Provider {
        version: 1,
        bump: 2,
        status: 1,
        padding: 0,
        nodes: 3,
        owner: key(10),
        payout_owner: key(11),
        next_payout_owner: key(12),
        stake_vault: key(13),
        earnings_vault: key(14),
        rent_payer: key(15),
        display_name,
        stake_total: 60_000,
        stake_locked: 10_000,
        staked: 100_000,
        slashed: 15_000,
        stake_withdrawn: 25_000,
        unbonding: [
            Unbonding { amount: 1, unlocks_at: 2_001 },
            Unbonding { amount: 2, unlocks_at: 2_002 },
            Unbonding { amount: 3, unlocks_at: 2_003 },
            Unbonding { amount: 4, unlocks_at: 2_004 },
        ],
        earnings_owner: 7_000,
        earnings_fees: 800,
        earnings_received: 12_800,
        earnings_withdrawn: 4_500,
        earnings_swept: 500,
        reputation_good: 31,
        reputation_bad: 32,
        reputation_at: 2_005,
        next_payout_from: 2_006,
        registered_at: 2_007,
        nodes_added: 9,
        padding_end: [0; 4],
        spare: [0; 64],
    }
}

fn node() -> Node {
    Node {
        version: 1,
        bump: 2,
        status: 1,
        service_level: 2,
        index: 5,
        provider: key(10),
        node_key: key(11),
        attestor: key(12),
        attestation_digest: [13; 32],
        rent_payer: key(14),
        hardware: Hardware {
            vram_mib: 24_576,
            memory_mib: 65_536,
            disk_mib: 512_000,
            gpu_count: 4,
            cpu_cores: 16,
            gpu_class: 8,
            region: 3,
            country: *b"DE",
            simulated: 1,
            padding: [0; 3],
        },
        driver: 570_086,
        cuda: 12_008,
        capabilities: 0x0102_0304,
        leased: 3,
        attestation_score: 9_001,
        attestation_class: 1,
        padding: [0; 7],
        price: 3_600_000,
        spot_price: 1_800_000,
        attestation_expires_at: 2_001,
        added_at: 2_002,
        spare: [0; 64],
    }
}

fn buyer() -> Buyer {
    Buyer {
        version: 1,
        bump: 2,
        padding: [0; 2],
        jobs_opened: 7,
        owner: key(10),
        buyer_vault: key(11),
        mint: key(12),
        rent_payer: key(13),
        balance: 600,
        deposited: 1_000,
        withdrawn: 150,
        spent: 300,
        refunded: 50,
        jobs_cancelled: 2,
        disputes_lost: 1,
        spare: [0; 64],
    }
}

fn allowance() -> Allowance {
    Allowance {
        version: 1,
        bump: 2,
        padding: [0; 6],
        buyer: key(10),
        delegate: key(11),
        rent_payer: key(12),
        per_job: 100,
        total: 1_000,
        spent: 300,
        expires_at: 2_001,
        spare: [0; 64],
    }
}

fn job() -> Job {
    Job {
        version: 1,
        bump: 2,
        state: 1,
        prepaid: 1,
        leases_opened: 6,
        buyer: key(10),
        funder: key(11),
        attestor: key(12),
        mint: key(13),
        job_vault: key(14),
        rent_payer: key(15),
        spec_hash: [16; 32],
        terms: JobTerms {
            gpu_classes: 0x180,
            maximum_price: 3_600_000,
            lease_seconds: 3_600,
            start_window: 601,
            deposit: 40_000_000,
            dispute_window: 3_602,
            vram_mib: 16_384,
            regions: 0b11,
            units: 2,
            concurrent_leases: 5,
            retries: 4,
            spot_check_bps: 0,
            accept_simulated: 1,
            spot: 0,
            service_level: 0,
            payment: 1,
            verification: 2,
            quorum_needed: 2,
            quorum_size: 3,
            hardware_class: 0,
        },
        id: 0x0102_0304_0506_0708,
        reserved: 1_000_001,
        paid: 1_000_002,
        fees: 1_000_003,
        compensation: 1_000_004,
        dispute_bonds: 1_000_005,
        opened_slot: 3_001,
        opened_at: 2_001,
        start_deadline: 2_002,
        cancelled_at: 2_003,
        settle_grace: 602,
        quorum_round: 8,
        live_leases: 1,
        reported_leases: 2,
        attempts_failed: 3,
        disputes_lost: 4,
        completed: 1,
        quorum_open: 1,
        padding: [0; 2],
        spare: [0; 64],
    }
}

fn lease() -> Lease {
    Lease {
        version: 1,
        bump: 2,
        state: 2,
        reported: 1,
        number: 6,
        job: key(10),
        node: key(11),
        provider: key(12),
        attestor: key(13),
        rent_payer: key(14),
        result_root: [15; 32],
        bid_book_root: [16; 32],
        price: 3_600_000,
        opened_at: 2_001,
        maximum_seconds: 3_600,
        reserved: 1_000_001,
        paid: 1_000_002,
        fees: 50_000,
        bond: 1_000_003,
        sequence: 17,
        metered_seconds: 1_800,
        downtime_seconds: 18,
        start_by: 2_301,
        attested_at: 2_101,
        checkpoint_by: 3_001,
        ends_by: 5_601,
        preempted_at: 2_201,
        disputable_until: 9_201,
        start_timeout: 300,
        checkpoint_interval: 900,
        hold_limit: 21_600,
        settle_grace: 600,
        fee_bps: 500,
        abandon_penalty_bps: 1_000,
        lost_penalty_bps: 2_500,
        units: 2,
        start_extended: 1,
        started_late: 1,
        padding: [0; 6],
        spare: [0; 64],
    }
}

fn dispute() -> Dispute {
    Dispute {
        version: 1,
        bump: 2,
        padding: [0; 6],
        job: key(10),
        lease: key(11),
        challenger: key(12),
        evidence_hash: [13; 32],
        rent_payer: key(14),
        bond: 1_000_001,
        opened_at: 2_001,
        decide_by: 606_801,
        spare: [0; 64],
    }
}

fn quorum() -> Quorum {
    let members = std::array::from_fn::<_, MEMBERS, _>(|index| {
        let number = index as u8;
        QuorumMember {
            lease: key(20 + number),
            provider: key(40 + number),
            hash: [60 + number; 32],
            state: number % 5,
            padding: [0; 7],
        }
    });
    Quorum {
        version: 1,
        bump: 2,
        needed: 3,
        size: 5,
        joined: 4,
        verdict: 1,
        padding: [0; 2],
        job: key(10),
        winner: [11; 32],
        rent_payer: key(12),
        members,
        commit_by: 2_001,
        reveal_by: 2_002,
        reveal_window: 3_601,
        round: 6,
        padding_end: [0; 4],
        spare: [0; 64],
    }
}
