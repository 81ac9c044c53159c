use std::time::Duration;

use millrace_link::rest::TaskState;
use millrace_protocol::{MicroUsdc, Parameters, PricePerGpuHour, Seconds};

use crate::market::{Market, spec};
use crate::rig::Rig;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_spot_lease_makes_room_on_chain_and_a_restart_between_changes_nothing() {
    let parameters = Parameters { preemption_notice: Seconds(8), ..Parameters::default() };
    let mut market = Market::found_with(parameters).await;
    let rig = market.add_rig("only", PricePerGpuHour(3_600_000)).await;
    let worker = Rig::new(market.link_url(), &rig, Duration::from_secs(600));
    worker.run();
    let mut cheap = spec(1);
    cheap.terms.spot = true;
    let spot = market.submit(1, &cheap).await;
    market.wait_for(spot, |status| status.tasks.iter().any(|task| task.state == TaskState::Running)).await;
    let job = market.submit(2, &spec(1)).await;
    let told = |status: &millrace_link::rest::JobStatus| {
        let suggestion = status.explanation.as_ref().and_then(|explanation| explanation.suggestion.as_deref());
        suggestion.is_some_and(|text| text.starts_with("wait: 1 spot lease(s) on node "))
    };
    market.wait_for(job, told).await;
    market.wait_for(spot, |status| status.leases.iter().any(|lease| lease.chain.preempted_at.0 > 0)).await;
    let told = || worker.journal.lock().unwrap().notices.clone();
    market.wait_for(spot, |_| !told().is_empty()).await;
    let (before, left) = (told().len(), told()[0].1);
    // The scheduler's clock may be a second behind the chain's.
    assert!((1..=9).contains(&left), "{left} s left of eight");
    market.stop().await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    market.start().await;
    market.wait_for(job, |status| status.tasks.iter().any(|task| task.state == TaskState::Running)).await;
    assert!(told().len() > before, "the orchestrator that came back says it again");
    let status = market.job(spot).await;
    let failure = status.tasks[0].failure.as_ref().map(|failure| failure.code.as_str());
    assert_eq!((failure, status.tasks[0].state), (Some("preempted"), TaskState::Pending));
    assert_eq!((status.chain.attempts_failed, status.chain.live_leases), (0, 0));
    // Paid to the end of the notice at most, at the spot price.
    let lease = &status.leases[0];
    let owed = lease.chain.preempted_at.since(lease.chain.opened_at);
    assert!(lease.metered <= owed, "{:?} of {owed:?}", lease.metered);
    assert_eq!(lease.chain.price, PricePerGpuHour(1_800_000));
    for job in [job, spot] {
        market.cancel(job).await;
        market.wait_for(job, |status| status.closed).await;
    }
    assert!(market.check_sum(&[&rig]).await > MicroUsdc::ZERO);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_container_that_stops_when_it_is_told_frees_its_node_before_the_notice_is_over() {
    let parameters = Parameters { preemption_notice: Seconds(120), ..Parameters::default() };
    let market = Market::found_with(parameters).await;
    let rig = market.add_rig("only", PricePerGpuHour(3_600_000)).await;
    Rig::new(market.link_url(), &rig, Duration::from_secs(600)).leaving().run();
    let mut cheap = spec(1);
    cheap.terms.spot = true;
    let spot = market.submit(1, &cheap).await;
    market.wait_for(spot, |status| status.tasks.iter().any(|task| task.state == TaskState::Running)).await;
    let job = market.submit(2, &spec(1)).await;
    market.wait_for(job, |status| status.tasks.iter().any(|task| task.state == TaskState::Running)).await;
    let status = market.job(spot).await;
    let failure = status.tasks[0].failure.as_ref().map(|failure| failure.code.as_str());
    assert_eq!((failure, status.tasks[0].state), (Some("preempted"), TaskState::Pending));
    assert_eq!((status.chain.attempts_failed, status.chain.live_leases), (0, 0));
    for job in [job, spot] {
        market.cancel(job).await;
        market.wait_for(job, |status| status.closed).await;
    }
    assert!(market.check_sum(&[&rig]).await > MicroUsdc::ZERO);
}
