//! What is due of a node's leases and nobody brings in: the node does, with the scheduler gone for good.

use std::collections::HashMap;

use millrace_client::accounts::LeaseAccount;
use millrace_protocol::voucher::ExitClass;
use millrace_protocol::{
    Diagnostic, JobState, JobTerms, LeaseState, MicroUsdc, Parameters, Payment, Seconds, Verification,
};
use millrace_spec::Sha256;
use millrace_worker::{Chain, Deed, Due, Looked};

use crate::market::{DEPOSIT, Market, SIGNATURE, SOL, redeem, terms};

const RESULT: Sha256 = Sha256([7; 32]);

/// What the node finds due, having found `before` at its last look, with a voucher of that number in its hands.
async fn look(market: &Market, lease: &LeaseAccount, before: &[Due], sequence: u64) -> Vec<Due> {
    let vouchers = HashMap::from([(lease.address, sequence)]);
    let chain = &market.rig_of(lease).chain;
    let Looked { due, failed } = chain.bring_in(lease.node, before.to_vec(), vouchers).await.unwrap();
    assert!(failed.is_none(), "{failed:?}");
    // A node without leases has nothing to bring in, and nobody looks after another's.
    assert_eq!(chain.bring_in(lease.job, due.clone(), HashMap::new()).await.unwrap().due, []);
    due
}

fn ends(lease: &LeaseAccount) -> Vec<Due> {
    vec![Due { step: "expire_lease", account: lease.address }]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_whose_attestor_is_gone_is_ended_and_the_stake_is_free() {
    let market = Market::found(&[SOL]).await;
    let lease = market.lease().await;
    market.pass(60).await;
    market.act(&lease, redeem(market.voucher(&lease, 1, 30, None))).await.unwrap();
    let parameters = Parameters::default();
    assert!(parameters.settle_grace.0 < parameters.checkpoint_interval.0, "the lease's end decides");
    assert_eq!(look(&market, &lease, &[], 1).await, [], "it runs");

    // Held past its end, so that nobody takes the node for lost.
    market.pass(800).await;
    market.act(&lease, Deed::Hold).await.unwrap();
    market.pass(700).await;
    let before = market.standing(&lease).await;
    let due = look(&market, &lease, &[], 1).await;
    assert_eq!((&due, market.standing(&lease).await), (&ends(&lease), before.clone()), "the scheduler goes first");
    // What the rig has not brought in yet is worth more than an end.
    assert_eq!(look(&market, &lease, &due, 2).await, []);
    assert_eq!(market.standing(&lease).await, before);

    assert_eq!(look(&market, &lease, &due, 1).await, []);
    let after = market.standing(&lease).await;
    assert_eq!((after.lease, after.money), (None, before.money));
    assert_eq!(
        (after.provider.provider.stake.locked, after.provider.provider.earnings.owner),
        (MicroUsdc::ZERO, MicroUsdc(28_500))
    );
    assert_eq!((after.job.job.state, after.lamports), (JobState::Open, before.lamports - SIGNATURE));
    assert_eq!(look(&market, &lease, &due, 1).await, []);
    market.localnet.shutdown().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_that_nobody_objected_to_is_paid() {
    let market = Market::found(&[SOL]).await;
    let terms = JobTerms { payment: Payment::OnResult, dispute_window: Seconds(3_600), ..terms() };
    let [lease] = market.lease_all(terms).await.try_into().unwrap();
    market.pass(60).await;
    market.act(&lease, redeem(market.voucher(&lease, 1, 40, Some(ExitClass::Completed)))).await.unwrap();
    assert_eq!(look(&market, &lease, &[], 1).await, [], "its window is open");
    market.pass(3_600).await;
    let before = market.standing(&lease).await;
    assert_eq!(
        (before.lease.as_ref().unwrap().lease.state, before.money.earnings[0]),
        (LeaseState::Reported, MicroUsdc::ZERO)
    );

    let due = look(&market, &lease, &[], 1).await;
    assert_eq!(due, [Due { step: "finalize_lease", account: lease.address }]);
    assert_eq!(look(&market, &lease, &due, 1).await, []);
    let after = market.standing(&lease).await;
    assert_eq!((after.lease, after.money.earnings[0], after.job.job.state), (None, MicroUsdc(40_000), JobState::Done));
    assert_eq!(after.lamports, before.lamports - SIGNATURE);
    market.localnet.shutdown().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_costs_the_node_a_part_of_its_bond_is_left_to_others() {
    let market = Market::found(&[SOL, SOL]).await;
    let leases = market.lease_all(terms()).await;
    market.pass(60).await;
    market.act(&leases[0], redeem(market.voucher(&leases[0], 1, 30, None))).await.unwrap();
    // One that never began, and one that fell silent.
    market.pass(Parameters::default().checkpoint_interval.0).await;
    for lease in &leases {
        let before = market.standing(lease).await;
        assert_eq!(look(&market, lease, &ends(lease), 1).await, []);
        assert_eq!(market.standing(lease).await, before);
    }
    market.localnet.shutdown().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_cannot_pay_says_so_and_the_step_waits() {
    let market = Market::found(&[2 * SIGNATURE + crate::market::KEPT]).await;
    let terms = JobTerms { payment: Payment::OnResult, dispute_window: Seconds(60), ..terms() };
    let [lease] = market.lease_all(terms).await.try_into().unwrap();
    market.pass(60).await;
    market.act(&lease, redeem(market.voucher(&lease, 1, 40, Some(ExitClass::Completed)))).await.unwrap();
    market.pass(60).await;
    let before = market.standing(&lease).await;
    let due = look(&market, &lease, &[], 1).await;
    let chain = &market.rig_of(&lease).chain;
    let looked = chain.bring_in(lease.node, due.clone(), HashMap::new()).await.unwrap();
    assert_eq!(looked.failed.unwrap().code(), "insufficient-sol");
    assert_eq!(looked.due, due, "it is tried again");
    assert_eq!((market.standing(&lease).await, look(&market, &lease, &[], 1).await), (before, due));
    market.localnet.shutdown().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_round_is_counted_and_settled_by_who_has_shown_its_result_and_not_by_who_loses_its_bond() {
    let market = Market::found(&[SOL, SOL]).await;
    let [shown, silent] = market.lease_all(crate::rounds::counted()).await.try_into().unwrap();
    market.pass(60).await;
    for (lease, salt) in [(&shown, 1), (&silent, 2)] {
        market.act(lease, redeem(market.voucher(lease, 1, 40, Some(ExitClass::Completed)))).await.unwrap();
        market.act(lease, Deed::Commit { root: RESULT, salt: [salt; 32] }).await.unwrap();
    }
    market.act(&shown, Deed::Reveal { root: RESULT, salt: [1; 32] }).await.unwrap();
    let round = market.standing(&shown).await.round.unwrap();
    assert_eq!(look(&market, &shown, &[], 1).await, [], "the other may still show its own");
    market.localnet.travel_to(round.quorum.reveal_by).await.unwrap();

    let count = [Due { step: "tally_quorum", account: round.address }];
    let settle = |lease: &LeaseAccount| [Due { step: "settle_member", account: lease.address }];
    let before = market.standing(&silent).await;
    assert_eq!(look(&market, &silent, &count, 1).await, []);
    assert_eq!(market.standing(&silent).await, before);
    assert_eq!(look(&market, &shown, &[], 1).await, count);
    // What follows from the count was not due before.
    assert_eq!(look(&market, &shown, &count, 1).await, []);
    assert_eq!(look(&market, &shown, &[], 1).await, settle(&shown));
    assert_eq!(look(&market, &shown, &settle(&shown), 1).await, []);
    assert_eq!(look(&market, &silent, &settle(&silent), 1).await, []);
    let (paid, lost) = (market.standing(&shown).await, market.standing(&silent).await);
    assert_eq!((paid.lease, paid.provider.provider.stake.locked), (None, MicroUsdc::ZERO));
    assert_eq!(lost.lease.unwrap().lease.state, LeaseState::Reported);
    assert_eq!(paid.money, before.money, "nothing is paid without a majority, and nothing slashed by the node itself");
    market.localnet.shutdown().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_outvoted_leaves_the_count_to_those_whom_it_pays() {
    let market = Market::found(&[SOL, SOL, SOL]).await;
    let verification = Verification::Quorum { needed: 2, size: 3 };
    let deposit = MicroUsdc(2 * DEPOSIT.0);
    let counted = JobTerms { verification, concurrent_leases: 3, deposit, ..crate::rounds::counted() };
    let [one, two, other] = market.lease_all(counted).await.try_into().unwrap();
    market.pass(60).await;
    let members = [(&one, RESULT, 1), (&two, RESULT, 2), (&other, Sha256([8; 32]), 3)];
    for (lease, root, salt) in members {
        market.act(lease, redeem(market.voucher(lease, 1, 40, Some(ExitClass::Completed)))).await.unwrap();
        market.act(lease, Deed::Commit { root, salt: [salt; 32] }).await.unwrap();
    }
    for (lease, root, salt) in members {
        market.act(lease, Deed::Reveal { root, salt: [salt; 32] }).await.unwrap();
    }
    let round = market.standing(&one).await.round.unwrap();
    let count = [Due { step: "tally_quorum", account: round.address }];
    assert_eq!(look(&market, &other, &[], 1).await, []);
    assert_eq!(look(&market, &other, &count, 1).await, []);
    assert_eq!(look(&market, &two, &[], 1).await, count);
    market.localnet.shutdown().await.unwrap();
}
