//! A GPU challenge: questions to a worker, its answers held against them, each by the moment at which it
//! arrived. What it came to is the scheduler's to judge.

use std::time::Duration;

use millrace_challenge::{
    Challenge, Commitment, Committed, Issued, Kind, Millis, Opening, Refusal, SAMPLES, Tiles, Within,
};
use millrace_link::grpc::orchestrator_message::Body;
use millrace_link::grpc::{GpuChallenge, GpuSeed, OpenTiles, OrchestratorMessage};
use millrace_protocol::Diagnostic;
use millrace_scheduler::{Cause, ChallengeOrder, ChallengeResult, Evidence, GpuEvidence};
use millrace_spec::Sha256;
use rand::RngCore;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};

use crate::outbound::Outbound;

/// Tiles that a processor fills where GPUs are simulated: a fraction of a second.
const SIMULATED_TILES: u32 = 32;
/// Milliseconds for the commitment of a processor, which may be slow and busy.
const SIMULATED_COMMIT: Millis = Millis(60_000);
/// Milliseconds for the commitment of a GPU, and as many more for each GiB that it fills. Not derived from
/// figures of real GPUs: `docs/gpu-challenge.md` says what that leaves open.
const COMMIT: Millis = Millis(20_000);
const COMMIT_PER_GIB: u64 = 1_000;
/// Milliseconds for an opening, and as many more for each GPU of the rig: a MiB each, over a slow link.
const OPEN: Millis = Millis(10_000);
const OPEN_PER_GPU: u64 = 3_000;
/// How long after a deadline an answer that was in time may still be on its way through this process.
const GRACE: Duration = Duration::from_millis(500);

/// What a worker says to a challenge.
pub(crate) enum Answer {
    /// And the digest of its driver's library.
    Committed(Commitment, Sha256),
    Opened {
        gpu: String,
        opening: Opening,
    },
    Declined(Cause),
}

/// An answer, and when it arrived.
pub(crate) struct Heard {
    pub answer: Answer,
    pub at: Instant,
}

/// A challenge that is about to be sent.
pub(crate) struct Exam {
    number: u64,
    challenges: Vec<Challenge>,
}

enum Stage {
    Issued(Issued),
    Committed { committed: Box<Committed>, shown: GpuEvidence, asked: Instant },
    Shown(GpuEvidence),
}

/// How far the GPUs of a rig are.
struct Progress {
    number: u64,
    began: Instant,
    within: Within,
    gpus: Vec<(String, [u8; 32], Option<Stage>)>,
    driver: Option<Sha256>,
    simulated: bool,
}

impl Exam {
    /// Of the scheduler's order, with fresh nonces.
    pub fn new(order: &ChallengeOrder) -> Self {
        let tiles = match order.simulated {
            true => Tiles::nearest(SIMULATED_TILES),
            false => Tiles::filling(order.vram_mib),
        };
        let n_gpus = order.gpus.len() as u64;
        let gib = tiles.bytes() >> 30;
        let commit = if order.simulated { SIMULATED_COMMIT } else { COMMIT + Millis(gib * COMMIT_PER_GIB) };
        let within = Within { commit, open: OPEN + Millis(n_gpus * OPEN_PER_GPU) };
        let challenge = |gpu: &String| Challenge {
            nonce: random(),
            node: order.node,
            gpu: gpu.clone(),
            tiles,
            samples: SAMPLES,
            within,
            accept_simulated: order.simulated,
        };
        Self { number: order.challenge, challenges: order.gpus.iter().map(challenge).collect() }
    }

    /// How many answers it may take at the most.
    pub fn answers(&self) -> usize {
        2 * self.challenges.len() + 1
    }

    /// As the worker gets it.
    pub fn message(&self) -> GpuChallenge {
        let seed = |challenge: &Challenge| GpuSeed {
            gpu: challenge.gpu.clone(),
            nonce: challenge.nonce.to_vec(),
            tiles: challenge.tiles.count(),
        };
        let within = self.within();
        GpuChallenge {
            number: self.number,
            gpus: self.challenges.iter().map(seed).collect(),
            commit_millis: within.commit.0,
            open_millis: within.open.0,
        }
    }

    fn within(&self) -> Within {
        let none = Within { commit: Millis(0), open: Millis(0) };
        self.challenges.first().map_or(none, |challenge| challenge.within)
    }

    /// Takes the answers as they come, until every GPU has shown itself, or one has not. Sent at `began`.
    pub async fn conduct(
        self,
        began: Instant,
        mut answers: mpsc::Receiver<Heard>,
        outbound: Outbound,
    ) -> ChallengeResult {
        let (number, within) = (self.number, self.within());
        let issue = |challenge: Challenge| {
            (challenge.gpu.clone(), challenge.nonce, Some(Stage::Issued(Issued::new(challenge, Millis(0)))))
        };
        let gpus = self.challenges.into_iter().map(issue).collect();
        let mut progress = Progress { number, began, within, gpus, driver: None, simulated: false };
        while let Some(deadline) = progress.next_deadline() {
            let heard = match timeout_at(deadline + GRACE, answers.recv()).await {
                Ok(Some(heard)) => heard,
                Ok(None) => return ChallengeResult::GivenUp,
                Err(_) => return ChallengeResult::Refused(cause(&progress.overdue())),
            };
            let taken = match heard.answer {
                Answer::Declined(reason) => {
                    tracing::info!(code = reason.code, cause = reason.message, "a challenge was given up");
                    return ChallengeResult::GivenUp;
                }
                Answer::Committed(commitment, driver) => progress.commit(commitment, driver, heard.at),
                Answer::Opened { gpu, opening } => progress.open(gpu, opening, heard.at).await.map(|()| None),
            };
            match taken {
                Ok(None) => {}
                Ok(Some(request)) => {
                    let body = Some(Body::OpenTiles(request));
                    if outbound.send(Ok(OrchestratorMessage { body })).await.is_err() {
                        return ChallengeResult::GivenUp;
                    }
                }
                Err(cause) => return ChallengeResult::Refused(cause),
            }
        }
        ChallengeResult::Shown(Box::new(progress.evidence()))
    }
}

impl Progress {
    /// The moment at which the next answer is due; none when all are here.
    fn next_deadline(&self) -> Option<Instant> {
        let due = |stage: &Stage| match stage {
            Stage::Issued(_) => Some(self.began + duration(self.within.commit)),
            Stage::Committed { asked, .. } => Some(*asked + duration(self.within.open)),
            Stage::Shown(_) => None,
        };
        self.gpus.iter().filter_map(|(_, _, stage)| stage.as_ref().and_then(due)).min()
    }

    fn overdue(&self) -> Refusal {
        let Within { commit, open } = self.within;
        let waits = |(_, _, stage): &&(_, _, Option<Stage>)| matches!(stage, Some(Stage::Issued(_)));
        let now = Instant::now();
        if self.gpus.iter().any(|gpu| waits(&gpu)) && now >= self.began + duration(commit) {
            return Refusal::CommitmentLate { took: self.millis(now), within: commit };
        }
        Refusal::OpeningLate { took: open + Millis(1), within: open }
    }

    fn millis(&self, at: Instant) -> Millis {
        Millis(u64::try_from(at.saturating_duration_since(self.began).as_millis()).unwrap_or(u64::MAX))
    }

    fn commit(&mut self, commitment: Commitment, driver: Sha256, at: Instant) -> Result<Option<OpenTiles>, Cause> {
        let at = self.millis(at);
        let number = self.number;
        if *self.driver.get_or_insert(driver) != driver {
            return Err(drivers_differ());
        }
        let asked = self.gpus.iter().map(|(gpu, ..)| gpu.clone()).collect::<Vec<_>>().join(", ");
        let found = self.gpus.iter_mut().find(|(gpu, ..)| *gpu == commitment.gpu);
        let Some((gpu, nonce, stage)) = found else {
            return Err(cause(&Refusal::OtherGpu { asked, answered: commitment.gpu }));
        };
        // What is answered twice, or was never asked for, is passed over.
        let issued = match stage.take() {
            Some(Stage::Issued(issued)) => issued,
            other => {
                *stage = other;
                return Ok(None);
            }
        };
        self.simulated |= commitment.kind == Kind::Cpu;
        let (tiles, root) = (commitment.tiles, Sha256(commitment.root));
        let committed = issued.commit(commitment, at, random()).map_err(|refusal| cause(&refusal))?;
        let request = OpenTiles { number, gpu: gpu.clone(), tiles: committed.request().to_vec() };
        let shown = GpuEvidence { gpu: gpu.clone(), nonce: Sha256(*nonce), tiles, root, took: at.0 };
        // Its time begins when it is asked, which is now, and not when its commitment arrived.
        let (asked, committed) = (Instant::now(), Box::new(committed));
        *stage = Some(Stage::Committed { committed, shown, asked });
        Ok(Some(request))
    }

    /// Verifies beside the other tasks of this process: it takes milliseconds of a core.
    async fn open(&mut self, gpu: String, opening: Opening, at: Instant) -> Result<(), Cause> {
        let at = self.millis(at);
        let Some((_, _, stage)) = self.gpus.iter_mut().find(|(known, ..)| *known == gpu) else { return Ok(()) };
        let (committed, shown) = match stage.take() {
            Some(Stage::Committed { committed, shown, .. }) => (committed, shown),
            other => {
                *stage = other;
                return Ok(());
            }
        };
        let secret = random();
        let verified = tokio::task::spawn_blocking(move || committed.verify(&opening, at, secret)).await;
        match verified {
            Ok(Ok(_)) => *stage = Some(Stage::Shown(shown)),
            Ok(Err(refusal)) => return Err(cause(&refusal)),
            Err(error) => {
                tracing::error!(%error, "an answer could not be verified");
                return Err(unverified());
            }
        }
        Ok(())
    }

    fn evidence(self) -> Evidence {
        let stages = self.gpus.into_iter().filter_map(|(_, _, stage)| stage);
        let gpus: Vec<GpuEvidence> = stages
            .filter_map(|stage| match stage {
                Stage::Shown(shown) => Some(shown),
                Stage::Issued(_) | Stage::Committed { .. } => None,
            })
            .collect();
        let slowest = gpus.iter().map(|gpu| gpu.took).max().unwrap_or(0);
        let left = self.within.commit.0.saturating_sub(slowest);
        let score = (left * 1_000).checked_div(self.within.commit.0).unwrap_or(0);
        Evidence {
            gpus,
            driver: self.driver.unwrap_or(Sha256([0; 32])),
            simulated: self.simulated,
            score: u16::try_from(score).unwrap_or(u16::MAX),
        }
    }
}

fn random() -> [u8; 32] {
    let mut bytes = [0; 32];
    rand::thread_rng().fill_bytes(&mut bytes);
    bytes
}

fn duration(millis: Millis) -> Duration {
    Duration::from_millis(millis.0)
}

fn cause(refusal: &Refusal) -> Cause {
    Cause { code: refusal.code().to_owned(), message: refusal.to_string(), hint: refusal.hint() }
}

fn drivers_differ() -> Cause {
    Cause {
        code: "challenge-driver-changed".to_owned(),
        message: "the GPUs of one rig answer through different drivers".to_owned(),
        hint: "restart the worker if the driver was upgraded while it ran".to_owned(),
    }
}

fn unverified() -> Cause {
    Cause {
        code: "challenge-unverified".to_owned(),
        message: "the answer could not be verified".to_owned(),
        hint: "this is a defect of the orchestrator: report it".to_owned(),
    }
}

#[cfg(test)]
mod tests;
