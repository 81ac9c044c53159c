//! What changes on chain, as it changes, and without gaps.
//!
//! Every WebSocket endpoint is listened to at once and the newest slot wins. Notifications only make
//! it sooner: they get lost, and a closed account sends none. So the whole of the program's accounts
//! is read at the start, after every reconnect, and every so often, and the difference is told.

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
pub enum Event {
    Update(Update),
    /// A WebSocket is up again; what was missed follows.
    Reconnected { endpoint: String },
    /// Everything up to this slot has been told.
    Reconciled { slot: u64 },
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
        let follower = Follower { client, options, ledger: Ledger::default(), events: event_sender };
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
}

impl Follower {
    async fn run(mut self, mut heard: mpsc::Receiver<Heard>, mut nudged: mpsc::Receiver<()>) {
        let mut wait = Duration::ZERO;
        let mut backoff = self.options.backoff;
        loop {
            let deadline = Instant::now() + wait;
            if !self.listen_until(deadline, &mut heard, &mut nudged).await {
                return;
            }
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

    /// Passes notifications on until the deadline, a nudge or a new connection. False when nobody
    /// listens to the events any more.
    async fn listen_until(
        &mut self,
        deadline: Instant,
        heard: &mut mpsc::Receiver<Heard>,
        nudged: &mut mpsc::Receiver<()>,
    ) -> bool {
        loop {
            let next = tokio::select! {
                biased;
                next = heard.recv() => next,
                Some(()) = nudged.recv() => return true,
                () = tokio::time::sleep_until(deadline) => return true,
            };
            let told = match next {
                Some(Heard { endpoint, notice: Notice::Account { address, slot, data } }) => {
                    self.on_account(endpoint, address, slot, &data).await
                }
                Some(Heard { notice: Notice::Connected { is_first: true }, .. }) => return true,
                Some(Heard { notice: Notice::Connected { is_first: false }, endpoint }) => {
                    let endpoint = self.client.endpoints().ws.get(endpoint).cloned().unwrap_or_default();
                    let _ = self.events.send(Event::Reconnected { endpoint }).await;
                    return true;
                }
                // No WebSocket at all: reconciling is everything there is.
                None => {
                    tokio::time::sleep_until(deadline).await;
                    return !self.events.is_closed();
                }
            };
            if !told {
                return false;
            }
        }
    }

    async fn on_account(&mut self, endpoint: usize, address: Address, slot: u64, data: &[u8]) -> bool {
        // Empty bytes are a closed account; bytes of another kind are none of ours to tell.
        let account = if data.is_empty() { None } else { any(address, data) };
        if account.is_none() && !data.is_empty() {
            return true;
        }
        match self.ledger.on_notification(Source(endpoint), address, slot, account) {
            Some(update) => self.tell(Event::Update(update)).await,
            None => !self.events.is_closed(),
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

    async fn tell(&self, event: Event) -> bool {
        self.events.send(event).await.is_ok()
    }
}

/// The bytes of an account in a notification.
fn bytes(account: &UiAccount) -> Vec<u8> {
    account.data.decode().unwrap_or_default()
}
