use std::time::Duration;

use millrace_link::grpc;
use millrace_link::rest::{TaskOutputs, TaskState};
use millrace_protocol::{JobState, MicroUsdc, PricePerGpuHour};

use crate::market::{Market, spec};
use crate::rig::Rig;

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_runs_on_several_rigs_and_every_micro_usdc_is_accounted_for() {
    let market = Market::found().await;
    let rigs = [
        market.add_rig("cheap", PricePerGpuHour(1_800_000)).await,
        market.add_rig("dear", PricePerGpuHour(3_600_000)).await,
    ];
    let running: Vec<_> = rigs.iter().map(|rig| Rig::new(market.link_url(), rig, SECOND)).collect();
    let _tasks: Vec<_> = running.iter().map(Rig::run).collect();
    let job = market.submit(1, &spec(6)).await;
    let status = market.wait_for(job, |status| status.closed).await;
    assert_eq!(status.chain.state, JobState::Done);
    assert!(status.tasks.iter().all(|task| task.state == TaskState::Done), "{status:#?}");
    assert_eq!(status.leases.len(), 2);
    assert!(market.is_gone(job).await);
    let earned = market.check_sum(&[&rigs[0], &rigs[1]]).await;
    assert_eq!(earned.0, status.chain.paid.0 + status.chain.fees.0);
    assert_eq!(earned.0, status.leases.iter().map(|lease| lease.chain.paid.0).sum::<u64>());
    assert!(earned > MicroUsdc::ZERO);

    let outputs: Vec<TaskOutputs> = market.get(&format!("/v1/jobs/{job}/outputs"), "").await.json().await.unwrap();
    assert_eq!(outputs.len(), 6);
    let frame = &outputs[3].outputs[0];
    let bytes = market.objects(&market.buyer).get_bytes(frame.sha256.parse().unwrap(), 100).await.unwrap();
    assert_eq!(bytes, b"frame 3");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_whose_image_no_node_finds_fails_with_the_cause_and_costs_nothing() {
    let market = Market::found().await;
    let failure = grpc::Failure {
        code: "image-missing".to_owned(),
        cause: "no such image: millrace/test:1".to_owned(),
        hint: "check its name".to_owned(),
        fault: grpc::Fault::Job.into(),
        exit_code: None,
    };
    let mut rigs = Vec::new();
    for name in ["a", "b"] {
        let rig = market.add_rig(name, PricePerGpuHour(1_800_000)).await;
        Rig::new(market.link_url(), &rig, SECOND).failing(failure.clone()).run();
        rigs.push(rig);
    }
    let job = market.submit(1, &spec(3)).await;
    let status = market.wait_for(job, |status| status.closed).await;
    assert_eq!(status.failure.unwrap().code, "image-missing");
    assert_eq!(market.check_sum(&[&rigs[0], &rigs[1]]).await, MicroUsdc::ZERO);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancelled_job_pays_until_then_and_is_closed() {
    let market = Market::found().await;
    let rig = market.add_rig("only", PricePerGpuHour(3_600_000)).await;
    let worker = Rig::new(market.link_url(), &rig, 60 * SECOND);
    worker.run();
    let job = market.submit(1, &spec(3)).await;
    market.wait_for(job, |status| status.tasks.iter().any(|task| task.state == TaskState::Running)).await;
    tokio::time::sleep(3 * SECOND).await;
    market.cancel(job).await;
    let status = market.wait_for(job, |status| status.closed).await;
    assert!(worker.journal.lock().unwrap().leases.is_empty());
    assert!(status.failure.is_none());
    assert!(market.check_sum(&[&rig]).await > MicroUsdc::ZERO);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_nobody_can_take_says_why() {
    let market = Market::found().await;
    let rig = market.add_rig("dear", PricePerGpuHour(4_000_000)).await;
    Rig::new(market.link_url(), &rig, SECOND).run();
    let job = market.submit(1, &spec(3)).await;
    let explained = |status: &millrace_link::rest::JobStatus| {
        // Before its spec is there, that is what it waits for first.
        let is_read = !status.name.is_empty();
        status.explanation.as_ref().is_some_and(|explanation| {
            is_read && explanation.exclusions.len() == 1 && explanation.exclusions[0].requirement == "maximum-price"
        })
    };
    let status = market.wait_for(job, explained).await;
    let explanation = status.explanation.unwrap();
    assert_eq!((explanation.nodes_total, explanation.nodes_fitting), (1, 0));
    assert_eq!(explanation.exclusions[0].nodes_excluded_by_this_alone, 1);
    let suggestion = explanation.suggestion.unwrap();
    assert!(suggestion.starts_with("raise the maximum price to 4.000000 USDC/GPU-hour"), "{suggestion}");
}
