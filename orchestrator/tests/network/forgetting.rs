use std::fs;
use std::time::Duration;

use millrace_link::rest::{JobStatus, Problem};
use millrace_protocol::{Address, PricePerGpuHour, Seconds};
use reqwest::StatusCode;

use crate::market::{Market, spec};
use crate::rig::Rig;

const SECOND: Duration = Duration::from_secs(1);

/// What everybody who asks for something of the job is told.
async fn refusal(market: &Market, job: Address) -> Problem {
    let mut problems = Vec::new();
    for what in ["", "/outputs", "/logs", "/findings", "/auctions"] {
        let query = if what == "/logs" { "?task=0" } else { "" };
        let answer = market.get(&format!("/v1/jobs/{job}{what}"), query).await;
        assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{what}");
        problems.push(answer.json::<Problem>().await.unwrap());
    }
    let problem = problems.remove(0);
    assert!(problems.iter().all(|other| (&other.code, &other.hint) == (&problem.code, &problem.hint)), "{problems:?}");
    problem
}

async fn until_forgotten(market: &Market, job: Address) {
    for _ in 0..100 {
        if market.find(job).await.is_none() {
            return;
        }
        tokio::time::sleep(SECOND / 5).await;
    }
    panic!("the job is still known: {:#?}", market.job(job).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_closed_job_is_kept_for_as_long_as_was_said_and_then_nothing_of_it_is_left() {
    let mut market = Market::found().await;
    let rig = market.add_rig("only", PricePerGpuHour(1_800_000)).await;
    Rig::new(market.link_url(), &rig, SECOND / 5).run();
    let first = market.submit(1, &spec(2)).await;
    let closed = |status: &JobStatus| status.closed;
    let kept_until = market.wait_for(first, closed).await.kept_until.unwrap();
    // A folder that a process left behind which died before it had deleted it.
    let (stray, strange) = (format!("{first}-0"), "lost+found");
    let folder = market.options().data_dir.join("logs");
    for name in [stray.as_str(), strange] {
        fs::create_dir_all(folder.join(name)).unwrap();
    }

    market.stop().await;
    market.keep_jobs = Seconds(4);
    market.start().await;
    let second = market.submit(2, &spec(1)).await;
    let status = market.wait_for(second, closed).await;
    assert!(status.kept_until.unwrap() < kept_until);
    until_forgotten(&market, second).await;
    until_forgotten(&market, first).await;
    let problem = refusal(&market, first).await;
    assert_eq!(problem.code, "job-unknown");
    assert!(problem.hint.contains("kept for 4 seconds once it is closed"), "{problem:?}");
    for _ in 0..50 {
        if fs::read_dir(&folder).unwrap().count() == 1 {
            break;
        }
        tokio::time::sleep(SECOND / 10).await;
    }
    let left: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, [strange], "what is nobody's logs is left alone");

    // Nor does the chain or the journal bring it back.
    market.stop().await;
    market.start().await;
    refusal(&market, first).await;
    market.check_sum(&[&rig]).await;

    // The id is free, and what comes under it is another job.
    assert_eq!(market.submit(1, &spec(1)).await, first);
    assert_eq!(market.wait_for(first, closed).await.tasks.len(), 1);
}
