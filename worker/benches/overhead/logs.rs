use std::io::Read;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use millrace_agent::TaskKey;
use millrace_link::grpc::LogAck;
use millrace_link::grpc::orchestrator_message::Body;
use millrace_link::grpc::worker_message::Body as WorkerBody;
use millrace_worker::container::Engine;

use crate::support::fake_engine::{FakeEngine, Script};
use crate::support::objects::Objects;
use crate::support::offer;
use crate::support::rig::Rig;
use crate::{IMAGE, engine, median, rate};

/// A little less than is kept of one task's log.
const BYTES: usize = 8_000_000;
/// Bytes of a line, its end included: of a program that tells how it goes, and of one that prints records.
const LINES: [usize; 2] = [100, 4_000];
const ROUNDS: u32 = 5;

/// From the first piece of a log that arrives to the last.
pub async fn section() {
    println!("### Logs\n");
    println!(
        "{} MB that the program has ready in memory, through the spool on disk and the link, each piece acknowledged; \
         from the first piece that arrives to the last. Median of {ROUNDS}. The worker is attached to its container, as \
         `docker run` is, while Docker writes its own log (by the driver `local`, in all three) for a restarted worker to \
         go on in; the baselines, by turns with it, are what `docker run` prints of the same command in a container like \
         it, and `docker logs --follow`. In memory is the same worker with an engine in this process that gives the same \
         lines at once: what is left without Docker. Docker writes its log a line at a time, which costs as much for a \
         short one as for a long one, and a program waits for it: that is what bounds short lines.\n",
        BYTES / 1_000_000
    );
    println!("| MB/s (target: 50) | lines of {} bytes | of {} bytes |\n|---|--:|--:|", LINES[0], LINES[1]);
    let (mut worker, mut docker, mut attached, mut memory) = ([0.0; 2], [0.0; 2], [0.0; 2], [0.0; 2]);
    for (column, line) in LINES.into_iter().enumerate() {
        [worker[column], docker[column], attached[column]] = printed(line).await;
        memory[column] = in_memory(line).await;
    }
    let row = |name: &str, rates: [f64; 2]| println!("| {name} | {:.0} | {:.0} |", rates[0], rates[1]);
    row("a container that prints, through the worker", worker);
    row("`docker run` (baseline)", attached);
    row("`docker logs --follow`", docker);
    row("an engine in memory, through the worker", memory);
    println!();
}

/// Through the worker, by `docker logs`, and by `docker run`, of a program that prints as fast as it is read.
async fn printed(line: usize) -> [f64; 3] {
    let printing = format!(
        "yes $(head -c {} /dev/zero | tr '\\0' x) | head -c {BYTES} > /dev/shm/log; cat /dev/shm/log",
        line - 1
    );
    let mut spec = offer::spec(&format!("{printing}; until [ -e /inputs/go ]; do sleep 0.1; done"));
    spec.tasks = ROUNDS;
    let mut rig = Rig::start(engine().await, Objects::default(), spec).await;
    rig.leased().await;
    let (mut worker, mut docker, mut attached) = (vec![], vec![], vec![]);
    for round in 0..ROUNDS {
        rig.assign(round);
        worker.push(receive(&mut rig).await);
        let key = TaskKey { lease: rig.lease(), task: round, attempt: 1 };
        std::fs::write(rig.data().join(format!("tasks/{key}/inputs/go")), "").expect("room on disk");
        rig.orchestrator.end().await;
        rig.acknowledge(round);
        docker.push(followed(&printing));
        attached.push(read(Command::new("docker").args(run(&["--rm"], &printing))));
    }
    rig.end_lease();
    rig.lease_report().await;
    rig.stop().await;
    [worker, docker, attached].map(|times| rate(BYTES, median(times)))
}

async fn in_memory(line: usize) -> f64 {
    let line = "x".repeat(line - 1) + "\n";
    let log: &'static str = Box::leak(line.repeat(BYTES / line.len()).into_boxed_str());
    let mut times = vec![];
    for _ in 0..ROUNDS {
        times.push(from_memory(log).await);
    }
    rate(BYTES, median(times))
}

/// Receives all of a task's log, and acknowledges it.
async fn receive(rig: &mut Rig) -> Duration {
    let mut began = None;
    loop {
        let chunk = rig.orchestrator.hear("the log", |body| match body {
            WorkerBody::LogChunk(chunk) => Some(chunk),
            _ => None,
        });
        let chunk = chunk.await;
        let began = *began.get_or_insert_with(Instant::now);
        let offset = chunk.offset + chunk.data.len() as u64;
        let ack = LogAck { lease: chunk.lease, index: chunk.index, attempt: chunk.attempt, offset };
        rig.orchestrator.say(Body::LogAck(ack));
        if offset == BYTES as u64 {
            return began.elapsed();
        }
    }
}

async fn from_memory(log: &'static str) -> Duration {
    let mut engine = FakeEngine::new(Script::RunUntilStopped);
    engine.log = log.as_bytes();
    let engine: Arc<dyn Engine> = Arc::new(engine);
    let mut rig = Rig::start(engine, Objects::default(), offer::spec("true")).await;
    rig.leased().await;
    rig.assign(0);
    let time = receive(&mut rig).await;
    rig.stop_task(0);
    rig.orchestrator.end().await;
    rig.stop().await;
    time
}

/// `docker run` with the limits of the worker's containers.
fn run<'a>(options: &[&'a str], printing: &'a str) -> Vec<&'a str> {
    let limits = ["--network", "none", "--memory", "64m", "--cpus", "1", "--log-driver", "local"];
    [&["run"], options, &limits, &[IMAGE, "sh", "-c", printing]].concat()
}

fn followed(printing: &str) -> Duration {
    const NAME: &str = "millrace-overhead-logs";
    // Docker 20.10 does not always show the end of what has just ended.
    let printing = format!("{printing}; sleep 3");
    let started = Command::new("docker").args(run(&["--detach", "--name", NAME], &printing)).output();
    assert!(started.expect("docker runs").status.success());
    let time = read(Command::new("docker").args(["logs", "--follow", NAME]));
    let removed = Command::new("docker").args(["rm", "--force", NAME]).output();
    assert!(removed.expect("docker runs").status.success());
    time
}

/// From the first piece that a command prints to the last.
fn read(command: &mut Command) -> Duration {
    let mut child = command.stdout(Stdio::piped()).spawn().expect("docker runs");
    let mut output = child.stdout.take().expect("its output");
    let mut piece = vec![0; 64 * 1024];
    let (mut total, mut began) = (0, None);
    let mut last = Instant::now();
    loop {
        let read = output.read(&mut piece).expect("its output");
        if read == 0 {
            break;
        }
        last = Instant::now();
        began.get_or_insert(last);
        total += read;
    }
    child.wait().expect("its end");
    assert_eq!(total, BYTES);
    last - began.expect("some output")
}
