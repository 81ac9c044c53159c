//! The one loop. It owns the scheduler and everything the scheduler's actions need; whoever else
//! wants something of it sends an [`Input`].
//!
//! Inputs that wait are taken together: their records are written in one go, and only then are the
//! other actions carried out. Anything slow runs beside the loop and comes back as an input.

mod actions;
mod answers;
mod bids;
mod book;
mod challenges;
mod extension;
mod forgetting;
mod index;
mod input;
mod needed;
#[cfg(test)]
mod sample;
mod sealed;
mod sessions;
mod specs;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use millrace_protocol::Address;
use millrace_scheduler::{Action, Core, Event, Forgotten, Record};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::chain::Chain;
use crate::clock::Clock;
use crate::logs::Logs;
use crate::metrics::{Counters, Tally};
use crate::objects::Objects;
use crate::signer::Signer;
use crate::store::{self, Change, Store};

use answers::Answers;
pub(crate) use answers::Reply;
pub(crate) use bids::Told as ToldBid;
pub(crate) use book::Book;
use book::round_seen;
use challenges::Exams;
use index::JobIndex;
pub(crate) use input::{Inbox, Input};
use sealed::Handovers;
pub(crate) use sealed::Taken;
pub(crate) use sessions::Session;
pub(crate) use specs::Spec;

/// Between two looks at the clock.
const TICK: Duration = Duration::from_millis(500);
/// How many waiting inputs are taken together.
const BATCH: usize = 256;

/// All state, and the way out to everything.
pub(crate) struct Driver {
    pub core: Core,
    pub book: Book,
    pub clock: Arc<Clock>,
    pub chain: Chain,
    /// Of the open jobs.
    pub specs: HashMap<Address, Arc<Spec>>,
    pub index: JobIndex,
    pub sessions: HashMap<Address, Session>,
    answers: Answers,
    extensions: Answers,
    exams: Exams,
    handovers: Handovers,
    store: Store,
    objects: Objects,
    logs: Logs,
    signer: Signer,
    inbox: Inbox,
    /// Transactions and fetches under way. They end with the loop; the state outlives them.
    beside: JoinSet<()>,
    reconciled: Option<oneshot::Sender<()>>,
    pub counters: Counters,
    /// Of the core's jobs, as of the last batch.
    pub tally: Tally,
}

/// What a driver is made of.
pub(crate) struct Parts {
    pub core: Core,
    pub clock: Arc<Clock>,
    pub chain: Chain,
    pub store: Store,
    pub objects: Objects,
    pub logs: Logs,
    pub signer: Signer,
    pub inbox: Inbox,
    /// Told once, when every account on chain has been seen.
    pub reconciled: oneshot::Sender<()>,
}

impl Driver {
    pub fn new(parts: Parts) -> Self {
        let tally = Tally::of(parts.core.jobs());
        let index = JobIndex::of(&parts.core);
        Self {
            core: parts.core,
            book: Book::default(),
            clock: parts.clock,
            chain: parts.chain,
            specs: HashMap::new(),
            index,
            sessions: HashMap::new(),
            answers: Answers::default(),
            extensions: Answers::default(),
            exams: Exams::default(),
            handovers: Handovers::default(),
            store: parts.store,
            objects: parts.objects,
            logs: parts.logs,
            signer: parts.signer,
            inbox: parts.inbox,
            beside: JoinSet::new(),
            reconciled: Some(parts.reconciled),
            counters: Counters::default(),
            tally,
        }
    }

    /// Runs until `stop`.
    ///
    /// # Errors
    /// [`store::Error`] when the journal cannot be written: going on would break its promise.
    pub async fn run(mut self, mut inputs: mpsc::Receiver<Input>, stop: CancellationToken) -> Result<(), store::Error> {
        self.load_specs().await;
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut waiting = Vec::with_capacity(BATCH);
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                _ = tick.tick() => waiting.push(Input::Event(Event::Tick)),
                n_inputs = inputs.recv_many(&mut waiting, BATCH) => if n_inputs == 0 { break },
                Some(ended) = self.beside.join_next() => log_panic(ended),
            }
            let mut actions = Vec::new();
            for input in waiting.drain(..) {
                self.take(input, &mut actions);
            }
            self.carry_out(actions).await?;
        }
        self.beside.shutdown().await;
        self.store.close().await;
        Ok(())
    }

    fn take(&mut self, input: Input, actions: &mut Vec<Action>) {
        match input {
            Input::Event(event) => self.feed(event, actions),
            Input::Updates { updates, then } => {
                for update in updates {
                    if let Some(event) = self.book.apply(&update) {
                        if let Event::NodeSeen { node, view } = &event {
                            self.end_session_of_other_key(*node, view.key);
                        }
                        self.feed(event, actions);
                    }
                }
                if let Some(event) = then {
                    self.feed(event, actions);
                }
            }
            Input::Reconciled => self.on_reconciled(actions),
            Input::Attached { session, draining, runtimes, images, held, reports } => {
                let (node, id) = (session.node, session.id);
                // The key was another node's, or nobody's, before the worker had said what it holds.
                if self.book.node_of_key(session.key) != Some(node) {
                    return;
                }
                // The earlier stream of the same node ends with its sender.
                self.sessions.insert(node, session);
                self.feed(Event::WorkerDraining { node, draining }, actions);
                self.feed(Event::WorkerRuntimes { node, runtimes }, actions);
                self.feed(Event::WorkerConnected { node, session: id, images, held }, actions);
                reports.into_iter().for_each(|report| self.feed(report, actions));
            }
            Input::Detached { node, session } => {
                self.exams.end(node, session);
                if self.is_current(node, session) {
                    self.sessions.remove(&node);
                }
                self.feed(Event::WorkerDisconnected { node, session }, actions);
            }
            Input::FromWorker { node, session, event } => {
                if self.is_current(node, session) {
                    self.feed(event, actions);
                }
            }
            Input::OfferAnswered { node, session, lease, reply } => {
                if self.is_current(node, session) {
                    self.answers.hear(node, lease, reply);
                }
            }
            Input::ExtensionAnswered { node, session, lease, reply } => {
                if self.is_current(node, session) {
                    self.extensions.hear(node, lease, reply);
                }
            }
            Input::ChallengeAnswered { node, session, number, heard } => self.exams.hear(node, session, number, heard),
            Input::Sealed { job, lease, envelope, taken } => self.hand_over((job, lease), envelope, taken),
            Input::SealedAnswered { node, session, lease, refusal } => {
                if self.is_current(node, session) {
                    self.handovers.answer(node, lease, refusal);
                }
            }
            Input::LinkMeasured { key, kib_per_second } => {
                if let Some(node) = self.book.node_of_key(key) {
                    self.feed(Event::LinkMeasured { node, kib_per_second }, actions);
                }
            }
            Input::BidHeard { node, session, job, auction, told } => {
                if self.is_current(node, session)
                    && let Some(event) = self.hear_bid(node, (job, auction), told)
                {
                    self.feed(event, actions);
                }
            }
            Input::SpecRead { job, hash, result } => self.on_spec_read((job, hash), result, actions),
            Input::Ask(question) => question(self),
        }
    }

    fn feed(&mut self, event: Event, actions: &mut Vec<Action>) {
        self.counters.seen(&event);
        let seen = if let Event::JobSeen { job, .. } = &event { Some(*job) } else { None };
        let (now, began) = (self.clock.now(), Instant::now());
        let decided = self.core.on_event(now, event);
        self.counters.decided(began.elapsed());
        actions.extend(decided);
        if let Some(job) = seen
            && let Some(entry) = self.core.job(job)
        {
            self.index.note(job, &entry.view);
        }
    }

    fn is_current(&self, node: Address, session: u64) -> bool {
        self.sessions.get(&node).is_some_and(|current| current.id == session)
    }

    /// Everything on chain has been told: what is known here and was not told is gone.
    fn on_reconciled(&mut self, actions: &mut Vec<Action>) {
        let jobs = self.core.open_jobs().map(|(job, _)| job);
        let leases = self.core.open_leases().map(|entry| entry.address);
        let gone: Vec<Address> = jobs.chain(leases).filter(|address| !self.book.knows(*address)).collect();
        for address in gone {
            self.feed(Event::AccountGone { address }, actions);
        }
        // A round in which nothing has happened was not told, and who waits for its members must know that it was read.
        let rounds = self.core.open_jobs().filter(|(_, entry)| entry.is_counted());
        let rounds: Vec<Event> = rounds.filter_map(|(job, _)| self.book.round(job).map(round_seen)).collect();
        rounds.into_iter().for_each(|seen| self.feed(seen, actions));
        if let Some(reconciled) = self.reconciled.take() {
            self.delete_stray_logs();
            let _ = reconciled.send(());
        }
    }

    async fn carry_out(&mut self, actions: Vec<Action>) -> Result<(), store::Error> {
        let mut changes = Vec::new();
        let mut others = Vec::new();
        for action in actions {
            match action {
                Action::Persist(record) => changes.push(Change::Put(record)),
                Action::Forget(forgotten) => changes.push(Change::Delete(forgotten)),
                other => others.push(other),
            }
        }
        if !changes.is_empty() {
            let began = Instant::now();
            self.store.write(&changes).await?;
            self.counters.wrote(began.elapsed());
            self.heed(&changes);
            self.forget(&changes);
        }
        for action in others {
            self.counters.acted(&action);
            self.act(action);
        }
        Ok(())
    }

    /// Whatever changes of a job or a task is written down.
    fn heed(&mut self, changes: &[Change]) {
        let changed = changes.iter().filter_map(|change| match change {
            Change::Put(Record::Job(record)) => Some(record.job),
            Change::Put(Record::Task(record)) => Some(record.job),
            Change::Delete(Forgotten { job, .. }) => Some(*job),
            Change::Put(Record::MemberTask(_) | Record::Lease(_) | Record::Proof(_) | Record::Auction(_)) => None,
        });
        for job in changed.collect::<BTreeSet<_>>() {
            let entry = self.core.job(job);
            self.tally.note(job, entry);
            // Whoever closed it: a job that is gone, or has made room for another one, is handed out no more.
            if entry.is_none_or(|entry| !entry.on_chain || entry.workload().is_none()) {
                self.specs.remove(&job);
            }
        }
    }

    /// Specs of open jobs that were known before a restart: workers get them with each task.
    async fn load_specs(&mut self) {
        let known: Vec<_> = self
            .core
            .open_jobs()
            .filter(|(_, entry)| entry.workload().is_some())
            .map(|(job, entry)| (job, entry.view.spec_hash))
            .collect();
        for (job, hash) in known {
            match specs::read(&self.objects, hash).await {
                Ok(spec) => {
                    self.specs.insert(job, Arc::new(spec));
                }
                Err(problem) => self.miss_spec(job, hash, &problem),
            }
        }
    }
}

fn log_panic(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        tracing::error!(%error, "a task beside the driver panicked");
    }
}
