//! The rig's answers to GPU challenges. Each GPU answers in a process of its own, over a socket: whatever the
//! driver does there, the worker and the containers go on, and killing it frees the GPU at once.

mod process;

use std::collections::HashMap;
use std::ffi::OsString;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream as Socket;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use millrace_link::frames;
use millrace_link::grpc::worker_message::Body;
use millrace_link::grpc::{self, GpuChallenge, GpuSeed, OpenTiles, WorkerMessage};
use millrace_protocol::{Address, Seconds};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::process::Command;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::gpu::Inventory;

use process::Setup;
pub use process::answer_challenge;

/// How long killed processes are waited for.
const LEAVING: Duration = Duration::from_secs(5);
/// The most tiles that the processor fills for GPUs that do not exist: 64 MiB.
const MOST_SIMULATED: u32 = 1_024;
/// The longest that a challenge may last, whatever it says.
const LONGEST: Seconds = Seconds(3_600);

/// What the processes of a challenge tell the loop.
pub(crate) enum ChallengeEvent {
    Say(WorkerMessage),
    /// A GPU cannot answer.
    Failed {
        number: u64,
        reason: grpc::Refusal,
    },
    /// One of the processes is gone.
    Gone,
}

/// The challenges that the rig was asked, and the processes that answer.
pub(crate) struct Challenges {
    program: Vec<OsString>,
    node: Address,
    /// The CUDA driver; `None` for GPUs that do not exist.
    library: Option<PathBuf>,
    gpus: Vec<String>,
    /// The one that was asked last.
    asked: Option<GpuChallenge>,
    running: Option<Running>,
    events: UnboundedSender<ChallengeEvent>,
}

struct Running {
    number: u64,
    requests: HashMap<String, UnboundedSender<OpenTiles>>,
    left: usize,
    stop: CancellationToken,
    tasks: JoinSet<()>,
}

/// The names by which the first `count` GPUs are challenged.
pub(crate) fn names(inventory: &Inventory, count: u16) -> Vec<String> {
    let name = |(at, gpu): (usize, &crate::gpu::Gpu)| match inventory.simulated {
        true => format!("SIMULATED-{at}"),
        false => gpu.uuid.clone(),
    };
    inventory.gpus.iter().take(usize::from(count)).enumerate().map(name).collect()
}

impl Challenges {
    pub fn new(
        program: Vec<OsString>,
        node: Address,
        library: Option<PathBuf>,
        gpus: Vec<String>,
    ) -> (Self, UnboundedReceiver<ChallengeEvent>) {
        let (events, told) = unbounded_channel();
        (Self { program, node, library, gpus, asked: None, running: None, events }, told)
    }

    /// What the orchestrator is told of this rig; nothing of one that has no GPUs to show.
    pub fn announcement(&self) -> Option<grpc::GpuAnnouncement> {
        let told = grpc::GpuAnnouncement { gpus: self.gpus.clone(), simulated: self.library.is_none() };
        (!told.gpus.is_empty()).then_some(told)
    }

    /// Takes note of a challenge that can be one of this rig: its number, and how long it may last.
    pub fn ask(&mut self, challenge: GpuChallenge) -> Option<(u64, Seconds)> {
        let known = |seed: &GpuSeed| {
            let fits = self.library.is_some() || seed.tiles <= MOST_SIMULATED;
            fits && seed.nonce.len() == 32 && self.gpus.contains(&seed.gpu)
        };
        let distinct = (1..challenge.gpus.len())
            .all(|at| challenge.gpus[..at].iter().all(|seed| seed.gpu != challenge.gpus[at].gpu));
        if challenge.gpus.is_empty() || !distinct || !challenge.gpus.iter().all(known) {
            return None;
        }
        let lasts = challenge.commit_millis.saturating_add(challenge.open_millis).div_ceil(1_000);
        let number = challenge.number;
        self.asked = Some(challenge);
        Some((number, Seconds(lasts).min(LONGEST)))
    }

    /// Begins to answer the one that was asked last.
    pub fn begin(&mut self, number: u64) {
        let Some(challenge) = self.asked.take().filter(|asked| asked.number == number) else { return };
        let mut running = Running {
            number,
            requests: HashMap::new(),
            left: challenge.gpus.len(),
            stop: CancellationToken::new(),
            tasks: JoinSet::new(),
        };
        for seed in challenge.gpus.clone() {
            let (requests, asked) = unbounded_channel();
            running.requests.insert(seed.gpu.clone(), requests);
            let process = Process {
                program: self.program.clone(),
                setup: Setup { node: self.node, library: self.library.clone() },
                gpu: seed.gpu.clone(),
                challenge: GpuChallenge { gpus: vec![seed], ..challenge.clone() },
            };
            let (events, stop) = (self.events.clone(), running.stop.clone());
            running.tasks.spawn(async move {
                if let Err(reason) = process.attend(asked, &events, &stop).await {
                    let _ = events.send(ChallengeEvent::Failed { number, reason });
                }
                let _ = events.send(ChallengeEvent::Gone);
            });
        }
        self.running = Some(running);
    }

    /// Hands a request for tiles to the GPU that it is for.
    pub fn open(&self, request: OpenTiles) {
        let running = self.running.as_ref().filter(|running| running.number == request.number);
        if let Some(requests) = running.and_then(|running| running.requests.get(&request.gpu)) {
            let _ = requests.send(request);
        }
    }

    /// Ends what works on the challenge.
    pub fn stop(&self, number: u64) {
        if let Some(running) = self.running.as_ref().filter(|running| running.number == number) {
            running.stop.cancel();
        }
    }

    /// Ends it, and waits until the GPUs are free.
    pub async fn give_up(&mut self, number: u64) {
        self.stop(number);
        let Some(running) = self.running.as_mut().filter(|running| running.number == number) else { return };
        let all_gone = async { while running.tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(LEAVING, all_gone).await.is_err() {
            tracing::warn!(number, "a process that answers a challenge does not end");
        }
    }

    /// A process is gone. The challenge's number, when it was the last one.
    pub fn gone(&mut self) -> Option<u64> {
        let running = self.running.as_mut()?;
        running.left = running.left.saturating_sub(1);
        let number = running.number;
        if running.left > 0 {
            return None;
        }
        self.running = None;
        Some(number)
    }
}

/// One GPU's part of a challenge.
struct Process {
    program: Vec<OsString>,
    setup: Setup,
    gpu: String,
    challenge: GpuChallenge,
}

impl Process {
    /// Runs the process until it has answered, or is stopped.
    ///
    /// # Errors
    /// Why it did not answer.
    async fn attend(
        self,
        mut requests: UnboundedReceiver<OpenTiles>,
        events: &UnboundedSender<ChallengeEvent>,
        stop: &CancellationToken,
    ) -> Result<(), grpc::Refusal> {
        let (mut child, socket) = self.spawn().map_err(|error| broken(&error.to_string()))?;
        let (mut reader, mut writer) = socket.into_split();
        let setup = serde_json::to_string(&self.setup).unwrap_or_default();
        let hearing = async {
            while let Some(message) = read(&mut reader).await? {
                match message.body {
                    Some(Body::GpuChallengeDeclined(declined)) => return Ok(Err(declined.reason.unwrap_or_default())),
                    Some(Body::GpuOpening(_)) => {
                        let _ = events.send(ChallengeEvent::Say(message));
                        return Ok(Ok(()));
                    }
                    _ => {
                        let _ = events.send(ChallengeEvent::Say(message));
                    }
                }
            }
            Err(io::Error::from(io::ErrorKind::UnexpectedEof))
        };
        let telling = async {
            writer.write_all(&frames::encode(&setup)).await?;
            writer.write_all(&frames::encode(&self.challenge)).await?;
            while let Some(request) = requests.recv().await {
                writer.write_all(&frames::encode(&request)).await?;
            }
            std::future::pending::<io::Result<()>>().await
        };
        let ended = tokio::select! {
            () = stop.cancelled() => Ok(()),
            heard = hearing => match heard {
                Ok(ended) => ended,
                Err(error) => Err(broken(&error.to_string())),
            },
            told = telling => told.map_err(|error| broken(&error.to_string())),
        };
        // One that has answered ends by itself; it is not waited for either.
        let _ = child.kill().await;
        ended
    }

    fn spawn(&self) -> io::Result<(tokio::process::Child, UnixStream)> {
        let (ours, theirs) = Socket::pair()?;
        ours.set_nonblocking(true)?;
        let Some((program, arguments)) = self.program.split_first() else {
            return Err(io::Error::from(io::ErrorKind::NotFound));
        };
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::from(OwnedFd::from(theirs))).stdout(Stdio::null()).kill_on_drop(true);
        if self.setup.library.is_some() {
            // It sees no other, and a slice of a GPU is only seen when it is named.
            command.env("CUDA_VISIBLE_DEVICES", &self.gpu);
        }
        let child = command.spawn()?;
        Ok((child, UnixStream::from_std(ours)?))
    }
}

async fn read(input: &mut (impl AsyncReadExt + Unpin)) -> io::Result<Option<WorkerMessage>> {
    let mut head = [0; frames::HEAD];
    match input.read_exact(&mut head).await {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        read => read.map(|_| ())?,
    }
    let mut body = vec![0; frames::length(head)?];
    input.read_exact(&mut body).await?;
    frames::decode(&body).map(Some)
}

fn broken(detail: &str) -> grpc::Refusal {
    let cause = format!("the process that answers for a GPU ended before it did: {detail}");
    grpc::Refusal { code: "challenge-process-ended".to_owned(), cause }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gpu::simulated;

    fn rig(gpus: &[&str]) -> Challenges {
        let gpus = gpus.iter().map(|gpu| (*gpu).to_owned()).collect();
        Challenges::new(Vec::new(), Address([1; 32]), None, gpus).0
    }

    fn asked(gpus: &[&str], tiles: u32) -> GpuChallenge {
        let seed = |gpu: &&str| GpuSeed { gpu: (*gpu).to_owned(), nonce: vec![1; 32], tiles };
        GpuChallenge { number: 5, gpus: gpus.iter().map(seed).collect(), commit_millis: 60_000, open_millis: 13_001 }
    }

    #[test]
    fn only_what_can_be_a_challenge_of_this_rig_is_taken() {
        assert_eq!(rig(&["a", "b"]).ask(asked(&["a", "b"], 32)), Some((5, Seconds(74))));
        for bad in [asked(&[], 32), asked(&["c"], 32), asked(&["a", "a"], 32), asked(&["a"], MOST_SIMULATED + 1)] {
            assert_eq!(rig(&["a", "b"]).ask(bad), None);
        }
        let mut short = asked(&["a"], 32);
        short.gpus[0].nonce.pop();
        assert_eq!(rig(&["a"]).ask(short), None);
        let endless = GpuChallenge { commit_millis: u64::MAX, ..asked(&["a"], 32) };
        assert_eq!(rig(&["a"]).ask(endless), Some((5, LONGEST)));
    }

    #[test]
    fn a_rig_without_gpus_announces_none_and_simulated_ones_say_so() {
        assert_eq!(rig(&[]).announcement(), None);
        let inventory = simulated::inventory(&["rtx-4090:24576".parse().unwrap(), "rtx-4090:24576".parse().unwrap()]);
        assert_eq!(names(&inventory, 2), ["SIMULATED-0", "SIMULATED-1"]);
        assert_eq!(names(&inventory, 1).len(), 1);
        assert!(rig(&["SIMULATED-0"]).announcement().unwrap().simulated);
    }

    #[tokio::test]
    async fn a_process_that_cannot_be_started_is_said_to_be_so() {
        let (mut challenges, mut events) =
            Challenges::new(vec!["/nowhere/prover".into()], Address([1; 32]), None, vec!["a".to_owned()]);
        challenges.ask(asked(&["a"], 2)).unwrap();
        challenges.begin(5);
        let Some(ChallengeEvent::Failed { number: 5, reason }) = events.recv().await else { panic!("it began") };
        assert_eq!(reason.code, "challenge-process-ended");
        assert!(matches!(events.recv().await, Some(ChallengeEvent::Gone)));
        assert_eq!(challenges.gone(), Some(5));
    }
}
