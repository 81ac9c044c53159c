//! What holds for every instruction, tried on a happy call of each.

use anchor_lang::error::ErrorCode;
use anchor_lang::prelude::Pubkey;
use anchor_lang::solana_program::instruction::Instruction;
use millrace_testkit::Environment;
use millrace_testkit::costs::{HappyCall, happy_calls};
use millrace_testkit::program::MarketError;
use millrace_testkit::protocol::MicroUsdc;

const SYSTEM_PROGRAM: Pubkey = anchor_lang::system_program::ID;
/// Which account of `close_job_prepaid` the refund goes to.
const BUYER_VAULT: usize = 3;
/// Bytes of a token account.
const TOKEN_ACCOUNT: usize = 165;
const PROGRAM: Pubkey = millrace_testkit::program::ID;
const TOKEN_PROGRAM: Pubkey = Pubkey::from_str_const("TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA");

/// Sends the call with its own instruction spoiled, which must be refused and change nothing.
fn refuses(call: &HappyCall, chain: &mut Environment, spoil: impl FnOnce(&mut Instruction), code: u32, what: &str) {
    let mut instructions = call.instructions.clone();
    spoil(instructions.last_mut().unwrap());
    let before = chain.everything();
    let refusal = chain.send_instructions(&instructions, &call.signers).expect_err(what);
    assert_eq!(refusal.custom_code(), Some(code), "{}: {what}: {refusal:?}", call.cost.instruction);
    assert!(
        before == chain.everything(),
        "{}: {what}: a refused instruction changed an account",
        call.cost.instruction
    );
}

#[test]
fn an_account_of_another_version_is_refused_by_every_instruction() {
    let mut kinds = std::collections::BTreeSet::new();
    for call in happy_calls() {
        for meta in &call.instructions.last().unwrap().accounts {
            for version in [0, 2] {
                let mut chain = call.chain.fork();
                if chain.put_version(meta.pubkey, version) {
                    let data = chain.everything()[&meta.pubkey].1.clone();
                    kinds.insert(data[..8].to_vec());
                    let code = MarketError::UnknownVersion.into();
                    refuses(
                        &call,
                        &mut chain,
                        |_| {},
                        code,
                        &format!("{}: version {version} of {}", call.cost.instruction, meta.pubkey),
                    );
                }
            }
        }
    }
    assert!(kinds.len() >= 5, "only {} kinds of account were tried", kinds.len());
}

#[test]
fn every_signature_that_an_instruction_asks_for_is_needed() {
    for call in happy_calls() {
        let signers = call.instructions.last().unwrap().accounts.iter().filter(|meta| meta.is_signer);
        for signer in signers.map(|meta| meta.pubkey) {
            let unsign = |instruction: &mut Instruction| {
                instruction.accounts.iter_mut().filter(|meta| meta.pubkey == signer).for_each(|meta| {
                    meta.is_signer = false;
                });
            };
            let code = ErrorCode::AccountNotSigner.into();
            refuses(&call, &mut call.chain.fork(), unsign, code, &format!("without the signature of {signer}"));
        }
    }
}

#[test]
fn programs_that_an_instruction_calls_are_the_real_ones() {
    for call in happy_calls() {
        for (program, other) in [(SYSTEM_PROGRAM, TOKEN_PROGRAM), (TOKEN_PROGRAM, SYSTEM_PROGRAM)] {
            let replace = |instruction: &mut Instruction| {
                instruction.accounts.iter_mut().filter(|meta| meta.pubkey == program).for_each(|meta| {
                    meta.pubkey = other;
                });
            };
            if call.instructions.last().unwrap().accounts.iter().any(|meta| meta.pubkey == program) {
                let code = ErrorCode::InvalidProgramId.into();
                refuses(&call, &mut call.chain.fork(), replace, code, &format!("without the program {program}"));
            }
        }
    }
}

/// Nobody can make another configuration; were one to exist, it would count for nothing.
#[test]
fn the_configuration_is_the_one_at_its_address() {
    let config = Environment::config_address();
    let mut n_calls = 0;
    for call in happy_calls() {
        if call.instructions.last().unwrap().accounts.iter().any(|meta| meta.pubkey == config) {
            let mut chain = call.chain.fork();
            let Some(copy) = chain.exists(&config).then(|| chain.forge(config, PROGRAM)) else { continue };
            let replace = |instruction: &mut Instruction| {
                instruction.accounts.iter_mut().filter(|meta| meta.pubkey == config).for_each(|meta| {
                    meta.pubkey = copy;
                });
            };
            let code = ErrorCode::ConstraintAddress.into();
            refuses(&call, &mut chain, replace, code, "with a copy of the configuration at another address");
            n_calls += 1;
        }
    }
    assert!(n_calls > 10, "only {n_calls} calls read the configuration");
}

#[test]
fn every_event_is_signed_by_the_program_alone() {
    let authority = Environment::event_authority();
    for call in happy_calls() {
        let replace = |instruction: &mut Instruction| {
            instruction.accounts.iter_mut().filter(|meta| meta.pubkey == authority).for_each(|meta| {
                meta.pubkey = Pubkey::new_from_array([7; 32]);
            });
        };
        let code = ErrorCode::ConstraintAddress.into();
        refuses(&call, &mut call.chain.fork(), replace, code, "another event authority");
    }
}

/// A later version may put fields there; a program that does not know them must not wipe them.
#[test]
fn spare_bytes_are_kept_by_every_instruction() {
    const SPARE: [u8; 64] = [0x5a; 64];
    let mut n_kept = 0;
    for call in happy_calls() {
        for meta in call.instructions.last().unwrap().accounts.iter().filter(|meta| meta.is_writable) {
            let mut chain = call.chain.fork();
            if chain.put_spare(meta.pubkey, &SPARE) {
                chain.send_instructions(&call.instructions, &call.signers).unwrap();
                if let Some((_, data)) = chain.everything().get(&meta.pubkey) {
                    assert!(data.ends_with(&SPARE), "{} wipes {}", call.cost.instruction, meta.pubkey);
                    n_kept += 1;
                }
            }
        }
    }
    assert!(n_kept > 20, "only {n_kept} accounts were written");
}

/// The vaults among an instruction's accounts that hold something: token accounts that an account of the
/// program owns, with owner and amount.
fn vaults(call: &HappyCall) -> Vec<(Pubkey, Pubkey, MicroUsdc)> {
    let everything = call.chain.everything();
    let metas = call.instructions.last().unwrap().accounts.iter();
    metas
        .filter_map(|meta| {
            let (_, data) = everything.get(&meta.pubkey).filter(|(_, data)| data.len() == TOKEN_ACCOUNT)?;
            let owner = Pubkey::try_from(&data[32..64]).unwrap();
            let amount = MicroUsdc(u64::from_le_bytes(data[64..72].try_into().unwrap()));
            (everything.contains_key(&owner) && amount > MicroUsdc::ZERO).then_some((meta.pubkey, owner, amount))
        })
        .collect()
}

/// A state that no instruction brings about: whoever moves money of such a vault is refused.
#[test]
fn a_vault_that_is_short_of_its_ledger_stops_every_instruction_that_moves_its_money() {
    let mut n_vaults = 0;
    for call in happy_calls() {
        for (vault, owner, amount) in vaults(&call) {
            let code = match call.cost.instruction {
                // Moves all there should be, and the token program has not as much.
                "sweep_fees" | "withdraw_balance" | "withdraw_stake" => 1,
                // What comes in makes no vault shorter.
                "close_job_prepaid" if vault == call.instructions.last().unwrap().accounts[BUYER_VAULT].pubkey => {
                    continue;
                }
                _ => MarketError::VaultShort.into(),
            };
            let mut chain = call.chain.fork();
            chain.put_tokens(vault, owner, chain.mint, amount.minus(MicroUsdc(1)).unwrap());
            refuses(&call, &mut chain, |_| {}, code, &format!("out of or into {vault}, which is short"));
            n_vaults += 1;
        }
    }
    assert!(n_vaults > 30, "only {n_vaults} vaults held anything");
}
