//! Vouchers, brought in by the node they are for.

use millrace_client::accounts::LeaseAccount;
use millrace_client::keys::address_of;
use millrace_client::{Keypair, Refusal, SignedVoucher, instructions};
use millrace_protocol::voucher::{ExitClass, Voucher};
use millrace_protocol::{Diagnostic, Error, JobState, LeaseState, MicroUsdc, Seconds};
use millrace_worker::Chain;

use crate::market::{DEPOSIT, Market, PURSE, SIGNATURE, SOL, Standing, redeem, voucher};

/// What a redemption has moved: so much from the job's vault to the provider's, and nothing else.
fn check_paid(before: &Standing, after: &Standing, amount: u64) {
    let mut money = before.money.clone();
    money.vault.0 -= amount;
    money.earnings[0].0 += amount;
    assert_eq!(after.money, money);
    assert_eq!(after.lamports, before.lamports - 2 * SIGNATURE);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_alone_is_paid_what_its_vouchers_say() {
    let market = Market::found(&[SOL]).await;
    let lease = market.lease().await;
    let rig = market.rig_of(&lease);
    assert_eq!(rig.chain.node().await.unwrap().unwrap().address, lease.node);
    assert_eq!(rig.chain.scheduler().await.unwrap(), lease.attestor);
    market.pass(60).await;
    let fresh = market.standing(&lease).await;
    assert_eq!((fresh.money.vault, fresh.lamports), (DEPOSIT, SOL));
    assert_eq!(rig.chain.job(lease.job).await.unwrap(), fresh.job);

    market.act(&lease, redeem(market.voucher(&lease, 1, 30, None))).await.unwrap();
    let running = market.standing(&lease).await;
    check_paid(&fresh, &running, 30_000);
    assert_eq!(running.lamports_of_others, fresh.lamports_of_others);
    let found = running.lease.clone().unwrap().lease;
    assert_eq!((found.state, found.sequence, found.metered), (LeaseState::Running, 1, Seconds(30)));
    assert_eq!((found.paid, found.fees), (MicroUsdc(30_000), MicroUsdc(1_500)));
    let earned = running.provider.provider.earnings;
    assert_eq!((earned.owner, earned.fees), (MicroUsdc(28_500), MicroUsdc(1_500)));

    let last = market.voucher(&lease, 2, 45, Some(ExitClass::Completed));
    market.act(&lease, redeem(last)).await.unwrap();
    let done = market.standing(&lease).await;
    check_paid(&running, &done, 15_000);
    assert_eq!((&done.lease, done.job.job.state), (&None, JobState::Done));
    assert_eq!((done.provider.provider.stake.locked, done.job.job.paid), (MicroUsdc::ZERO, MicroUsdc(42_750)));
    // The lease's rent is the scheduler's again, who paid it.
    let [scheduler, buyer, owner] = running.lamports_of_others;
    assert!(done.lamports_of_others[0] > scheduler, "{done:?}");
    assert_eq!(done.lamports_of_others[1..], [buyer, owner]);

    market.pay_out(rig).await;
    market.send(&market.buyer, &instructions::close_job(address_of(&market.buyer), &done.job)).await;
    let end = market.money(lease.job).await;
    assert_eq!((end.buyer, end.vault), (MicroUsdc(PURSE.0 - 45_000), MicroUsdc::ZERO));
    assert_eq!((&end.owners, &end.earnings), (&vec![MicroUsdc(42_750)], &vec![MicroUsdc::ZERO]));
    assert_eq!((end.treasury.0 - fresh.money.treasury.0, &end.stakes), (2_250, &fresh.money.stakes));
    market.localnet.shutdown().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_voucher_is_paid_once() {
    let market = Market::found(&[SOL]).await;
    let lease = market.lease().await;
    market.pass(60).await;
    let (first, second) = (market.voucher(&lease, 1, 20, None), market.voucher(&lease, 2, 30, None));
    market.act(&lease, redeem(second)).await.unwrap();
    // Neither again, nor an earlier one; nor one of a higher number that says less.
    for stale in [second, first] {
        assert_eq!(market.refuses(&lease, redeem(stale)).await.rule(), Some(Error::VoucherStale));
    }
    let less = market.refuses(&lease, redeem(market.voucher(&lease, 3, 29, None))).await;
    assert_eq!(less.rule(), Some(Error::VoucherFallsBack));
    let ahead = market.refuses(&lease, redeem(market.voucher(&lease, 3, 599, None))).await;
    assert_eq!(ahead.rule(), Some(Error::VoucherAheadOfClock));

    let chain = &market.rig_of(&lease).chain;
    let (read, _) = chain.lease(lease.address).await.unwrap();
    let last = market.voucher(&lease, 3, 40, Some(ExitClass::Released));
    market.act(&lease, redeem(last)).await.unwrap();
    assert_eq!(chain.lease(lease.address).await.unwrap().0, None);
    let before = market.standing(&lease).await;
    // A worker that has read the lease just before somebody brought the last voucher in.
    let gone = chain.act(read.unwrap(), redeem(last)).await.unwrap_err();
    assert_eq!(gone.refusal(), Some(&Refusal::NotInitialized), "{gone:?}");
    assert_eq!(market.standing(&lease).await, before);
    assert_eq!(before.money.earnings, [MicroUsdc(40_000)]);
    market.localnet.shutdown().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_attestor_did_not_sign_is_not_paid() {
    let market = Market::found(&[SOL]).await;
    let lease = market.lease().await;
    market.pass(60).await;
    let genuine = market.voucher(&lease, 1, 30, None);
    let said = genuine.voucher;
    let stranger = SignedVoucher::sign(said, &Keypair::new());
    // In the attestor's name, by another key; and its own signature under other words.
    let forged = SignedVoucher { attestor: genuine.attestor, ..stranger };
    let altered = SignedVoucher { voucher: Voucher { metered: Seconds(31), ..said }, ..genuine };
    // The node's own key attests nothing.
    let own = SignedVoucher::sign(said, &market.rig_of(&lease).key);
    for bad in [stranger, forged, altered, own] {
        let error = market.refuses(&lease, redeem(bad)).await;
        assert_eq!(error.code(), "voucher-forged", "{error:?}");
        // The runtime refuses what the named key did not sign, the program a key that is not the attestor's.
        assert_eq!(error.refusal() == Some(&Refusal::BadSignature), bad.attestor == genuine.attestor, "{error:?}");
    }
    let elsewhere = LeaseAccount { address: lease.job, ..lease.clone() };
    let foreign = SignedVoucher::sign(voucher(&elsewhere, 1, 30, None), &market.scheduler);
    assert_eq!(market.refuses(&lease, redeem(foreign)).await.rule(), Some(Error::VoucherForeign));

    let before = market.standing(&lease).await;
    market.act(&lease, redeem(genuine)).await.unwrap();
    check_paid(&before, &market.standing(&lease).await, 30_000);
    market.localnet.shutdown().await.unwrap();
}
