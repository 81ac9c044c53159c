//! What a watcher tells, by notification, after a drop, and without any WebSocket.

use std::time::Duration;

use millrace_client::accounts::AnyAccount;
use millrace_client::{Client, Endpoints, Event, Update, Watcher, WatcherOptions, instructions};
use millrace_protocol::voucher::ExitClass;
use millrace_protocol::{Address, JobState};

use crate::market::Market;

const NEVER: Duration = Duration::from_secs(3_600);
const PATIENCE: Duration = Duration::from_secs(20);

/// The next event that `wanted` takes; skips the others.
async fn next<T>(watcher: &mut Watcher, mut wanted: impl FnMut(&Event) -> Option<T>) -> T {
    let search = async {
        loop {
            let event = watcher.next().await.unwrap();
            if let Some(found) = wanted(&event) {
                return found;
            }
        }
    };
    tokio::time::timeout(PATIENCE, search).await.expect("the watcher says nothing")
}

fn of(address: Address) -> impl FnMut(&Event) -> Option<Option<AnyAccount>> {
    move |event| match event {
        Event::Update(Update { address: found, account, .. }) if *found == address => Some(account.clone()),
        _ => None,
    }
}

fn state(account: Option<AnyAccount>) -> Option<JobState> {
    match account {
        Some(AnyAccount::Job(job)) => Some(job.job.state),
        _ => None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_drops_and_vanished_accounts_are_told() {
    let market = Market::found().await;
    let old = market.open_job(1).await.address;
    // No periodic reconciliation: what is told, is told by notifications or asked for.
    let options = WatcherOptions { reconcile_every: NEVER, ..WatcherOptions::default() };
    let mut watcher = Watcher::start(market.client.clone(), options);
    let mut kinds = Vec::new();
    let is_told = next(&mut watcher, |event| match event {
        Event::Update(update) => {
            kinds.extend(update.account.as_ref().map(AnyAccount::kind));
            None
        }
        Event::Reconciled { .. } => Some(kinds.len() == 4),
        Event::Reconnected { .. } => None,
    });
    assert!(is_told.await, "config, provider, node and job");
    // The second snapshot follows the subscription.
    next(&mut watcher, |event| matches!(event, Event::Reconciled { .. }).then_some(())).await;

    let new = market.open_job(2).await.address;
    assert_eq!(state(next(&mut watcher, of(new)).await), Some(JobState::Open));

    // A lease that ends sends no notification; its job does.
    let lease = market.open_lease(new).await;
    assert!(next(&mut watcher, of(lease.address)).await.is_some());
    market.pass(20).await;
    market.settle(&lease, &market.voucher(&lease, 1, 10, Some(ExitClass::Released))).await.unwrap();
    while next(&mut watcher, of(lease.address)).await.is_some() {}

    market.localnet.cut_connections();
    let cancel = instructions::cancel_job(market.new_job(1).buyer, old);
    market.sender(&market.buyer).send(&cancel, &[]).await.unwrap();
    let (mut is_reconnected, mut seen) = (false, None);
    next(&mut watcher, |event| {
        is_reconnected |= matches!(event, Event::Reconnected { .. });
        seen = seen.take().or_else(|| state(of(old)(event).flatten()));
        (is_reconnected && seen.is_some()).then_some(())
    })
    .await;
    assert_eq!(seen, Some(JobState::Done));

    market.close_job(old).await;
    watcher.reconcile_soon();
    assert_eq!(next(&mut watcher, of(old)).await, None);
    market.localnet.shutdown().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_websocket_reconciliation_alone_finds_everything() {
    let market = Market::found().await;
    let endpoints = Endpoints { rpc: vec![market.localnet.rpc_url()], ws: vec!["ws://127.0.0.1:9".to_owned()] };
    let options = WatcherOptions { reconcile_every: Duration::from_millis(100), ..WatcherOptions::default() };
    let mut watcher = Watcher::start(Client::new(endpoints), options);
    next(&mut watcher, |event| matches!(event, Event::Reconciled { .. }).then_some(())).await;
    let job = market.open_job(1).await.address;
    assert_eq!(state(next(&mut watcher, of(job)).await), Some(JobState::Open));
    let cancel = instructions::cancel_job(market.new_job(1).buyer, job);
    market.sender(&market.buyer).send(&cancel, &[]).await.unwrap();
    market.close_job(job).await;
    while next(&mut watcher, of(job)).await.is_some() {}
    market.localnet.shutdown().await.unwrap();
}
