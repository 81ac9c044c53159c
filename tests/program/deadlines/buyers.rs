use millrace_testkit::program::MarketError;
use millrace_testkit::program::types::AllowanceTerms;
use millrace_testkit::protocol::{MicroUsdc, Seconds};
use millrace_testkit::{Environment, Signer, terms, usdc};

#[test]
fn a_prepaid_balance_leaves_at_once() {
    let mut chain = Environment::new();
    let owner = chain.wallet(usdc(7));
    let balance = chain.do_open_buyer(&owner, usdc(7));
    let withdraw = chain.withdraw_balance(&balance, usdc(7));
    chain.send(&withdraw).unwrap();
    assert_eq!((chain.tokens(&owner.tokens), chain.tokens(&balance.vault)), (usdc(7), MicroUsdc::ZERO));
}

#[test]
fn an_allowance_expires() {
    let mut chain = Environment::new();
    let owner = chain.wallet(usdc(20));
    let balance = chain.do_open_buyer(&owner, usdc(20));
    let delegate = chain.key();
    chain.put_lamports(delegate.pubkey(), 100_000_000_000);
    let expires_at = chain.now().0 + 100;
    let allowance = AllowanceTerms { per_job: usdc(10).0, total: usdc(10).0, expires_at };
    chain.do_open_allowance(&balance, &delegate, allowance);
    let open = chain.open_job_prepaid(&balance, Some(&delegate), 1, terms());
    chain.advance(Seconds(99));
    assert!(chain.fork().send(&open).is_ok());
    chain.advance(Seconds(1));
    chain.refuses(&open, MarketError::AllowanceExpired);
}
