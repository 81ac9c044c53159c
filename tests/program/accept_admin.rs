use anchor_lang::prelude::Pubkey;
use millrace_testkit::program::MarketError;
use millrace_testkit::program::events::AdminAccepted;
use millrace_testkit::program::state::Config;
use millrace_testkit::{Environment, Signer};

#[test]
fn hands_the_role_over() {
    let mut chain = Environment::new();
    let (admin, next, before) = (chain.admin.pubkey(), chain.key(), chain.config());
    chain.do_propose_admin(next.pubkey());
    let event: AdminAccepted = chain.do_accept_admin(&next).event();

    assert_eq!(chain.config(), Config { admin: next.pubkey(), pending_admin: Pubkey::default(), ..before });
    assert_eq!(event, AdminAccepted { before: admin, after: next.pubkey(), at: chain.now().0 });
    let call = chain.set_paused(true);
    chain.refuses(&call, MarketError::WrongAdmin);
    chain.admin = next.insecure_clone();
    chain.do_set_paused(true);
    let call = chain.accept_admin(&next);
    chain.refuses(&call, MarketError::NotPendingAdmin);
}

#[test]
fn until_then_the_admin_stays() {
    let mut chain = Environment::new();
    let next = chain.key();
    chain.do_propose_admin(next.pubkey());
    chain.do_set_paused(true);
    chain.admin = next;
    let call = chain.set_paused(false);
    chain.refuses(&call, MarketError::WrongAdmin);
}

#[test]
fn refuses_whoever_was_not_proposed() {
    let mut chain = Environment::new();
    let (next, stranger) = (chain.key(), chain.key());
    let call = chain.accept_admin(&stranger);
    chain.refuses(&call, MarketError::NotPendingAdmin);
    chain.do_propose_admin(next.pubkey());
    let admin = chain.admin.insecure_clone();
    for key in [stranger, admin] {
        let call = chain.accept_admin(&key);
        chain.refuses(&call, MarketError::NotPendingAdmin);
    }
}
