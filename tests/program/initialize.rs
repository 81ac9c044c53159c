use anchor_lang::error::ErrorCode;
use millrace_testkit::program::MarketError;
use millrace_testkit::program::events::NetworkInitialized;
use millrace_testkit::protocol::{BasisPoints, MicroUsdc, Parameters};
use millrace_testkit::{Environment, Keypair, Signer, parameters};

#[test]
fn founds_the_network() {
    let mut chain = Environment::unfounded();
    let receipt = chain.do_initialize(parameters());

    let config = chain.config();
    assert_eq!(config.admin, chain.admin.pubkey());
    assert_eq!(config.scheduler, chain.scheduler.pubkey());
    assert_eq!((config.mint, config.treasury), (chain.mint, chain.treasury));
    assert_eq!(Parameters::from(config.parameters), parameters());
    let event: NetworkInitialized = receipt.event();
    assert_eq!((event.admin, event.parameters), (config.admin, config.parameters));
}
