//! How a voucher's signature may reach `settle`, and how it may not.

use anchor_lang::error::ErrorCode;
use anchor_lang::prelude::{AccountMeta, Pubkey};
use anchor_lang::solana_program::instruction::Instruction;
use millrace_testkit::program::{MarketError, precompile};
use millrace_testkit::protocol::Seconds;
use millrace_testkit::protocol::voucher::{self, Voucher};
use millrace_testkit::{Keypair, Signer, attestation, signature_check};

use crate::scene::Scene;

/// An hour of compute, attested in the first minute or by the wrong key: what a thief would redeem.
fn ready() -> (Scene, Voucher) {
    let mut scene = Scene::new();
    scene.chain.advance(Seconds(100));
    let voucher = attestation(scene.lease.address, 1, Seconds(50));
    (scene, voucher)
}

/// Something harmless: a transfer of nothing.
fn harmless(payer: Pubkey) -> Instruction {
    let mut data = 2u32.to_le_bytes().to_vec();
    data.extend_from_slice(&0u64.to_le_bytes());
    Instruction {
        program_id: anchor_lang::system_program::ID,
        accounts: vec![AccountMeta::new(payer, true), AccountMeta::new(payer, false)],
        data,
    }
}

/// The precompile's data for any number of parts, each key, signature, message; offsets may point
/// into another instruction.
fn precompile_data(parts: &[(&Keypair, &[u8])], instruction: u16) -> Vec<u8> {
    let mut header = vec![parts.len() as u8, 0];
    let mut body = Vec::new();
    let start = 2 + 14 * parts.len();
    for (key, message) in parts {
        let at = start + body.len();
        let (key_at, signature_at, message_at) = (at as u16, (at + 32) as u16, (at + 96) as u16);
        for field in [signature_at, instruction, key_at, instruction, message_at, message.len() as u16, instruction] {
            header.extend_from_slice(&field.to_le_bytes());
        }
        body.extend_from_slice(key.pubkey().as_ref());
        body.extend_from_slice(key.sign_message(message).as_array());
        body.extend_from_slice(message);
    }
    [header, body].concat()
}

fn precompile_instruction(data: Vec<u8>) -> Instruction {
    Instruction { data, ..signature_check(&Keypair::new(), &attestation(Pubkey::default(), 1, Seconds(0))) }
}

#[test]
fn the_layout_is_the_one_that_solana_clients_write() {
    let key = Keypair::new();
    let message = attestation(Pubkey::default(), 1, Seconds(1)).encode();
    let ours = precompile::instruction_data(&key.pubkey().to_bytes(), key.sign_message(&message).as_array(), &message);
    assert_eq!(ours, precompile_data(&[(&key, &message)], u16::MAX));
}

#[test]
fn may_stand_anywhere_in_the_transaction_directly_before_settle() {
    let (Scene { mut chain, lease, .. }, voucher) = ready();
    let mut call = chain.settle(&lease, &voucher);
    call.before.insert(0, harmless(chain.fee_payer.pubkey()));
    chain.send(&call).unwrap();
}

#[test]
fn anyone_may_submit_it() {
    let (Scene { mut chain, lease, .. }, voucher) = ready();
    let stranger = chain.wallet(millrace_testkit::protocol::MicroUsdc::ZERO);
    chain.fee_payer = stranger.key;
    let call = chain.settle(&lease, &voucher);
    chain.send(&call).unwrap();
}

#[test]
fn refuses_settle_as_the_first_instruction() {
    let (Scene { mut chain, lease, .. }, voucher) = ready();
    let mut call = chain.settle(&lease, &voucher);
    call.before.clear();
    chain.refuses(&call, MarketError::VoucherMissing);
}

#[test]
fn refuses_another_instruction_in_its_place() {
    let (Scene { mut chain, lease, .. }, voucher) = ready();
    let mut call = chain.settle(&lease, &voucher);
    call.before = vec![harmless(chain.fee_payer.pubkey())];
    chain.refuses(&call, MarketError::VoucherMissing);
}

#[test]
fn refuses_an_instruction_in_between() {
    let (Scene { mut chain, lease, .. }, voucher) = ready();
    let mut call = chain.settle(&lease, &voucher);
    call.before.push(harmless(chain.fee_payer.pubkey()));
    chain.refuses(&call, MarketError::VoucherMissing);
}

#[test]
fn refuses_one_signature_for_two_settlements() {
    let (Scene { mut chain, lease, .. }, voucher) = ready();
    let mut call = chain.settle(&lease, &voucher);
    let settle = call.instruction();
    call.before.push(settle);
    chain.refuses(&call, MarketError::VoucherMissing);
}

#[test]
fn refuses_a_signature_check_after_settle() {
    let (Scene { mut chain, lease, .. }, voucher) = ready();
    let mut call = chain.settle(&lease, &voucher);
    let check = call.before.pop().unwrap();
    let before = chain.everything();
    let refusal = chain.send_instructions(&[call.instruction(), check], &[]).unwrap_err();
    assert_eq!(refusal.market(), Some(MarketError::VoucherMissing));
    assert!(before == chain.everything());
}

#[test]
fn refuses_a_voucher_that_another_key_signed() {
    let (Scene { mut chain, node, job, lease, .. }, voucher) = ready();
    for key in [&Keypair::new(), &node.key, &node.provider.owner.key, &job.buyer.key, &chain.admin.insecure_clone()] {
        let mut call = chain.settle(&lease, &voucher);
        call.before = vec![signature_check(key, &voucher)];
        chain.refuses(&call, MarketError::VoucherForged);
    }
}

#[test]
fn refuses_a_signature_that_does_not_fit() {
    let (Scene { mut chain, lease, .. }, voucher) = ready();
    let mut call = chain.settle(&lease, &voucher);
    // The attestor's key and its good signature, over another number of seconds.
    let more = Voucher { metered: Seconds(99), ..voucher };
    let length = call.before[0].data.len();
    call.before[0].data[length - voucher::LENGTH..].copy_from_slice(&more.encode());
    // The precompile itself refuses: invalid signature.
    chain.refuses(&call, 2);
}

#[test]
fn refuses_two_signatures() {
    let (Scene { mut chain, lease, .. }, voucher) = ready();
    let message = voucher.encode();
    let (attestor, thief) = (chain.scheduler.insecure_clone(), Keypair::new());
    let forged = Voucher { metered: Seconds(100), ..voucher }.encode();
    for parts in [
        [(&attestor, &message[..]), (&attestor, &message[..])],
        [(&thief, &forged[..]), (&attestor, &message[..])],
        [(&attestor, &message[..]), (&thief, &forged[..])],
    ] {
        let check = precompile_instruction(precompile_data(&parts, u16::MAX));
        let mut call = chain.settle(&lease, &voucher);
        call.before = vec![check];
        chain.refuses(&call, MarketError::VoucherLayout);
    }
}

#[test]
fn refuses_no_signature_at_all() {
    let (Scene { mut chain, lease, .. }, voucher) = ready();
    let mut call = chain.settle(&lease, &voucher);
    call.before[0].data[0] = 0;
    let refusal = chain.send(&call).unwrap_err();
    // Either the precompile refuses the count, or the program does; nothing is paid.
    assert!(refusal.custom_code().is_some(), "{refusal:?}");
    assert_eq!(chain.lease(&lease.address).sequence, 0);
}

#[test]
fn refuses_offsets_into_another_instruction() {
    let (Scene { mut chain, lease, .. }, voucher) = ready();
    // A good signature of the attestor over something else, and right before `settle` an instruction
    // whose offsets point there while its own bytes carry a forged voucher.
    let honest = signature_check(&chain.scheduler, &attestation(Pubkey::default(), 1, Seconds(0)));
    let forged = Voucher { metered: Seconds(100), ..voucher };
    let mut pointing = precompile_data(&[(&chain.scheduler, &forged.encode())], 0);
    pointing[48..112].fill(0);
    let mut call = chain.settle(&lease, &voucher);
    call.before = vec![honest, precompile_instruction(pointing)];
    chain.refuses(&call, MarketError::VoucherLayout);
}

#[test]
fn refuses_its_own_index_spelled_out() {
    let (Scene { mut chain, lease, .. }, voucher) = ready();
    // Same bytes, same meaning, but one spelling is enough.
    let data = precompile_data(&[(&chain.scheduler, &voucher.encode())], 0);
    let mut call = chain.settle(&lease, &voucher);
    call.before = vec![precompile_instruction(data)];
    chain.refuses(&call, MarketError::VoucherLayout);
}

#[test]
fn refuses_bytes_after_the_voucher() {
    let (Scene { mut chain, lease, .. }, voucher) = ready();
    let mut call = chain.settle(&lease, &voucher);
    call.before[0].data.push(0);
    chain.refuses(&call, MarketError::VoucherLayout);
}

#[test]
fn refuses_a_message_that_is_longer_or_shorter_than_a_voucher() {
    let (Scene { mut chain, lease, .. }, voucher) = ready();
    let message = voucher.encode();
    for other in [[&message[..], &[0]].concat(), message[..voucher::LENGTH - 1].to_vec()] {
        let data = precompile_data(&[(&chain.scheduler, &other)], u16::MAX);
        let mut call = chain.settle(&lease, &voucher);
        call.before = vec![precompile_instruction(data)];
        chain.refuses(&call, MarketError::VoucherLayout);
    }
}

#[test]
fn refuses_signed_bytes_that_are_not_a_voucher() {
    let (Scene { mut chain, lease, .. }, voucher) = ready();
    let good = voucher.encode();
    // The domain, the final flag, the exit class.
    for (position, value) in [(0, b'M'), (107, 2), (108, 4)] {
        let mut message = good;
        message[position] = value;
        let data = precompile_data(&[(&chain.scheduler, &message)], u16::MAX);
        let mut call = chain.settle(&lease, &voucher);
        call.before = vec![precompile_instruction(data)];
        chain.refuses(&call, MarketError::VoucherMalformed);
    }
}

#[test]
fn refuses_another_account_in_the_sysvars_place() {
    let (Scene { mut chain, lease, .. }, voucher) = ready();
    for other in [lease.job.buyer.address(), lease.job.address] {
        let mut call = chain.settle(&lease, &voucher);
        call.accounts.instructions = other;
        chain.refuses(&call, ErrorCode::ConstraintAddress);
    }
}
