use millrace_client::Keypair;
use millrace_client::keys::address_of;
use millrace_link::rest::{JobStatus, Problem};
use millrace_protocol::PricePerGpuHour;
use reqwest::StatusCode;

use crate::market::{Market, spec};
use crate::rig::Rig;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_counts_tasks_and_does_not_name_them() {
    let market = Market::found().await;
    let rigging = market.add_rig("a", PricePerGpuHour(1_800_000)).await;
    let running = Rig::new(market.link_url(), &rigging, std::time::Duration::ZERO).run();
    let done = market.submit(1, &spec(3)).await;
    let shown = market.wait_for(done, |status| status.closed).await;
    running.abort();
    assert_eq!((shown.task_count, shown.tasks_done, shown.tasks.len()), (3, 3, 3));

    let waiting = market.submit(2, &spec(2)).await;
    market.wait_for(waiting, |status| status.task_count == 2).await;
    let buyer = address_of(&market.buyer);
    let listed: Vec<JobStatus> = market.get("/v1/jobs", &format!("?buyer={buyer}")).await.json().await.unwrap();
    let told: Vec<_> = listed.iter().map(|job| (job.address, job.task_count, job.tasks_done)).collect();
    assert_eq!(told, [(done, 3, 3), (waiting, 2, 0)]);
    assert!(listed.iter().all(|job| job.tasks.is_empty()));

    let other = address_of(&Keypair::new());
    let refused = market.get("/v1/jobs", &format!("?buyer={other}")).await;
    assert_eq!(refused.status(), StatusCode::FORBIDDEN);
    assert_eq!(refused.json::<Problem>().await.unwrap().code, "not-the-buyer");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_is_asked_wrongly_is_refused_with_a_code() {
    let market = Market::found().await;
    for query in ["", "?buyer=nobody", "?byer=x"] {
        let refused = market.get("/v1/jobs", query).await;
        assert_eq!(refused.status(), StatusCode::BAD_REQUEST, "{query}");
        assert_eq!(refused.json::<Problem>().await.unwrap().code, "request-malformed", "{query}");
    }
    let refused = reqwest::Client::new().delete(format!("{}/v1/network", market.http_url())).send().await.unwrap();
    assert_eq!(refused.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(refused.json::<Problem>().await.unwrap().code, "method-unknown");
}
