//! A worker dies and comes back on the same rig.

use millrace_protocol::MicroUsdc;

use crate::jobs::Shell;
use crate::network::{Network, rigs, running};

#[tokio::test(flavor = "multi_thread")]
async fn a_restarted_worker_adopts_its_container() {
    let mut network = Network::with(&rigs(1)).await;
    let script = "echo begun; sleep 8; echo ended; date > /outputs/{task}.txt";
    let file = Shell { script, tasks: 1, leases: 1, ..Shell::default() }.write(network.folder());
    let job = network.submit(&file).await;
    let node = network.stage().actors[0].node;
    network.until(job, "running", |_| !running(node).is_empty()).await;
    let container = running(node);
    network.stage_mut().kill_worker(0).await;
    assert_eq!(running(node), container, "the container goes on without its worker");
    network.stage_mut().start_worker(0).await.unwrap();

    let (status, history) = network.closed(job).await;
    assert_eq!(status.tasks[0].attempt, 1, "the first attempt's container was adopted: {status:#?}");
    assert_eq!(status.leases.len(), 1);
    let logs = network.millrace(&["job", "logs", &job.to_string()]).await;
    assert_eq!(logs.stdout, "begun\nended\n", "{}", logs.stderr);
    let statement = history.statement();
    assert!(statement.balanced(), "{statement:#?}");
    assert_eq!(statement.compensation(), MicroUsdc::ZERO);
    network.idle().await;
    network.strike().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_with_a_lease_starts_while_no_endpoint_of_the_chain_answers() {
    let mut network = Network::with(&rigs(1)).await;
    let script = "sleep 8; date > /outputs/{task}.txt";
    let file = Shell { script, tasks: 1, leases: 1, ..Shell::default() }.write(network.folder());
    let job = network.submit(&file).await;
    let node = network.stage().actors[0].node;
    network.until(job, "running", |_| !running(node).is_empty()).await;
    let container = running(node);
    network.stage_mut().kill_worker(0).await;
    network.stage_mut().start_worker_with(0, &["--rpc-url", "http://127.0.0.1:1"]).await.unwrap();
    assert_eq!(running(node), container, "it says that it is up, and works");

    let (status, _) = network.closed(job).await;
    assert_eq!(status.tasks[0].attempt, 1, "{status:#?}");
    network.strike().await;
}
