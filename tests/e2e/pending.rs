//! A job that nobody can take says why.

use crate::jobs::Shell;
use crate::network::{BUDGET, Network, rigs};

#[tokio::test(flavor = "multi_thread")]
async fn a_pending_job_names_each_requirement_and_its_count() {
    let network = Network::with(&rigs(3)).await;
    // Two of three rigs are of other models, two cost more than the job pays, and together no one is left.
    let file = Shell { resources: "gpu_models = [\"l40s\"]", maximum_price: "0.50", ..Shell::default() }
        .write(network.folder());
    let job = network.submit(&file).await;
    network.until(job, "explained", |status| status.explanation.is_some()).await;
    let said = network.millrace(&["job", "show", &job.to_string()]).await;
    assert_eq!(said.status, 0, "{}", said.stderr);
    let line = |requirement: &str| {
        let found = said.stdout.lines().find(|line| line.trim_start().starts_with(requirement));
        found.unwrap_or_else(|| panic!("no line for {requirement}:\n{}", said.stdout)).to_owned()
    };
    assert!(said.stdout.contains("waits: none of 3 nodes fits"), "{}", said.stdout);
    assert!(line("gpu-model").contains("2 of 3"), "{}", said.stdout);
    assert!(line("maximum-price").contains("2 of 3"), "{}", said.stdout);
    assert!(said.stdout.contains("what would help: "), "{}", said.stdout);

    let said = network.millrace(&["job", "cancel", &job.to_string()]).await;
    assert_eq!(said.status, 0, "{}", said.stderr);
    network.closed(job).await;
    assert_eq!(network.balance().await, BUDGET);
    network.idle().await;
    network.strike().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_placed_job_says_what_its_node_and_the_next_one_scored() {
    let network = Network::with(&rigs(2)).await;
    let file = Shell { script: "sleep 60", tasks: 1, leases: 1, ..Shell::default() }.write(network.folder());
    let job = network.submit(&file).await;
    let status = network.until(job, "leased", |status| !status.leases.is_empty()).await;
    let (name, key) = (job.to_string(), network.stage().buyer_key());
    let told = network.told_as(&key, &["job", "explain", &name]).await;
    let lease = &told["leases"][0];
    assert_eq!(lease["chosen"]["node"], status.leases[0].node.to_string());
    let part = |scored: &serde_json::Value, part: &str| scored[part].as_u64().unwrap();
    assert_eq!(part(&lease["chosen"], "price"), status.leases[0].chain.price.0);
    let next = &lease["runners_up"][0];
    assert_eq!((part(next, "price"), next["provider_name"].as_str()), (720_000, Some("second")));
    let total = |scored: &serde_json::Value| {
        ["price", "reputation", "link", "image", "packing", "scarcity"]
            .map(|name| part(scored, name))
            .iter()
            .sum::<u64>()
    };
    for scored in [&lease["chosen"], next] {
        assert_eq!(part(scored, "total"), total(scored));
    }
    assert!(total(&lease["chosen"]) < total(next));
    let said = network.millrace(&["job", "explain", &name]).await;
    assert!(
        said.stdout.contains("0.720000") && said.stdout.contains("the lowest score gets the lease"),
        "{}",
        said.stdout
    );
    // Where it stands is nobody else's business.
    let (stranger, _) = network.wallet("stranger", millrace_protocol::MicroUsdc::ZERO).await;
    network.millrace_as(&stranger, &["job", "explain", &name]).await.refused(1, "not-the-buyer");
    assert_eq!(network.millrace(&["job", "cancel", &name]).await.status, 0);
    network.closed(job).await;
    network.idle().await;
    network.strike().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_nobody_took_expires_and_is_refunded_whole() {
    let network = Network::with(&rigs(1)).await;
    let file =
        Shell { resources: "gpu_models = [\"b200\"]", start_window: "3s", ..Shell::default() }.write(network.folder());
    let said = network.millrace(&["job", "submit", &file.display().to_string(), "--follow"]).await;
    said.refused(1, "start-deadline-passed");
    assert_eq!(network.balance().await, BUDGET);
    network.idle().await;
    network.strike().await;
}
