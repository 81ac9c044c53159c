//! A rig goes dark in the middle of its frames.

use millrace_client::history::{JobEvent, JobHistory};
use millrace_protocol::{Address, GpuUnits, LeaseOutcome, MicroUsdc, UnixSeconds, money};

use crate::happy::assert_frames;
use crate::jobs;
use crate::network::{BUDGET, HEARTBEAT, Network, done, rigs, running};

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_worker_is_paid_its_attested_seconds_and_its_frames_arrive_from_others() {
    let mut network = Network::with(&rigs(3)).await;
    let job = network.submit(&jobs::animation(network.folder())).await;
    let victim = 0;
    let node = network.stage().actors[victim].node;
    // In the middle: it has rendered something, has been attested time, and renders on.
    network
        .until(job, "in the middle", |status| {
            let lease = status.leases.iter().find(|lease| lease.node == node && !lease.ended);
            let attested = lease.is_some_and(|lease| lease.metered.0 >= 2);
            let has_done = status.tasks.iter().any(|task| task.node == Some(node) && !task.outputs.is_empty());
            attested && has_done && done(status) < 16 && !running(node).is_empty()
        })
        .await;
    network.stage_mut().kill_worker(victim).await;
    let killed_at = network.stage().client.chain_clock().await.unwrap();

    let (status, history) = network.closed(job).await;
    assert_eq!(done(&status), 24, "{status:#?}");
    let into = network.folder().join("frames");
    let said = network.millrace(&["job", "outputs", &job.to_string(), "--into", &into.display().to_string()]).await;
    assert_eq!(said.status, 0, "{}", said.stderr);
    assert_frames(&into);

    let statement = history.statement();
    assert!(statement.balanced(), "{statement:#?}");
    let lost = lease_of(&history, node);
    assert_eq!(lost.outcome, LeaseOutcome::Lost);
    // Attested seconds, from on chain events, at the posted price: that and no more was moved.
    let price = network.stage().actors[victim].rig.price;
    assert_eq!(lost.moved, money::cost(price, GpuUnits(1), millrace_protocol::Seconds(lost.metered)).unwrap());
    let alive = killed_at.since(lost.opened_at).0 + HEARTBEAT.as_secs();
    assert!(lost.metered <= alive, "attested {} s, alive for {alive} s", lost.metered);
    assert!(statement.compensation() > MicroUsdc::ZERO, "the bond pays for the failure: {statement:#?}");
    let spent = statement.paid().plus(statement.fees()).unwrap();
    let left = BUDGET.plus(statement.compensation()).unwrap().minus(spent).unwrap();
    assert_eq!(network.balance().await, left, "the buyer has what the statement says");
    network.strike().await;
}

struct LostLease {
    opened_at: UnixSeconds,
    metered: u64,
    /// Out of the job's vault, fees included.
    moved: MicroUsdc,
    outcome: LeaseOutcome,
}

/// The one lease of a node that was never released in order.
fn lease_of(history: &JobHistory, of: Address) -> LostLease {
    let mut opened_at = UnixSeconds::ZERO;
    let mut moved = MicroUsdc::ZERO;
    let mut end = None;
    for entry in &history.entries {
        match entry.event {
            JobEvent::LeaseOpened { node, at, .. } if node == of => opened_at = at,
            JobEvent::Settled { node, payment, .. } if node == of => moved = moved.plus(payment).unwrap(),
            JobEvent::LeaseSettled { node, outcome, metered, .. } if node == of => end = Some((outcome, metered.0)),
            _ => {}
        }
    }
    let (outcome, metered) = end.expect("the dead worker's lease expired");
    LostLease { opened_at, metered, moved, outcome }
}
