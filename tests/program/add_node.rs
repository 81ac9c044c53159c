use anchor_lang::error::ErrorCode;
use millrace_testkit::program::MarketError;
use millrace_testkit::program::events::NodeAdded;
use millrace_testkit::protocol::{Hardware, MicroUsdc, PricePerGpuHour};
use millrace_testkit::{Environment, Keypair, ProviderHandle, Signer, hardware, usdc};

const PRICE: PricePerGpuHour = PricePerGpuHour(2_000_000);

fn registered() -> (Environment, ProviderHandle) {
    let mut chain = Environment::new();
    let owner = chain.wallet(MicroUsdc::ZERO);
    let provider = chain.do_register_provider(&owner);
    (chain, provider)
}

#[test]
fn offers_a_rig_and_counts_it() {
    let (mut chain, provider) = registered();
    let key = Keypair::new();
    let mut call = chain.add_node(&provider, &key, hardware(), PRICE);
    call.data.args.capabilities = 5;
    let event: NodeAdded = chain.send(&call).unwrap().event();
    let second = chain.do_add_node(&provider, Hardware { simulated: true, ..hardware() }, PRICE);

    let node = chain.node(&call.accounts.node);
    assert_eq!((node.provider, node.index, node.node_key), (provider.address, 0, key.pubkey()));
    assert_eq!((node.price, node.leased, node.status), (PRICE.0, 0, 0));
    assert_eq!((node.driver, node.cuda, node.capabilities, node.added_at), (570_086, 12_008, 5, chain.now().0));
    assert_eq!((node.bump, node.rent_payer), (call.data.args.node_bump, provider.owner.address()));
    assert_eq!(Hardware::from(node.hardware), hardware());
    assert_eq!((event.node, event.index, event.node_key), (call.accounts.node, 0, key.pubkey()));
    assert_eq!(chain.node(&second.address).index, 1);
    assert_eq!(chain.node(&second.address).hardware.simulated, 1);
    assert_eq!(chain.provider(&provider.address).nodes, 2);
}

#[test]
fn refuses_impossible_hardware() {
    let (mut chain, provider) = registered();
    for bad in [
        Hardware { gpu_class: 200, ..hardware() },
        Hardware { region: 200, ..hardware() },
        Hardware { gpu_count: 0, ..hardware() },
        Hardware { country: *b"d!", ..hardware() },
    ] {
        let call = chain.add_node(&provider, &Keypair::new(), bad, PRICE);
        chain.refuses(&call, MarketError::HardwareInvalid);
    }
}

#[test]
fn refuses_work_for_nothing() {
    let (mut chain, provider) = registered();
    let call = chain.add_node(&provider, &Keypair::new(), hardware(), PricePerGpuHour(0));
    chain.refuses(&call, MarketError::AmountZero);
}

#[test]
fn refuses_whoever_does_not_own_the_provider() {
    let (mut chain, provider) = registered();
    let stranger = chain.wallet(usdc(1));
    let call = chain.add_node(&ProviderHandle { owner: stranger, ..provider }, &Keypair::new(), hardware(), PRICE);
    chain.refuses(&call, MarketError::WrongOwner);
}

#[test]
fn refuses_without_the_owners_signature() {
    let (mut chain, provider) = registered();
    let call = chain.add_node(&provider, &Keypair::new(), hardware(), PRICE);
    let call = call.without_signature_of(provider.owner.address());
    chain.refuses(&call, ErrorCode::AccountNotSigner);
}

#[test]
fn refuses_without_the_rigs_own_signature() {
    let (mut chain, provider) = registered();
    let key = Keypair::new();
    let call = chain.add_node(&provider, &key, hardware(), PRICE).without_signature_of(key.pubkey());
    chain.refuses(&call, ErrorCode::AccountNotSigner);
}

#[test]
fn refuses_another_index_than_the_next() {
    let (mut chain, provider) = registered();
    let taken = chain.do_add_node(&provider, hardware(), PRICE);
    let mut call = chain.add_node(&provider, &Keypair::new(), hardware(), PRICE);
    call.accounts.node = taken.address;
    chain.refuses(&call, ErrorCode::ConstraintSeeds);
}
