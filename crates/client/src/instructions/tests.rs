use anchor_lang::ZeroCopy;
use bytemuck::Zeroable;
use millrace::state;
use millrace_protocol::voucher::{ExitClass, Voucher};
use millrace_protocol::{
    Address, GpuUnits, JobTerms, MicroUsdc, Parameters, Payment, PricePerGpuHour, Requirements, Seconds, ServiceLevel,
    Verification,
};

use super::*;
use crate::Keypair;
use crate::accounts::{Account, JobAccount, LeaseAccount};
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
    for (instructions, expected) in [
        (initialize(foundation), vec!["initialize"]),
        (register_provider(a, b, "name"), vec!["register_provider"]),
        (add_stake(a, b, MicroUsdc(1)), vec!["add_stake"]),
        (open_job(new_job), vec!["open_job"]),
        (cancel_job(a, b), vec!["cancel_job"]),
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
