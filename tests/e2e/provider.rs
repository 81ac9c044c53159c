//! A provider's life by the command line: what goes in comes out, and what was earned with it, to the
//! micro-USDC.

use std::path::Path;

use millrace_client::accounts::{NodeAccount, ProviderAccount};
use millrace_client::address;
use millrace_client::keys::{self, address_of};
use millrace_protocol::{Address, MicroUsdc, Seconds};
use serde_json::Value;

use crate::network::Network;
use crate::played::{self, FEE, PAID, PRICE};

const PURSE: MicroUsdc = MicroUsdc(200_000_000);
const DAY: u64 = 86_400;

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_comes_earns_and_leaves_with_everything() {
    let network = Network::bare().await;
    let (key, owner) = network.wallet("owner", PURSE).await;
    let node = arrived(&network, &key).await;
    changed(&network, &key, node).await;
    let text = node.to_string();

    let lease = played::leased(&network, played::terms(), node, &network.folder().join("rig.json")).await;
    network.millrace_as(&key, &["node", "remove", &text]).await.refused(1, "node-busy");
    network.millrace_as(&key, &["node", "update", &text, "--gpus", "2"]).await.refused(1, "node-busy");
    network.millrace_as(&key, &["provider", "unstake", "150"]).await.refused(1, "stake-too-small");
    let told = network.told_as(&key, &["node", "drain", &text]).await;
    assert_eq!((&told["status"]["after"], &told["units_leased"]), (&"Draining".into(), &1.into()));
    network.millrace_as(&key, &["provider", "withdraw"]).await.refused(1, "nothing-to-withdraw");
    played::ended(&network, &lease).await;

    paid_out(&network, &key, owner).await;
    left(&network, &key, node).await;
    assert_eq!(network.usdc_of(owner).await, PURSE, "all of the stake");
    assert_eq!(network.stage().client.find::<ProviderAccount>(address::provider(owner)).await.unwrap(), None);
    network.strike().await;
}

/// Registers, stakes 150 USDC, and offers a simulated rig.
async fn arrived(network: &Network, key: &Path) -> Address {
    network.millrace_as(key, &["node", "list"]).await.refused(1, "account-missing");
    network.told_as(key, &["provider", "register", "--name", "Basement rigs"]).await;
    network.told_as(key, &["provider", "stake", "150"]).await;
    let rig = network.folder().join("rig.json").display().to_string();
    let described = "--gpu rtx-4090 --gpus 1 --vram 24GiB --cpus 2 --memory 2GiB --disk 4GiB --region europe-central";
    let rest = ["--country", "DE", "--price", "0.40", "--simulated", "--node-key", &rig];
    let words: Vec<_> = ["node", "add"].into_iter().chain(described.split(' ')).chain(rest).collect();
    let told = network.told_as(key, &words).await;
    told["node"].as_str().unwrap().parse().unwrap()
}

/// Another price and description, drained and back, by its owner only.
async fn changed(network: &Network, key: &Path, node: Address) {
    let text = node.to_string();
    let client = &network.stage().client;
    let (stranger, _) = network.wallet("stranger", MicroUsdc::ZERO).await;
    let nobody = Address([9; 32]).to_string();
    for command in ["drain", "resume", "remove"] {
        network.millrace_as(&stranger, &["node", command, &text]).await.refused(1, "wrong-provider");
        network.millrace_as(key, &["node", command, &nobody]).await.refused(1, "account-missing");
    }
    network.millrace_as(key, &["node", "update", &text, "--price", "0"]).await.refused(1, "amount-zero");
    network.millrace_as(key, &["node", "update", &text, "--gpus", "0"]).await.refused(1, "hardware-invalid");
    network.millrace_as(key, &["node", "update", &text, "--region", "atlantis"]).await.refused(2, "region-unknown");

    let update = ["node", "update", &text, "--price", "1.08", "--memory", "4GiB", "--driver", "570.86"];
    let said = network.millrace_as(key, &update).await;
    assert!(said.stdout.contains("0.400000 USDC/GPU-hour -> 1.080000 USDC/GPU-hour"), "{}", said.stdout);
    let found: NodeAccount = client.fetch(node).await.unwrap();
    assert_eq!((found.node.price, found.node.hardware.memory_mib, found.driver), (PRICE, 4_096, 570_086));
    assert_eq!(network.told_as(key, &update).await["transaction"], Value::Null, "it is so already");

    for (command, status) in [("drain", "Draining"), ("resume", "Active")] {
        network.told_as(key, &["node", command, &text]).await;
        let again = network.told_as(key, &["node", command, &text]).await;
        assert_eq!((&again["status"]["after"], &again["transaction"]), (&status.into(), &Value::Null));
        let list = network.told_as(key, &["node", "list"]).await;
        assert_eq!(list["nodes"][0]["status"], status);
    }
    for (status, word) in [("draining", "Draining"), ("active", "Active")] {
        network.told_as(key, &["provider", "status", status]).await;
        assert_eq!(network.told_as(key, &["provider", "show"]).await["status"], word);
    }
}

/// What was earned goes to a wallet of its own, the fee to the treasury.
async fn paid_out(network: &Network, key: &Path, owner: Address) {
    let (purse_key, purse) = network.wallet("payout", MicroUsdc::ZERO).await;
    let text = owner.to_string();
    let by_purse = ["provider", "withdraw", "--owner", &text];
    network.millrace_as(&purse_key, &by_purse).await.refused(1, "wrong-owner");
    let own = address::provider(owner).to_string();
    network.millrace_as(key, &["provider", "payout", &own]).await.refused(1, "wrong-payout-owner");
    let told = network.told_as(key, &["provider", "payout", &purse.to_string()]).await;
    assert_eq!((&told["current"], &told["next"]), (&text.as_str().into(), &purse.to_string().into()));
    network.millrace_as(&purse_key, &by_purse).await.refused(1, "wrong-owner");
    // The network's delay.
    network.pass(Seconds(2 * DAY)).await;
    let told = network.told_as(&purse_key, &by_purse).await;
    assert_eq!(told["earnings"], PAID - FEE);
    assert_eq!(network.usdc_of(purse).await, MicroUsdc(PAID - FEE));
    network.millrace_as(key, &["provider", "withdraw"]).await.refused(1, "nothing-to-withdraw");

    let told = network.told_as(key, &["provider", "sweep"]).await;
    assert_eq!((&told["swept"], &told["treasury_balance"]["after"]), (&FEE.into(), &FEE.into()));
    network.millrace_as(key, &["provider", "sweep"]).await.refused(1, "nothing-to-sweep");
}

/// A new key for the rig, then off the market, and the stake back after its fortnight.
async fn left(network: &Network, key: &Path, node: Address) {
    let text = node.to_string();
    let client = &network.stage().client;
    let path = |name: &str| network.folder().join(name).display().to_string();
    let used = ["node", "rotate-key", &text, "--node-key", &path("rig.json")];
    network.millrace_as(key, &used).await.refused(1, "already-exists");
    let told = network.told_as(key, &["node", "rotate-key", &text, "--node-key", &path("rig-new.json")]).await;
    let next = address_of(&keys::load(&network.folder().join("rig-new.json")).unwrap());
    assert_eq!(client.fetch::<NodeAccount>(node).await.unwrap().node_key, next);
    assert_eq!(told["node_key"]["after"], next.to_string());

    network.millrace_as(key, &["provider", "close"]).await.refused(1, "provider-busy");
    network.told_as(key, &["node", "remove", &text]).await;
    assert_eq!(client.find::<NodeAccount>(node).await.unwrap(), None);
    assert_eq!(network.told_as(key, &["node", "list"]).await["nodes"], Value::Array(Vec::new()));
    network.millrace_as(key, &["provider", "close"]).await.refused(1, "provider-busy");

    network.millrace_as(key, &["provider", "unstake", "150.000001"]).await.refused(1, "stake-too-small");
    let told = network.told_as(key, &["provider", "unstake", "150"]).await;
    assert_eq!((&told["free"]["before"], &told["free"]["after"]), (&150_000_000.into(), &0.into()));
    let early = network.millrace_as(key, &["provider", "withdraw"]).await;
    early.refused(1, "nothing-to-withdraw");
    assert!(early.stderr.contains("may leave in 13d") || early.stderr.contains("may leave in 14d"), "{}", early.stderr);
    network.pass(Seconds(14 * DAY)).await;
    let told = network.told_as(key, &["provider", "withdraw"]).await;
    assert_eq!((&told["stake"], &told["stake_left"]), (&150_000_000.into(), &0.into()));
    network.told_as(key, &["provider", "close"]).await;
}
