//! The one loop: events in, actions out. Nothing is decided here but what needs the outside to decide.

mod on_asked;
mod on_challenge;
mod on_extension;
mod on_invitation;
mod on_message;
mod on_offer;
mod on_sealed;
mod stray;
mod usage;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use ed25519_dalek::SigningKey;
use millrace_agent::policy::Rig;
use millrace_agent::{Action, Agent, Event, Record, Report, TaskKey};
use millrace_client::Keypair;
use millrace_link::grpc::WorkerMessage;
use millrace_link::grpc::worker_message::Body;
use millrace_link::heartbeat::BeatSigner;
use millrace_link::objects::ObjectClient;
use millrace_protocol::{Address, Diagnostic, MicroUsdc};
use tokio::sync::mpsc::{Receiver, UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::chain::Chain;
use crate::challenge::{ChallengeEvent, Challenges};
use crate::clock::Clock;
use crate::container::Progress;
use crate::context::Context;
use crate::control::Asked;
use crate::gpu::{Fault, Tally};
use crate::journal::Journal;
use crate::link_client::LinkEvent;
use crate::logs::Shipment;
use crate::objects::Objects;
use crate::overdue::Overdue;
use crate::steps::{StepEvent, Steps};
use crate::upkeep::Upkeep;
use crate::{Error, messages};

use on_asked::Noted;
use on_extension::VettedExtension;
use on_invitation::Invited;
use on_offer::Vetted;
use on_sealed::Brought;

/// How often deadlines are looked at.
const TICK: Duration = Duration::from_millis(500);
/// Before the orchestrator has named its own.
const HEARTBEAT: Duration = Duration::from_secs(10);
/// At most one report of moved bytes per task in this time.
const PROGRESS: Duration = Duration::from_millis(250);

/// How long a worker that ends by itself still sends logs.
const REST: Duration = Duration::from_secs(30);

/// The ends of channels that a driver holds.
pub(crate) struct Wiring {
    pub step_events: UnboundedReceiver<StepEvent>,
    pub link_events: Receiver<LinkEvent>,
    pub gpu_faults: UnboundedReceiver<Fault>,
    pub challenge_events: UnboundedReceiver<ChallengeEvent>,
    pub asked: UnboundedReceiver<Asked>,
    /// Of the engine, from time to time.
    pub images: UnboundedReceiver<BTreeSet<String>>,
    pub connected: watch::Sender<bool>,
    pub set_objects: watch::Sender<Option<Arc<dyn Objects>>>,
    pub logs: UnboundedSender<Shipment>,
    /// Where other members of a gang reach the rig; empty where they do not.
    pub advertised_address: String,
    pub stop: CancellationToken,
    /// Why the rig takes no lease, as its start has found.
    pub unfit: Option<Error>,
    /// That it is registered as it was at its last start, where its start could not ask.
    pub confirmed: UnboundedReceiver<()>,
}

/// A worker at work.
pub(crate) struct Driver {
    agent: Agent,
    journal: Journal,
    clock: Clock,
    rig: Rig,
    context: Arc<Context>,
    steps: Steps,
    challenges: Challenges,
    chain: Arc<dyn Chain>,
    node_key: Arc<Keypair>,
    signing: Arc<SigningKey>,
    wiring: Wiring,
    link: Option<(UnboundedSender<WorkerMessage>, BeatSigner)>,
    vetted: (UnboundedSender<Vetted>, UnboundedReceiver<Vetted>),
    invited: (UnboundedSender<Invited>, UnboundedReceiver<Invited>),
    vetted_extensions: (UnboundedSender<VettedExtension>, UnboundedReceiver<VettedExtension>),
    /// What buyers have brought, opened or refused.
    brought: (UnboundedSender<Brought>, UnboundedReceiver<Brought>),
    upkeep: Upkeep,
    overdue: Overdue,
    /// Leases and rounds as the chain has them.
    readings: UnboundedReceiver<Event>,
    /// What removes containers that nobody owns, and that the engine has not let go yet.
    strays: JoinSet<()>,
    heartbeat: tokio::time::Interval,
    progress: HashMap<TaskKey, Instant>,
    /// What the orchestrator was told of last.
    told_images: BTreeSet<String>,
    noted: Noted,
    gpu_usages: Tally,
    /// Since when nothing has been at stake.
    at_rest_since: Option<Instant>,
}

impl Driver {
    #[allow(clippy::too_many_arguments, reason = "called once, where the parts are made")]
    pub fn new(
        agent: Agent,
        journal: Journal,
        clock: Clock,
        rig: Rig,
        context: Arc<Context>,
        steps: Steps,
        challenges: Challenges,
        chain: Arc<dyn Chain>,
        node_key: Arc<Keypair>,
        signing: Arc<SigningKey>,
        wiring: Wiring,
    ) -> Self {
        let heartbeat = beat(HEARTBEAT);
        let (vetted, invited) = (unbounded_channel(), unbounded_channel());
        let brought = unbounded_channel();
        let (upkeep, readings) = Upkeep::new(context.node, chain.clone(), clock, context.troubles.clone());
        let overdue = Overdue::new(context.node, chain.clone(), clock, context.troubles.clone());
        let vetted_extensions = unbounded_channel();
        let gpu_usages = Tally::of(&context.inventory.gpus);
        let (link, progress) = (None, HashMap::new());
        Self {
            agent,
            journal,
            clock,
            rig,
            context,
            steps,
            challenges,
            chain,
            node_key,
            signing,
            wiring,
            link,
            vetted,
            invited,
            vetted_extensions,
            brought,
            upkeep,
            overdue,
            readings,
            strays: JoinSet::new(),
            heartbeat,
            progress,
            told_images: BTreeSet::new(),
            noted: Noted::new(clock.now()),
            gpu_usages,
            at_rest_since: None,
        }
    }

    /// Until it is stopped.
    ///
    /// # Errors
    /// [`Error::Journal`]: a worker that cannot remember must not promise anything. Why the rig is unfit, once nothing is
    /// left that it was started for all the same.
    pub async fn run(mut self, recovered: Vec<Action>) -> Result<(), Error> {
        for task in self.agent.tasks() {
            self.tell_logs(Shipment::Grown { key: task.key(), job: task.assignment.job });
            if task.is_acknowledged() {
                self.tell_logs(Shipment::Finished(task.key()));
            }
        }
        if !self.context.inventory.simulated {
            let uuids = self.context.inventory.gpus.iter().map(|gpu| gpu.uuid.clone()).collect();
            self.feed(Event::GpusFound(uuids)).await?;
        }
        self.perform(recovered).await?;
        self.restore_sealed().await?;
        let mut ticks = beat(TICK);
        self.journal.take_ballast();
        loop {
            tokio::select! {
                () = self.wiring.stop.cancelled() => return Ok(()),
                _ = ticks.tick() => {
                    self.count_usage();
                    self.feed(Event::Tick).await?;
                    self.journal.take_ballast();
                    if self.journal.is_long() {
                        self.compact();
                    }
                    self.end_unfit()?;
                }
                _ = self.heartbeat.tick() => self.beat(),
                _ = self.overdue.looks.tick() => self.overdue.look(&self.agent),
                Some(event) = self.wiring.step_events.recv() => self.on_step(event).await?,
                Some(event) = self.wiring.link_events.recv() => self.on_link(event).await?,
                Some((gpu, fault)) = self.wiring.gpu_faults.recv() => self.feed(Event::GpuFault { gpu, fault }).await?,
                Some(event) = self.wiring.challenge_events.recv() => self.on_challenge_event(event).await?,
                Some(vetted) = self.vetted.1.recv() => self.on_vetted(vetted).await?,
                Some(invited) = self.invited.1.recv() => self.on_invited(invited).await?,
                Some(vetted) = self.vetted_extensions.1.recv() => self.on_vetted_extension(vetted).await?,
                Some(brought) = self.brought.1.recv() => self.on_brought(brought).await?,
                Some(asked) = self.wiring.asked.recv() => self.on_asked(asked),
                Some(images) = self.wiring.images.recv() => self.on_images(images),
                Some(reading) = self.readings.recv() => self.feed(reading).await?,
                Some(_) = self.strays.join_next() => self.on_stray_gone(),
                Some(()) = self.wiring.confirmed.recv() => self.on_confirmed(),
            }
        }
    }

    /// What is wrong with the rig may have been mended: only a new start looks.
    ///
    /// # Errors
    /// Why it is unfit, once nothing has been at stake for [`REST`].
    fn end_unfit(&mut self) -> Result<(), Error> {
        let at_stake = self.agent.leases().next().is_some() || self.agent.votes().next().is_some();
        if at_stake || !self.strays.is_empty() {
            self.at_rest_since = None;
            return Ok(());
        }
        let since = *self.at_rest_since.get_or_insert_with(Instant::now);
        let over = since.elapsed() >= REST;
        self.wiring.unfit.take_if(|_| over).map_or(Ok(()), Err)
    }

    /// Whether it is registered was all that kept it from taking leases.
    fn on_confirmed(&mut self) {
        if let Some(error) = self.wiring.unfit.take() {
            tracing::info!("the chain says that the rig is registered as before: it takes leases again");
            self.context.troubles.end_lasting(error.code());
            self.rig.unfit = false;
            self.beat();
        }
    }

    /// A journal that cannot be shortened now is shortened later.
    fn compact(&mut self) {
        if let Err(error) = self.journal.compact(&self.agent.snapshot()) {
            tracing::warn!(%error, "the journal stays long");
        }
    }

    async fn feed(&mut self, event: Event) -> Result<(), Error> {
        let actions = self.agent.on_event(event, self.clock.now());
        self.perform(actions).await
    }

    async fn perform(&mut self, actions: Vec<Action>) -> Result<(), Error> {
        for action in actions {
            let key = subject(&action);
            let lease = key.and_then(|key| self.agent.lease(&key.lease));
            let gpus = lease.map_or_else(Vec::new, |lease| lease.terms.gpus.clone());
            let assignment = key.and_then(|key| self.agent.task(key)).map(|task| &task.assignment);
            match self.steps.perform(action, assignment, gpus) {
                None => {}
                Some(Action::Journal(record)) => {
                    self.journal.append(&record)?;
                    match record {
                        Record::TaskAcknowledged { key } => self.tell_logs(Shipment::Finished(key)),
                        Record::LeaseClosed { lease } => {
                            self.context.vault.forget(lease);
                            self.gpu_usages.forget(lease);
                            self.progress.retain(|key, _| key.lease != lease);
                            self.tell_logs(Shipment::LeaseClosed(lease));
                        }
                        _ => {}
                    }
                }
                Some(Action::Report(report)) => self.report(report),
                Some(Action::RemoveContainer(container)) => self.remove_stray(container).await,
                Some(Action::RemoveFoldersExcept(keys)) => self.sweep(&keys),
                Some(Action::AnswerChallenge(number)) => self.challenges.begin(number),
                Some(Action::GiveUpChallenge(number)) => self.challenges.give_up(number).await,
                Some(other) => {
                    if let Some(other) = self.upkeep.perform(&self.agent, other) {
                        unreachable!("a step of a task was given back: {other:?}");
                    }
                }
            }
        }
        Ok(())
    }

    fn report(&mut self, report: Report) {
        match &report {
            Report::Failed(key, failure) => {
                tracing::warn!(task = %key, %failure, "task failed");
                self.note_failure(*key, failure);
            }
            Report::Done(key, outputs) => {
                tracing::info!(task = %key, outputs = outputs.len(), "task done");
                self.noted.totals.tasks_done += 1;
            }
            Report::GpuFault { gpu, fault } => {
                let uuid = self.context.inventory.gpus.get(usize::from(*gpu)).map_or("", |gpu| &gpu.uuid);
                tracing::warn!(gpu, uuid, code = fault.code(), %fault, hint = fault.hint(), "a GPU is not well");
                self.context.troubles.note_words(
                    fault.code(),
                    format!("GPU {gpu}: {fault}"),
                    fault.hint(),
                    self.clock.now(),
                );
            }
            Report::LeaseClosed { lease, earned } => {
                tracing::info!(%lease, %earned, "lease closed");
                let totals = &mut self.noted.totals;
                totals.leases_closed += 1;
                totals.earned = totals.earned.plus(*earned).unwrap_or(MicroUsdc::MAX);
            }
            Report::SetBack(key, _, Some(setback)) => {
                tracing::warn!(task = %key, code = setback.cause.code(), %setback, "the task goes on without");
            }
            other => tracing::debug!(report = ?other),
        }
        let job = match &report {
            Report::LeaseEnded { .. }
            | Report::LeaseClosed { .. }
            | Report::GpuFault { .. }
            | Report::ChallengeDeclined { .. } => Address::default(),
            Report::AwaitingSecrets(key, _)
            | Report::FetchingInputs(key)
            | Report::Pulling(key)
            | Report::Creating(key, _)
            | Report::Starting(key)
            | Report::Running(key)
            | Report::Uploading(key)
            | Report::BroughtAway(key, ..)
            | Report::SetBack(key, ..)
            | Report::Done(key, _)
            | Report::Failed(key, _) => {
                self.agent.lease(&key.lease).map_or_else(Address::default, |lease| lease.terms.job)
            }
        };
        if let Some(message) = messages::report(report, job) {
            self.send(message);
        }
    }

    fn beat(&mut self) {
        if let Some((link, beats)) = &mut self.link {
            let heartbeat = beats.sign(messages::beat(&self.agent, self.rig.takes_no_more()));
            let _ = link.send(messages::message(Body::Heartbeat(heartbeat)));
        }
    }

    fn on_images(&mut self, images: BTreeSet<String>) {
        if self.link.is_some() && self.told_images != images {
            self.send(messages::images(images.iter().cloned().collect()));
            self.told_images = images;
        }
    }

    /// Says it now, or not at all: what matters is said again after the next connection.
    fn send(&self, message: WorkerMessage) {
        if let Some((link, _)) = &self.link {
            let _ = link.send(message);
        }
    }

    fn tell_logs(&self, shipment: Shipment) {
        let _ = self.wiring.logs.send(shipment);
    }

    async fn on_step(&mut self, event: StepEvent) -> Result<(), Error> {
        match event {
            StepEvent::Task { key, event } => {
                self.progress.remove(&key);
                self.feed(Event::Task { key, event }).await?;
            }
            StepEvent::Progress { key, progress } => self.on_progress(key, progress),
            StepEvent::LogGrown { key, job } => self.tell_logs(Shipment::Grown { key, job }),
        }
        Ok(())
    }

    fn on_progress(&mut self, key: TaskKey, progress: Progress) {
        let complete = progress.done >= progress.total;
        let due = self.progress.get(&key).is_none_or(|last| last.elapsed() >= PROGRESS);
        if !due && !complete {
            return;
        }
        self.progress.insert(key, Instant::now());
        let task = self.agent.task(key);
        if let Some(message) = task.and_then(|task| messages::progress(task, progress)) {
            self.send(message);
        }
    }

    async fn on_link(&mut self, event: LinkEvent) -> Result<(), Error> {
        match event {
            LinkEvent::Connected { welcome, cached_images, outbound, beats } => {
                tracing::info!(orchestrator = welcome.object_endpoint, "connected");
                let objects = ObjectClient::new(&welcome.object_endpoint, self.signing.clone());
                self.wiring.set_objects.send_replace(Some(Arc::new(objects)));
                self.heartbeat = beat(Duration::from_millis(welcome.heartbeat_millis.max(100)));
                self.tell_logs(Shipment::Connected(outbound.clone()));
                self.link = Some((outbound, beats));
                self.noted.link(true, self.clock.now());
                self.told_images = cached_images.iter().cloned().collect();
                let advertised = self.wiring.advertised_address.clone();
                self.send(messages::resume(
                    &self.agent,
                    self.rig.takes_no_more(),
                    self.rig.runtimes(),
                    cached_images,
                    advertised,
                ));
                if let Some(gpus) = self.challenges.announcement() {
                    self.send(messages::message(Body::GpuAnnouncement(gpus)));
                }
                self.feed(Event::Connected).await?;
                self.wiring.connected.send_replace(true);
            }
            LinkEvent::Disconnected => {
                self.link = None;
                self.noted.link(false, self.clock.now());
                self.tell_logs(Shipment::Disconnected);
                self.wiring.connected.send_replace(false);
            }
            LinkEvent::Message(message) => self.on_message(message).await?,
        }
        Ok(())
    }
}

/// The task an action is about.
fn subject(action: &Action) -> Option<TaskKey> {
    match action {
        Action::FetchInputs(assignment)
        | Action::PullImage(assignment)
        | Action::CreateContainer(assignment)
        | Action::BringAway { assignment, .. }
        | Action::CollectOutputs(assignment) => Some(assignment.key),
        Action::StartContainer(key)
        | Action::Follow(key)
        | Action::CopyLog(key)
        | Action::Terminate(key)
        | Action::Kill(key)
        | Action::Clean(key) => Some(*key),
        Action::Journal(_)
        | Action::RemoveContainer(_)
        | Action::RemoveFoldersExcept(_)
        | Action::ReadLease(_)
        | Action::Redeem { .. }
        | Action::ExtendStart(_)
        | Action::HoldLease(_)
        | Action::ReadRound(_)
        | Action::CommitResult { .. }
        | Action::RevealResult { .. }
        | Action::AnswerChallenge(_)
        | Action::GiveUpChallenge(_)
        | Action::Report(_) => None,
    }
}

fn beat(period: Duration) -> tokio::time::Interval {
    let mut interval = interval(period);
    interval.set_missed_tick_behavior(MissedTickBehavior::Skip);
    interval
}
