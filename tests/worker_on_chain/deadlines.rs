//! More time for a lease, without money: for its start, and for its next voucher.

use millrace_client::Refusal;
use millrace_protocol::{Diagnostic, Error, Lease, LeaseState, Parameters, UnixSeconds};
use millrace_worker::{Chain, Deed};

use crate::market::{Market, SIGNATURE, SOL, redeem, terms};

#[tokio::test(flavor = "multi_thread")]
async fn a_start_is_given_more_time_once() {
    let market = Market::found(&[SOL, SOL]).await;
    let leases = market.lease_all(terms()).await;
    let lease = &leases[0];
    let before = market.standing(lease).await;
    let timeout = Parameters::default().start_timeout.0;

    // Another node's key has no say.
    let other = &market.rig_of(&leases[1]).chain;
    let foreign = other.act(lease.clone(), Deed::ExtendStart).await.unwrap_err();
    assert!(matches!(foreign.refusal(), Some(Refusal::Account(_))), "{foreign:?}");
    assert_eq!(foreign.code(), "wrong-node-key");
    assert_eq!(market.standing(lease).await, before);

    market.act(lease, Deed::ExtendStart).await.unwrap();
    let after = market.standing(lease).await;
    let (was, is) = (lease.lease, after.lease.as_ref().unwrap().lease);
    let [start_by, ends_by] = [was.start_by, was.ends_by].map(|deadline| UnixSeconds(deadline.0 + timeout));
    assert_eq!(is, Lease { start_by, ends_by, start_extended: true, ..was });
    assert_eq!((&after.money, &after.job, &after.provider), (&before.money, &before.job, &before.provider));
    assert_eq!((after.lamports, after.lamports_of_others), (SOL - SIGNATURE, before.lamports_of_others));

    assert_eq!(market.refuses(lease, Deed::ExtendStart).await.rule(), Some(Error::ExtendedAlready));
    // Of the other lease, at the very second.
    market.localnet.travel_to(leases[1].lease.start_by).await.unwrap();
    assert_eq!(market.refuses(&leases[1], Deed::ExtendStart).await.rule(), Some(Error::DeadlinePassed));
    market.localnet.shutdown().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_that_has_happened_needs_no_time() {
    let market = Market::found(&[SOL]).await;
    let lease = market.lease().await;
    market.pass(60).await;
    market.act(&lease, redeem(market.voucher(&lease, 1, 30, None))).await.unwrap();
    assert_eq!(market.refuses(&lease, Deed::ExtendStart).await.rule(), Some(Error::LeaseStarted));
    market.localnet.shutdown().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_lease_is_held_until_its_checkpoint_is_over() {
    let market = Market::found(&[SOL]).await;
    let lease = market.lease().await;
    let interval = Parameters::default().checkpoint_interval.0;
    assert_eq!(market.refuses(&lease, Deed::Hold).await.rule(), Some(Error::LeaseNotLive));
    market.pass(60).await;
    market.act(&lease, redeem(market.voucher(&lease, 1, 30, None))).await.unwrap();
    market.pass(100).await;

    let before = market.standing(&lease).await;
    let was = before.lease.as_ref().unwrap().lease;
    let from = market.client.chain_clock().await.unwrap();
    market.act(&lease, Deed::Hold).await.unwrap();
    let (found, to) = market.rig_of(&lease).chain.lease(lease.address).await.unwrap();
    let after = market.standing(&lease).await;
    assert_eq!(found, after.lease);
    let checkpoint_by = found.unwrap().lease.checkpoint_by;
    assert!((from.0 + interval..=to.0 + interval).contains(&checkpoint_by.0), "{checkpoint_by:?} after {from:?}");
    // Nothing is metered and nothing paid for a word of the node's own.
    assert_eq!(after.lease.as_ref().unwrap().lease, Lease { checkpoint_by, ..was });
    assert_eq!((&after.money, &after.job, &after.provider), (&before.money, &before.job, &before.provider));
    assert_eq!(after.lamports, before.lamports - SIGNATURE);
    assert_eq!(after.lamports_of_others, before.lamports_of_others);

    market.localnet.travel_to(checkpoint_by).await.unwrap();
    assert_eq!(market.refuses(&lease, Deed::Hold).await.rule(), Some(Error::DeadlinePassed));
    // What was attested stays owed, also then.
    market.act(&lease, redeem(market.voucher(&lease, 2, 50, None))).await.unwrap();
    let late = market.standing(&lease).await;
    assert_eq!((late.lease.unwrap().lease.state, late.money.earnings[0].0), (LeaseState::Running, 50_000));
    market.localnet.shutdown().await.unwrap();
}
