//! What a real container hears of a lease that ends.

use std::sync::Arc;
use std::time::Instant;

use millrace_link::grpc::Phase;
use millrace_worker::PullPolicy;
use millrace_worker::container::docker::Docker;

use crate::support::docker_is_here;
use crate::support::objects::Objects;
use crate::support::offer;
use crate::support::rig::Rig;

#[tokio::test(flavor = "multi_thread")]
async fn a_container_has_longer_than_the_usual_grace_to_save_what_it_has() {
    if !docker_is_here() {
        return;
    }
    let engine = Arc::new(Docker::connect(None, PullPolicy::Never).await.unwrap());
    let script = "trap 'sleep 12; echo saved; exit 0' TERM; while true; do sleep 0.1; done";
    let mut rig = Rig::start(engine, Objects::default(), offer::spec(script)).await;
    rig.leased().await;
    rig.assign(0);
    rig.orchestrator.phase(Phase::Running).await;
    rig.give_notice(40);
    let told = Instant::now();
    let end = rig.orchestrator.end().await;
    assert_eq!(end.failure.unwrap().code, "preempted");
    assert!(told.elapsed().as_secs() >= 12, "it was killed after {:?}", told.elapsed());
    assert!(rig.is_clean().await);
    rig.stop().await;
}
