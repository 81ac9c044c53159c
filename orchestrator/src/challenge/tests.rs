use std::pin::Pin;

use futures_util::{Stream, StreamExt};
use millrace_challenge::{Cpu, Prover};
use millrace_protocol::Address;
use tonic::Status;

use super::*;

const NODE: Address = Address([4; 32]);

/// A rig that answers as it should, on a processor.
struct Rig {
    provers: Vec<(String, Prover<Cpu>)>,
    answers: mpsc::Sender<Heard>,
    questions: Pin<Box<dyn Stream<Item = Result<OrchestratorMessage, Status>> + Send>>,
    result: tokio::task::JoinHandle<ChallengeResult>,
}

fn order(gpus: &[&str], simulated: bool) -> ChallengeOrder {
    let gpus = gpus.iter().map(|gpu| (*gpu).to_owned()).collect();
    ChallengeOrder { challenge: 7, node: NODE, gpus, vram_mib: 1, simulated }
}

fn begin(order: &ChallengeOrder) -> Rig {
    begin_within(order, Exam::new(order).within())
}

fn begin_within(order: &ChallengeOrder, within: Within) -> Rig {
    let mut exam = Exam::new(order);
    exam.challenges.iter_mut().for_each(|challenge| challenge.within = within);
    let prove = |challenge: &Challenge| {
        let Ok(prover) = Prover::work(Cpu::default(), challenge);
        (challenge.gpu.clone(), prover)
    };
    let provers = exam.challenges.iter().map(prove).collect();
    let (answers, heard) = mpsc::channel(exam.answers());
    let (outbound, questions) = Outbound::queue();
    let questions = Box::pin(questions);
    let result = tokio::spawn(exam.conduct(Instant::now(), heard, outbound));
    Rig { provers, answers, questions, result }
}

impl Rig {
    async fn say(&self, answer: Answer) {
        let _ = self.answers.send(Heard { answer, at: Instant::now() }).await;
    }

    fn commitment(&self, at: usize) -> Commitment {
        self.provers[at].1.commitment()
    }

    async fn commit(&self, at: usize) {
        self.say(Answer::Committed(self.commitment(at), Sha256([0; 32]))).await;
    }

    async fn opening(&mut self) -> (String, Opening) {
        let Some(Ok(OrchestratorMessage { body: Some(Body::OpenTiles(request)) })) = self.questions.next().await else {
            panic!("no tiles were asked for")
        };
        assert_eq!(request.number, 7);
        let prover = self.provers.iter_mut().find(|(gpu, _)| *gpu == request.gpu).unwrap();
        let Ok(opening) = prover.1.open(&request.tiles) else { panic!("such tiles exist") };
        (request.gpu, opening)
    }

    async fn open(&mut self) {
        let (gpu, opening) = self.opening().await;
        self.say(Answer::Opened { gpu, opening }).await;
    }

    async fn refused(self) -> String {
        match self.result.await.unwrap() {
            ChallengeResult::Refused(cause) => cause.code,
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn every_gpu_is_asked_at_once_and_shown_when_all_have_answered() {
    let mut rig = begin(&order(&["a", "b"], true));
    for at in [1, 0] {
        rig.commit(at).await;
        rig.open().await;
    }
    let nonces: Vec<_> = rig.provers.iter().map(|(_, prover)| prover.commitment().root).collect();
    let ChallengeResult::Shown(evidence) = rig.result.await.unwrap() else { panic!("refused") };
    assert!(evidence.simulated && evidence.score > 0 && evidence.score <= 1_000);
    let shown: Vec<_> = evidence.gpus.iter().map(|gpu| (gpu.gpu.as_str(), gpu.tiles, gpu.root.0)).collect();
    assert_eq!(shown, [("a", SIMULATED_TILES, nonces[0]), ("b", SIMULATED_TILES, nonces[1])]);
    assert_ne!(evidence.gpus[0].nonce, evidence.gpus[1].nonce);
}

#[tokio::test]
async fn a_processor_does_not_stand_for_a_gpu() {
    let rig = begin(&order(&["a"], false));
    rig.commit(0).await;
    assert_eq!(rig.refused().await, "challenge-simulated");
}

#[tokio::test]
async fn another_gpu_another_size_and_a_wrong_tile_are_refused() {
    let rig = begin(&order(&["a"], true));
    let commitment = Commitment { gpu: "b".to_owned(), ..rig.commitment(0) };
    rig.say(Answer::Committed(commitment, Sha256([0; 32]))).await;
    assert_eq!(rig.refused().await, "challenge-other-gpu");

    let rig = begin(&order(&["a"], true));
    let commitment = Commitment { tiles: 2, ..rig.commitment(0) };
    rig.say(Answer::Committed(commitment, Sha256([0; 32]))).await;
    assert_eq!(rig.refused().await, "challenge-other-size");

    let mut rig = begin(&order(&["a"], true));
    rig.commit(0).await;
    let (gpu, mut opening) = rig.opening().await;
    opening.tiles[3].words[5] ^= 1;
    rig.say(Answer::Opened { gpu, opening }).await;
    assert_eq!(rig.refused().await, "challenge-not-committed");
}

#[tokio::test]
async fn two_drivers_in_one_rig_are_refused() {
    let rig = begin(&order(&["a", "b"], true));
    rig.commit(0).await;
    rig.say(Answer::Committed(rig.commitment(1), Sha256([1; 32]))).await;
    assert_eq!(rig.refused().await, "challenge-driver-changed");
}

#[tokio::test]
async fn silence_is_waited_for_until_the_deadline_and_no_longer() {
    let short = Within { commit: Millis(40), open: Millis(60_000) };
    let began = Instant::now();
    let rig = begin_within(&order(&["a"], true), short);
    assert_eq!(rig.refused().await, "challenge-commitment-late");
    assert!(began.elapsed() >= duration(short.commit));
    let mut rig = begin_within(&order(&["a"], true), Within { commit: Millis(60_000), open: Millis(40) });
    rig.commit(0).await;
    let _kept_to_itself = rig.opening().await;
    assert_eq!(rig.refused().await, "challenge-opening-late");
}

#[tokio::test]
async fn an_answer_counts_by_when_it_arrived() {
    let rig = begin(&order(&["a"], true));
    let at = Instant::now() + duration(SIMULATED_COMMIT) + Duration::from_millis(5);
    let answer = Answer::Committed(rig.commitment(0), Sha256([0; 32]));
    let _ = rig.answers.send(Heard { answer, at }).await;
    assert_eq!(rig.refused().await, "challenge-commitment-late");
}

#[tokio::test]
async fn what_is_said_twice_or_too_early_is_passed_over() {
    let mut rig = begin(&order(&["a"], true));
    rig.say(Answer::Opened { gpu: "a".to_owned(), opening: Opening { tiles: Vec::new() } }).await;
    rig.say(Answer::Opened { gpu: "b".to_owned(), opening: Opening { tiles: Vec::new() } }).await;
    rig.commit(0).await;
    rig.commit(0).await;
    rig.open().await;
    assert!(matches!(rig.result.await.unwrap(), ChallengeResult::Shown(_)));
}

#[tokio::test]
async fn a_rig_that_declines_or_goes_away_has_shown_nothing_and_is_not_blamed() {
    let rig = begin(&order(&["a"], true));
    let reason = Cause { code: "rig-busy".to_owned(), message: "a job came".to_owned(), hint: String::new() };
    rig.say(Answer::Declined(reason)).await;
    assert_eq!(rig.result.await.unwrap(), ChallengeResult::GivenUp);
    let Rig { answers, result, .. } = begin(&order(&["a"], true));
    drop(answers);
    assert_eq!(result.await.unwrap(), ChallengeResult::GivenUp);
}

#[test]
fn deadlines_and_sizes_follow_the_memory_that_is_registered() {
    let big = Exam::new(&ChallengeOrder { vram_mib: 24_576, ..order(&["a"], false) });
    let within = big.within();
    assert_eq!((within.commit, within.open), (Millis(20_000 + 21_000), Millis(13_000)));
    assert_eq!(big.challenges[0].tiles, Tiles::filling(24_576));
    let small = Exam::new(&ChallengeOrder { vram_mib: 24_576, ..order(&["a"], true) });
    assert_eq!((small.within().commit, small.challenges[0].tiles.count()), (SIMULATED_COMMIT, SIMULATED_TILES));
    // The scheduler waits longer than any of them.
    let most = Exam::new(&ChallengeOrder { vram_mib: 512 * 1_024, ..order(&["a"; 64], false) });
    assert!((most.within().commit + most.within().open).0 < 1_200_000);
}
