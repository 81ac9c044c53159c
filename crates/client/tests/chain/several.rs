//! Sending through several endpoints of which one is not as it should be.

use std::sync::Arc;
use std::time::{Duration, Instant};

use millrace_client::accounts::{BuyerAccount, JobAccount, ProviderAccount};
use millrace_client::instructions::{NewJob, NewPrepaidJob};
use millrace_client::keys::address_of;
use millrace_client::{
    Client, Endpoints, Error, Goal, Keypair, Outcome, Refusal, Sender, SenderOptions, address, instructions,
};
use millrace_localnet::SlotMode;
use millrace_protocol::MicroUsdc;

use crate::faulty_rpc::{Fault, FaultyRpc};
use crate::market::{DEPOSIT, Market, PURSE};

async fn two(market: &Market, payer: &Arc<Keypair>, options: SenderOptions) -> (FaultyRpc, FaultyRpc, Sender) {
    let first = FaultyRpc::before(market.localnet.rpc_url()).await;
    let second = FaultyRpc::before(market.localnet.rpc_url()).await;
    let client = Client::new(Endpoints { rpc: vec![first.url(), second.url()], ws: Vec::new() });
    client.config().await.unwrap();
    (first, second, Sender::with_options(client, payer.clone(), options))
}

fn hasty() -> SenderOptions {
    SenderOptions {
        resend_every: Duration::from_millis(200),
        poll_every: Duration::from_millis(50),
        give_up_after: Duration::from_millis(1_500),
        ..SenderOptions::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_bad_endpoint_of_two_does_not_stop_a_transaction() {
    // Blocks at a steady pace: made as fast as they can be, 150 of them are over before a transaction is sent.
    let market = Market::found_with(SlotMode::Clock(Duration::from_millis(50))).await;
    let patience = SenderOptions { give_up_after: Duration::from_secs(10), ..SenderOptions::default() };
    let (faulty, good, sender) = two(&market, &market.buyer, patience).await;
    let faults = [
        Fault::Stale,
        Fault::Drops,
        Fault::Errors(-32_005),
        Fault::Errors(-32_602),
        Fault::Slow(Duration::from_secs(30)),
        Fault::Ahead(1_000_000_000),
        Fault::Swallows,
        Fault::Denies,
        Fault::LiesAboutLandings,
        Fault::LiesAboutHeight,
        Fault::ForgesBlockhashes,
    ];
    for (id, fault) in (1..).zip(faults) {
        faulty.set(fault).await;
        let started = Instant::now();
        let job = market.new_job(id);
        let receipt =
            sender.send(&instructions::open_job(job), &[]).await.unwrap_or_else(|e| panic!("{fault:?}: {e:?}"));
        assert!(started.elapsed() < Duration::from_secs(10), "{fault:?}: {:?}", started.elapsed());
        // What was just sent can be read, whoever is behind.
        let found = sender.client().fetch::<JobAccount>(address::job(job.buyer, id)).await;
        let found = found.unwrap_or_else(|e| panic!("{fault:?}: {e:?}"));
        assert_eq!((found.id, found.opened_slot), (id, receipt.slot), "{fault:?}");
        let cancel = instructions::cancel_job(job.buyer, found.address);
        sender.send(&cancel, &[]).await.unwrap_or_else(|e| panic!("{fault:?}: {e:?}"));
        let close = instructions::close_job(sender.payer(), &found);
        sender.send(&close, &[]).await.unwrap_or_else(|e| panic!("{fault:?}: {e:?}"));
    }
    assert!(good.asked("sendTransaction") >= 3 * faults.len(), "every endpoint is given every transaction");
    assert!(faulty.asked("sendTransaction") >= 3 * faults.len());
    assert_eq!(market.buyers_money().await, PURSE);
    market.localnet.shutdown().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn one_endpoint_of_two_can_neither_land_a_transaction_nor_bury_it() {
    // Slow enough that nothing really dies meanwhile.
    let market = Market::found_with(SlotMode::Clock(SlotMode::CLUSTER)).await;
    let liar = FaultyRpc::before(market.localnet.rpc_url()).await;
    let other = FaultyRpc::before(market.localnet.rpc_url()).await;
    other.set(Fault::Swallows).await;
    for (id, lie) in [(1, Fault::LiesAboutLandings), (2, Fault::LiesAboutHeight)] {
        // The liar keeps the transaction to itself as well: it is on no chain.
        let swallowing = FaultyRpc::before(liar.url()).await;
        swallowing.set(Fault::Swallows).await;
        liar.set(lie).await;
        let rpc = vec![swallowing.url(), other.url()];
        let client = Client::new(Endpoints { rpc, ws: Vec::new() });
        let sender = Sender::with_options(client, market.buyer.clone(), hasty());
        let error = sender.send(&instructions::open_job(market.new_job(id)), &[]).await.unwrap_err();
        assert!(matches!(error, Error::Unconfirmed { .. }), "{lie:?}: {error:?}");
        let sent = other.sent();
        let since = sent.iter().filter(|one| *one == sent.last().unwrap()).count();
        assert!(since >= 2, "sent again, and never signed again");
    }
    assert_eq!(market.buyers_money().await, PURSE);
    market.localnet.shutdown().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_transaction_is_signed_anew_once_the_chain_has_passed_its_end() {
    let market = Market::found_with(SlotMode::Clock(Duration::from_millis(5))).await;
    let faulty = FaultyRpc::before(market.localnet.rpc_url()).await;
    faulty.set(Fault::SwallowsTheFirst).await;
    let client = Client::new(Endpoints { rpc: vec![faulty.url()], ws: Vec::new() });
    let options = SenderOptions { give_up_after: Duration::from_secs(60), ..hasty() };
    let sender = Sender::with_options(client, market.buyer.clone(), options);
    let receipt = sender.send(&instructions::open_job(market.new_job(1)), &[]).await.unwrap();
    let mut sent = faulty.sent();
    let n_first = sent.iter().take_while(|one| **one == sent[0]).count();
    assert!(n_first >= 2, "the first one was sent {n_first} times");
    sent.dedup();
    assert_eq!(sent.len(), 2, "signed twice");
    let found: JobAccount = sender.client().fetch(address::job(address_of(&market.buyer), 1)).await.unwrap();
    assert_eq!(found.opened_slot, receipt.slot);
    assert_eq!(market.buyers_money().await, MicroUsdc(PURSE.0 - DEPOSIT.0));
    market.localnet.shutdown().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn of_three_endpoints_one_may_say_anything() {
    let market = Market::found_with(SlotMode::Clock(Duration::from_millis(5))).await;
    let [first, second, behind_liar] = [
        FaultyRpc::before(market.localnet.rpc_url()).await,
        FaultyRpc::before(market.localnet.rpc_url()).await,
        FaultyRpc::before(market.localnet.rpc_url()).await,
    ];
    for endpoint in [&first, &second, &behind_liar] {
        endpoint.set(Fault::SwallowsTheFirst).await;
    }
    // Says that the transaction has landed, which it never will, and then the same of the second one.
    let liar = FaultyRpc::before(behind_liar.url()).await;
    liar.set(Fault::LiesAboutLandings).await;
    let client = Client::new(Endpoints { rpc: vec![liar.url(), first.url(), second.url()], ws: Vec::new() });
    let options = SenderOptions { give_up_after: Duration::from_secs(60), ..hasty() };
    let sender = Sender::with_options(client, market.buyer.clone(), options);
    let receipt = sender.send(&instructions::open_job(market.new_job(1)), &[]).await.unwrap();
    let mut sent = first.sent();
    sent.dedup();
    assert_eq!(sent.len(), 2, "signed twice");
    let found: JobAccount = sender.client().fetch(address::job(address_of(&market.buyer), 1)).await.unwrap();
    assert_eq!(found.opened_slot, receipt.slot);
    market.localnet.shutdown().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_call_is_taken_up_and_not_repeated() {
    let market = Market::found().await;
    let faulty = FaultyRpc::before(market.localnet.rpc_url()).await;
    let client = Client::new(Endpoints { rpc: vec![faulty.url()], ws: Vec::new() });
    let sender = Sender::with_options(client, market.owner.clone(), hasty());
    // Adding stake has no address of its own: done twice, it is done twice.
    let more = instructions::add_stake(sender.payer(), market.mint, MicroUsdc(7_000_000));
    let staked = || async {
        let provider = address::provider(address_of(&market.owner));
        market.client.fetch::<ProviderAccount>(provider).await.unwrap().provider.stake.total
    };
    let before = staked().await;
    faulty.set(Fault::Swallows).await;
    let dropped = tokio::time::timeout(Duration::from_millis(700), sender.send(&more, &[])).await;
    assert!(dropped.is_err(), "{dropped:?}");
    faulty.set(Fault::None).await;
    let (first, second) = tokio::join!(sender.send(&more, &[]), async { sender.clone().send(&more, &[]).await });
    assert_eq!(first.unwrap(), second.unwrap());
    assert_eq!(staked().await, MicroUsdc(before.0 + 7_000_000));
    let mut sent = faulty.sent();
    sent.dedup();
    assert_eq!(sent.len(), 1);
    // A call after that is a wish of its own.
    sender.send(&more, &[]).await.unwrap();
    assert_eq!(staked().await, MicroUsdc(before.0 + 14_000_000));
    market.localnet.shutdown().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn work_that_was_done_before_is_told_from_work_that_is_in_the_way() {
    let market = Market::found().await;
    let job = market.new_job(1);
    let opened = Goal::job_opened(job);
    let first = market.sender(&market.buyer).send_once(&opened, &instructions::open_job(job), &[]).await.unwrap();
    assert!(matches!(first, Outcome::Landed(_)));
    // Another process with the same key: it knows nothing of the first one.
    let again = market.sender(&market.buyer).send_once(&opened, &instructions::open_job(job), &[]).await.unwrap();
    assert_eq!(again, Outcome::AlreadyThere);
    let mut other = job;
    other.spec_hash = [8; 32];
    let error = market
        .sender(&market.buyer)
        .send_once(&Goal::job_opened(other), &instructions::open_job(other), &[])
        .await
        .unwrap_err();
    assert_eq!(error.refusal(), Some(&Refusal::AlreadyExists));

    let place = address::job(job.buyer, job.id);
    let cancel = instructions::cancel_job(job.buyer, place);
    for expected in [false, true] {
        let outcome = market.sender(&market.buyer).send_once(&Goal::job_cancelled(place), &cancel, &[]).await.unwrap();
        assert_eq!(outcome == Outcome::AlreadyThere, expected);
    }
    let found: JobAccount = market.client.fetch(place).await.unwrap();
    let close = instructions::close_job(job.buyer, &found);
    for expected in [false, true] {
        let outcome = market.sender(&market.buyer).send_once(&Goal::gone(place), &close, &[]).await.unwrap();
        assert_eq!(outcome == Outcome::AlreadyThere, expected);
    }
    assert_eq!(market.buyers_money().await, PURSE);
    market.localnet.shutdown().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prepaid_job_that_is_open_already_is_told_from_another_one_under_its_number() {
    let market = Market::found().await;
    let owner = address_of(&market.buyer);
    let balance = BuyerAccount::to_be_opened(owner, market.mint);
    let deposit = instructions::deposit_balance(owner, &balance, MicroUsdc(5_000_000));
    let opening = [instructions::open_buyer(owner, market.mint), deposit].concat();
    market.sender(&market.buyer).send(&opening, &[]).await.unwrap();
    let NewJob { id, spec_hash, terms, attestor, .. } = market.new_job(1);
    let job = NewPrepaidJob { authority: owner, id, spec_hash, terms, attestor };
    let open = async |job: NewPrepaidJob| {
        let goal = Goal::prepaid_job_opened(&balance, job);
        market.sender(&market.buyer).send_once(&goal, &instructions::open_job_prepaid(&balance, job), &[]).await
    };
    assert!(matches!(open(job).await, Ok(Outcome::Landed(_))));
    assert_eq!(open(job).await.unwrap(), Outcome::AlreadyThere);
    let mut dearer = job;
    dearer.terms.deposit = MicroUsdc(terms.deposit.0 + 1);
    let plain = market.open_job(2).await;
    let others = [
        NewPrepaidJob { spec_hash: [8; 32], ..job },
        NewPrepaidJob { attestor: Some(owner), ..job },
        dearer,
        NewPrepaidJob { id: plain.id, ..job },
    ];
    for other in others {
        assert_eq!(open(other).await.unwrap_err().refusal(), Some(&Refusal::AlreadyExists), "{other:?}");
    }
    market.localnet.shutdown().await.unwrap();
}
