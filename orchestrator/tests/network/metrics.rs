use std::collections::BTreeMap;
use std::time::Duration;

use millrace_client::keys::address_of;
use millrace_link::rest::TaskState;
use millrace_protocol::PricePerGpuHour;

use crate::market::{Market, spec};
use crate::rig::Rig;

/// Samples by their name and labels, as they are written.
async fn scrape(market: &Market) -> BTreeMap<String, f64> {
    let address = market.orchestrator.as_ref().unwrap().metrics().unwrap();
    let answer = reqwest::get(format!("http://{address}/metrics")).await.unwrap().error_for_status().unwrap();
    assert!(answer.headers()["content-type"].to_str().unwrap().starts_with("application/openmetrics-text"));
    let text = answer.text().await.unwrap();
    let samples = text.lines().filter(|line| !line.starts_with('#')).map(|line| {
        let (name, value) = line.rsplit_once(' ').unwrap();
        (name.strip_prefix("millrace_orchestrator_").unwrap().to_owned(), value.parse().unwrap())
    });
    samples.collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_scrape_tells_what_the_market_does() {
    let mut market = Market::found().await;
    let rig = market.add_rig("only", PricePerGpuHour(3_600_000)).await;
    Rig::new(market.link_url(), &rig, Duration::from_secs(2)).run();
    let job = market.submit(1, &spec(2)).await;
    market.wait_for(job, |status| status.tasks.iter().any(|task| task.state == TaskState::Running)).await;
    let mut found = scrape(&market).await;
    for _ in 0..50 {
        // A lease may be seen on chain, and its task begin, before its own transaction is heard of.
        if found.get("transactions_landed_total{kind=\"open-lease\"}") == Some(&1.0) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        found = scrape(&market).await;
    }
    for (name, value) in [
        ("workers_connected", 1.0),
        ("connections_total", 1.0),
        ("nodes{state=\"full\"}", 1.0),
        ("nodes{state=\"idle\"}", 0.0),
        ("gpu_units{state=\"leased\"}", 1.0),
        ("jobs{state=\"running\"}", 1.0),
        ("leases", 1.0),
        ("offers_total{outcome=\"opened\"}", 1.0),
        ("transactions_landed_total{kind=\"open-lease\"}", 1.0),
        ("chain_sight{state=\"live\"}", 1.0),
        ("rpc_late{endpoint=\"0\"}", 0.0),
    ] {
        assert_eq!(found.get(name), Some(&value), "{name} in {found:#?}");
    }
    assert!(found["decision_seconds_count"] > 0.0 && found["journal_write_seconds_count"] > 0.0);
    assert!(found["journal_bytes"] > 0.0 && found["disk_free_bytes"] > 0.0);
    assert!(found["chain_slot_age_seconds"] < 30.0, "{found:#?}");
    let lamports = market.client.lamports(address_of(&market.scheduler)).await.unwrap();
    // Read at the start, before the transactions since.
    assert!(found["wallet_lamports"] >= lamports as f64);

    market.wait_for(job, |status| status.closed).await;
    let found = scrape(&market).await;
    assert!(found["transactions_landed_total{kind=\"settle\"}"] >= 1.0);
    assert!(found["vouchers_issued_total"] >= 1.0 && found["objects_received_bytes_total"] > 0.0);
    assert_eq!((found["jobs{state=\"running\"}"], found["jobs{state=\"ending\"}"]), (0.0, 0.0));
    assert_eq!((found["tasks{state=\"done\"}"], found["leases"]), (0.0, 0.0));

    // What no node takes waits, and a restart does not forget it.
    let mut dear = spec(3);
    dear.terms.maximum_price = PricePerGpuHour(1);
    market.submit(2, &dear).await;
    for restarts in [true, false] {
        tokio::time::sleep(Duration::from_secs(3)).await;
        let found = scrape(&market).await;
        assert_eq!((found["jobs{state=\"waiting\"}"], found["queued_jobs"]), (1.0, 1.0), "{found:#?}");
        assert_eq!(found["tasks{state=\"pending\"}"], 3.0);
        assert!(found["oldest_wait_seconds"] > 0.0);
        if restarts {
            market.stop().await;
            market.start().await;
        }
    }
    let address = market.orchestrator.as_ref().unwrap().metrics().unwrap();
    market.stop().await;
    assert!(reqwest::get(format!("http://{address}/metrics")).await.is_err(), "it goes with the orchestrator");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_orchestrator_does_not_start_where_it_cannot_serve_them() {
    let mut market = Market::found().await;
    let taken = market.orchestrator.as_ref().unwrap().metrics().unwrap();
    let options = market.options();
    market.stop().await;
    let _holder = std::net::TcpListener::bind(taken).unwrap();
    let options = millrace_orchestrator::Options { metrics: Some(taken), ..options };
    let Err(error) = millrace_orchestrator::Service::start(options).await else { panic!("it serves on a taken port") };
    assert!(error.to_string().contains(&taken.to_string()), "{error}");
}
