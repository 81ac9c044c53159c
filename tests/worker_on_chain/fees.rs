//! What a node's deeds cost it, and what becomes of them where it cannot pay.

use millrace_client::keys::address_of;
use millrace_client::{Asset, Error};
use millrace_protocol::{Diagnostic, LeaseState, MicroUsdc};
use millrace_worker::Deed;

use crate::market::{KEPT, Market, SIGNATURE, SOL, redeem, terms};

#[tokio::test(flavor = "multi_thread")]
async fn without_sol_a_node_does_nothing_and_says_so() {
    let market = Market::found(&[0]).await;
    let lease = market.lease().await;
    let key = address_of(&market.rig_of(&lease).key);
    market.pass(60).await;
    let voucher = market.voucher(&lease, 1, 30, None);
    for deed in [redeem(voucher), Deed::ExtendStart] {
        let error = market.refuses(&lease, deed).await;
        let Error::InsufficientFunds { owner, asset: Asset::Sol, available: Some(0), .. } = error else {
            panic!("{error:?}");
        };
        assert_eq!((owner, error.code()), (key, "insufficient-sol"));
        assert!(error.hint().contains(&key.to_string()), "{}", error.hint());
    }

    market.localnet.faucet_sol(&key, SOL).await.unwrap();
    market.act(&lease, redeem(voucher)).await.unwrap();
    let paid = market.standing(&lease).await;
    assert_eq!(paid.lease.unwrap().lease.state, LeaseState::Running);
    assert_eq!(paid.money.earnings, [MicroUsdc(30_000)]);
    market.localnet.shutdown().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_redeems_with_its_last_lamports_but_those_it_must_keep() {
    let market = Market::found(&[KEPT + 2 * SIGNATURE, KEPT + 2 * SIGNATURE - 1]).await;
    let [enough, short] = market.lease_all(terms()).await.try_into().unwrap();
    market.pass(60).await;
    market.act(&enough, redeem(market.voucher(&enough, 1, 30, None))).await.unwrap();
    let paid = market.standing(&enough).await;
    assert_eq!((paid.lamports, &paid.money.earnings), (KEPT, &vec![MicroUsdc(30_000), MicroUsdc::ZERO]));

    let voucher = market.voucher(&short, 1, 30, None);
    assert_eq!(market.refuses(&short, redeem(voucher)).await.code(), "insufficient-sol");
    market.localnet.faucet_sol(&address_of(&market.rig_of(&short).key), SOL).await.unwrap();
    market.act(&short, redeem(voucher)).await.unwrap();
    assert_eq!(market.standing(&short).await.money.earnings, [MicroUsdc(30_000); 2]);
    market.localnet.shutdown().await.unwrap();
}
