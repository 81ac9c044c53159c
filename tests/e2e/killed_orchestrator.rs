//! The orchestrator dies in the middle and comes back.

use std::time::Duration;

use millrace_protocol::{GpuUnits, money};

use crate::happy::assert_frames;
use crate::jobs;
use crate::network::{BUDGET, Network, done, rigs};
use millrace_client::history::JobEvent;

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_orchestrator_comes_back_and_loses_nothing() {
    let mut network = Network::with(&rigs(3)).await;
    let job = network.submit(&jobs::animation(network.folder())).await;
    let before = network.until(job, "in the middle", |status| (4..16).contains(&done(status))).await;
    network.stage_mut().kill_orchestrator().await;
    // Long enough for containers to end while nobody listens.
    tokio::time::sleep(Duration::from_secs(3)).await;
    network.stage_mut().start_orchestrator().await.unwrap();

    let (status, history) = network.closed(job).await;
    assert_eq!(done(&status), 24, "{status:#?}");
    let kept = before.tasks.iter().filter(|task| !task.outputs.is_empty());
    for task in kept {
        let after = status.tasks.iter().find(|after| after.index == task.index).unwrap();
        assert_eq!(after.outputs, task.outputs, "frame {} was rendered and is rendered again", task.index + 1);
    }
    let into = network.folder().join("frames");
    let said = network.millrace(&["job", "outputs", &job.to_string(), "--into", &into.display().to_string()]).await;
    assert_eq!(said.status, 0, "{}", said.stderr);
    assert_frames(&into);

    let statement = history.statement();
    assert!(statement.balanced(), "{statement:#?}");
    for actor in &network.stage().actors {
        let Some(share) = statement.nodes.iter().find(|share| share.node == actor.node) else { continue };
        let attested: u64 = attested_per_lease(&history, actor.node).into_iter().sum();
        let at_most = money::cost(actor.rig.price, GpuUnits(1), millrace_protocol::Seconds(attested)).unwrap();
        let moved = share.total_paid().plus(share.total_fees()).unwrap();
        assert!(moved <= at_most, "{moved} moved for {attested} s");
    }
    let spent = statement.paid().plus(statement.fees()).unwrap();
    let left = BUDGET.plus(statement.compensation()).unwrap().minus(spent).unwrap();
    assert_eq!(network.balance().await, left, "the buyer has what the statement says");
    network.idle().await;
    network.strike().await;
}

/// The last attested seconds of each of a node's leases.
fn attested_per_lease(history: &millrace_client::history::JobHistory, of: millrace_protocol::Address) -> Vec<u64> {
    let mut last = std::collections::BTreeMap::new();
    for entry in &history.entries {
        if let JobEvent::Settled { node, number, metered, .. } = entry.event
            && node == of
        {
            last.insert(number, metered.0);
        }
    }
    last.into_values().collect()
}
