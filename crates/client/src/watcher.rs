//! What changes on chain, as it changes, and without gaps.
//!
//! Every WebSocket endpoint is listened to at once and the newest slot wins. Notifications only make
//! it sooner: they get lost, and a closed account sends none. So the whole of the program's accounts
//! is read at the start, after every reconnect, and every so often, and the difference is told. A lease
//! never ends without a change of its job, so a job's leases are looked at whenever it changes.

mod ledger;
mod listener;

use std::time::Duration;

use millrace_protocol::Address;
use solana_rpc_client_api::response::UiAccount;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::accounts::AnyAccount;
use crate::fetch::any;
use crate::{Client, Error};
use ledger::{Ledger, Source};
use listener::{Heard, Notice};

/// How often a watcher checks and how patient it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WatcherOptions {
    /// Between full reconciliations.
    pub reconcile_every: Duration,
    /// A connection that says nothing for this long is taken for dead.
    pub silence: Duration,
    /// First wait before a reconnect; doubles up to `longest_backoff`.
    pub backoff: Duration,
    pub longest_backoff: Duration,
}

impl Default for WatcherOptions {
    fn default() -> Self {
        Self {
            reconcile_every: Duration::from_secs(30),
            silence: Duration::from_secs(90),
            backoff: Duration::from_millis(250),
            longest_backoff: Duration::from_secs(15),
        }
    }
}

/// An account's state, newer than what was told before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Update {
    pub address: Address,
    /// In which the state was seen.
    pub slot: u64,
    /// `None`: the account is gone.
    pub account: Option<AnyAccount>,
}

/// What a watcher tells.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::large_enum_variant, reason = "almost every event is an update")]
pub enum Event {
    Update(Update),
    /// A WebSocket is up again; what was missed follows.
    Reconnected {
        endpoint: String,
    },
    /// Everything up to this slot has been told.
    Reconciled {
        slot: u64,
    },
}

/// Follows the program's accounts until it is dropped.
pub struct Watcher {
    events: mpsc::Receiver<Event>,
    nudges: mpsc::Sender<()>,
    _tasks: JoinSet<()>,
}

impl Watcher {
    /// Starts to listen and to reconcile. The first [`Event::Reconciled`] says that everything that
    /// exists has been told. Must be called inside a tokio runtime.
    pub fn start(client: Client, options: WatcherOptions) -> Self {
        let (event_sender, events) = mpsc::channel(1_024);
        let (nudges, nudged) = mpsc::channel(1);
        let (heard_sender, heard) = mpsc::channel(4_096);
        let mut tasks = JoinSet::new();
        for (index, endpoint) in client.endpoints().ws.iter().enumerate() {
            tasks.spawn(listener::listen(index, endpoint.clone(), options, heard_sender.clone()));
        }
        let follower =
            Follower { client, options, ledger: Ledger::default(), events: event_sender, _heard: heard_sender };
        tasks.spawn(follower.run(heard, nudged));
        Self { events, nudges, _tasks: tasks }
    }

    /// The next event, in order. Never ends while the watcher lives.
    pub async fn next(&mut self) -> Option<Event> {
        self.events.recv().await
    }

    /// Asks for a full reconciliation now, as after an own transaction that closed an account.
    pub fn reconcile_soon(&self) {
        // A full queue holds such a wish already.
        let _ = self.nudges.try_send(());
    }
}

struct Follower {
    client: Client,
    options: WatcherOptions,
    ledger: Ledger,
    events: mpsc::Sender<Event>,
    /// Keeps the channel open where there is no WebSocket at all.
    _heard: mpsc::Sender<Heard>,
}

impl Follower {
    /// Ends with the watcher, whose tasks are aborted.
    async fn run(mut self, mut heard: mpsc::Receiver<Heard>, mut nudged: mpsc::Receiver<()>) {
        let mut wait = Duration::ZERO;
        let mut backoff = self.options.backoff;
        loop {
            self.listen_until(Instant::now() + wait, &mut heard, &mut nudged).await;
            wait = match self.reconcile().await {
                Ok(()) => {
                    backoff = self.options.backoff;
                    self.options.reconcile_every
                }
                Err(error) => {
                    tracing::warn!(%error, "the accounts cannot be reconciled now");
                    backoff = (backoff * 2).min(self.options.longest_backoff);
                    backoff
                }
            };
        }
    }

    /// Passes notifications on until the deadline, a nudge or a new connection.
    async fn listen_until(
        &mut self,
        deadline: Instant,
        heard: &mut mpsc::Receiver<Heard>,
        nudged: &mut mpsc::Receiver<()>,
    ) {
        loop {
            let next = tokio::select! {
                biased;
                Some(next) = heard.recv() => next,
                Some(()) = nudged.recv() => return,
                () = tokio::time::sleep_until(deadline) => return,
            };
            match next.notice {
                Notice::Account { address, slot, data } => {
                    self.on_account(Source(next.endpoint), address, slot, &data).await;
                }
                Notice::Connected { is_first } => {
                    if !is_first {
                        let endpoint = self.client.endpoints().ws.get(next.endpoint).cloned().unwrap_or_default();
                        self.tell(Event::Reconnected { endpoint }).await;
                    }
                    return;
                }
            }
        }
    }

    async fn on_account(&mut self, source: Source, address: Address, slot: u64, data: &[u8]) {
        // Empty bytes are a closed account; bytes of another kind are none of ours to tell.
        let account = if data.is_empty() { None } else { any(address, data) };
        if account.is_none() && !data.is_empty() {
            return;
        }
        let live_leases = match &account {
            Some(AnyAccount::Job(job)) => Some(usize::from(job.job.live_leases)),
            _ => None,
        };
        if let Some(update) = self.ledger.on_notification(Some(source), address, slot, account) {
            self.tell(Event::Update(update)).await;
        }
        if let Some(live) = live_leases {
            let known = self.ledger.leases_of(address);
            if live < known.len() {
                self.look_for(&known).await;
            }
        }
    }

    /// Tells which of these accounts are gone. The next reconciliation makes up for a failure.
    async fn look_for(&mut self, addresses: &[Address]) {
        match self.client.chain_accounts(addresses).await {
            Ok((slot, found)) => {
                let missing = addresses.iter().zip(found).filter(|(_, found)| found.is_none());
                for (address, _) in missing {
                    if let Some(update) = self.ledger.on_notification(None, *address, slot, None) {
                        self.tell(Event::Update(update)).await;
                    }
                }
            }
            Err(error) => tracing::debug!(%error, "ended leases are told at the next reconciliation"),
        }
    }

    async fn reconcile(&mut self) -> Result<(), Error> {
        let (slot, accounts) = self.client.program_accounts(None).await?;
        let decoded = accounts.iter().filter_map(|(address, data)| any(*address, data)).collect();
        for update in self.ledger.on_snapshot(slot, decoded) {
            self.tell(Event::Update(update)).await;
        }
        self.tell(Event::Reconciled { slot }).await;
        Ok(())
    }

    async fn tell(&self, event: Event) {
        // Nobody listens only while the watcher is being dropped, and this task with it.
        let _ = self.events.send(event).await;
    }
}

/// The bytes of an account in a notification.
fn bytes(account: &UiAccount) -> Vec<u8> {
    account.data.decode().unwrap_or_default()
}
