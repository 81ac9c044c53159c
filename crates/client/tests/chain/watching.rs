//! What a watcher tells, by notification, after a drop, and without any WebSocket.

use std::time::Duration;

use millrace_client::accounts::{AnyAccount, JobAccount};
use millrace_client::{Client, Endpoints, Event, Gap, Sight, Update, Watcher, WatcherOptions, instructions};
use millrace_protocol::voucher::ExitClass;
use millrace_protocol::{Address, JobState};

use crate::faulty_rpc::{self, FaultyRpc};
use crate::faulty_socket::{Fault, FaultySocket};
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
        _ => None,
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
        is_reconnected |= matches!(event, Event::Gap { cause: Gap::Reconnected, .. });
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

/// A watcher of one job behind a socket that can be made to fail, and nothing read but for a reason.
async fn watch(market: &Market, job: Address) -> (FaultySocket, Watcher) {
    let socket = FaultySocket::before(market.localnet.ws_url()).await;
    let endpoints = Endpoints { rpc: vec![market.localnet.rpc_url()], ws: vec![socket.url()] };
    let options = WatcherOptions {
        reconcile_every: NEVER,
        poll_every: NEVER,
        silence: Duration::from_secs(3),
        longest_backoff: Duration::from_millis(500),
        ..WatcherOptions::default()
    };
    let mut watcher = Watcher::follow(Client::new(endpoints), vec![job], options);
    sight(&mut watcher, Sight::Live).await;
    (socket, watcher)
}

async fn sight(watcher: &mut Watcher, wanted: Sight) {
    next(watcher, |event| (*event == Event::Sight(wanted)).then_some(())).await;
    assert_eq!(watcher.sight(), wanted);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_is_followed_from_before_it_exists_until_it_is_gone() {
    let market = Market::found().await;
    let place = millrace_client::address::job(market.new_job(1).buyer, 1);
    let (_socket, mut watcher) = watch(&market, place).await;
    market.open_job(1).await;
    assert_eq!(state(next(&mut watcher, of(place)).await), Some(JobState::Open));
    let cancel = instructions::cancel_job(market.new_job(1).buyer, place);
    market.sender(&market.buyer).send(&cancel, &[]).await.unwrap();
    assert_eq!(state(next(&mut watcher, of(place)).await), Some(JobState::Done));
    market.close_job(place).await;
    assert_eq!(next(&mut watcher, of(place)).await, None);
    // Nothing is told twice: the next thing told is the next job of that name.
    market.open_job(1).await;
    assert_eq!(state(next(&mut watcher, of(place)).await), Some(JobState::Open));
    market.localnet.shutdown().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn left_out_slots_are_noticed_and_what_changed_meanwhile_is_read() {
    let market = Market::found().await;
    let job = market.open_job(1).await.address;
    let (socket, mut watcher) = watch(&market, job).await;
    socket.set(Fault::LosesSlots);
    let cancel = instructions::cancel_job(market.new_job(1).buyer, job);
    market.sender(&market.buyer).send(&cancel, &[]).await.unwrap();
    tokio::time::sleep(Duration::from_millis(500)).await;
    socket.set(Fault::None);
    let (mut cause, mut seen) = (None, None);
    next(&mut watcher, |event| {
        if let Event::Gap { cause: found, .. } = event {
            cause = Some(*found);
        }
        seen = seen.take().or_else(|| state(of(job)(event).flatten()));
        (cause.is_some() && seen == Some(JobState::Done)).then_some(())
    })
    .await;
    assert!(matches!(cause, Some(Gap::SlotsMissed { from, to }) if from < to), "{cause:?}");
    market.localnet.shutdown().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_says_nothing_is_opened_again() {
    let market = Market::found().await;
    let job = market.open_job(1).await.address;
    let (socket, mut watcher) = watch(&market, job).await;
    socket.set(Fault::Silent);
    let cancel = instructions::cancel_job(market.new_job(1).buyer, job);
    market.sender(&market.buyer).send(&cancel, &[]).await.unwrap();
    sight(&mut watcher, Sight::Delayed).await;
    socket.set(Fault::None);
    next(&mut watcher, |event| matches!(event, Event::Gap { cause: Gap::Reconnected, .. }).then_some(())).await;
    assert_eq!(state(next(&mut watcher, of(job)).await), Some(JobState::Done));
    market.localnet.shutdown().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_slots_neither_hide_a_change_nor_freeze_an_account() {
    let market = Market::found().await;
    for (id, slot) in [(1, u64::MAX), (2, 0), (3, 1_000_000_000_000)] {
        let job = market.open_job(id).await.address;
        let (socket, mut watcher) = watch(&market, job).await;
        socket.set(Fault::NamesSlot(slot));
        let lease = market.open_lease(job).await;
        assert_eq!(state(next(&mut watcher, of(job)).await), Some(JobState::Active), "{slot}");
        market.pass(20).await;
        market.settle(&lease, &market.voucher(&lease, 1, 10, Some(ExitClass::Completed))).await.unwrap();
        assert_eq!(state(next(&mut watcher, of(job)).await), Some(JobState::Done), "{slot}");
    }
    market.localnet.shutdown().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_notification_is_made_up_for_by_another_endpoint() {
    let market = Market::found().await;
    let job = market.open_job(1).await.address;
    let [losing, good] =
        [FaultySocket::before(market.localnet.ws_url()).await, FaultySocket::before(market.localnet.ws_url()).await];
    let endpoints = Endpoints { rpc: vec![market.localnet.rpc_url()], ws: vec![losing.url(), good.url()] };
    let options = WatcherOptions { reconcile_every: NEVER, ..WatcherOptions::default() };
    let mut watcher = Watcher::follow(Client::new(endpoints), vec![job], options);
    // Once at the start and once for each subscription.
    for _ in 0..3 {
        next(&mut watcher, |event| matches!(event, Event::Reconciled { .. }).then_some(())).await;
    }
    losing.set(Fault::LosesAccounts);
    let cancel = instructions::cancel_job(market.new_job(1).buyer, job);
    market.sender(&market.buyer).send(&cancel, &[]).await.unwrap();
    assert_eq!(state(next(&mut watcher, of(job)).await), Some(JobState::Done));
    market.localnet.shutdown().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watcher_says_when_it_is_blind_and_when_it_sees_again() {
    let market = Market::found().await;
    let job = market.open_job(1).await.address;
    let socket = FaultySocket::before(market.localnet.ws_url()).await;
    let rpc = FaultyRpc::before(market.localnet.rpc_url()).await;
    let endpoints = Endpoints { rpc: vec![rpc.url()], ws: vec![socket.url()] };
    let options = WatcherOptions {
        poll_every: Duration::from_millis(100),
        longest_backoff: Duration::from_millis(500),
        ..WatcherOptions::default()
    };
    let mut watcher = Watcher::follow(Client::new(endpoints), vec![job], options);
    assert_eq!(watcher.sight(), Sight::Blind, "nothing was read yet");
    sight(&mut watcher, Sight::Live).await;
    socket.set(Fault::Down);
    sight(&mut watcher, Sight::Delayed).await;
    rpc.set(faulty_rpc::Fault::Drops).await;
    sight(&mut watcher, Sight::Blind).await;
    let cancel = instructions::cancel_job(market.new_job(1).buyer, job);
    market.sender(&market.buyer).send(&cancel, &[]).await.unwrap();
    rpc.set(faulty_rpc::Fault::None).await;
    assert_eq!(state(next(&mut watcher, of(job)).await), Some(JobState::Done));
    socket.set(Fault::None);
    sight(&mut watcher, Sight::Live).await;
    market.localnet.shutdown().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_who_does_not_listen_costs_no_memory_and_misses_no_state() {
    let market = Market::found().await;
    let job = market.open_job(1).await;
    let endpoints = Endpoints::new(market.localnet.rpc_url(), market.localnet.ws_url());
    let options = WatcherOptions { reconcile_every: NEVER, queue: 2, ..WatcherOptions::default() };
    let mut watcher = Watcher::follow(Client::new(endpoints), vec![job.address], options);
    sight(&mut watcher, Sight::Live).await;
    let mut lease = market.open_lease(job.address).await;
    market.pass(600).await;
    for sequence in 1..=40 {
        market.settle(&lease, &market.voucher(&lease, sequence, sequence, None)).await.unwrap();
        lease = market.client.fetch(lease.address).await.unwrap();
    }
    let paid = market.client.fetch::<JobAccount>(job.address).await.unwrap().job.paid;
    let (mut is_overrun, mut is_told) = (false, false);
    next(&mut watcher, |event| {
        is_overrun |= matches!(event, Event::Gap { cause: Gap::Overrun, .. });
        if let Some(Some(AnyAccount::Job(found))) = of(job.address)(event) {
            is_told |= found.job.paid == paid;
        }
        (is_overrun && is_told).then_some(())
    })
    .await;
    market.localnet.shutdown().await.unwrap();
}
