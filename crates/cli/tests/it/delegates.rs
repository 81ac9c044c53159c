//! A delegate opens jobs from another's balance, and the orchestrator tells it of them as it tells their buyer.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use millrace_client::Keypair;
use millrace_client::keys::{self, address_of};
use millrace_protocol::Address;

use crate::network::{command, raise, told};
use crate::proxy::{Answer, Fate, Request, proxy};

/// How often the orchestrator has not noticed the job yet.
const UNNOTICED: usize = 5;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_delegate_waits_until_its_job_is_known_and_may_stay_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let stage = raise(folder.path(), "5s").await;
    let (rpc, http, buyer) = (stage.localnet.rpc_url(), stage.http_url(), address_of(&stage.buyer).to_string());
    let (delegate, key) = (Keypair::new(), folder.path().join("keys/delegate.json"));
    keys::save(&key, &delegate).unwrap();
    stage.localnet.faucet_sol(&address_of(&delegate), 10_000_000_000).await.unwrap();
    let name = address_of(&delegate).to_string();
    for words in [
        ["balance", "deposit", "3"].as_slice(),
        &["delegate", "allow", &name, "--per-job", "1", "--total", "2", "--for", "1h"],
    ] {
        let said = command(&stage, &stage.buyer_key(), &rpc, &http, words).await;
        assert!(said.starts_with("status 0"), "{said}");
    }

    let asked = Arc::new(AtomicUsize::new(0));
    let counted = asked.clone();
    let decide = move |request: &Request| {
        let is_early = request.path.starts_with("/v1/jobs/") && counted.fetch_add(1, Ordering::SeqCst) < UNNOTICED;
        if is_early { Fate::Answer(Answer::refusal(404, "job-unknown")) } else { Fate::Pass }
    };
    let market = proxy(&http, decide).await;
    let submit = ["job", "submit", "job.toml", "--prepaid", "--buyer", &buyer];
    let said = command(&stage, &key, &rpc, &market, &submit).await;
    assert!(said.starts_with("status 0") && told(&said, "stdout")["buyer"] == *buyer, "{said}");
    assert!(asked.load(Ordering::SeqCst) > UNNOTICED, "whoever looks at the job next finds it");

    let said = command(&stage, &key, &rpc, &http, &[submit.as_slice(), &["--follow"]].concat()).await;
    let error = told(&said, "stderr")["error"].clone();
    let job: Address = serde_json::from_value(error["job"].clone()).unwrap();
    assert_eq!(error["code"], "start-deadline-passed", "no rig is there: {said}");
    assert_eq!(stage.market().job(job).await.unwrap().buyer, address_of(&stage.buyer));
}
