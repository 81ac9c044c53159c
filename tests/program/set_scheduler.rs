use millrace_testkit::program::MarketError;
use millrace_testkit::program::events::SchedulerSet;
use millrace_testkit::program::state::Config;
use millrace_testkit::protocol::Seconds;
use millrace_testkit::protocol::voucher::ExitClass;
use millrace_testkit::{Environment, Signer, attestation};

use crate::scene::Scene;

#[test]
fn names_another_key() {
    let mut chain = Environment::new();
    let (old, new, before) = (chain.scheduler.pubkey(), chain.key().pubkey(), chain.config());
    let event: SchedulerSet = chain.do_set_scheduler(new).event();
    assert_eq!(chain.config(), Config { scheduler: new, ..before });
    assert_eq!(event, SchedulerSet { before: old, after: new, at: chain.now().0 });
}

#[test]
fn refuses_whoever_is_not_the_admin() {
    let mut chain = Environment::new();
    let stranger = chain.key();
    for key in [stranger, chain.scheduler.insecure_clone(), chain.arbiter.insecure_clone()] {
        let mut call = chain.set_scheduler(key.pubkey());
        call.accounts.admin = key.pubkey();
        call.signers = vec![key];
        chain.refuses(&call, MarketError::WrongAdmin);
    }
}

#[test]
fn a_lease_under_way_keeps_its_attestor_and_the_next_has_the_new_one() {
    let Scene { mut chain, node, job, lease, .. } = Scene::new();
    let old = chain.scheduler.insecure_clone();
    let new = chain.wallet(millrace_testkit::usdc(0)).key;
    chain.do_set_scheduler(new.pubkey());

    chain.advance(Seconds(100));
    chain.do_settle_final(&lease, Seconds(60), ExitClass::Released);
    let call = chain.open_lease(&job, &node);
    chain.refuses(&call, MarketError::WrongAuthority);
    chain.scheduler = new.insecure_clone();
    let next = chain.do_open_lease(&job, &node);
    assert_eq!(chain.lease(&next.address).attestor, new.pubkey());
    chain.advance(Seconds(100));
    chain.scheduler = old;
    let mut call = chain.settle(&next, &attestation(next.address, 1, Seconds(50)));
    call.accounts.rent_payer = new.pubkey();
    chain.refuses(&call, MarketError::VoucherForged);
}
