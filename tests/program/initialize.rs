use anchor_lang::error::ErrorCode;
use anchor_lang::prelude::Pubkey;
use millrace_testkit::program::MarketError;
use millrace_testkit::program::constants::CONFIG;
use millrace_testkit::program::events::NetworkInitialized;
use millrace_testkit::protocol::{BasisPoints, MicroUsdc, Parameters, Seconds};
use millrace_testkit::{Environment, Keypair, Signer, parameters};

#[test]
fn founds_the_network() {
    let mut chain = Environment::unfounded();
    let receipt = chain.do_initialize(parameters());

    let config = chain.config();
    assert_eq!(config.admin, chain.admin.pubkey());
    assert_eq!(config.scheduler, chain.scheduler.pubkey());
    assert_eq!((config.arbiter, config.rent_payer), (chain.arbiter.pubkey(), chain.admin.pubkey()));
    assert_eq!((config.mint, config.treasury), (chain.mint, chain.treasury));
    assert_eq!((config.bump, config.paused, config.pending_admin), (CONFIG.1, 0, Pubkey::default()));
    assert_eq!(Parameters::from(config.parameters), parameters());
    let event: NetworkInitialized = receipt.event();
    assert_eq!((event.admin, event.parameters), (config.admin, config.parameters));
}

#[test]
fn refuses_whoever_is_not_the_upgrade_authority() {
    let mut chain = Environment::unfounded();
    let stranger = chain.wallet(MicroUsdc::ZERO);
    let mut call = chain.initialize(parameters());
    call.accounts.admin = stranger.address();
    call.signers = vec![stranger.key];
    chain.refuses(&call, MarketError::NotUpgradeAuthority);
}

#[test]
fn refuses_the_program_data_of_another_program() {
    let mut chain = Environment::unfounded();
    let stranger = chain.wallet(MicroUsdc::ZERO);
    let mut call = chain.initialize(parameters());
    call.accounts.program_data = chain.deploy_another(stranger.address());
    call.accounts.admin = stranger.address();
    call.signers = vec![stranger.key];
    chain.refuses(&call, ErrorCode::ConstraintSeeds);
}

#[test]
fn refuses_without_the_admins_signature() {
    let mut chain = Environment::unfounded();
    let call = chain.initialize(parameters()).without_signature_of(chain.admin.pubkey());
    chain.refuses(&call, ErrorCode::AccountNotSigner);
}

#[test]
fn refuses_a_second_network() {
    let mut chain = Environment::new();
    let call = chain.initialize(parameters());
    chain.refuses(&call, 0);
}

#[test]
fn refuses_a_treasury_of_another_mint() {
    let mut chain = Environment::unfounded();
    let other = Pubkey::new_unique();
    chain.put_mint(other);
    let mut call = chain.initialize(parameters());
    call.accounts.mint = other;
    chain.refuses(&call, MarketError::WrongMint);
}

#[test]
fn refuses_parameters_out_of_bounds() {
    let mut chain = Environment::unfounded();
    for bad in [
        Parameters { fee: BasisPoints(1_501), ..parameters() },
        Parameters { bond_hours: 721, ..parameters() },
        Parameters { lost_penalty: BasisPoints(10_001), ..parameters() },
        Parameters { start_timeout: Seconds(4), ..parameters() },
    ] {
        let call = chain.initialize(bad);
        chain.refuses(&call, MarketError::ParameterOutOfBounds);
    }
}

#[test]
fn refuses_a_config_at_another_address() {
    let mut chain = Environment::unfounded();
    let elsewhere = Keypair::new();
    let mut call = chain.initialize(parameters());
    call.accounts.config = elsewhere.pubkey();
    chain.refuses(&call, ErrorCode::ConstraintSeeds);
}
