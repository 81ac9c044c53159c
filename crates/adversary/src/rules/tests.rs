//! Each rule sees what breaks it: transactions that nothing forbids but the rule are made up.

use std::panic::{AssertUnwindSafe, catch_unwind};

use anchor_lang::prelude::{AccountMeta, Pubkey};
use anchor_lang::solana_program::instruction::Instruction;
use millrace_testkit::program::state::{Config, Job, Lease, Node, Provider};
use millrace_testkit::protocol::MicroUsdc;
use millrace_testkit::{Environment, Receipt, Signer, program};

use super::Books;
use crate::deeds::lamports;
use crate::market::Market;

const ONE: MicroUsdc = MicroUsdc(1);

/// The rules after a transaction that names `accounts`, signs with `signer`, and does what `act` does.
fn broken(accounts: &[Pubkey], signer: Option<Pubkey>, act: impl FnOnce(&mut Market)) -> Option<String> {
    let mut market = Market::found();
    let mut books = Books::open(&market);
    act(&mut market);
    market.look();
    let metas = accounts.iter().map(|key| AccountMeta::new(*key, Some(*key) == signer)).collect();
    let made_up = Instruction { program_id: program::ID, accounts: metas, data: Vec::new() };
    let receipt = receipt();
    let result = catch_unwind(AssertUnwindSafe(|| books.check(&market, &[made_up], Ok(receipt))));
    let panic = result.err()?;
    let formatted = panic.downcast_ref::<String>().cloned();
    formatted.or_else(|| panic.downcast_ref::<&str>().map(|message| (*message).to_owned()))
}

/// Of any transaction: the rules read the chain, not the receipt.
fn receipt() -> Receipt {
    let mut chain = Environment::new();
    let owner = chain.wallet(MicroUsdc::ZERO);
    let call = chain.register_provider(&owner, "Mill");
    chain.send(&call).unwrap()
}

fn transfer(market: &mut Market, from: Pubkey, to: Pubkey, amount: MicroUsdc) {
    for (address, add) in [(from, false), (to, true)] {
        let held = market.chain.tokens(&address);
        let now = if add { held.plus(amount) } else { held.minus(amount) };
        let owner = market.purses.get(&address).copied().unwrap_or_default();
        market.chain.put_tokens(address, owner, market.chain.mint, now.unwrap());
    }
}

fn a_job(market: &Market) -> (Pubkey, Job) {
    let (key, job) = market.ledger.jobs.iter().find(|(_, job)| job.state == 0 && job.prepaid == 0).unwrap();
    (*key, *job)
}

/// A provider without leases, and with stake.
fn a_provider(market: &Market) -> (Pubkey, Provider) {
    let mut providers = market.ledger.providers.iter();
    let (key, provider) = providers.find(|(_, one)| one.stake_total > 0 && one.stake_locked == 0).unwrap();
    (*key, *provider)
}

#[track_caller]
fn assert_broken(result: Option<String>, rule: &str) {
    assert!(result.as_ref().is_some_and(|message| message.contains(rule)), "not {rule:?}: {result:?}");
}

#[test]
fn nothing_is_broken_where_nothing_happens() {
    assert_eq!(broken(&[], None, |_| {}), None);
}

#[test]
fn tokens_are_neither_made_nor_lost() {
    let market = Market::found();
    let purse = market.person(0).tokens;
    let result = broken(&[purse], None, |market| {
        let (mint, owner) = (market.chain.mint, market.person(0).address());
        market.chain.put_tokens(purse, owner, mint, ONE);
    });
    assert_broken(result, "tokens were made or lost");
}

#[test]
fn a_wallet_pays_nobody_without_its_signature() {
    let market = Market::found();
    let (payer, payee) = (market.person(2), market.person(3));
    let accounts = [payer.address(), payer.tokens, payee.tokens];
    for signer in [None, Some(payer.address())] {
        // With it neither: no instruction of the program pays from wallet to wallet.
        let result = broken(&accounts, signer, |market| transfer(market, payer.tokens, payee.tokens, ONE));
        assert_broken(result, "is not what may be paid");
    }
}

#[test]
fn a_job_that_goes_on_pays_no_purse_not_even_with_its_books_in_order() {
    let market = Market::found();
    let (key, job) = a_job(&market);
    let funder = market.wallet_of(&job.funder);
    let result = broken(&[key, job.job_vault, funder.tokens, job.funder], Some(job.funder), |market| {
        transfer(market, job.job_vault, funder.tokens, ONE);
        let mut changed = job;
        changed.terms.deposit -= 1;
        market.chain.put(key, &changed);
    });
    assert_broken(result, "is not what may be paid");
}

#[test]
fn stake_pays_no_other_purse_than_its_owners_and_that_one_only_what_is_booked() {
    let market = Market::found();
    let (key, provider) = a_provider(&market);
    let (owner, other) = (market.wallet_of(&provider.owner), market.person(0));
    let accounts = [key, provider.stake_vault, owner.tokens, owner.address(), other.tokens];
    let pay = |to: Pubkey, booked: u64| {
        move |market: &mut Market| {
            transfer(market, provider.stake_vault, to, MicroUsdc(2));
            let mut changed = provider;
            changed.stake_total -= 2;
            changed.stake_withdrawn += booked;
            changed.slashed += 2 - booked;
            market.chain.put(key, &changed);
        }
    };
    let signer = Some(owner.address());
    assert_eq!(broken(&accounts, signer, pay(owner.tokens, 2)), None);
    assert_broken(broken(&accounts, signer, pay(owner.tokens, 1)), "is not what may be paid");
    assert_broken(broken(&accounts, signer, pay(other.tokens, 2)), "is not what may be paid");
    assert_broken(broken(&accounts, None, pay(owner.tokens, 2)), "is not what may be paid");
}

#[test]
fn a_vault_pays_only_where_its_owner_is_named() {
    let market = Market::found();
    let (key, provider) = a_provider(&market);
    let owner = market.wallet_of(&provider.owner);
    let result = broken(&[provider.stake_vault, owner.tokens, owner.address()], Some(owner.address()), |market| {
        transfer(market, provider.stake_vault, owner.tokens, ONE);
        let mut changed = provider;
        (changed.stake_total, changed.stake_withdrawn) = (provider.stake_total - 1, provider.stake_withdrawn + 1);
        market.chain.put(key, &changed);
    });
    assert_broken(result, "is not named");
}

#[test]
fn a_vault_gets_nothing_beside_its_ledger_but_by_a_transfer() {
    let market = Market::found();
    let (key, job) = a_job(&market);
    let funder = market.wallet_of(&job.funder);
    let accounts = [key, job.job_vault, funder.tokens, job.funder];
    let result = broken(&accounts, Some(job.funder), |market| transfer(market, funder.tokens, job.job_vault, ONE));
    assert_broken(result, "got what nobody booked");
}

#[test]
fn a_vault_holds_what_its_ledger_says() {
    let market = Market::found();
    let (_, job) = a_job(&market);
    let funder = market.wallet_of(&job.funder);
    let mut short = Market::found();
    transfer(&mut short, job.job_vault, funder.tokens, ONE);
    short.look();
    assert!(catch_unwind(AssertUnwindSafe(|| Books::open(&short))).is_err(), "a short vault is overlooked");
}

#[test]
fn nobody_gains_lamports_but_rent_that_was_theirs_nor_loses_any_without_signing() {
    let market = Market::found();
    let (payer, payee) = (market.person(2).clone(), market.person(3).address());
    let pay = |market: &mut Market| {
        let transfer = lamports(payer.address(), payee, 5);
        market.chain.send_instructions(&[transfer], &[payer.key.insecure_clone()]).unwrap();
    };
    let accounts = [payer.address(), payee];
    assert_broken(broken(&accounts, Some(payer.address()), pay), "of rent were theirs");
    assert_broken(
        broken(&accounts[..1], None, |market| {
            let nobody = market.chain.key().pubkey();
            let transfer = lamports(payer.address(), nobody, 1_000_000);
            market.chain.send_instructions(&[transfer], &[payer.key.insecure_clone()]).unwrap();
        }),
        "without signing",
    );
}

#[test]
fn only_its_owner_changes_a_node() {
    let market = Market::found();
    let (key, node) = market.ledger.nodes.iter().next().unwrap();
    let owner = market.ledger.providers[&node.provider].owner;
    let dearer = |market: &mut Market| market.chain.put(*key, &Node { price: node.price + 1, ..*node });
    assert_eq!(broken(&[*key, owner], Some(owner), dearer), None);
    assert_broken(broken(&[*key, owner], None, dearer), "changed");
}

#[test]
fn only_the_admin_changes_the_configuration() {
    let market = Market::found();
    let (admin, config) = (market.config.admin, Environment::config_address());
    let stranger = market.person(u8::MAX).address();
    let other = |market: &mut Market| {
        let changed = Config { arbiter: stranger, ..market.config };
        market.chain.put(config, &changed);
    };
    assert_eq!(broken(&[config, admin], Some(admin), other), None);
    assert_broken(broken(&[config, stranger], Some(stranger), other), "the configuration changed");
}

#[test]
fn only_a_voucher_meters_a_lease() {
    let market = Market::found();
    let (key, lease) = market.ledger.leases.iter().find(|(_, lease)| lease.state == 1).unwrap();
    let node = market.ledger.nodes[&lease.node].node_key;
    let metered = |market: &mut Market| {
        let changed = Lease { metered_seconds: lease.metered_seconds + 1, ..*lease };
        market.chain.put(*key, &changed);
    };
    assert_broken(broken(&[*key, node], Some(node), metered), "was metered");
}

#[test]
fn only_its_buyer_cancels_a_job() {
    let market = Market::found();
    let (key, job) = market.ledger.jobs.iter().find(|(_, job)| job.cancelled_at == 0 && job.state < 2).unwrap();
    let cancelled = |market: &mut Market| {
        let changed = Job { cancelled_at: market.chain.now().0, ..*job };
        market.chain.put(*key, &changed);
    };
    assert_broken(broken(&[*key], None, cancelled), "was cancelled");
}
