use std::path::{Path, PathBuf};
use std::time::Duration;

use millrace_link::rest::TaskState;
use millrace_protocol::PricePerGpuHour;

use crate::market::{Market, spec};
use crate::rig::Rig;

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_orchestrator_that_restarts_goes_on_where_it_was() {
    let mut market = Market::found().await;
    let rigs =
        [market.add_rig("a", PricePerGpuHour(1_800_000)).await, market.add_rig("b", PricePerGpuHour(3_600_000)).await];
    let workers: Vec<_> = rigs.iter().map(|rig| Rig::new(market.link_url(), rig, SECOND)).collect();
    let _tasks: Vec<_> = workers.iter().map(Rig::run).collect();
    let job = market.submit(1, &spec(8)).await;
    for n_done in [1, 4] {
        let done = |status: &millrace_link::rest::JobStatus| {
            status.tasks.iter().filter(|task| task.state == TaskState::Done).count() >= n_done
        };
        market.wait_for(job, done).await;
        market.stop().await;
        tokio::time::sleep(SECOND / 2).await;
        market.start().await;
    }
    let status = market.wait_for(job, |status| status.closed).await;
    assert!(status.tasks.iter().all(|task| task.state == TaskState::Done));
    assert_eq!(status.leases.len(), 2, "both leases went on: {:#?}", status.leases);
    let n_assigned: usize = workers.iter().map(|worker| worker.journal.lock().unwrap().n_assigned).sum();
    assert_eq!(n_assigned, 8, "no task was handed out again");
    market.check_sum(&[&rigs[0], &rigs[1]]).await;

    // What is over is still told after another restart.
    market.stop().await;
    market.start().await;
    assert!(market.job(job).await.closed);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_dies_is_paid_its_attested_seconds_and_its_tasks_go_on() {
    let market = Market::found().await;
    let rigs = [
        market.add_rig("dies", PricePerGpuHour(1_800_000)).await,
        market.add_rig("lives", PricePerGpuHour(3_600_000)).await,
    ];
    let workers: Vec<_> = rigs.iter().map(|rig| Rig::new(market.link_url(), rig, 2 * SECOND)).collect();
    let tasks: Vec<_> = workers.iter().map(Rig::run).collect();
    let job = market.submit(1, &spec(6)).await;
    market.wait_for(job, |status| status.tasks.iter().any(|task| task.state == TaskState::Done)).await;
    tasks[0].abort();
    let status = market.wait_for(job, |status| status.closed).await;
    assert!(status.tasks.iter().all(|task| task.state == TaskState::Done));
    let dead = status.leases.iter().find(|lease| lease.node == rigs[0].node).unwrap();
    let attested = workers[0].journal.lock().unwrap().vouchers[&dead.address].metered;
    assert!(dead.metered.0 <= attested.0 + 2, "{} s paid, {} s attested", dead.metered.0, attested.0);
    market.check_sum(&[&rigs[0], &rigs[1]]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_orchestrators_do_not_share_a_folder_and_a_foreign_key_is_refused() {
    use millrace_client::Keypair;
    use millrace_orchestrator::{Error, Service};
    use millrace_protocol::Diagnostic;

    let market = Market::found().await;
    let code = |result: Result<_, Error>| match result {
        Ok(_) => panic!("it started"),
        Err(error) => error.code(),
    };
    assert_eq!(code(Service::start(market.options()).await), "data-dir-locked");
    let mut options = market.options();
    options.data_dir = market.folder.path().join("other");
    assert_eq!(code(Service::start(options.clone()).await), "address-in-use");
    options.link_addr.set_port(0);
    options.http_addr.set_port(0);
    options.data_dir = market.folder.path().join("third");
    options.scheduler_key = Keypair::new().into();
    assert_eq!(code(Service::start(options).await), "not-the-scheduler");
}

/// Where the store has an object.
fn find(folder: &Path, hash: &str) -> Option<PathBuf> {
    std::fs::read_dir(folder).unwrap().flatten().find_map(|entry| match entry.file_type().unwrap().is_dir() {
        true => find(&entry.path(), hash),
        false => entry.file_name().to_string_lossy().contains(hash).then(|| entry.path()),
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_spec_that_cannot_be_read_at_the_start_is_read_later() {
    let mut market = Market::found().await;
    let job = market.submit(1, &spec(1)).await;
    market.wait_for(job, |status| !status.name.is_empty()).await;
    market.stop().await;
    let hash = spec(1).hash().to_string();
    let path = find(&market.options().data_dir, &hash[2..]).expect("the spec is stored");
    let aside = market.folder.path().join("aside");
    std::fs::rename(&path, &aside).unwrap();
    market.start().await;
    std::fs::rename(&aside, &path).unwrap();
    let rigging = market.add_rig("a", PricePerGpuHour(1_800_000)).await;
    let running = Rig::new(market.link_url(), &rigging, SECOND / 10).run();
    let status = market.wait_for(job, |status| status.closed).await;
    assert!(status.tasks.iter().all(|task| task.state == TaskState::Done));
    running.abort();
}
