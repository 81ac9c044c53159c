//! What the agent's actions become: steps that take their time, containers that end.

use millrace_agent::{
    Action, Assignment, Cause, Exit, Failure, FoundState, Output, Saved, Setback, TaskEvent, TaskKey,
};
use millrace_protocol::Address;
use millrace_spec::{ObjectRef, sha256};

use super::Container;
use crate::chain::Origin;
use crate::harm::Harm;
use crate::ledger::Instruction;
use crate::name;
use crate::sabotage::Sabotage;
use crate::scenario::Character;
use crate::simulation::{RigChore, Simulation, What};

/// From when on a pull is felt to be slow, in milliseconds.
const SLOW_PULL: u64 = 60_000;

impl Simulation {
    /// Does what the agent decided, in its order; a worker may die between two actions.
    pub fn rig_perform(&mut self, rig: usize, actions: Vec<Action>) {
        let run = self.rigs[rig].run;
        let dies = self.scenario.weather.worker_dies_within;
        for action in actions {
            if self.rigs[rig].run != run {
                return;
            }
            self.rig_does(rig, action);
            if self.chance(dies) {
                self.worker_dies(rig);
                let after = self.draw.between(500..=90_000);
                return self.rig_plan(rig, after, RigChore::Start);
            }
        }
    }

    fn rig_does(&mut self, rig: usize, action: Action) {
        match action {
            Action::Journal(record) => self.rigs[rig].journal.push(record),
            Action::FetchInputs(assignment) => {
                let after = self.draw.between(20..=2_000);
                let result = self.or_fails(Cause::InputUnavailable, TaskEvent::InputsReady);
                self.step(rig, assignment.key, after, result);
            }
            Action::PullImage(assignment) => self.pull(rig, &assignment),
            Action::CreateContainer(assignment) => {
                let after = self.draw.between(50..=500);
                let result = self.or_fails(Cause::CreateFailed, TaskEvent::Created);
                self.step(rig, assignment.key, after, result);
            }
            Action::StartContainer(key) => {
                let after = self.draw.between(50..=500);
                let boasts = self.character(rig) == Character::Boaster;
                let result = if boasts {
                    TaskEvent::Failed(Failure::from(Cause::StartFailed))
                } else {
                    self.or_fails(Cause::StartFailed, TaskEvent::Started)
                };
                self.step(rig, key, after, result);
            }
            Action::Follow(key) => self.follow(rig, key),
            Action::Terminate(key) => {
                // Some programs do not care.
                if self.draw.permille(800) {
                    let after = self.draw.between(10..=3_000);
                    self.signal(rig, key, after, 143);
                }
            }
            Action::Kill(key) => self.signal(rig, key, 50, 137),
            Action::CollectOutputs(assignment) => {
                let after = self.draw.between(50..=3_000);
                let idles = self.character(rig) == Character::Idler && !self.quiet;
                let lies = self.scenario.liar == Some(rig) && self.is_counted(assignment.job);
                let outputs = vec![if idles || lies {
                    pretended(&assignment)
                } else {
                    output(&assignment, self.character(rig) == Character::Cheat)
                }];
                let result = self.or_fails(Cause::UploadFailed, TaskEvent::Uploaded(outputs));
                self.step(rig, assignment.key, after, result);
            }
            Action::BringAway { round, assignment, number } => {
                let after = self.draw.between(50..=3_000);
                let content = format!("{round:?} {number} of {}", assignment.key);
                let manifest = ObjectRef { sha256: sha256(content.as_bytes()), size: content.len() as u64 };
                let saved = Saved { manifest, files: 1, bytes: 1 };
                let full = || Setback::of(round, &Cause::DiskFull.into());
                let (saved, setback) = if self.draw.permille(900) { (Some(saved), None) } else { (None, Some(full())) };
                self.step(rig, assignment.key, after, TaskEvent::RoundOver { round, number, saved, setback });
            }
            Action::Clean(key) => {
                let after = self.draw.between(50..=1_000);
                self.step(rig, key, after, TaskEvent::Cleaned);
            }
            Action::RemoveContainer(id) => self.rigs[rig].containers.retain(|key, _| key.to_string() != id),
            Action::RemoveFoldersExcept(_) | Action::CopyLog(_) => {}
            Action::ReadLease(lease) => {
                let delay = self.delay();
                self.rig_plan(rig, delay, RigChore::Read { lease });
            }
            Action::Redeem { voucher, .. } => {
                let lease = voucher.lease;
                self.rig_sends(rig, lease, Instruction::Settle { voucher: Box::new(voucher), signed: true });
            }
            Action::ExtendStart(lease) => self.rig_sends(rig, lease, Instruction::ExtendStart { lease }),
            Action::HoldLease(lease) => self.rig_sends(rig, lease, Instruction::HoldLease { lease }),
            Action::ReadRound(lease) => {
                let delay = self.delay();
                self.rig_plan(rig, delay, RigChore::ReadRound { lease });
            }
            Action::CommitResult { lease, root, salt } => {
                self.rig_sends(rig, lease, Instruction::CommitResult { lease, root, salt });
            }
            Action::RevealResult { lease, root, salt } => {
                self.rig_sends(rig, lease, Instruction::RevealResult { lease, root, salt });
            }
            Action::AnswerChallenge(number) => self.rig_proves(rig, number),
            Action::GiveUpChallenge(number) => self.rig_gives_up_proving(rig, number),
            Action::Report(report) => self.rig_reports(rig, report),
        }
    }

    /// Whether results of the job are counted.
    pub fn is_counted(&self, job: Address) -> bool {
        let view = self.job_on_chain(job);
        view.is_some_and(|view| view.job.terms.verification.is_quorum())
    }

    fn or_fails(&mut self, cause: Cause, event: TaskEvent) -> TaskEvent {
        let share = self.scenario.weather.steps_fail;
        if self.chance(share) { TaskEvent::Failed(Failure::from(cause)) } else { event }
    }

    /// One transaction at a time per lease.
    fn rig_sends(&mut self, rig: usize, lease: Address, instruction: Instruction) {
        if self.rigs[rig].acting.insert(lease) {
            let run = self.rigs[rig].run;
            self.note(|| format!("{:<10} > {}", name::short(name::node(rig)), crate::senders::describe(&instruction)));
            self.send(instruction, Origin::Rig { rig, run, lease });
        }
    }

    fn pull(&mut self, rig: usize, assignment: &Assignment) {
        let cached = self.rigs[rig].images.contains(&assignment.image);
        let (longest, fails) = (self.scenario.weather.pull.max(200), self.scenario.weather.pulls_fail);
        let fails = self.chance(fails);
        let (after, event) = match (cached, fails) {
            (true, _) => (20, TaskEvent::ImageReady { digest: "sha256:1".to_owned() }),
            (false, true) => (self.draw.between(100..=longest), TaskEvent::Failed(Cause::PullFailed.into())),
            (false, false) => {
                let after = self.draw.between(100..=longest);
                self.rigs[rig].images.insert(assignment.image.clone());
                self.say_what_images_it_has(rig);
                (after, TaskEvent::ImageReady { digest: "sha256:1".to_owned() })
            }
        };
        if after > SLOW_PULL {
            let step = self.rigs[rig].next_step;
            self.rig_plan(rig, SLOW_PULL, RigChore::PullDragsOn { key: assignment.key, step });
        }
        self.step(rig, assignment.key, after, event);
    }

    /// Whoever waited for the pull may have given it up, or died.
    pub fn pull_drags_on(&mut self, rig: usize, key: TaskKey, step: u64) {
        if self.rigs[rig].steps.get(&key) == Some(&step) {
            self.harms.note(Harm::PullSlow);
        }
    }

    /// Begins a step; whatever was under way for the task counts no more.
    fn step(&mut self, rig: usize, key: TaskKey, after: u64, event: TaskEvent) {
        let worker = &mut self.rigs[rig];
        let step = worker.next_step;
        worker.next_step += 1;
        worker.steps.insert(key, step);
        self.rig_plan(rig, after, RigChore::Step { key, step, event });
    }

    pub fn step_is_done(&mut self, rig: usize, key: TaskKey, step: u64, event: TaskEvent) {
        if self.rigs[rig].steps.get(&key) != Some(&step) {
            return;
        }
        match &event {
            TaskEvent::Failed(failure) if failure.cause == Cause::PullFailed => self.harms.note(Harm::PullFailed),
            TaskEvent::Created => self.create(rig, key),
            TaskEvent::Started => self.start(rig, key),
            TaskEvent::Uploaded(outputs) => {
                let delivers = match self.character(rig) {
                    Character::Forger if !self.quiet => self.draw.permille(500),
                    Character::Idler if !self.quiet => false,
                    _ => true,
                };
                if delivers {
                    self.objects.extend(outputs.iter().map(|output| output.object.sha256));
                }
            }
            TaskEvent::Cleaned => {
                self.rigs[rig].steps.remove(&key);
                if !self.is_sabotaged(Sabotage::ContainersStay) {
                    self.rigs[rig].containers.remove(&key);
                }
            }
            _ => {}
        }
        self.rig_feed(rig, millrace_agent::Event::Task { key, event });
    }

    fn create(&mut self, rig: usize, key: TaskKey) {
        let worker = &mut self.rigs[rig];
        worker.incarnations += 1;
        let incarnation = worker.incarnations;
        let job = worker.agent.as_ref().and_then(|agent| agent.task(key)).map(|task| task.assignment.job);
        let Some(job) = job else { return };
        let container = Container { incarnation, state: FoundState::Created, job, followed: false };
        if worker.containers.insert(key, container).is_some() {
            self.breaks(format!("two containers for {key} on {}", name::short(name::node(rig))));
        }
    }

    fn start(&mut self, rig: usize, key: TaskKey) {
        let idles = self.character(rig) == Character::Idler;
        let worker = &self.rigs[rig];
        let spec = worker.agent.as_ref().and_then(|agent| agent.lease(&key.lease)).map(|lease| lease.terms.spec);
        let Some(plan) = spec.and_then(|spec| self.plans.get(&spec)) else { return };
        let work = self.scenario.jobs[*plan].work;
        let code = i64::from(self.draw.permille(work.fails));
        let lasts = if idles { 1 } else { self.draw.between(work.millis.0..=work.millis.1) };
        let Some(container) = self.rigs[rig].containers.get_mut(&key) else { return };
        container.state = FoundState::Running;
        let incarnation = container.incarnation;
        self.witness.began(key.lease, self.now);
        self.note(|| {
            format!(
                "{:<10} container {}.{} of {} runs for {lasts} ms",
                name::short(name::node(rig)),
                key.task,
                key.attempt,
                name::short(key.lease)
            )
        });
        self.plan(lasts, What::ContainerEnds { rig, key, incarnation, code });
        self.look_at_provers(rig);
    }

    fn signal(&mut self, rig: usize, key: TaskKey, after: u64, code: i64) {
        if let Some(container) = self.rigs[rig].containers.get(&key) {
            let incarnation = container.incarnation;
            self.plan(after, What::ContainerEnds { rig, key, incarnation, code });
        }
    }

    pub fn container_ends(&mut self, rig: usize, key: TaskKey, incarnation: u64, code: i64) {
        let Some(container) = self.rigs[rig].containers.get_mut(&key) else { return };
        if container.incarnation != incarnation || container.state != FoundState::Running {
            return;
        }
        let exit = Exit { code, out_of_memory: false };
        container.state = FoundState::Exited(exit);
        if container.followed {
            self.rig_plan(rig, 5, RigChore::Step { key, step: 0, event: TaskEvent::Exited(exit) });
            self.step_zero(rig, key);
        }
    }

    /// The end of a container is no step that another one follows.
    fn step_zero(&mut self, rig: usize, key: TaskKey) {
        self.rigs[rig].steps.insert(key, 0);
    }

    fn follow(&mut self, rig: usize, key: TaskKey) {
        let Some(container) = self.rigs[rig].containers.get_mut(&key) else {
            return self.step(rig, key, 5, TaskEvent::Vanished);
        };
        container.followed = true;
        if let FoundState::Exited(exit) = container.state {
            self.step(rig, key, 5, TaskEvent::Exited(exit));
        }
    }
}

fn output(assignment: &Assignment, cheats: bool) -> Output {
    let made = if cheats { cheap_result } else { result };
    Output { path: "result.bin".to_owned(), object: made(assignment.job, assignment.key.task) }
}

/// What doing a task makes, whoever does it.
pub fn result(job: Address, task: u32) -> ObjectRef {
    let content = format!("result {task} of {job}");
    ObjectRef { sha256: sha256(content.as_bytes()), size: content.len() as u64 }
}

/// What a rig delivers that does less than the task asks for.
pub fn cheap_result(job: Address, task: u32) -> ObjectRef {
    let content = format!("cheap result {task} of {job}");
    ObjectRef { sha256: sha256(content.as_bytes()), size: content.len() as u64 }
}

/// What a rig says it made that has made nothing.
fn pretended(assignment: &Assignment) -> Output {
    let content = format!("nothing under {}", assignment.key);
    let object = ObjectRef { sha256: sha256(content.as_bytes()), size: content.len() as u64 };
    Output { path: "result.bin".to_owned(), object }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Scenario;

    #[test]
    fn a_slow_pull_is_felt_while_its_task_waits_for_it() {
        let mut simulation = Simulation::new(Scenario::large(1, 1, 1, 60_000), false);
        let key = TaskKey { lease: Address([7; 32]), task: 0, attempt: 1 };
        simulation.rigs[0].steps.insert(key, 3);
        for (step, times) in [(2, 0), (3, 1)] {
            simulation.pull_drags_on(0, key, step);
            assert_eq!(simulation.harms.times(Harm::PullSlow), times, "step {step}");
        }
    }
}
