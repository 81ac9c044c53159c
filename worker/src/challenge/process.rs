//! What the process of one GPU does: it is told a challenge, works, commits itself, opens, and ends. It ends
//! sooner when its worker closes the socket, or dies.

use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, channel};

use millrace_challenge::prove::Unopened;
use millrace_challenge::{Challenge, Cpu, Device, Kind, Millis, OpenedTile, Prover, Tiles, Within};
use millrace_cuda::Driver;
use millrace_link::frames;
use millrace_link::grpc::worker_message::Body;
use millrace_link::grpc::{self, GpuChallenge, GpuChallengeDeclined, GpuCommitment, GpuOpening, OpenTiles};
use millrace_protocol::{Address, Diagnostic};
use serde::{Deserialize, Serialize};

/// What it is told before the challenge.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Setup {
    pub node: Address,
    /// The CUDA driver; `None` has the processor answer, which says so.
    pub library: Option<PathBuf>,
}

/// Answers one challenge of one GPU over the socket that is this process' standard input.
///
/// # Errors
/// A socket that is none, or a worker that does not say what it should.
pub fn answer_challenge() -> io::Result<()> {
    let socket = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    let mut input = socket.try_clone()?;
    let malformed = || io::Error::from(io::ErrorKind::InvalidData);
    let setup: String = read(&mut input)?.ok_or_else(malformed)?;
    let setup: Setup = serde_json::from_str(&setup)?;
    let told: GpuChallenge = read(&mut input)?.ok_or_else(malformed)?;
    let challenge = challenge(&setup, &told).ok_or_else(malformed)?;
    let (requests, asked) = channel();
    std::thread::spawn(move || {
        let mut answering = Answering { socket, number: told.number, challenge, asked };
        if let Err(reason) = answering.run(setup.library) {
            let declined = GpuChallengeDeclined { number: told.number, reason: Some(reason) };
            let _ = answering.say(Body::GpuChallengeDeclined(declined));
        }
        // The reader below has nothing more to wait for.
        let _ = answering.socket.shutdown(Shutdown::Both);
    });
    // Whoever closes the socket ends the process, whatever the GPU is at.
    while let Ok(Some(request)) = read::<OpenTiles>(&mut input) {
        let _ = requests.send(request);
    }
    Ok(())
}

fn read<M: frames::Message + Default>(input: &mut impl Read) -> io::Result<Option<M>> {
    let mut head = [0; frames::HEAD];
    match input.read_exact(&mut head) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        read => read?,
    }
    let mut body = vec![0; frames::length(head)?];
    input.read_exact(&mut body)?;
    frames::decode(&body).map(Some)
}

fn challenge(setup: &Setup, told: &GpuChallenge) -> Option<Challenge> {
    let [seed] = told.gpus.as_slice() else { return None };
    let tiles = Tiles::nearest(seed.tiles);
    let nonce = seed.nonce.as_slice().try_into().ok()?;
    // Samples and deadlines are the verifier's own business.
    let within = Within { commit: Millis(told.commit_millis), open: Millis(told.open_millis) };
    let accept_simulated = setup.library.is_none();
    let challenge =
        Challenge { nonce, node: setup.node, gpu: seed.gpu.clone(), tiles, samples: 0, within, accept_simulated };
    (tiles.count() == seed.tiles).then_some(challenge)
}

struct Answering {
    socket: UnixStream,
    number: u64,
    challenge: Challenge,
    asked: Receiver<OpenTiles>,
}

impl Answering {
    fn run(&mut self, library: Option<PathBuf>) -> Result<(), grpc::Refusal> {
        match library {
            None => self.prove(Cpu::default(), [0; 32], |never| match never {}),
            Some(library) => {
                let driver = Driver::load(&library).map_err(refusal)?;
                let digest = driver.digest().map_err(refusal)?;
                let gpu = driver.open(&self.challenge.gpu).map_err(refusal)?;
                self.prove(gpu, digest, refusal)
            }
        }
    }

    fn prove<D: Device>(
        &mut self,
        device: D,
        driver: [u8; 32],
        failed: fn(D::Error) -> grpc::Refusal,
    ) -> Result<(), grpc::Refusal> {
        let mut prover = Prover::work(device, &self.challenge).map_err(failed)?;
        let committed = prover.commitment();
        let (number, gpu) = (self.number, committed.gpu);
        self.say(Body::GpuCommitment(GpuCommitment {
            number,
            gpu: gpu.clone(),
            tiles: committed.tiles,
            root: committed.root.to_vec(),
            simulated: committed.kind == Kind::Cpu,
            driver: driver.to_vec(),
        }))?;
        // Nobody asks any more: the worker is closing the socket.
        let Ok(request) = self.asked.recv() else { return Ok(()) };
        let opening = prover.open(&request.tiles).map_err(|unopened| match unopened {
            Unopened::NoSuchTile(tile) => grpc::Refusal {
                code: "challenge-tile-unknown".to_owned(),
                cause: format!("the orchestrator asks for tile {tile}, which does not exist"),
            },
            Unopened::Device(error) => failed(error),
        })?;
        let tiles = opening.tiles.into_iter().map(opened).collect();
        self.say(Body::GpuOpening(GpuOpening { number, gpu, tiles }))
    }

    fn say(&mut self, body: Body) -> Result<(), grpc::Refusal> {
        let message = grpc::WorkerMessage { body: Some(body) };
        self.socket
            .write_all(&frames::encode(&message))
            .map_err(|error| grpc::Refusal { code: "challenge-process-ended".to_owned(), cause: error.to_string() })
    }
}

fn opened(tile: OpenedTile) -> grpc::OpenedTile {
    grpc::OpenedTile {
        tile: tile.tile,
        words: tile.words.iter().flat_map(|word| word.to_le_bytes()).collect(),
        path: tile.path.iter().map(|digest| digest.to_vec()).collect(),
    }
}

fn refusal(error: millrace_cuda::Error) -> grpc::Refusal {
    grpc::Refusal { code: error.code().to_owned(), cause: error.to_string() }
}
