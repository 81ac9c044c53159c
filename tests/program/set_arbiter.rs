use millrace_testkit::program::MarketError;
use millrace_testkit::program::events::ArbiterSet;
use millrace_testkit::program::state::Config;
use millrace_testkit::{Environment, Signer};

#[test]
fn names_another_key() {
    let mut chain = Environment::new();
    let (old, new, before) = (chain.arbiter.pubkey(), chain.key().pubkey(), chain.config());
    let event: ArbiterSet = chain.do_set_arbiter(new).event();
    assert_eq!(chain.config(), Config { arbiter: new, ..before });
    assert_eq!(event, ArbiterSet { before: old, after: new, at: chain.now().0 });
}

#[test]
fn refuses_whoever_is_not_the_admin() {
    let mut chain = Environment::new();
    let stranger = chain.key();
    for key in [stranger, chain.scheduler.insecure_clone(), chain.arbiter.insecure_clone()] {
        let mut call = chain.set_arbiter(key.pubkey());
        call.accounts.admin = key.pubkey();
        call.signers = vec![key];
        chain.refuses(&call, MarketError::WrongAdmin);
    }
}
