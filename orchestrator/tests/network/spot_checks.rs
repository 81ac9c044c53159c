//! Tasks run again with another provider, and what differs is disputed on a real chain.

use std::sync::Arc;
use std::time::Duration;

use millrace_client::accounts::{DisputeAccount, JobAccount, LeaseAccount};
use millrace_client::keys::address_of;
use millrace_client::{Keypair, Sender, address, instructions};
use millrace_link::rest::{Finding, JobStatus, SpotChecks, TaskState};
use millrace_localnet::Localnet;
use millrace_protocol::{BasisPoints, JobTerms, LeaseState, MicroUsdc, PricePerGpuHour, Ruling, Seconds, Verification};
use millrace_spec::JobSpec;
use reqwest::StatusCode;

use crate::market::{Market, spec};
use crate::rig::Rig;

const TASK: Duration = Duration::from_secs(1);

/// All of its tasks run again.
fn checked(tasks: u32) -> JobSpec {
    let verification = Verification::SpotCheck { share: BasisPoints(10_000) };
    let (lease_seconds, dispute_window) = (Seconds(60), Seconds(660));
    let spec = spec(tasks);
    let terms = JobTerms { verification, lease_seconds, dispute_window, concurrent_leases: 1, ..spec.terms };
    JobSpec { terms, ..spec }
}

async fn findings(market: &Market, job: millrace_protocol::Address, key: &Keypair) -> Vec<Finding> {
    let response = market.get_as(key, &format!("/v1/jobs/{job}/findings")).await;
    assert_eq!(response.status(), StatusCode::OK);
    response.json().await.unwrap()
}

fn disputed(status: &JobStatus) -> Option<millrace_protocol::Address> {
    let disputed = status.leases.iter().find(|lease| !lease.ended && lease.chain.state == LeaseState::Disputed);
    disputed.map(|lease| lease.address)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn honest_rigs_come_to_the_same_and_are_both_paid() {
    let market = Market::found().await;
    let rigs =
        [market.add_rig("a", PricePerGpuHour(1_800_000)).await, market.add_rig("b", PricePerGpuHour(3_600_000)).await];
    for rig in &rigs {
        Rig::new(market.link_url(), rig, TASK).run();
    }
    let job = market.submit(1, &checked(2)).await;
    let compared = SpotChecks { open: 0, equal: 2, different: 0, lapsed: 0 };
    market.wait_for(job, |status| status.spot_checks == Some(compared) && status.chain.live_leases == 0).await;
    market.localnet.travel_to(market.localnet.now().await.unwrap().after(Seconds(700)).unwrap()).await.unwrap();
    let status = market.wait_for(job, |status| status.closed).await;
    assert!(status.tasks.iter().all(|task| task.state == TaskState::Done && task.node == Some(rigs[0].node)));
    assert!(status.leases.len() == 2 && status.leases.iter().all(|lease| lease.chain.paid > MicroUsdc::ZERO));
    market.check_sum(&[&rigs[0], &rigs[1]]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cheat_is_found_and_disputed_and_its_work_made_again() {
    let market = Market::found().await;
    let cheat = market.add_rig("cheat", PricePerGpuHour(1_800_000)).await;
    Rig::new(market.link_url(), &cheat, TASK).inventing().run();
    let mut honest = Vec::new();
    for name in ["b", "c"] {
        let rig = market.add_rig(name, PricePerGpuHour(3_600_000)).await;
        Rig::new(market.link_url(), &rig, TASK).run();
        honest.push(rig.node);
    }
    let job = market.submit(1, &checked(2)).await;
    market.wait_for(job, |status| status.spot_checks.is_some_and(|checks| checks.different == 2)).await;

    // The scheduler has no USDC for the bond: what it found is there all the same.
    let mut found = findings(&market, job, &market.buyer).await;
    for _ in 0..100 {
        if found.iter().any(|finding| finding.trouble.is_some()) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
        found = findings(&market, job, &market.buyer).await;
    }
    let short = found.iter().find_map(|finding| finding.trouble.as_ref()).expect("no bond and no trouble");
    assert_eq!(short.code, "insufficient-usdc", "{short:?}");
    let read = async |output: &str| {
        let hash = output.parse().unwrap();
        String::from_utf8(market.objects(&market.buyer).get_bytes(hash, 100).await.unwrap().to_vec()).unwrap()
    };
    assert_eq!(read(&found[0].first.outputs[0].sha256).await, format!("noise {}", found[0].task));
    assert_eq!(read(&found[0].second.outputs[0].sha256).await, format!("frame {}", found[0].task));

    let scheduler = address_of(&market.scheduler);
    let purse = MicroUsdc(2_000_000);
    market.localnet.faucet(&scheduler, purse).await.unwrap();
    let status = market.wait_for(job, |status| disputed(status).is_some()).await;
    let lease = disputed(&status).unwrap();
    let dispute: DisputeAccount = market.client.fetch(address::dispute(lease)).await.unwrap();
    assert_eq!(dispute.challenger, scheduler);
    let arbiter = Arc::new(Keypair::try_from(Localnet::admin_key().as_slice()).unwrap());
    let told = findings(&market, job, &arbiter).await;
    let evidence: String = dispute.evidence_hash.iter().map(|byte| format!("{byte:02x}")).collect();
    assert!(told.iter().any(|finding| finding.evidence.as_ref() == Some(&evidence)), "{evidence}: {told:#?}");
    assert!(told.iter().all(|finding| finding.first.lease == lease && finding.trouble.is_none()));
    let stranger = market.get_as(&Keypair::new(), &format!("/v1/jobs/{job}/findings")).await;
    assert_eq!(stranger.status(), StatusCode::FORBIDDEN);

    let account: JobAccount = market.client.fetch(job).await.unwrap();
    let held: LeaseAccount = market.client.fetch(lease).await.unwrap();
    let ruled = instructions::resolve_dispute(address_of(&arbiter), &account, &held, &dispute, Ruling::BuyerRight);
    Sender::new(market.client.clone(), arbiter).send(&ruled, &[]).await.unwrap();
    let again = |status: &JobStatus| {
        let by_honest = |node: &millrace_protocol::Address| honest.contains(node);
        let done = status.tasks.iter().all(|task| task.state == TaskState::Done);
        done && status.tasks.iter().all(|task| task.node.as_ref().is_some_and(by_honest))
            && status.spot_checks.is_some_and(|checks| checks.equal == 2 && checks.open == 0)
    };
    // The other lease of the job has its window before the job is open again, if the ruling came after its report.
    market.localnet.travel_to(market.localnet.now().await.unwrap().after(Seconds(700)).unwrap()).await.unwrap();
    market.wait_for(job, again).await;
    assert_eq!(market.client.usdc_balance(scheduler, market.mint).await.unwrap(), purse, "the bond is back");
}
