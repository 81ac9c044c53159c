use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use millrace_client::Keypair;
use millrace_link::auth;
use millrace_link::rest::Problem;
use millrace_protocol::{Address, PricePerGpuHour, UnixSeconds};
use reqwest::StatusCode;

use crate::market::{Market, signing_key, spec};
use crate::rig::Rig;

/// What nobody but the rig can read; here bytes that are easily found again.
const ENVELOPE: &[u8] = b"sealed: 5e1f9c, and nobody keeps it";

async fn bring(market: &Market, path: &str, key: &Keypair, envelope: Vec<u8>) -> (StatusCode, String) {
    let now = UnixSeconds(std::time::UNIX_EPOCH.elapsed().unwrap().as_secs());
    let authorization = auth::authorization(&signing_key(key), "PUT", path, now);
    let url = format!("{}{path}", market.http_url());
    let request = reqwest::Client::new().put(url).header("authorization", authorization).body(envelope);
    let response = request.send().await.unwrap();
    let status = response.status();
    (status, response.json::<Problem>().await.map_or_else(|_| String::new(), |problem| problem.code))
}

/// Whether any file below a folder holds these bytes.
fn holds(folder: &Path, bytes: &[u8]) -> bool {
    std::fs::read_dir(folder).unwrap().flatten().any(|entry| match entry.file_type().unwrap().is_dir() {
        true => holds(&entry.path(), bytes),
        false => std::fs::read(entry.path()).unwrap().windows(bytes.len()).any(|window| window == bytes),
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_buyer_seals_reaches_its_rig_and_stays_nowhere_on_the_way() {
    let market = Market::found().await;
    let rigging = market.add_rig("rig", PricePerGpuHour(1_800_000)).await;
    let rig = Rig::new(market.link_url(), &rigging, Duration::from_secs(60));
    let running = rig.run();
    let job = market.submit(1, &spec(1)).await;
    let status = market.wait_for(job, |status| !status.leases.is_empty()).await;
    let lease = status.leases[0].address;
    let path = format!("/v1/jobs/{job}/sealed/{lease}");

    let sent = bring(&market, &path, &market.buyer, ENVELOPE.to_vec()).await;
    assert_eq!(sent, (StatusCode::NO_CONTENT, String::new()));
    assert_eq!(rig.journal.lock().unwrap().sealed, [ENVELOPE]);
    assert!(!holds(&market.options().data_dir, ENVELOPE));

    let stranger = Keypair::new();
    let refused = bring(&market, &path, &stranger, ENVELOPE.to_vec()).await;
    assert_eq!(refused, (StatusCode::FORBIDDEN, "not-the-buyer".to_owned()));
    let elsewhere = format!("/v1/jobs/{job}/sealed/{}", Address([9; 32]));
    let refused = bring(&market, &elsewhere, &market.buyer, ENVELOPE.to_vec()).await;
    assert_eq!(refused, (StatusCode::NOT_FOUND, "lease-unknown".to_owned()));
    let large = vec![7; millrace_link::rest::LARGEST_ENVELOPE + 1];
    let refused = bring(&market, &path, &market.buyer, large).await;
    assert_eq!(refused, (StatusCode::PAYLOAD_TOO_LARGE, "envelope-too-large".to_owned()));
    assert_eq!(rig.journal.lock().unwrap().sealed.len(), 1, "none of these went on");

    running.abort();
    for _ in 0..100 {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let away = bring(&market, &path, &market.buyer, ENVELOPE.to_vec()).await;
        if away == (StatusCode::SERVICE_UNAVAILABLE, "worker-away".to_owned()) {
            return;
        }
    }
    panic!("a rig that is away was never said to be");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_further_envelope_goes_to_a_lease_once_nobody_waits_for_the_first() {
    let market = Arc::new(Market::found().await);
    let rigging = market.add_rig("rig", PricePerGpuHour(1_800_000)).await;
    let rig = Rig::new(market.link_url(), &rigging, Duration::from_secs(60)).hoarding();
    let running = rig.run();
    let job = market.submit(1, &spec(1)).await;
    let status = market.wait_for(job, |status| !status.leases.is_empty()).await;
    let path = format!("/v1/jobs/{job}/sealed/{}", status.leases[0].address);
    let bring_one = || {
        let (market, path) = (market.clone(), path.clone());
        tokio::spawn(async move { bring(&market, &path, &market.buyer, ENVELOPE.to_vec()).await })
    };
    let brought = async |count: usize| {
        for _ in 0..100 {
            if rig.journal.lock().unwrap().sealed.len() == count {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("{count} envelopes never came");
    };

    let first = bring_one();
    brought(1).await;
    let refused = bring_one().await.unwrap();
    assert_eq!(refused, (StatusCode::SERVICE_UNAVAILABLE, "envelope-under-way".to_owned()));
    first.abort();
    assert!(first.await.unwrap_err().is_cancelled());
    // That the first has gone away is heard a moment later.
    let mut second = bring_one();
    while let Ok(ended) = tokio::time::timeout(Duration::from_secs(1), &mut second).await {
        assert_eq!(ended.unwrap().1, "envelope-under-way");
        second = bring_one();
    }
    brought(2).await;
    second.abort();
    running.abort();
}
