//! What a client reads where its endpoints do not agree.

use std::time::{Duration, Instant};

use millrace_client::accounts::{JobAccount, LeaseAccount};
use millrace_client::keys::address_of;
use millrace_client::{Client, Endpoints, Error, address};
use millrace_protocol::{Address, Diagnostic};

use crate::faulty_rpc::{Fault, FaultyRpc};
use crate::market::Market;

const READINGS: usize = 31;
/// How long a client waits for the others once one endpoint has answered.
const GRACE: Duration = Duration::from_millis(300);

/// A client of a faulty endpoint and, behind it in the list, a good one.
async fn with_faulty(market: &Market) -> (FaultyRpc, Client) {
    let faulty = FaultyRpc::before(market.localnet.rpc_url()).await;
    let rpc = vec![faulty.url(), market.localnet.rpc_url()];
    (faulty, Client::new(Endpoints { rpc, ws: Vec::new() }))
}

fn job(market: &Market) -> Address {
    address::job(address_of(&market.buyer), 1)
}

#[tokio::test(flavor = "multi_thread")]
async fn one_bad_endpoint_does_not_change_what_is_read() {
    let market = Market::found().await;
    let (faulty, client) = with_faulty(&market).await;
    client.config().await.unwrap();
    // What is stale is so from here on: it does not know the job.
    faulty.set(Fault::Stale).await;
    market.open_job(1).await;
    // So that the endpoint is out of the range of a healthy one's delay, too.
    for fault in [
        Fault::Stale,
        Fault::Ahead(1_000_000_000),
        Fault::Ahead(u64::MAX),
        Fault::Forgets,
        Fault::Drops,
        Fault::Errors(-32_005),
        Fault::Errors(-32_602),
        Fault::Slow(Duration::from_secs(30)),
    ] {
        faulty.set(fault).await;
        let found: Option<JobAccount> = client.find(job(&market)).await.unwrap();
        assert!(found.is_some(), "{fault:?}");
        assert_eq!(client.fetch_all::<JobAccount>().await.unwrap().len(), 1, "{fault:?}");
        assert_eq!(client.job_history(job(&market)).await.unwrap().entries.len(), 1, "{fault:?}");
    }
    market.localnet.shutdown().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_hangs_is_waited_for_once() {
    let market = Market::found().await;
    let (faulty, client) = with_faulty(&market).await;
    client.config().await.unwrap();
    faulty.set(Fault::Slow(Duration::from_secs(30))).await;
    client.config().await.unwrap();
    let mut readings = Vec::new();
    for _ in 0..READINGS {
        let started = Instant::now();
        client.config().await.unwrap();
        readings.push(started.elapsed());
    }
    readings.sort();
    // Whoever waited each time would have been slow each time; a busy machine is slow at times.
    assert!(readings[READINGS / 2] < GRACE, "{readings:?}");
    assert!(faulty.asked("getMultipleAccounts") > READINGS, "and asked again each time, in case it is well");
    market.localnet.shutdown().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_says_less_than_was_asked_is_no_answer() {
    let market = Market::found().await;
    let faulty = FaultyRpc::before(market.localnet.rpc_url()).await;
    faulty.set(Fault::ShortensAnswers).await;
    let client = Client::new(Endpoints { rpc: vec![faulty.url()], ws: Vec::new() });
    let error = client.find::<JobAccount>(job(&market)).await.unwrap_err();
    assert!(matches!(error, Error::Unreachable { .. }), "{error:?}");
    assert_eq!(error.code(), "rpc-unreachable");
    market.localnet.shutdown().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_stranger_sends_to_an_address_makes_no_account_there() {
    let market = Market::found().await;
    let lease = address::lease(job(&market), 1, 0);
    // The least that an account may have.
    market.localnet.faucet_sol(&lease, 890_880).await.unwrap();
    assert_eq!(market.client.lamports(lease).await.unwrap(), 890_880);
    let found: Option<LeaseAccount> = market.client.find(lease).await.unwrap();
    assert!(found.is_none() && market.client.find_any(lease).await.unwrap().is_none());
    let error = market.client.find::<LeaseAccount>(market.mint).await.unwrap_err();
    assert_eq!(error.code(), "account-foreign", "what is another program's is no account that is gone");
    market.localnet.shutdown().await.unwrap();
}
