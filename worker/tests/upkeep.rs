//! A worker looks after its lease on chain by itself, on an engine and a chain in memory.

use std::sync::Arc;
use std::time::Duration;

use millrace_client::keys::address_of;
use millrace_link::grpc::Phase;
use millrace_protocol::UnixSeconds;
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
