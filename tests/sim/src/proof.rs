//! GPU challenges: the orchestrator's shell asks and compares, a rig's answers take their time. What is computed
//! is left out: an answer is right when it names what was drawn for the question.

use millrace_agent::Event as AgentEvent;
use millrace_protocol::{Address, HardwareAttestation, HardwareClass, UnixSeconds};
use millrace_scheduler::{ChallengeOrder, ChallengeResult, Event, Evidence, GpuEvidence, Record};
use millrace_spec::Sha256;

use crate::message::{ToOrchestrator, ToRig};
use crate::name;
use crate::orchestrator::Input;
use crate::sabotage::Sabotage;
use crate::scenario::Character;
use crate::simulation::{Chore, RigChore, Simulation, What};

/// Milliseconds that an answer may take.
const WITHIN: u64 = 30_000;

/// A question that is with a rig.
#[derive(Clone, Debug)]
pub struct Exam {
    pub number: u64,
    session: u64,
    nonce: u64,
    gpus: Vec<String>,
    asked_at: u64,
}

/// What a rig works on: the question's number and nonce.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Proving {
    number: u64,
    nonce: u64,
}

impl Simulation {
    /// UUIDs as the rig names them.
    pub fn gpus_of(&self, rig: usize) -> Vec<String> {
        // It lies about whose they are.
        let of = if self.lies(rig, Character::Impostor) { (rig + 1) % self.rigs.len() } else { rig };
        let count = self.scenario.rigs[rig].hardware.gpu_count;
        (0..count).map(|gpu| format!("GPU-{of}-{gpu}")).collect()
    }

    fn lies(&self, rig: usize, character: Character) -> bool {
        !self.quiet && self.character(rig) == character
    }

    pub fn challenge_node(&mut self, order: ChallengeOrder) {
        let (node, number) = (order.node, order.challenge);
        let run = self.orchestrator.run;
        let Some(session) = self.orchestrator.session(node) else {
            let result = ChallengeResult::GivenUp;
            let input = Input::Event(Event::ChallengeEnded { node, challenge: number, result });
            return self.plan(1, What::Input { run, input: Box::new(input) });
        };
        let nonce = self.draw.between(0..=u64::MAX);
        let exam = Exam { number, session, nonce, gpus: order.gpus, asked_at: self.now };
        self.note(|| format!("scheduler  > challenges {} as #{number}", name::short(node)));
        self.orchestrator.exams().insert(node, exam);
        self.send_to_rig(session, ToRig::Challenge { number, nonce });
        self.plan(WITHIN, What::Orchestrator { run, what: Chore::ProofOverdue { node, number } });
    }

    pub fn proof_overdue(&mut self, node: Address, number: u64) {
        if self.orchestrator.exams().get(&node).is_some_and(|exam| exam.number == number) {
            self.end_exam(node, ChallengeResult::Refused(cause("challenge-commitment-late")));
        }
    }

    /// An answer counts if it is the one to the question that is out, on the stream that it went to.
    pub fn proof_arrives(&mut self, node: Address, session: u64, number: u64, answer: Option<u64>) {
        let asked = self.orchestrator.exams().get(&node).cloned();
        let Some(exam) = asked.filter(|exam| (exam.number, exam.session) == (number, session)) else { return };
        let right = answer == Some(exam.nonce);
        if right {
            self.witness.proved.insert(node);
        }
        let result = match answer {
            None => ChallengeResult::GivenUp,
            Some(_) if right || self.is_sabotaged(Sabotage::AnswersAreNotVerified) => {
                ChallengeResult::Shown(Box::new(evidence(&exam, self.now)))
            }
            Some(_) => ChallengeResult::Refused(cause("challenge-wrong-product")),
        };
        self.end_exam(node, result);
    }

    fn end_exam(&mut self, node: Address, result: ChallengeResult) {
        if let Some(exam) = self.orchestrator.exams().remove(&node) {
            self.take_in(Input::Event(Event::ChallengeEnded { node, challenge: exam.number, result }));
        }
    }

    pub fn stream_ends_exam(&mut self, node: Address, session: u64) {
        if self.orchestrator.exams().get(&node).is_some_and(|exam| exam.session == session) {
            self.orchestrator.exams().remove(&node);
        }
    }

    /// What is brought to the chain is on the disk.
    pub fn check_attestation(&mut self, node: Address, attestation: HardwareAttestation, digest: Sha256) {
        let Some(Record::Proof(record)) = self.orchestrator.stored(node, 0, 3) else {
            return self.breaks(format!("{} is attested and not on the disk", name::short(node)));
        };
        let shown = record.shown.as_ref().map(|shown| shown.evidence.digest(node));
        if attestation.class == HardwareClass::Challenged && shown != Some(digest) {
            self.breaks(format!("{} is attested and something else is on the disk", name::short(node)));
        }
    }

    /// Only who has answered right is attested, and no GPU that does not exist.
    pub fn attested(&mut self, node: Address, class: HardwareClass) {
        let simulated = self.scenario.rigs[name::number(node)].hardware.simulated;
        if class == HardwareClass::Challenged && (simulated || !self.witness.proved.contains(&node)) {
            self.breaks(format!("{} is attested and has shown nothing", name::short(node)));
        }
    }

    pub fn rig_is_asked(&mut self, rig: usize, number: u64, nonce: u64) {
        let now = self.rig_now(rig);
        self.rigs[rig].asked = Some(Proving { number, nonce });
        let until = UnixSeconds(now.0 + WITHIN / 1_000);
        self.rig_feed(rig, AgentEvent::ChallengeAsked { number, until });
    }

    /// Who has not what it registered is late, or computes something else.
    pub fn rig_proves(&mut self, rig: usize, number: u64) {
        let Some(asked) = self.rigs[rig].asked.take().filter(|asked| asked.number == number) else { return };
        let late = self.lies(rig, Character::Boaster) && self.draw.permille(500);
        let wrong = self.lies(rig, Character::Forger) || self.lies(rig, Character::Boaster);
        let nonce = if wrong { asked.nonce ^ 1 } else { asked.nonce };
        self.rigs[rig].proving = Some(Proving { number, nonce });
        let stays = self.is_sabotaged(Sabotage::ProversStay);
        let after = if late || stays { WITHIN * 20 } else { self.draw.between(500..=8_000) };
        self.rig_plan(rig, after, RigChore::Proved { number });
        self.look_at_provers(rig);
    }

    pub fn rig_gives_up_proving(&mut self, rig: usize, number: u64) {
        if self.is_sabotaged(Sabotage::ProversStay) {
            return;
        }
        if self.rigs[rig].proving.take_if(|proving| proving.number == number).is_some() {
            self.rig_plan(rig, 5, RigChore::ProverGone { number });
        }
    }

    pub fn rig_has_proved(&mut self, rig: usize, number: u64) {
        let Some(proving) = self.rigs[rig].proving.take_if(|proving| proving.number == number) else { return };
        if let Some(session) = self.rigs[rig].session
            && !self.lies(rig, Character::Mute)
        {
            self.send_to_orchestrator(session, ToOrchestrator::Proved { number, answer: Some(proving.nonce) });
        }
        self.rig_feed(rig, AgentEvent::ChallengeEnded(number));
    }

    /// A GPU works for one at a time.
    pub fn look_at_provers(&mut self, rig: usize) {
        let runs = |container: &crate::rig::Container| container.state == millrace_agent::FoundState::Running;
        let honest = self.character(rig) == Character::Honest;
        if honest && self.rigs[rig].proving.is_some() && self.rigs[rig].containers.values().any(runs) {
            self.breaks(format!("N{rig} answers a challenge beside a job"));
        }
    }
}

fn evidence(exam: &Exam, now: u64) -> Evidence {
    let digest = |number: u64| Sha256(std::array::from_fn(|byte| (number >> (byte % 8 * 8)) as u8));
    let gpu = |gpu: &String| GpuEvidence {
        gpu: gpu.clone(),
        nonce: digest(exam.nonce),
        tiles: 2,
        root: digest(exam.nonce),
        took: now - exam.asked_at,
    };
    Evidence { gpus: exam.gpus.iter().map(gpu).collect(), driver: Sha256([1; 32]), simulated: false, score: 500 }
}

fn cause(code: &str) -> millrace_scheduler::Cause {
    let message = "the answer is not what was asked for".to_owned();
    millrace_scheduler::Cause { code: code.to_owned(), message, hint: String::new() }
}
