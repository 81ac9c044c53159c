use anchor_lang::prelude::Pubkey;
use millrace_testkit::program::MarketError;
use millrace_testkit::program::events::EarningsWithdrawn;
use millrace_testkit::protocol::{MicroUsdc, Seconds};
use millrace_testkit::{Environment, ProviderHandle, parameters, usdc};

use crate::scene::Scene;

/// Of 100 seconds at 1000 micro-USDC, after 5 % of fees.
const EARNED: u64 = 95_000;
const FEES: u64 = 5_000;

fn paid() -> (Environment, ProviderHandle) {
    let Scene { mut chain, node, lease, .. } = Scene::new();
    chain.advance(Seconds(100));
    chain.do_settle(&lease, Seconds(100));
    (chain, node.provider)
}

#[test]
fn pays_out_what_was_earned_and_leaves_the_fees() {
    let (mut chain, provider) = paid();
    let event: EarningsWithdrawn = chain.do_withdraw_earnings(&provider).event();

    let state = chain.provider(&provider.address);
    assert_eq!((state.earnings_owner, state.earnings_fees), (0, FEES));
    assert_eq!((state.earnings_received, state.earnings_withdrawn), (EARNED + FEES, EARNED));
    assert_eq!(chain.tokens(&provider.earnings_vault).0, FEES);
    assert_eq!(chain.tokens(&provider.owner.tokens).0, EARNED);
    let expected = EarningsWithdrawn {
        provider: provider.address,
        payout_owner: provider.owner.address(),
        payout_account: provider.owner.tokens,
        amount: EARNED,
        payout_before: 0,
        payout_after: EARNED,
        earnings_vault_before: EARNED + FEES,
        earnings_vault_after: FEES,
        at: chain.now().0,
    };
    assert_eq!(event, expected);
    chain.ledger().check();
    let call = chain.withdraw_earnings(&provider);
    chain.refuses(&call, MarketError::AmountZero);
}

#[test]
fn another_payout_owner_is_paid_from_the_second_it_counts() {
    let (mut chain, provider) = paid();
    let next = chain.wallet(usdc(0));
    chain.do_change_payout(&provider, next.address());
    chain.advance(Seconds(parameters().payout_delay.0 - 1));
    let mut to_next = chain.withdraw_earnings(&provider);
    to_next.accounts.payout_account = next.tokens;
    chain.refuses(&to_next, MarketError::WrongPayoutOwner);
    let mut by_next = chain.withdraw_earnings(&provider);
    by_next.accounts.authority = next.address();
    by_next.signers = vec![next.key.insecure_clone()];
    chain.refuses(&by_next, MarketError::WrongOwner);

    chain.advance(Seconds(1));
    let to_owner = chain.withdraw_earnings(&provider);
    chain.refuses(&to_owner, MarketError::WrongPayoutOwner);
    by_next.accounts.payout_account = next.tokens;
    chain.fork().send(&to_next).expect("signed by the owner");
    let event: EarningsWithdrawn = chain.send(&by_next).expect("signed by the payout owner").event();
    assert_eq!((event.payout_owner, event.payout_account), (next.address(), next.tokens));
    assert_eq!(chain.tokens(&next.tokens).0, EARNED);
    chain.ledger().check();
}

#[test]
fn refuses_strangers() {
    let (mut chain, provider) = paid();
    let stranger = chain.wallet(usdc(0));
    let mut call = chain.withdraw_earnings(&provider);
    call.accounts.authority = stranger.address();
    call.signers = vec![stranger.key];
    chain.refuses(&call, MarketError::WrongOwner);
    let mut call = chain.withdraw_earnings(&provider);
    call.accounts.payout_account = stranger.tokens;
    chain.refuses(&call, MarketError::WrongPayoutOwner);
}

#[test]
fn refuses_tokens_of_another_mint() {
    let (mut chain, provider) = paid();
    let mut call = chain.withdraw_earnings(&provider);
    call.accounts.payout_account = Pubkey::new_unique();
    chain.put_tokens(call.accounts.payout_account, provider.owner.address(), Pubkey::new_unique(), usdc(0));
    chain.refuses(&call, MarketError::WrongMint);
}

#[test]
fn refuses_another_vault() {
    let (mut chain, provider) = paid();
    let other = chain.rig(usdc(50)).provider;
    for vault in [other.earnings_vault, provider.stake_vault] {
        let mut call = chain.withdraw_earnings(&provider);
        call.accounts.earnings_vault = vault;
        chain.refuses(&call, MarketError::WrongVault);
    }
}

#[test]
fn refuses_a_vault_that_would_not_hold_the_fees() {
    let (mut chain, provider) = paid();
    chain.put_tokens(provider.earnings_vault, provider.address, chain.mint, MicroUsdc(EARNED + FEES - 1));
    let call = chain.withdraw_earnings(&provider);
    chain.refuses(&call, MarketError::VaultShort);
}
