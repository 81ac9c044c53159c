use anchor_lang::ZeroCopy;
use bytemuck::Zeroable;
use millrace::state;
use millrace_protocol::voucher::{ExitClass, Voucher};
use millrace_protocol::{
    Address, GpuUnits, HardwareAttestation, JobTerms, MicroUsdc, Parameters, Payment, PricePerGpuHour, Requirements,
    Ruling, Seconds, ServiceLevel, Verification,
};

use super::*;
use crate::Keypair;
use crate::accounts::{Account, DisputeAccount, JobAccount, LeaseAccount, QuorumAccount};
use crate::voucher::SignedVoucher;

fn terms() -> JobTerms {
    let requirements =
        Requirements { gpu_classes: 0, vram_mib: 0, units: GpuUnits(1), regions: 0, accept_simulated: true };
    JobTerms {
        requirements,
        maximum_price: PricePerGpuHour(1),
        concurrent_leases: 1,
        lease_seconds: Seconds(60),
        start_window: Seconds(60),
        retries: 0,
        deposit: MicroUsdc(1),
        spot: false,
        service_level: ServiceLevel::None,
        payment: Payment::Streaming,
        verification: Verification::Attested,
        dispute_window: Seconds::ZERO,
    }
}

/// An account as it lies on the chain.
fn account<T: ZeroCopy + Discriminator>(state: &T) -> Vec<u8> {
    [T::DISCRIMINATOR, bytemuck::bytes_of(state)].concat()
}

#[test]
fn instructions_have_names_for_messages() {
    let (a, b) = (Address([1; 32]), Address([2; 32]));
    let new_job = NewJob { buyer: a, funder: b, mint: a, id: 1, spec_hash: [0; 32], terms: terms(), attestor: None };
    let foundation =
        Foundation { admin: a, scheduler: b, arbiter: b, treasury: a, mint: b, parameters: Parameters::default() };
    let attestation = Attestation { shown: HardwareAttestation::default(), digest: [0; 32], score: 0 };
    for (instructions, expected) in [
        (initialize(foundation), vec!["initialize"]),
        (register_provider(a, b, "name"), vec!["register_provider"]),
        (add_stake(a, b, MicroUsdc(1)), vec!["add_stake"]),
        (open_job(new_job), vec!["open_job"]),
        (cancel_job(a, b), vec!["cancel_job"]),
        (attest_node(a, b, attestation), vec!["attest_node"]),
        (expire_job(b), vec!["expire_job"]),
        (create_associated_token_account_idempotent(a, b, a), vec!["create_token_account"]),
    ] {
        let names: Vec<_> = instructions.iter().map(|one| name(&one.program_id, &one.data)).collect();
        assert_eq!(names, expected);
    }
    assert_eq!(name(&millrace::ID, &[]), "unknown instruction");
    assert_eq!(name(&Pubkey::new_from_array([7; 32]), &[]), "foreign instruction");
}

#[test]
fn a_job_of_a_funder_is_signed_by_both_and_paid_by_the_funder() {
    let (buyer, funder) = (Address([1; 32]), Address([2; 32]));
    let new_job =
        NewJob { buyer, funder, mint: Address([3; 32]), id: 1, spec_hash: [0; 32], terms: terms(), attestor: None };
    let instruction = &open_job(new_job)[0];
    let signers: Vec<_> = instruction.accounts.iter().filter(|meta| meta.is_signer).collect();
    assert_eq!(signers.len(), 2);
    assert!(!signers[0].is_writable && signers[0].pubkey == pubkey(buyer));
    assert!(signers[1].is_writable && signers[1].pubkey == pubkey(funder));
}

#[test]
fn a_voucher_is_checked_right_before_it_is_redeemed() {
    let place = Address([4; 32]);
    let job = account(&state::Job { version: 1, ..state::Job::zeroed() });
    let job = JobAccount::decode(place, &job).unwrap();
    let lease = account(&state::Lease { version: 1, units: 1, ..state::Lease::zeroed() });
    let lease = LeaseAccount::decode(place, &lease).unwrap();
    let voucher = Voucher {
        program: crate::address::program(),
        lease: place,
        sequence: 1,
        metered: Seconds(1),
        downtime: Seconds(0),
        is_final: false,
        exit_class: ExitClass::Completed,
        result_root: [0; 32],
    };
    let signed = SignedVoucher::sign(voucher, &Keypair::new());
    let [check, redeem] = &settle(&job, &lease, &signed)[..] else { panic!() };
    let reference = solana_ed25519_program::new_ed25519_instruction_with_signature(
        &voucher.encode(),
        &signed.signature,
        &signed.attestor.0,
    );
    assert_eq!(check, &reference);
    assert_eq!(name(&redeem.program_id, &redeem.data), "settle");
    assert!(redeem.accounts.iter().all(|meta| !meta.is_signer));
}

#[test]
fn what_settles_a_lease_names_the_leases_own_accounts() {
    let key = |number| Address([number; 32]);
    let state = state::Lease {
        version: 1,
        units: 1,
        job: pubkey(key(1)),
        node: pubkey(key(2)),
        provider: pubkey(key(3)),
        rent_payer: pubkey(key(4)),
        ..state::Lease::zeroed()
    };
    let lease = LeaseAccount::decode(key(9), &account(&state)).unwrap();
    let settled_by_buyer = accept_lease(key(5), &lease).remove(0);
    let settled_by_anyone = finalize_lease(&lease).remove(0);
    assert_eq!(settled_by_buyer.accounts[1..], settled_by_anyone.accounts);
    assert!(settled_by_buyer.accounts[0].is_signer && settled_by_buyer.accounts[0].pubkey == pubkey(key(5)));
    assert!(settled_by_anyone.accounts.iter().all(|meta| !meta.is_signer));
    let named: Vec<_> = settled_by_anyone.accounts.iter().map(|meta| meta.pubkey).collect();
    let provider = key(3);
    let expected = [
        key(1),
        address::job_vault(key(1)),
        key(9),
        provider,
        address::stake_vault(provider),
        address::earnings_vault(provider),
        key(4),
    ];
    assert_eq!(named[..7], expected.map(pubkey));
}

#[test]
fn what_a_node_signs_alone_costs_it_nothing() {
    let node_key = Address([5; 32]);
    let lease = account(&state::Lease { version: 1, units: 1, ..state::Lease::zeroed() });
    let lease = LeaseAccount::decode(Address([9; 32]), &lease).unwrap();
    for (instructions, expected) in
        [(extend_start(node_key, &lease), "extend_start"), (hold_lease(node_key, &lease), "hold_lease")]
    {
        let [only] = &instructions[..] else { panic!() };
        assert_eq!(name(&only.program_id, &only.data), expected);
        let signers: Vec<_> = only.accounts.iter().filter(|meta| meta.is_signer).collect();
        assert!(signers.len() == 1 && signers[0].pubkey == pubkey(node_key) && !signers[0].is_writable);
        let writable: Vec<_> = only.accounts.iter().filter(|meta| meta.is_writable).collect();
        assert!(writable.len() == 1 && writable[0].pubkey == pubkey(lease.address));
    }
}

#[test]
fn disputes_and_rounds_have_names_and_the_signers_they_say() {
    let place = Address([4; 32]);
    let job = account(&state::Job { version: 1, ..state::Job::zeroed() });
    let job = JobAccount::decode(place, &job).unwrap();
    let lease = account(&state::Lease { version: 1, units: 1, ..state::Lease::zeroed() });
    let lease = LeaseAccount::decode(place, &lease).unwrap();
    let dispute = account(&state::Dispute { version: 1, ..state::Dispute::zeroed() });
    let dispute = DisputeAccount::decode(place, &dispute).unwrap();
    let quorum = account(&state::Quorum { version: 1, ..state::Quorum::zeroed() });
    let quorum = QuorumAccount::decode(place, &quorum).unwrap();
    let signer = Address([5; 32]);
    for (instructions, expected, signed) in [
        (open_dispute(signer, &job, &lease, [0; 32]), "open_dispute", true),
        (resolve_dispute(signer, &job, &lease, &dispute, Ruling::Split), "resolve_dispute", true),
        (expire_dispute(signer, &job, &lease, &dispute), "expire_dispute", false),
        (open_quorum(signer, &job), "open_quorum", true),
        (commit_result(signer, &job, &lease, [1; 32], [2; 32]), "commit_result", true),
        (reveal_result(signer, &job, &lease, [1; 32], [2; 32]), "reveal_result", true),
        (tally_quorum(quorum.address), "tally_quorum", false),
        (settle_member(&lease, quorum.address), "settle_member", false),
        (close_quorum(&quorum), "close_quorum", false),
    ] {
        let last = instructions.last().unwrap();
        assert_eq!(name(&last.program_id, &last.data), expected);
        let signers: Vec<_> = last.accounts.iter().filter(|meta| meta.is_signer).map(|meta| meta.pubkey).collect();
        assert_eq!(signers, if signed { vec![pubkey(signer)] } else { vec![] }, "{expected}");
    }
}
