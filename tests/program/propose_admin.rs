use anchor_lang::prelude::Pubkey;
use millrace_testkit::program::MarketError;
use millrace_testkit::program::events::AdminProposed;
use millrace_testkit::program::state::Config;
use millrace_testkit::{Environment, Signer};

#[test]
fn names_a_successor_who_is_not_yet_the_admin() {
    let mut chain = Environment::new();
    let (admin, next, before) = (chain.admin.pubkey(), chain.key().pubkey(), chain.config());
    let event: AdminProposed = chain.do_propose_admin(next).event();

    assert_eq!(chain.config(), Config { pending_admin: next, ..before });
    let at = chain.now().0;
    assert_eq!(event, AdminProposed { admin, pending_before: Pubkey::default(), pending_after: next, at });
}

#[test]
fn replaces_and_withdraws_a_proposal() {
    let mut chain = Environment::new();
    let (first, second, before) = (chain.key(), chain.key(), chain.config());
    chain.do_propose_admin(first.pubkey());
    chain.do_propose_admin(second.pubkey());
    let call = chain.accept_admin(&first);
    chain.refuses(&call, MarketError::NotPendingAdmin);
    let event: AdminProposed = chain.do_propose_admin(Pubkey::default()).event();
    assert_eq!((event.pending_before, event.pending_after), (second.pubkey(), Pubkey::default()));
    let call = chain.accept_admin(&second);
    chain.refuses(&call, MarketError::NotPendingAdmin);
    assert_eq!(chain.config(), before);
}

#[test]
fn refuses_whoever_is_not_the_admin() {
    let mut chain = Environment::new();
    let stranger = chain.key();
    for key in [stranger, chain.scheduler.insecure_clone(), chain.arbiter.insecure_clone()] {
        let mut call = chain.propose_admin(key.pubkey());
        call.accounts.admin = key.pubkey();
        call.signers = vec![key];
        chain.refuses(&call, MarketError::WrongAdmin);
    }
}
