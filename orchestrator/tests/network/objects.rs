use std::fs::File;
use std::time::{Duration, SystemTime};

use millrace_client::Keypair;
use millrace_link::objects::Error;
use millrace_protocol::Diagnostic;
use millrace_spec::{JobSpec, ObjectRef, sha256};

use crate::market::Market;

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 3_600);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn objects_go_up_and_down_whole_and_jobs_of_others_stay_theirs() {
    let market = Market::found().await;
    let objects = market.objects(&market.buyer);
    // Three pieces, the last one not full.
    let content: Vec<u8> = (0..20_000_000u32).map(|number| (number % 251) as u8).collect();
    let source = market.folder.path().join("source");
    std::fs::write(&source, &content).unwrap();
    let object = objects.put_file(&source).await.unwrap();
    assert_eq!(object, ObjectRef { sha256: sha256(&content), size: 20_000_000 });
    assert_eq!(objects.put_bytes(&content).await.unwrap(), object);
    assert_eq!(objects.put_bytes(b"").await.unwrap().size, 0);

    let target = market.folder.path().join("target");
    std::fs::write(market.folder.path().join("target.partial"), &content[..7_000_000]).unwrap();
    objects.get_to_file(&object, &target).await.unwrap();
    assert!(std::fs::read(&target).unwrap() == content);

    // What a broken transfer left behind is not trusted: the hash decides.
    let spoiled = market.folder.path().join("spoiled");
    std::fs::write(market.folder.path().join("spoiled.partial"), b"junk").unwrap();
    assert_eq!(objects.get_to_file(&object, &spoiled).await.unwrap_err().code(), "object-corrupt");
    assert!(!spoiled.exists());
    objects.get_to_file(&object, &spoiled).await.unwrap();

    let missing = objects.get_bytes(sha256(b"never uploaded"), 10).await.unwrap_err();
    assert!(matches!(missing, Error::NotFound { .. }));
    let large = objects.get_bytes(object.sha256, 10).await.unwrap_err();
    assert!(matches!(large, Error::TooLarge { .. }));

    let spec = crate::market::spec(1);
    let job = market.submit(1, &spec).await;
    market.wait_for(job, |status| status.name == "frames").await;
    let stranger = crate::market::signing_key(&Keypair::new());
    let path = format!("/v1/jobs/{job}");
    let now = millrace_protocol::UnixSeconds(std::time::UNIX_EPOCH.elapsed().unwrap().as_secs());
    let request = reqwest::Client::new().get(format!("{}{path}", market.http_url()));
    let signed = millrace_link::auth::authorization(&stranger, "GET", &path, now);
    let answer = request.try_clone().unwrap().header("authorization", signed).send().await.unwrap();
    assert_eq!(answer.status(), 403);
    assert_eq!(request.send().await.unwrap().status(), 401);

    let hash = spec.hash();
    let forbidden = market.objects(&Keypair::new()).get_bytes(hash, 10_000).await.unwrap_err();
    assert_eq!(forbidden.code(), "object-endpoint-unauthorized", "{forbidden:?}");
    assert_eq!(market.objects(&market.buyer).get_bytes(hash, 10_000).await.unwrap(), spec.canonical_bytes());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_no_job_on_chain_names_goes_and_a_start_without_a_journal_forgets_no_input() {
    let mut market = Market::found().await;
    let objects = market.objects(&market.buyer);
    let [input, of_nobody] =
        [objects.put_bytes(b"scene").await.unwrap(), objects.put_bytes(b"never used").await.unwrap()];
    let spec = JobSpec { inputs: [("scene".to_owned(), input)].into(), ..crate::market::spec(1) };
    let job = market.submit(1, &spec).await;
    market.wait_for(job, |status| status.name == "frames").await;
    let bytes = spec.canonical_bytes();
    let spec = ObjectRef { sha256: sha256(&bytes), size: bytes.len() as u64 };

    market.stop().await;
    market.age_objects(DAY + MINUTE);
    for file in ["journal.sqlite", "journal.sqlite-wal", "journal.sqlite-shm"] {
        let _ = std::fs::remove_file(market.options().data_dir.join(file));
    }
    market.start().await;
    market.goes(of_nobody).await;
    market.wait_for(job, |status| status.name == "frames").await;
    assert!(market.is_here(spec).await && market.is_here(input).await);

    // It rests for a day from its job's end on, and the spec as long as the job is known.
    market.cancel(job).await;
    market.wait_for(job, |status| status.closed).await;
    let of_nobody = market.objects(&market.buyer).put_bytes(b"never used either").await.unwrap();
    market.stop().await;
    let earlier = SystemTime::now() - DAY - MINUTE;
    File::open(market.object_path(of_nobody)).unwrap().set_modified(earlier).unwrap();
    market.start().await;
    market.goes(of_nobody).await;
    assert!(market.is_here(input).await);
    market.stop().await;
    market.age_objects(DAY + MINUTE);
    market.start().await;
    market.goes(input).await;
    assert!(market.is_here(spec).await);
}
