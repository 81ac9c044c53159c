//! A worker looks after its lease on chain by itself, on an engine and a chain in memory.

use std::sync::Arc;
use std::time::Duration;

use millrace_client::keys::address_of;
use millrace_link::grpc::Phase;
use millrace_protocol::quorum::{Quorum, commitment_preimage};
use millrace_protocol::{Address, Seconds, UnixSeconds};
use millrace_spec::sha256;
use millrace_worker::Deed;

use crate::support::fake_engine::{FakeEngine, Script};
use crate::support::objects::Objects;
use crate::support::offer;
use crate::support::rig::Rig;

/// A running task under a lease whose start deadline is ten seconds away on chain.
async fn late_start() -> Rig {
    let engine = Arc::new(FakeEngine::new(Script::RunUntilStopped));
    let mut rig = Rig::start(engine, Objects::default(), offer::spec("true")).await;
    rig.leased().await;
    rig.assign(0);
    rig.orchestrator.phase(Phase::Running).await;
    let lease = offer::lease(&rig.job, &rig.node, address_of(rig.scheduler()), 1_000);
    *rig.chain.clock.lock().unwrap() = UnixSeconds(1_290);
    *rig.chain.lease.lock().unwrap() = Some(lease);
    rig
}

/// What the worker does, once it looks: fifteen seconds after it signed.
async fn first_deed(rig: &Rig) -> Deed {
    for _ in 0..300 {
        if let Some(deed) = rig.chain.deeds.lock().unwrap().first() {
            return deed.clone();
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("the worker did nothing for its lease");
}

#[tokio::test]
async fn a_start_that_takes_long_is_extended() {
    let mut rig = late_start().await;
    assert_eq!(first_deed(&rig).await, Deed::ExtendStart);
    rig.stop().await;
}

#[tokio::test]
async fn a_voucher_that_nobody_redeems_is_brought_to_the_chain_as_it_was_signed() {
    let mut rig = late_start().await;
    rig.voucher(rig.scheduler(), 3, false);
    match first_deed(&rig).await {
        Deed::Redeem(voucher) => {
            assert_eq!((voucher.voucher.sequence, voucher.attestor), (3, address_of(rig.scheduler())));
            assert!(voucher.is_genuine());
        }
        other => panic!("{other:?}"),
    }
    rig.stop().await;
}

#[tokio::test]
async fn what_the_chain_refuses_is_not_tried_again_at_once() {
    let mut rig = late_start().await;
    *rig.chain.refuses.lock().unwrap() = true;
    assert_eq!(first_deed(&rig).await, Deed::ExtendStart);
    // A fifth of the time to the next look.
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(rig.chain.deeds.lock().unwrap().len(), 1);
    rig.stop().await;
}

/// The worker's next deed but those it did before.
async fn deed_after(rig: &Rig, known: usize) -> Deed {
    for _ in 0..400 {
        if let Some(deed) = rig.chain.deeds.lock().unwrap().get(known) {
            return deed.clone();
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("the worker did nothing for its result");
}

#[tokio::test]
async fn a_result_that_is_counted_is_committed_to_and_shown_once_all_have() {
    let engine = Arc::new(FakeEngine::new(Script::RunUntilStopped));
    let mut rig = Rig::start(engine, Objects::default(), offer::spec("true")).await;
    rig.leased().await;
    let lease = offer::lease(&rig.job, &rig.node, address_of(rig.scheduler()), 1_000);
    let (now, until) = (UnixSeconds(1_010), UnixSeconds(2_000));
    let mut round = Quorum::new(2, 2, Seconds(600));
    let other = Address([2; 32]);
    round.join(lease.address, Address([1; 32]), until, now).unwrap();
    round.join(other, other, until, now).unwrap();
    *rig.chain.clock.lock().unwrap() = now;
    *rig.chain.lease.lock().unwrap() = Some(lease.clone());
    *rig.chain.round.lock().unwrap() = Some(round);
    rig.count_lease();
    let Deed::Commit { root, salt } = first_deed(&rig).await else { panic!("it does something else first") };
    let commitment = sha256(&commitment_preimage(lease.address, root.0, salt)).0;
    round.commit(lease.address, commitment, now).unwrap();
    round.commit(other, [9; 32], now).unwrap();
    *rig.chain.round.lock().unwrap() = Some(round);
    let known = rig.chain.deeds.lock().unwrap().len();
    let mut shown = deed_after(&rig, known).await;
    if let Deed::Commit { .. } = shown {
        // Read before the commitment was there.
        shown = deed_after(&rig, known + 1).await;
    }
    assert_eq!(shown, Deed::Reveal { root, salt });
    rig.stop().await;
}
