//! A job runs, its outputs come back, its money adds up.

use millrace_cli::demo::frames;
use millrace_protocol::{JobState, MicroUsdc};
use serde_json::Value;

use crate::jobs::Shell;
use crate::network::{BUDGET, Network, rigs};

#[tokio::test(flavor = "multi_thread")]
async fn a_small_job_runs_from_escrow_to_refund() {
    let network = Network::with(&rigs(2)).await;
    let script = "echo hello from {task}; sleep 2; cat /inputs/greeting > /outputs/{task}.txt; echo {task1} >> /outputs/{task}.txt";
    let file = Shell { script, tasks: 5, ..Shell::default() }.write(network.folder());
    let text = std::fs::read_to_string(&file).unwrap() + "\n[inputs]\ngreeting = \"greeting.txt\"\n";
    std::fs::write(&file, text).unwrap();
    std::fs::write(network.folder().join("greeting.txt"), "good day\n").unwrap();

    let outputs = network.folder().join("out");
    let arguments =
        ["job", "submit", &file.display().to_string(), "--follow", "--outputs", &outputs.display().to_string()];
    let said = network.millrace(&arguments).await;
    assert_eq!(said.status, 0, "{}\n{}", said.stderr, network.logs());
    for task in 0..5 {
        let text = std::fs::read_to_string(outputs.join(format!("{task}.txt"))).unwrap();
        assert_eq!(text, format!("good day\n{}\n", task + 1));
    }

    let listed = network.millrace(&["--json", "job", "list"]).await;
    let jobs: Value = serde_json::from_str(&listed.stdout).unwrap();
    let job = jobs[0]["address"].as_str().unwrap().parse().unwrap();
    let logs = network.millrace(&["job", "logs", jobs[0]["address"].as_str().unwrap(), "--task", "3"]).await;
    assert_eq!(logs.stdout, "hello from 3\n", "{}", logs.stderr);

    let (status, history) = network.closed(job).await;
    assert_eq!(status.chain.state, JobState::Done);
    let digests: Vec<_> = status.leases.iter().filter_map(|lease| lease.image_digest.as_deref()).collect();
    assert!(
        !digests.is_empty() && digests.iter().all(|digest| digest.len() == 71),
        "asked for by its tag: {digests:?}"
    );
    let statement = history.statement();
    assert!(statement.balanced(), "{statement:#?}");
    assert_eq!(statement.compensation(), MicroUsdc::ZERO);
    let spent = statement.paid().plus(statement.fees()).unwrap();
    assert!(spent > MicroUsdc::ZERO, "{statement:#?}");
    assert_eq!(network.balance().await, BUDGET.minus(spent).unwrap());
    network.idle().await;
    network.strike().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_job_pays_what_was_attested_and_refunds_the_rest() {
    let network = Network::with(&rigs(1)).await;
    let file = Shell { script: "sleep 600", tasks: 2, ..Shell::default() }.write(network.folder());
    let job = network.submit(&file).await;
    network.until(job, "running", |status| status.leases.iter().any(|lease| lease.metered.0 >= 2)).await;
    let said = network.millrace(&["job", "cancel", &job.to_string()]).await;
    assert_eq!(said.status, 0, "{}", said.stderr);
    let (_, history) = network.closed(job).await;
    let statement = history.statement();
    assert!(statement.balanced(), "{statement:#?}");
    assert!(statement.paid() > MicroUsdc::ZERO, "{statement:#?}");
    network.idle().await;
    network.strike().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn outputs_are_downloaded_once_and_checked() {
    let network = Network::with(&rigs(1)).await;
    let file = Shell { tasks: 1, ..Shell::default() }.write(network.folder());
    let job = network.submit(&file).await;
    network.closed(job).await;
    let into = network.folder().join("out");
    let arguments = ["--json", "job", "outputs", &job.to_string(), "--into", &into.display().to_string()];
    assert_eq!(network.millrace(&arguments).await.status, 0);
    let written = std::fs::metadata(into.join("0.txt")).unwrap().modified().unwrap();
    assert_eq!(network.millrace(&arguments).await.status, 0);
    assert_eq!(std::fs::metadata(into.join("0.txt")).unwrap().modified().unwrap(), written, "fetched twice");
    std::fs::write(into.join("0.txt"), "spoilt").unwrap();
    assert_eq!(network.millrace(&arguments).await.status, 0);
    assert_ne!(std::fs::read_to_string(into.join("0.txt")).unwrap(), "spoilt");
    network.strike().await;
}

/// Every frame of the animation, decoded.
pub fn assert_frames(folder: &std::path::Path) {
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    frames::verify(&paths, 24, (160, 120)).unwrap();
}
