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
use crate::accounts::{Account, JobAccount, LeaseAccount, NodeAccount, ProviderAccount};
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

#[test]
fn what_an_admin_or_a_provider_does_is_signed_by_nobody_else() {
    let (owner, other, mint) = (Address([1; 32]), Address([2; 32]), Address([3; 32]));
    let place = Address([4; 32]);
    let mut display_name = [0; 32];
    display_name[0] = b'M';
    let provider = state::Provider { version: 1, owner: pubkey(owner), display_name, ..state::Provider::zeroed() };
    let provider = ProviderAccount::decode(place, &account(&provider)).unwrap();
    let hardware = millrace_protocol::Hardware {
        gpu_class: 0,
        gpu_count: 0,
        vram_mib: 0,
        cpu_cores: 1,
        memory_mib: 1,
        disk_mib: 1,
        region: 0,
        country: *b"DE",
        simulated: true,
    };
    let node = state::Node { version: 1, hardware: hardware.into(), ..state::Node::zeroed() };
    let node = NodeAccount::decode(place, &account(&node)).unwrap();
    for (instructions, expected, signers) in [
        (propose_admin(owner, Some(other)), "propose_admin", vec![owner]),
        (accept_admin(other), "accept_admin", vec![other]),
        (set_arbiter(owner, other), "set_arbiter", vec![owner]),
        (set_parameters(owner, &Parameters::default()), "set_parameters", vec![owner]),
        (set_paused(owner, true), "set_paused", vec![owner]),
        (set_scheduler(owner, other), "set_scheduler", vec![owner]),
        (set_treasury(owner, other), "set_treasury", vec![owner]),
        (change_payout(owner, other), "change_payout", vec![owner]),
        (close_provider(&provider, mint), "close_provider", vec![owner]),
        (request_unstake(owner, MicroUsdc(1)), "request_unstake", vec![owner]),
        (set_provider_status(owner, true), "set_provider_status", vec![owner]),
        (withdraw_earnings(other, &provider, mint, Default::default()), "withdraw_earnings", vec![other]),
        (withdraw_stake(owner, mint), "withdraw_stake", vec![owner]),
        (remove_node(owner, &node), "remove_node", vec![owner]),
        (rotate_node_key(owner, &node, other), "rotate_node_key", vec![owner, other]),
        (set_node_status(owner, &node, true), "set_node_status", vec![owner]),
        (update_node(owner, &node, Offer::of(&node)), "update_node", vec![owner]),
        (delist_provider(place), "delist_provider", vec![]),
        (relist_provider(place), "relist_provider", vec![]),
        (sweep_fees(place, other), "sweep_fees", vec![]),
    ] {
        let last = instructions.last().unwrap();
        assert_eq!(name(&last.program_id, &last.data), expected);
        let signed =
            last.accounts.iter().filter(|meta| meta.is_signer).map(|meta| crate::address::address(meta.pubkey));
        assert_eq!(signed.collect::<Vec<_>>(), signers, "{expected}");
    }
}
