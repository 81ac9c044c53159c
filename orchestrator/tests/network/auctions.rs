use std::time::Duration;

use millrace_link::auth;
use millrace_link::rest::TaskState;
use millrace_protocol::{MicroUsdc, PricePerGpuHour};
use millrace_scheduler::{Auction, Step};
use millrace_spec::Placement;

use crate::market::{Market, spec};
use crate::rig::Rig;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_best_bid_has_the_lease_on_chain_with_the_root_of_all_bids() {
    let mut market = Market::found().await;
    let (price, second) = (PricePerGpuHour(3_600_000), Duration::from_secs(1));
    let rigs = [
        market.add_rig("dear", price).await,
        market.add_rig("best", price).await,
        market.add_rig("forger", price).await,
        market.add_rig("silent", price).await,
    ];
    Rig::new(market.link_url(), &rigs[0], second).bidding(3_000_000).run();
    Rig::new(market.link_url(), &rigs[1], Duration::from_secs(600)).bidding(2_500_000).run();
    let forger = Rig::new(market.link_url(), &rigs[2], second).forging_bids(1_000_000);
    forger.run();
    Rig::new(market.link_url(), &rigs[3], second).run();
    // Everybody is there before anybody is asked.
    tokio::time::sleep(Duration::from_secs(2)).await;
    let mut asked = spec(1);
    asked.placement = Some(Placement { auction: true, ..Placement::default() });
    let job = market.submit(1, &asked).await;
    let running =
        |status: &millrace_link::rest::JobStatus| status.tasks.iter().any(|task| task.state == TaskState::Running);
    let status = market.wait_for(job, running).await;
    let lease = &status.leases[0];
    assert_eq!((lease.node, lease.chain.price), (rigs[1].node, PricePerGpuHour(2_500_000)));

    let path = format!("/v1/jobs/{job}/auctions");
    let auctions: Vec<Auction> = market.get(&path, "").await.json().await.unwrap();
    let [auction] = &auctions[..] else { panic!("{auctions:?}") };
    auction.check().unwrap();
    assert_eq!(auction.steps, [Step::Awarded { lease: 0, node: rigs[1].node }]);
    let account: millrace_client::accounts::LeaseAccount = market.client.fetch(lease.address).await.unwrap();
    assert_eq!(account.bid_book_root, auction.root.0);
    for entered in &auction.book.bids {
        let signed = auction.book.signed(entered);
        auth::verify(entered.key, &signed.bid.message(), &signed.signature.0).unwrap();
    }
    assert_eq!(auction.book.bids.len(), 2, "a forged bid is none");
    assert_eq!(forger.journal.lock().unwrap().refused_bids, ["bid-forged"]);

    // Some time to be paid for.
    tokio::time::sleep(3 * second).await;
    market.stop().await;
    market.start().await;
    market.wait_for(job, running).await;
    let after: Vec<Auction> = market.get(&path, "").await.json().await.unwrap();
    assert_eq!(after, auctions, "the book outlives the process");
    market.cancel(job).await;
    market.wait_for(job, |status| status.closed).await;
    assert!(market.check_sum(&rigs.iter().collect::<Vec<_>>()).await > MicroUsdc::ZERO);
}
