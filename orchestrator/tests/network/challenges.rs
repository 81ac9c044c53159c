//! Nodes show their GPUs over the link, and the chain says so.

use std::time::Duration;

use millrace_client::accounts::NodeAccount;
use millrace_link::rest::{ChallengeState, Challenged, Evidence, Node, SeenGpu};
use millrace_protocol::{Hardware, HardwareClass, JobTerms, PricePerGpuHour, UnixSeconds, Verification};
use millrace_spec::JobSpec;

use crate::market::{Market, Rigging, hardware, spec};
use crate::rig::{Proves, Rig};

const PRICE: PricePerGpuHour = PricePerGpuHour(1_800_000);
const HONEST: Proves = Proves { gpu: "GPU-1", admits: false, forges: false };

/// Small enough for a processor to answer for it in time: nobody could tell it from a GPU of that size.
fn real() -> Hardware {
    Hardware { simulated: false, vram_mib: 2, ..hardware() }
}

fn picky() -> JobSpec {
    let verification = Verification::AttestedHardware { class: HardwareClass::Challenged };
    let spec = spec(1);
    JobSpec { terms: JobTerms { verification, ..spec.terms }, ..spec }
}

fn rig(market: &Market, rigging: &Rigging, proves: Proves) -> Rig {
    Rig::new(market.link_url(), rigging, Duration::from_millis(100)).proving(proves)
}

async fn challenged(market: &Market, rigging: &Rigging) -> Option<Challenged> {
    let nodes: Vec<Node> = market.get("/v1/nodes", "").await.json().await.unwrap();
    nodes.into_iter().find(|node| node.address == rigging.node)?.challenge
}

async fn state(market: &Market, rigging: &Rigging, wanted: ChallengeState) -> Challenged {
    for _ in 0..300 {
        if let Some(found) = challenged(market, rigging).await.filter(|found| found.state == wanted) {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("it never was {wanted:?}: {:?}", challenged(market, rigging).await);
}

async fn account(market: &Market, rigging: &Rigging) -> NodeAccount {
    market.client.fetch(rigging.node).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_answers_is_attested_and_gets_the_job_that_asks_for_it() {
    let mut market = Market::found().await;
    let rigging = market.add_rig_of("real", PRICE, real()).await;
    let job = market.submit(1, &picky()).await;
    let running = rig(&market, &rigging, HONEST).run();
    market.wait_for(job, |status| status.closed).await;
    let node = account(&market, &rigging).await;
    assert_eq!(node.node.attestation.class, HardwareClass::Challenged);
    let response = market.get(&format!("/v1/nodes/{}/evidence", rigging.node), "").await;
    let evidence: Evidence = response.json().await.unwrap();
    assert_eq!((evidence.digest.as_str(), evidence.score), (hex(&node).as_str(), node.attestation_score));
    assert_eq!((evidence.gpus[0].gpu.as_str(), evidence.simulated), ("GPU-1", false));
    assert_eq!(evidence.until, node.node.attestation.expires_at);
    let seen: Vec<SeenGpu> = market.get(&format!("/v1/nodes/{}/gpus", rigging.node), "").await.json().await.unwrap();
    assert_eq!(seen.iter().map(|seen| seen.gpu.as_str()).collect::<Vec<_>>(), ["GPU-1"]);

    // Restarted, it neither asks nor attests again: the chain has it.
    running.abort();
    market.stop().await;
    market.start().await;
    rig(&market, &rigging, HONEST).run();
    let again = state(&market, &rigging, ChallengeState::Shown).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(again.until, Some(node.node.attestation.expires_at));
    assert_eq!(account(&market, &rigging).await, node);
}

fn hex(node: &NodeAccount) -> String {
    node.attestation_digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn simulated_gpus_say_so_and_forgeries_are_named() {
    let market = Market::found().await;
    let admits = Proves { admits: true, ..HONEST };
    let simulated = market.add_rig_of("simulated", PRICE, hardware()).await;
    let forger = market.add_rig_of("forger", PRICE, real()).await;
    let processor = market.add_rig_of("processor", PRICE, real()).await;
    let silent = market.add_rig_of("old", PRICE, real()).await;
    rig(&market, &simulated, admits).run();
    let forging = rig(&market, &forger, Proves { gpu: "GPU-2", forges: true, ..HONEST });
    forging.run();
    rig(&market, &processor, Proves { gpu: "GPU-3", ..admits }).run();
    Rig::new(market.link_url(), &silent, Duration::ZERO).run();
    let found = state(&market, &simulated, ChallengeState::Simulated).await;
    assert!(found.refusal.is_none() && found.until.is_some());
    for (rigging, code) in [(&forger, "challenge-not-committed"), (&processor, "challenge-simulated")] {
        let found = state(&market, rigging, ChallengeState::Refused).await;
        assert_eq!((found.refusal.unwrap().code.as_str(), found.until), (code, None));
    }
    assert_eq!(forging.journal.lock().unwrap().refusals, ["challenge-not-committed"], "its owner is told");
    assert_eq!(challenged(&market, &silent).await, None);
    let job = market.submit(1, &picky()).await;
    let refused = |status: &millrace_link::rest::JobStatus| {
        let exclusions = status.explanation.iter().flat_map(|explanation| &explanation.exclusions);
        exclusions.filter(|exclusion| exclusion.requirement == "challenge-passed").map(|found| found.nodes).sum::<u32>()
    };
    market.wait_for(job, |status| refused(status) == 2).await;
    for rigging in [&simulated, &forger, &processor, &silent] {
        let attestation = account(&market, rigging).await.node.attestation;
        assert_eq!((attestation.class, attestation.expires_at), (HardwareClass::Claimed, UnixSeconds(0)));
    }
}
