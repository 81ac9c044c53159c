use millrace_testkit::costs::happy_calls;
use millrace_testkit::program::MarketError;
use millrace_testkit::program::events::PausedSet;
use millrace_testkit::program::state::Config;
use millrace_testkit::{Environment, Signer, terms, usdc};

/// The instructions that a pause stops.
const PAUSED: &[&str] = &["open_job", "open_job_prepaid"];

#[test]
fn stops_new_jobs_until_it_is_over() {
    let mut chain = Environment::new();
    let (before, buyer) = (chain.config(), chain.wallet(usdc(100)));
    let event: PausedSet = chain.do_set_paused(true).event();
    assert_eq!(chain.config(), Config { paused: 1, ..before });
    assert_eq!(event, PausedSet { before: false, after: true, at: chain.now().0 });
    let job = Environment::job_of(&buyer, &buyer, 1);
    let call = chain.open_job(&job, 1, terms());
    chain.refuses(&call, MarketError::NetworkPaused);

    let event: PausedSet = chain.do_set_paused(false).event();
    assert_eq!(event, PausedSet { before: true, after: false, at: chain.now().0 });
    assert_eq!(chain.config(), before);
    chain.do_open_job(&buyer, 1, terms());
}

#[test]
fn stops_nothing_but_new_jobs() {
    for call in happy_calls() {
        let mut chain = call.chain;
        // The network is not founded yet, or just changes hands.
        if !chain.exists(&Environment::config_address()) {
            continue;
        }
        let config = chain.config();
        chain.put(Environment::config_address(), &Config { paused: 1, ..config });
        let name = call.cost.instruction;
        let stopped = PAUSED.iter().any(|paused| name == *paused || name.starts_with(&format!("{paused} (")));
        match chain.send_instructions(&call.instructions, &call.signers) {
            Ok(_) => assert!(!stopped, "{name} goes on in a pause"),
            Err(refusal) => {
                assert!(stopped, "{name} is stopped by a pause: {refusal:?}");
                assert_eq!(refusal.market(), Some(MarketError::NetworkPaused), "{name}");
            }
        }
    }
}

#[test]
fn refuses_whoever_is_not_the_admin() {
    let mut chain = Environment::new();
    let mut call = chain.set_paused(true);
    call.accounts.admin = chain.scheduler.pubkey();
    call.signers = vec![chain.scheduler.insecure_clone()];
    chain.refuses(&call, MarketError::WrongAdmin);
}
