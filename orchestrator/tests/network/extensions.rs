use std::time::Duration;

use millrace_client::history::JobEvent;
use millrace_link::rest::TaskState;
use millrace_protocol::transitions::JobExtension;
use millrace_protocol::{MicroUsdc, PricePerGpuHour, Seconds};

use crate::market::{Market, spec};
use crate::rig::Rig;

/// A thousandth of a USDC each second.
const PRICE: PricePerGpuHour = PricePerGpuHour(3_600_000);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lease_that_was_opened_short_runs_on_past_its_first_end_once_its_buyer_tops_up() {
    let market = Market::found().await;
    let rigs = [market.add_rig("a", PRICE).await, market.add_rig("b", PRICE).await];
    for rig in &rigs {
        Rig::new(market.link_url(), rig, Duration::from_secs(20)).run();
    }
    let mut spec = spec(2);
    spec.limits.task_seconds = 25;
    spec.terms.concurrent_leases = 2;
    spec.terms.lease_seconds = Seconds(30);
    // Enough for one whole lease, and for twelve seconds of another.
    spec.terms.deposit = MicroUsdc(42_000);
    let job = market.submit(1, &spec).await;
    let at_work = |status: &millrace_link::rest::JobStatus| {
        status.leases.len() == 2 && status.tasks.iter().all(|task| task.state == TaskState::Running)
    };
    let status = market.wait_for(job, at_work).await;
    let short = status.leases.iter().find(|lease| lease.chain.maximum == Seconds(12)).expect("one is short").address;
    market.extend(job, JobExtension { deposit: MicroUsdc(40_000), ..JobExtension::default() }).await;

    let status = market.wait_for(job, |status| status.closed).await;
    assert!(status.tasks.iter().all(|task| task.state == TaskState::Done), "{status:#?}");
    assert_eq!(status.leases.len(), 2, "no task went to another lease");
    let lease = status.leases.iter().find(|lease| lease.address == short).unwrap();
    assert!(lease.metered > Seconds(12) && lease.metered <= Seconds(30), "{:?}", lease.metered);
    assert_eq!(lease.chain.paid, MicroUsdc(lease.metered.0 * 1_000));
    let earned = market.check_sum(&[&rigs[0], &rigs[1]]).await;
    assert_eq!(earned.0, status.leases.iter().map(|lease| lease.chain.paid.0).sum::<u64>());

    let history = market.client.job_history(job).await.unwrap();
    let extended = history.entries.iter().filter_map(|entry| match entry.event {
        JobEvent::LeaseExtended { lease, .. } => Some(lease),
        _ => None,
    });
    assert_eq!(extended.collect::<Vec<_>>(), [short]);
}
