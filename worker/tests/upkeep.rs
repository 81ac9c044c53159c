//! A worker looks after its lease on chain by itself, on an engine and a chain in memory.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use millrace_client::keys::address_of;
use millrace_link::grpc::Phase;
use millrace_protocol::quorum::{Quorum, commitment_preimage};
use millrace_protocol::{Address, Diagnostic, Seconds, UnixSeconds};
use millrace_spec::sha256;
use millrace_worker::Deed;

use crate::support::fake_engine::{FakeEngine, Script};
use crate::support::objects::Objects;
use crate::support::offer::{self, OneJob};
use crate::support::rig::Rig;

/// A running task under a lease whose start deadline is ten seconds away on chain.
async fn late_start() -> Rig {
    late_start_on(Arc::new(FakeEngine::new(Script::RunUntilStopped))).await
}

async fn late_start_on(engine: Arc<FakeEngine>) -> Rig {
    let mut rig = Rig::start(engine, Objects::default(), offer::spec("true")).await;
    rig.leased().await;
    rig.assign(0);
    rig.orchestrator.phase(Phase::Running).await;
    let lease = offer::lease(&rig.job, &rig.node, address_of(rig.scheduler()), 1_000);
    *rig.chain.clock.lock().unwrap() = UnixSeconds(1_290);
    *rig.chain.lease.lock().unwrap() = Some(lease);
    rig
}

/// The worker's next deed but those it did before. It looks fifteen seconds after it signed.
async fn deed_after(chain: &OneJob, known: usize) -> Deed {
    for _ in 0..400 {
        if let Some(deed) = chain.deeds.lock().unwrap().get(known) {
            return deed.clone();
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("the worker did nothing for its lease");
}

#[tokio::test]
async fn a_start_that_takes_long_is_extended() {
    let mut rig = late_start().await;
    assert_eq!(deed_after(&rig.chain, 0).await, Deed::ExtendStart);
    rig.stop().await;
}

#[tokio::test]
async fn a_voucher_that_nobody_redeems_is_brought_to_the_chain_as_it_was_signed() {
    let mut rig = late_start().await;
    rig.voucher(rig.scheduler(), 3, false);
    match deed_after(&rig.chain, 0).await {
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
    assert_eq!(deed_after(&rig.chain, 0).await, Deed::ExtendStart);
    // A fifth of the time to the next look.
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(rig.chain.deeds.lock().unwrap().len(), 1);
    rig.stop().await;
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
    let Deed::Commit { root, salt } = deed_after(&rig.chain, 0).await else { panic!("it does something else first") };
    let commitment = sha256(&commitment_preimage(lease.address, root.0, salt)).0;
    round.commit(lease.address, commitment, now).unwrap();
    round.commit(other, [9; 32], now).unwrap();
    *rig.chain.round.lock().unwrap() = Some(round);
    let known = rig.chain.deeds.lock().unwrap().len();
    let mut shown = deed_after(&rig.chain, known).await;
    if let Deed::Commit { .. } = shown {
        // Read before the commitment was there.
        shown = deed_after(&rig.chain, known + 1).await;
    }
    assert_eq!(shown, Deed::Reveal { root, salt });
    rig.stop().await;
}

#[tokio::test]
async fn a_worker_whose_engine_is_away_at_its_start_redeems_and_then_adopts_what_runs() {
    let engine = Arc::new(FakeEngine::new(Script::RunUntilStopped));
    let mut rig = late_start_on(engine.clone()).await;
    rig.voucher(rig.scheduler(), 3, false);
    // Known to be kept once it is acted on.
    assert!(matches!(deed_after(&rig.chain, 0).await, Deed::Redeem(_)));
    rig.stop().await;
    engine.is_away.store(true, Relaxed);
    let (chain, known) = (rig.chain.clone(), rig.chain.deeds.lock().unwrap().len());
    let calls = engine.calls();
    let looked_after = async {
        let Deed::Redeem(voucher) = deed_after(&chain, known).await else { panic!("it does something else") };
        assert_eq!((voucher.voucher.sequence, voucher.is_genuine()), (3, true));
        assert_eq!(engine.calls(), calls, "nothing was asked of the engine");
        engine.is_away.store(false, Relaxed);
    };
    let (booted, ()) = tokio::join!(rig.boot(), looked_after);
    booted.unwrap();
    rig.stop_task(0);
    let failure = rig.orchestrator.phase(Phase::Failed).await.failure.unwrap();
    assert_eq!(failure.code, "stopped", "what ran all the time is still the worker's");
    assert!(rig.is_clean().await);
    rig.stop().await;
}

#[tokio::test]
async fn a_worker_with_nothing_at_stake_does_not_wait_for_its_engine() {
    let engine = Arc::new(FakeEngine::new(Script::RunUntilStopped));
    let mut rig = Rig::start(engine.clone(), Objects::default(), offer::spec("true")).await;
    rig.stop().await;
    engine.is_away.store(true, Relaxed);
    assert_eq!(rig.boot().await.unwrap_err().code(), "engine-unreachable");
}
