use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use ed25519_dalek::SigningKey;
use millrace_client::{Keypair, keys};
use millrace_link::grpc::Beat;
use millrace_link::grpc::worker_message::Body;
use millrace_link::heartbeat::BeatSigner;
use millrace_link::{heartbeat, rest};
use millrace_orchestrator::{Options, Service};
use millrace_protocol::{Address, Diagnostic, PricePerGpuHour};
use millrace_spec::{JobSpec, Runtime};
use tokio::io::AsyncReadExt;
use tonic::Code;

use crate::market::{Market, Rigging, spec};
use crate::rig::Rig;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_the_chain_does_not_know_is_turned_away() {
    let market = Market::found().await;
    let node_key = Arc::new(Keypair::new());
    let (node, provider) = (Address([1; 32]), Address([2; 32]));
    let stranger = Rigging { owner: node_key.clone(), node_key: node_key.clone(), node, provider };
    let ended = Rig::new(market.link_url(), &stranger, Duration::ZERO).session().await.unwrap_err();
    assert_eq!(ended.code(), Code::PermissionDenied);
    assert!(ended.message().contains(&keys::address_of(&node_key).to_string()), "{ended}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_stream_of_a_node_replaces_the_first() {
    let market = Market::found().await;
    let rigging = market.add_rig("a", PricePerGpuHour(1)).await;
    let first = Rig::new(market.link_url(), &rigging, Duration::ZERO);
    let first = tokio::spawn(async move { first.session().await });
    let nodes = async || -> Vec<rest::Node> { market.get("/v1/nodes", "").await.json().await.unwrap() };
    while !nodes().await.iter().any(|node| node.connected) {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let second = Rig::new(market.link_url(), &rigging, Duration::ZERO).run();
    let ended = tokio::time::timeout(Duration::from_secs(10), first).await.unwrap().unwrap();
    assert_eq!(ended.unwrap_err().code(), Code::Unavailable);
    let known = nodes().await;
    assert!(known[0].connected && known[0].provider_name == "a");
    let network: rest::Network = market.get("/v1/network", "").await.json().await.unwrap();
    assert_eq!(network.nodes_connected, 1);
    second.abort();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_heartbeat_that_the_rig_did_not_sign_for_this_stream_ends_it() {
    let market = Market::found().await;
    let rigging = market.add_rig("a", PricePerGpuHour(1)).await;
    let rig = Rig::new(market.link_url(), &rigging, Duration::ZERO);
    let open = tokio::spawn({
        let rig = rig.clone();
        async move { rig.session().await }
    });
    while !market.get("/v1/nodes", "").await.json::<Vec<rest::Node>>().await.unwrap().iter().any(|node| node.connected)
    {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let key = Arc::new(SigningKey::from_bytes(rigging.node_key.secret_bytes()));
    // As one that was heard on an earlier stream.
    let earlier = BeatSigner::new(millrace_client::address::program(), key, &[1; 32]).sign(Beat::default());
    rig.say(Body::Heartbeat(earlier));
    let ended = tokio::time::timeout(Duration::from_secs(10), open).await.unwrap().unwrap().unwrap_err();
    assert_eq!((ended.code(), ended.message()), (Code::Unauthenticated, &*heartbeat::Error::Forged.to_string()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_the_node_has_no_longer_keeps_no_link_and_opens_none() {
    let market = Market::found().await;
    let stolen = market.add_rig("a", PricePerGpuHour(1)).await;
    let thief = Rig::new(market.link_url(), &stolen, Duration::ZERO);
    let connected = async || {
        let nodes: Vec<rest::Node> = market.get("/v1/nodes", "").await.json().await.unwrap();
        nodes.iter().any(|node| node.connected)
    };
    let open = tokio::spawn({
        let thief = thief.clone();
        async move { thief.session().await }
    });
    while !connected().await {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let rotated = market.rotate_key(&stolen).await;
    let ended = tokio::time::timeout(Duration::from_secs(30), open).await.unwrap().unwrap();
    assert_eq!(ended.unwrap_err().code(), Code::Unavailable);
    let refused = tokio::time::timeout(Duration::from_secs(30), thief.session()).await.unwrap().unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied);
    let running = Rig::new(market.link_url(), &rotated, Duration::ZERO).run();
    while !connected().await {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    running.abort();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rig_that_its_owner_drains_gets_no_offer_until_it_does_so_no_more() {
    let market = Market::found().await;
    let rig = Rig::new(market.link_url(), &market.add_rig("a", PricePerGpuHour(1)).await, Duration::from_millis(100));
    rig.draining.store(true, Relaxed);
    let running = rig.run();
    // The first readings of the chain have none yet.
    let node = async || market.get("/v1/nodes", "").await.json::<Vec<rest::Node>>().await.unwrap().pop();
    while !node().await.is_some_and(|node| node.connected) {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(node().await.unwrap().draining);
    let job = market.submit(1, &spec(1)).await;
    let waiting = market.wait_for(job, |status| status.explanation.is_some()).await;
    let exclusions = waiting.explanation.unwrap().exclusions;
    assert!(exclusions.iter().any(|exclusion| exclusion.requirement == "node-active"), "{exclusions:?}");
    assert!(rig.journal.lock().unwrap().leases.is_empty());
    // The next heartbeat says so.
    rig.draining.store(false, Relaxed);
    market.wait_for(job, |status| status.closed).await;
    assert!(!node().await.unwrap().draining);
    running.abort();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rig_that_has_gvisor_gets_a_job_that_asks_for_it() {
    let market = Market::found().await;
    let rig = Rig::new(market.link_url(), &market.add_rig("a", PricePerGpuHour(1)).await, Duration::from_millis(100));
    let running = rig.run();
    let job = market.submit(1, &JobSpec { runtime: Some(Runtime::Gvisor), ..spec(1) }).await;
    market.wait_for(job, |status| status.closed).await;
    let nodes: Vec<rest::Node> = market.get("/v1/nodes", "").await.json().await.unwrap();
    assert_eq!((nodes[0].runtimes.as_slice(), nodes[0].quarantined), (&[Runtime::Gvisor][..], false));
    running.abort();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_lies_neither_spoils_the_work_nor_the_log_of_another() {
    let market = Market::found().await;
    let rigs = [
        market.add_rig("lying", PricePerGpuHour(1_800_000)).await,
        market.add_rig("honest", PricePerGpuHour(3_600_000)).await,
    ];
    let liar = Rig::new(market.link_url(), &rigs[0], Duration::from_millis(100)).lying();
    liar.run();
    let job = market.submit(1, &spec(1)).await;
    market.wait_for(job, |status| status.tasks.iter().any(|task| task.failure.is_some())).await;
    Rig::new(market.link_url(), &rigs[1], Duration::from_millis(100)).run();
    let status = market.wait_for(job, |status| status.closed).await;
    assert!(liar.journal.lock().unwrap().n_assigned > 0);
    let task = &status.tasks[0];
    assert_eq!((task.state, task.node), (rest::TaskState::Done, Some(rigs[1].node)), "{status:#?}");
    assert_eq!(task.failure.as_ref().unwrap().code, "output-missing");
    let log = market.get(&format!("/v1/jobs/{job}/logs"), "?task=0").await;
    assert!(log.bytes().await.unwrap().is_empty());
}

/// As long as a connection has to prove a key, and then some.
const UNPROVEN: Duration = Duration::from_secs(36);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_socket_that_says_nothing_is_closed_and_a_worker_that_has_proven_its_key_stays() {
    let market = Market::found().await;
    let rig = Rig::new(market.link_url(), &market.add_rig("a", PricePerGpuHour(1)).await, Duration::ZERO);
    let session = tokio::spawn(async move { rig.session().await });
    let address = market.orchestrator.as_ref().unwrap().link_addr();
    let mut silent = tokio::net::TcpStream::connect(address).await.unwrap();
    let mut heard = Vec::new();
    // What is read until then is the server's half of a handshake.
    let ended = tokio::time::timeout(UNPROVEN, silent.read_to_end(&mut heard)).await;
    assert!(ended.is_ok(), "it is still open");
    tokio::time::sleep(UNPROVEN / 6).await;
    assert!(!session.is_finished(), "{:?}", session.await);
    session.abort();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_address_of_a_machine_is_none_that_workers_can_be_told() {
    let market = Market::found().await;
    for address in ["0.0.0.0:0", "[::]:0"] {
        let options = Options { http_addr: address.parse().unwrap(), ..market.options() };
        let refused = Service::start(options.clone()).await.err().unwrap();
        assert_eq!(refused.code(), "public-url-missing");
        // With it, the next obstacle is that the folder is in use.
        let told = Options { public_http_url: Some("http://market.example:7070".to_owned()), ..options };
        assert_eq!(Service::start(told).await.err().unwrap().code(), "data-dir-locked");
    }
}
