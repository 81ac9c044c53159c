//! What containers print.

use futures_util::StreamExt;
use millrace_client::Keypair;
use millrace_client::keys::address_of;
use millrace_worker::container::{GpuAccess, NetworkAccess, Plan, Printed, StandardStream};

use super::*;

/// A container without a worker, removed with its test.
struct Alone(TaskKey);

impl Drop for Alone {
    fn drop(&mut self) {
        let _ = std::process::Command::new("docker").args(["rm", "--force", &name(self.0)]).output();
    }
}

/// What came of each stream.
fn by_stream(printed: &[Printed]) -> [Vec<u8>; 2] {
    [StandardStream::Output, StandardStream::Error].map(|stream| {
        let of_stream = printed.iter().filter(|piece| piece.stream == stream);
        of_stream.flat_map(|piece| piece.bytes.to_vec()).collect()
    })
}

#[tokio::test]
async fn what_is_attached_is_what_the_engine_keeps_but_for_the_ends_of_long_lines() {
    let Some(engine) = engine(PullPolicy::Never).await else { return };
    let script = "printf 'a\\000\\377\\r\\n\\n\\n'; printf fault >&2; head -c 40000 /dev/zero | tr '\\0' y; printf '!\\n' >&2; \
                  printf '\\nno end'; printf '\\376' >&2";
    let expected = [
        [&b"a\0\xff\r\n\n\n"[..], &[b'y'; 40_000], b"\nno end"].concat(), //
        b"fault!\n\xfe".to_vec(),
    ];
    let key = TaskKey { lease: address_of(&Keypair::new()), task: 0, attempt: 1 };
    let folder = tempfile::tempdir().unwrap();
    let plan = Plan {
        key,
        job: address_of(&Keypair::new()),
        node: address_of(&Keypair::new()),
        // By now the name may mean another, or nothing.
        image: "millrace/no-such-image:1".to_owned(),
        image_id: engine.local_image(IMAGE).await.unwrap().unwrap().id,
        command: ["sh", "-c", script].map(str::to_owned).into(),
        environment: vec![],
        cpu_millis: 1_000,
        memory_mib: 64,
        pids: 32,
        network: NetworkAccess::None,
        runtime: None,
        inputs: folder.path().to_owned(),
        outputs: folder.path().to_owned(),
        checkpoint: None,
        secrets: None,
        user: (1_000, 1_000),
        host_users: false,
        gpus: GpuAccess::None,
    };
    let _container = Alone(key);
    engine.create(&plan).await.unwrap();
    let attached = engine.attach(key).await.expect("Docker has the driver `local`");
    engine.start(key).await.unwrap();
    let attached: Vec<_> = attached.collect().await;
    assert_eq!(by_stream(&attached), expected);
    engine.wait(key).await.unwrap();
    let kept: Vec<_> = engine.logs(key).map(Result::unwrap).collect().await;
    let (ends, without_end) = by_stream(&kept)[0].iter().partition::<Vec<u8>, _>(|byte| **byte == b'\n');
    let others = expected[0].iter().copied().filter(|byte| *byte != b'\n');
    assert!(without_end.into_iter().eq(others) && (3..=4).contains(&ends.len()), "{} ends of lines", ends.len());
    assert_eq!(by_stream(&kept)[1], expected[1]);
}

/// The log until it ends so, each piece acknowledged.
async fn received_until(rig: &mut Rig, end: &[u8]) -> Vec<u8> {
    let mut received = Vec::new();
    while !received.ends_with(end) {
        let chunk = rig.orchestrator.hear("more of the log", |body| match body {
            WorkerBody::LogChunk(chunk) => Some(chunk),
            _ => None,
        });
        let chunk = chunk.await;
        received.truncate(usize::try_from(chunk.offset).unwrap());
        received.extend(chunk.data);
        let offset = received.len() as u64;
        rig.orchestrator.say(Body::LogAck(grpc::LogAck { lease: chunk.lease, index: 0, attempt: 1, offset }));
    }
    received
}

/// Until the task's container has said by a file that it is so far.
async fn is_at(rig: &Rig, file: &str) {
    let key = TaskKey { lease: rig.lease(), task: 0, attempt: 1 };
    let file = rig.data().join(format!("tasks/{key}/outputs/{file}"));
    let there = async {
        while !file.exists() {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    assert!(tokio::time::timeout(std::time::Duration::from_secs(60), there).await.is_ok(), "no {}", file.display());
}

#[tokio::test]
async fn what_is_printed_after_the_connection_was_cut_is_kept_though_the_container_has_ended_since() {
    let Some(mut relay) = Relay::open() else { return };
    let engine = Docker::connect(Some(&relay.host()), PullPolicy::Never).await.unwrap();
    let script = "echo one; until [ -e /inputs/go ]; do sleep 0.1; done; echo two; touch /outputs/said";
    let mut rig = Rig::start(Arc::new(engine), Objects::default(), offer::spec(script)).await;
    rig.leased().await;
    rig.assign(0);
    let chunk = rig.orchestrator.hear("the log", |body| match body {
        WorkerBody::LogChunk(chunk) => Some(chunk.data),
        _ => None,
    });
    assert_eq!(chunk.await, b"one\n");
    relay.close().await;
    rig.go(0);
    is_at(&rig, "said").await;
    while inspect(&rig, 0).await.state.unwrap().running == Some(true) {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    relay.reopen();
    assert_eq!(rig.orchestrator.end().await.phase(), Phase::Done);
    assert!(rig.is_clean().await);
    let log = rig.data().join(format!("logs/{}", TaskKey { lease: rig.lease(), task: 0, attempt: 1 }));
    assert_eq!(std::fs::read_to_string(log).unwrap(), "one\ntwo\n");
}

#[tokio::test]
async fn more_than_the_engine_keeps_while_no_worker_runs_is_left_out_and_the_log_says_so() {
    let script = "echo begin; until [ -e /inputs/go ]; do sleep 0.1; done; \
                  yes $(head -c 3999 /dev/zero | tr '\\0' x) | head -c 40000000; touch /outputs/said; trap 'exit 0' TERM; sleep 60 & wait";
    let Some(mut rig) = rig(offer::spec(script)).await else { return };
    rig.assign(0);
    received_until(&mut rig, b"begin\n").await;
    rig.stop().await;
    rig.go(0);
    is_at(&rig, "said").await;
    rig.boot().await.unwrap();
    let all = received_until(&mut rig, b"left out]\n").await;
    assert_eq!(String::from_utf8_lossy(&all), "begin\n\n[millrace: the rest of the log is left out]\n");
    rig.stop_task(0);
    rig.orchestrator.end().await;
    assert!(rig.is_clean().await);
}

#[tokio::test]
async fn logs_survive_a_broken_link_and_a_restart_without_a_gap() {
    let script = "seq 1 15000 & seq 100001 115000 >&2 & wait; sleep 1; \
                  seq 15001 30000 & seq 115001 130000 >&2 & wait; sleep 2; seq 30001 30100; seq 130001 130100 >&2; \
                  trap 'exit 0' TERM; sleep 60 & wait";
    let Some(mut rig) = rig(offer::spec(script)).await else { return };
    let lines = |first| (first + 1..=first + 30_100).map(|number| format!("{number}\n"));
    let expected: usize = lines(0).chain(lines(100_000)).map(|line| line.len()).sum();
    rig.assign(0);
    let (mut received, mut rounds) = (Vec::new(), 0);
    while received.len() < expected {
        let chunk = rig.orchestrator.hear("more of the log", |body| match body {
            WorkerBody::LogChunk(chunk) => Some(chunk),
            _ => None,
        });
        let chunk = chunk.await;
        let offset = usize::try_from(chunk.offset).unwrap();
        assert!(offset <= received.len(), "a gap at {offset}");
        received.truncate(offset);
        received.extend(chunk.data);
        let ack = grpc::LogAck { lease: chunk.lease, index: 0, attempt: 1, offset: received.len() as u64 };
        rig.orchestrator.say(Body::LogAck(ack));
        rounds += 1;
        match rounds {
            1 => {
                rig.orchestrator.hang_up();
                rig.orchestrator.resume().await;
            }
            2 => {
                rig.stop().await;
                rig.boot().await.unwrap();
            }
            _ => {}
        }
    }
    let received = String::from_utf8(received).unwrap();
    let (output, error): (Vec<_>, Vec<_>) = received.split_inclusive('\n').partition(|line| line.len() < 7);
    assert!(output.into_iter().eq(lines(0)) && error.into_iter().eq(lines(100_000)), "each stream, whole and in order");
    rig.stop_task(0);
    rig.orchestrator.end().await;
    assert!(rig.is_clean().await);
}

#[tokio::test]
async fn the_last_words_of_a_program_that_says_much_and_ends_are_kept() {
    const BYTES: usize = 4_000_000;
    let script = format!("yes {} | head -c {BYTES}", "x".repeat(99));
    let Some(mut rig) = rig(offer::spec(&script)).await else { return };
    rig.assign(0);
    let started = std::time::Instant::now();
    let (mut received, mut done) = (0, false);
    while received < BYTES || !done {
        match rig.orchestrator.hear("the log and the end", Some).await {
            WorkerBody::LogChunk(chunk) => {
                received = usize::try_from(chunk.offset).unwrap() + chunk.data.len();
                let offset = received as u64;
                rig.orchestrator.say(Body::LogAck(grpc::LogAck { lease: chunk.lease, index: 0, attempt: 1, offset }));
            }
            WorkerBody::TaskUpdate(update) => done |= update.phase() == Phase::Done,
            _ => assert!(started.elapsed().as_secs() < 60, "only {received} bytes came"),
        }
    }
    assert_eq!(received, BYTES);
    assert!(rig.is_clean().await);
}
