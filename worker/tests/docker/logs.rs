//! What containers print.

use bollard::models::{HostConfig, HostConfigLogConfig};
use bollard::query_parameters::CreateContainerOptionsBuilder;
use futures_util::StreamExt;
use millrace_client::Keypair;
use millrace_client::keys::address_of;
use millrace_worker::container::{Printed, StandardStream};

use super::*;

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
    let docker = bollard::Docker::connect_with_defaults().unwrap().negotiate_version().await.unwrap();
    let options = CreateContainerOptionsBuilder::default().name(&name(key)).build();
    let log = HostConfigLogConfig { typ: Some("local".to_owned()), config: None };
    let body = ContainerCreateBody {
        image: Some(IMAGE.to_owned()),
        cmd: Some(["sh", "-c", script].map(str::to_owned).into()),
        host_config: Some(HostConfig { log_config: Some(log), ..HostConfig::default() }),
        ..ContainerCreateBody::default()
    };
    docker.create_container(Some(options), body).await.unwrap();
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
    engine.remove(&name(key)).await.unwrap();
}

#[tokio::test]
async fn logs_survive_a_broken_link_and_a_restart_without_a_gap() {
    let script = "seq 1 15000 & seq 100001 115000 >&2 & wait; sleep 1; seq 15001 30000 & seq 115001 130000 >&2 & wait; sleep 2; seq 30001 30100; seq 130001 130100 >&2; \
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
