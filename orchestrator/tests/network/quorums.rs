use std::time::Duration;

use millrace_client::accounts::{JobAccount, LeaseAccount, ProviderAccount, QuorumAccount};
use millrace_client::keys::address_of;
use millrace_client::{Sender, instructions};
use millrace_link::rest::TaskState;
use millrace_protocol::quorum::MemberState;
use millrace_protocol::{JobTerms, MicroUsdc, Payment, PricePerGpuHour, Verification};
use millrace_spec::sha256;

use crate::market::{Market, spec};
use crate::rig::Rig;

const SOL: u64 = 1_000_000_000;

/// Rigs whose workers do not look at the chain: the test says there what a worker would say.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn equal_results_win_on_chain_and_are_shown_only_then() {
    let market = Market::found().await;
    let price = PricePerGpuHour(1_800_000);
    let mut rigs = Vec::new();
    for (name, invents) in [("one", false), ("two", false), ("inventor", true)] {
        let rigging = market.add_rig(name, price).await;
        market.localnet.faucet_sol(&address_of(&rigging.node_key), SOL).await.unwrap();
        let rig = Rig::new(market.link_url(), &rigging, Duration::from_secs(2));
        let rig = if invents { rig.inventing() } else { rig };
        rig.run();
        rigs.push((rigging, rig));
    }
    let mut asked = spec(2);
    let verification = Verification::Quorum { needed: 2, size: 3 };
    asked.terms = JobTerms { verification, payment: Payment::OnResult, ..asked.terms };
    let job = market.submit(1, &asked).await;

    for (rigging, rig) in &rigs {
        let (lease, root) = rig.counted().await;
        let (account, salt) = (market.client.fetch::<JobAccount>(job).await.unwrap(), sha256(&lease.0).0);
        let member: LeaseAccount = market.client.fetch(lease).await.unwrap();
        let key = address_of(&rigging.node_key);
        let sender = Sender::new(market.client.clone(), rigging.node_key.clone());
        sender.send(&instructions::commit_result(key, &account, &member, root.0, salt), &[]).await.unwrap();
    }
    let status = market.job(job).await;
    assert!(status.tasks.iter().all(|task| task.state == TaskState::Pending && task.outputs.is_empty()), "{status:#?}");
    let account: JobAccount = market.client.fetch(job).await.unwrap();
    let round: QuorumAccount = market.client.fetch(account.round()).await.unwrap();
    assert!(round.quorum.joined().iter().all(|member| member.state == MemberState::Committed), "{round:?}");

    for (rigging, rig) in &rigs {
        let (lease, root) = rig.counted().await;
        let member: LeaseAccount = market.client.fetch(lease).await.unwrap();
        let (key, salt) = (address_of(&rigging.node_key), sha256(&lease.0).0);
        let sender = Sender::new(market.client.clone(), rigging.node_key.clone());
        sender.send(&instructions::reveal_result(key, &account, &member, root.0, salt), &[]).await.unwrap();
    }
    let status = market.wait_for(job, |status| status.closed).await;
    for (task, number) in status.tasks.iter().zip(0..) {
        let frame = sha256(format!("frame {number}").as_bytes()).to_string();
        assert_eq!(task.outputs.iter().map(|output| output.sha256.clone()).collect::<Vec<_>>(), [frame]);
    }
    assert!(market.is_gone(job).await);
    assert!(market.client.find::<QuorumAccount>(round.address).await.unwrap().is_none(), "its rent is back");
    let slashed = |provider: &ProviderAccount| provider.provider.stake.slashed;
    for ((rigging, _), lost) in rigs.iter().zip([false, false, true]) {
        let provider: ProviderAccount = market.client.fetch(rigging.provider).await.unwrap();
        assert_eq!(slashed(&provider) > MicroUsdc::ZERO, lost, "{provider:?}");
    }
    // The inventor is paid nothing: what its earnings vault holds is the network's.
    assert!(market.check_sum(&[&rigs[0].0, &rigs[1].0]).await > MicroUsdc::ZERO);
}
