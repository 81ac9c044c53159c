//! A job whose leases rigs bid for, and what everybody can find out about it afterwards.

use millrace_client::accounts::LeaseAccount;
use millrace_client::{Signer, address, keys};
use millrace_link::rest::TaskState;
use millrace_protocol::PricePerGpuHour;
use millrace_spec::{Bid, BidSignature, SignedBid};
use serde_json::Value;

use crate::jobs::Shell;
use crate::network::{Network, rigs};

#[tokio::test(flavor = "multi_thread")]
async fn rigs_bid_for_a_lease_and_who_lost_can_compute_the_outcome_anew() {
    let network = Network::with(&rigs(2)).await;
    let file = Shell { script: "sleep 60", tasks: 1, leases: 1, ..Shell::default() }.write(network.folder());
    let text = std::fs::read_to_string(&file).unwrap() + "\n[placement]\nauction = true\n";
    std::fs::write(&file, text).unwrap();
    let job = network.submit(&file).await;
    let running =
        |status: &millrace_link::rest::JobStatus| status.tasks.iter().any(|task| task.state == TaskState::Running);
    let status = network.until(job, "running", running).await;
    let (lease, actors) = (&status.leases[0], &network.stage().actors);
    assert_eq!((lease.node, lease.chain.price), (actors[0].node, PricePerGpuHour(360_000)));

    // Anybody may look, without a wallet.
    let (name, nobody) = (job.to_string(), network.folder().join("nobody.json"));
    let told = network.told_as(&nobody, &["job", "auction", &name]).await;
    let root = told["auctions"][0]["root"].as_str().unwrap();
    let account: LeaseAccount = network.stage().client.fetch(lease.address).await.unwrap();
    assert_eq!(account.bid_book_root.iter().map(|byte| format!("{byte:02x}")).collect::<String>(), root);
    assert_eq!(told["auctions"][0]["book"]["bids"].as_array().map(Vec::len), Some(2));
    let said = network.millrace(&["job", "auction", &name]).await;
    assert!(said.status == 0 && said.stdout.contains("0.720000") && said.stdout.contains("lease 0"), "{}", said.stdout);

    // The one that lost shows that its bid was among them.
    let data_dir = actors[1].data_dir.display().to_string();
    let bids = network.told_as(&nobody, &["worker", "bids", "--data-dir", &data_dir]).await;
    let own = network.folder().join("bids.json");
    let path = own.display().to_string();
    std::fs::write(&own, bids.to_string()).unwrap();
    let told = network.told_as(&nobody, &["job", "auction", &name, "--bid", &path]).await;
    assert_eq!(told["notes"][0]["note"], Value::from("in-book"), "{told}");

    // A bid that it has made and that is not in the book is found, and one that it has not made is none.
    let mut bid: Bid = serde_json::from_value(bids[0]["signed"]["bid"].clone()).unwrap();
    bid.price = PricePerGpuHour(100_000);
    let key = keys::load(&actors[1].node_key).unwrap();
    let signature = BidSignature(key.sign_message(&bid.message()).into());
    std::fs::write(&own, serde_json::to_string(&SignedBid { bid, signature }).unwrap()).unwrap();
    network.millrace(&["job", "auction", &name, "--bid", &path]).await.refused(1, "bid-left-out");
    bid.program = address::config();
    std::fs::write(&own, serde_json::to_string(&SignedBid { bid, signature }).unwrap()).unwrap();
    network.millrace(&["job", "auction", &name, "--bid", &path]).await.refused(1, "bid-not-yours");

    assert_eq!(network.millrace(&["job", "cancel", &name]).await.status, 0);
    network.closed(job).await;
    // The lease's account is gone, and its opening is not.
    let told = network.told_as(&nobody, &["job", "auction", &name]).await;
    assert_eq!(told["auctions"][0]["root"].as_str(), Some(root));
    network.idle().await;
    network.strike().await;
}
