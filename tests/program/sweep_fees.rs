use millrace_testkit::program::MarketError;
use millrace_testkit::program::events::FeesSwept;
use millrace_testkit::protocol::{MicroUsdc, Seconds};
use millrace_testkit::{Environment, ProviderHandle, usdc};

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
fn moves_the_fees_and_leaves_what_the_provider_earned() {
    let (mut chain, provider) = paid();
    let event: FeesSwept = chain.do_sweep_fees(&provider).event();

    let state = chain.provider(&provider.address);
    assert_eq!((state.earnings_owner, state.earnings_fees, state.earnings_swept), (EARNED, 0, FEES));
    assert_eq!(chain.tokens(&provider.earnings_vault).0, EARNED);
    assert_eq!(chain.tokens(&chain.treasury).0, FEES);
    let expected = FeesSwept {
        provider: provider.address,
        treasury: chain.treasury,
        amount: FEES,
        earnings_vault_before: EARNED + FEES,
        earnings_vault_after: EARNED,
        treasury_before: 0,
        treasury_after: FEES,
        at: chain.now().0,
    };
    assert_eq!(event, expected);
    chain.ledger().check();
    let call = chain.sweep_fees(&provider);
    chain.refuses(&call, MarketError::AmountZero);
}

#[test]
fn goes_to_the_treasury_of_the_day() {
    let (mut chain, provider) = paid();
    let (old, new) = (chain.treasury, chain.wallet(usdc(0)).tokens);
    chain.do_set_treasury(new);
    let call = chain.sweep_fees(&provider);
    chain.refuses(&call, MarketError::WrongTreasury);
    chain.treasury = new;
    chain.do_sweep_fees(&provider);
    assert_eq!((chain.tokens(&old).0, chain.tokens(&new).0), (0, FEES));
}

#[test]
fn refuses_another_account_than_the_treasury() {
    let (mut chain, provider) = paid();
    let mut call = chain.sweep_fees(&provider);
    call.accounts.treasury = chain.wallet(usdc(0)).tokens;
    chain.refuses(&call, MarketError::WrongTreasury);
}

#[test]
fn refuses_a_vault_as_its_own_treasury() {
    let (mut chain, provider) = paid();
    chain.do_set_treasury(provider.earnings_vault);
    chain.treasury = provider.earnings_vault;
    let call = chain.sweep_fees(&provider);
    chain.refuses(&call, MarketError::WrongTreasury);
}

#[test]
fn refuses_another_vault() {
    let (mut chain, provider) = paid();
    let other = chain.rig(usdc(50)).provider;
    for vault in [other.earnings_vault, provider.stake_vault] {
        let mut call = chain.sweep_fees(&provider);
        call.accounts.earnings_vault = vault;
        chain.refuses(&call, MarketError::WrongVault);
    }
}

#[test]
fn refuses_a_vault_that_would_not_hold_the_rest() {
    let (mut chain, provider) = paid();
    chain.put_tokens(provider.earnings_vault, provider.address, chain.mint, MicroUsdc(EARNED + FEES - 1));
    let call = chain.sweep_fees(&provider);
    chain.refuses(&call, MarketError::VaultShort);
}
