//! What the foundation does by the command line: each thing by its role alone, and each told as it is.

use millrace_client::accounts::ConfigAccount;
use millrace_client::address;
use millrace_protocol::{Address, BasisPoints, MicroUsdc, Parameters, Seconds};

use crate::network::Network;

async fn config(network: &Network) -> ConfigAccount {
    network.stage().client.config().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_admin_alone_changes_the_network() {
    let network = Network::bare().await;
    let admin = network.admin();
    let before = config(&network).await;
    let somebody = Address([9; 32]).to_string();
    let orders: [&[&str]; 5] = [
        &["network", "pause"],
        &["network", "resume"],
        &["network", "change", "--fee-bps", "400"],
        &["network", "replace", "arbiter", &somebody],
        &["network", "hand-over", &somebody],
    ];
    for order in orders {
        network.millrace(order).await.refused(1, "wrong-admin");
    }
    network
        .millrace_as(&admin, &["network", "change", "--fee-bps", "1501"])
        .await
        .refused(2, "parameter-out-of-bounds");
    network.millrace_as(&admin, &["network", "change"]).await.refused(2, "usage");
    assert_eq!(config(&network).await, before, "refusals change nothing");

    let told = network.told_as(&admin, &["network", "change", "--fee-bps", "400", "--unbonding", "21d"]).await;
    assert_eq!((&told["parameters"]["before"]["fee"], &told["parameters"]["after"]["fee"]), (&500.into(), &400.into()));
    let parameters = Parameters { fee: BasisPoints(400), unbonding: Seconds(21 * 86_400), ..before.parameters };
    assert_eq!(config(&network).await, ConfigAccount { parameters, ..before.clone() });
    let again = network.told_as(&admin, &["network", "change", "--fee-bps", "400"]).await;
    assert!(again["transaction"].is_null(), "{again}");

    network.told_as(&admin, &["network", "pause"]).await;
    assert!(config(&network).await.paused);
    assert!(network.told_as(&admin, &["network", "pause"]).await["transaction"].is_null());
    assert_eq!(network.told_as(&network.stage().buyer_key(), &["network", "show"]).await["paused"], true);
    network.told_as(&admin, &["network", "resume"]).await;
    assert!(!config(&network).await.paused);
    network.strike().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn roles_pass_to_others_and_the_admins_only_by_both_their_signatures() {
    let network = Network::bare().await;
    let admin = network.admin();
    let mint = network.stage().localnet.usdc_mint();
    let (next, next_address) = network.wallet("next", MicroUsdc::ZERO).await;
    let named = next_address.to_string();
    for role in ["scheduler", "arbiter", "treasury"] {
        network.told_as(&admin, &["network", "replace", role, &named]).await;
        let again = network.told_as(&admin, &["network", "replace", role, &named]).await;
        assert!(again["transaction"].is_null(), "{again}");
    }
    let after = config(&network).await;
    let treasury = address::token_account(next_address, mint);
    assert_eq!((after.scheduler, after.arbiter, after.treasury), (next_address, next_address, treasury));

    network.millrace_as(&next, &["network", "take-over"]).await.refused(1, "not-pending-admin");
    network.told_as(&admin, &["network", "hand-over", &named]).await;
    network.told_as(&admin, &["network", "hand-over", "--withdraw"]).await;
    network.millrace_as(&next, &["network", "take-over"]).await.refused(1, "not-pending-admin");
    network.told_as(&admin, &["network", "hand-over", &named]).await;
    network.millrace(&["network", "take-over"]).await.refused(1, "not-pending-admin");
    assert_eq!(config(&network).await.admin, after.admin, "nothing has passed yet");
    network.told_as(&next, &["network", "take-over"]).await;
    let over = config(&network).await;
    assert_eq!((over.admin, over.pending_admin), (next_address, None));
    network.millrace_as(&admin, &["network", "pause"]).await.refused(1, "wrong-admin");
    network.told_as(&next, &["network", "pause"]).await;
    network.strike().await;
}
