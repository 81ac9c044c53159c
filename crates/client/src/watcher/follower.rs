//! The task behind a watcher: takes what the endpoints tell, reads what is in doubt, tells what is new.

mod reading;

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;
use std::time::Duration;

use millrace_protocol::Address;
use solana_account_decoder_client_types::UiAccount;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use super::ledger::{Heard, Ledger, News, Source};
use super::listener::{Message, Notice};
use super::{Event, Scope, Sight, WatcherOptions};
use crate::Client;
use crate::accounts::AnyAccount;
use crate::fetch::any;

/// How long doubts are collected before they are read together.
const GATHER: Duration = Duration::from_millis(20);
/// More accounts in doubt than this are a full reading.
const MOST_DOUBTS: usize = 1_000;
/// Between full readings for the sake of gaps, at first; doubles while gaps go on.
const GAP_PAUSE: Duration = Duration::from_secs(1);

pub(super) struct Follower {
    pub client: Client,
    pub scope: Arc<Scope>,
    pub options: WatcherOptions,
    pub events: mpsc::Sender<Event>,
    pub sight: watch::Sender<Sight>,
    state: State,
}

struct State {
    ledger: Ledger,
    /// Endpoints with a subscription.
    up: HashSet<usize>,
    /// Accounts to be read, and when.
    doubts: BTreeSet<Address>,
    read_doubts_at: Instant,
    reconcile_at: Instant,
    /// No full reading for the sake of a gap before.
    gap_read_from: Instant,
    gap_pause: Duration,
    /// Between attempts while readings fail.
    backoff: Duration,
    /// Whether the last reading succeeded; `None` before the first.
    reads: Option<bool>,
    told: Option<Sight>,
}

impl Follower {
    pub fn new(
        client: Client,
        scope: Arc<Scope>,
        options: WatcherOptions,
        events: mpsc::Sender<Event>,
        sight: watch::Sender<Sight>,
    ) -> Self {
        let now = Instant::now();
        let state = State {
            ledger: Ledger::default(),
            up: HashSet::new(),
            doubts: BTreeSet::new(),
            read_doubts_at: now,
            reconcile_at: now,
            gap_read_from: now,
            gap_pause: GAP_PAUSE,
            backoff: options.backoff,
            reads: None,
            told: None,
        };
        Self { client, scope, options, events, sight, state }
    }

    /// Ends with the watcher, whose tasks are aborted.
    pub async fn run(mut self, mut messages: mpsc::Receiver<Message>, mut nudges: mpsc::Receiver<()>) {
        loop {
            let wake_at = match self.state.doubts.is_empty() {
                true => self.state.reconcile_at,
                false => self.state.reconcile_at.min(self.state.read_doubts_at),
            };
            tokio::select! {
                biased;
                () = tokio::time::sleep_until(wake_at) => {
                    if Instant::now() >= self.state.reconcile_at {
                        self.reconcile().await;
                    } else {
                        self.read_doubts().await;
                    }
                }
                Some(()) = nudges.recv() => self.state.reconcile_at = Instant::now(),
                Some(message) = messages.recv() => self.on_message(message).await,
            }
        }
    }

    async fn on_message(&mut self, message: Message) {
        let endpoint = message.endpoint;
        match message.notice {
            Notice::Account { address, slot, account } => self.on_account(endpoint, address, slot, &account).await,
            Notice::Slot(slot) => {
                if self.client.allows(slot) {
                    self.client.believe(&[slot], Instant::now());
                }
            }
            Notice::Up => {
                self.state.up.insert(endpoint);
                self.state.reconcile_at = Instant::now();
            }
            Notice::Gap(cause) => {
                self.state.up.insert(endpoint);
                let endpoint = self.client.endpoints().ws.get(endpoint).cloned().unwrap_or_default();
                self.tell(Event::Gap { endpoint, cause }).await;
                // An endpoint that has gaps all the time must not have everything read all the time.
                let read_at = Instant::now().max(self.state.gap_read_from);
                self.state.reconcile_at = self.state.reconcile_at.min(read_at);
                self.state.gap_read_from = read_at + self.state.gap_pause;
                self.state.gap_pause = (self.state.gap_pause * 2).min(self.options.reconcile_every.max(GAP_PAUSE));
            }
            Notice::Down => {
                self.state.up.remove(&endpoint);
                let poll_at = Instant::now() + self.options.poll_every;
                self.state.reconcile_at = self.state.reconcile_at.min(poll_at);
            }
        }
        self.tell_sight().await;
    }

    async fn on_account(&mut self, endpoint: usize, address: Address, slot: u64, account: &UiAccount) {
        let Some(data) = account.data.decode() else { return };
        if data.is_empty() {
            // That it is gone is told only after asking for it, of every endpoint.
            self.doubt([address], GATHER);
            return;
        }
        // What does not decode is another version's, and not ours to tell.
        let Some(account) = any(address, &data) else { return };
        let live_leases = match &account {
            AnyAccount::Job(job) => Some(usize::from(job.job.live_leases)),
            _ => None,
        };
        let heard = Heard { source: Source(endpoint), address, slot, account: Some(account) };
        match self.state.ledger.on_heard(heard, self.client.horizon(), std::time::Instant::now()) {
            News::Newer(update) => self.tell(Event::Update(update)).await,
            News::Repeated => {}
            News::Doubtful => self.doubt([address], GATHER),
        }
        // A lease that ends is closed, which tells nobody; its job changes with it.
        let known = live_leases.map(|live| (live, self.state.ledger.leases_of(address)));
        if let Some((_, known)) = known.filter(|(live, known)| *live < known.len()) {
            self.doubt(known, GATHER);
        }
    }

    fn doubt(&mut self, addresses: impl IntoIterator<Item = Address>, wait: Duration) {
        let read_at = Instant::now() + wait;
        self.state.read_doubts_at =
            if self.state.doubts.is_empty() { read_at } else { self.state.read_doubts_at.min(read_at) };
        self.state.doubts.extend(addresses);
        if self.state.doubts.len() > MOST_DOUBTS {
            self.state.doubts.clear();
            self.state.reconcile_at = Instant::now();
        }
    }

    async fn tell_sight(&mut self) {
        let Some(reads) = self.state.reads else { return };
        let sight = Sight::of(!self.state.up.is_empty(), reads);
        if self.state.told != Some(sight) {
            self.state.told = Some(sight);
            // Known at once also to those who are not listening.
            self.sight.send_replace(sight);
            self.tell(Event::Sight(sight)).await;
        }
    }

    async fn tell(&self, event: Event) {
        // Nobody listens only while the watcher is being dropped, and this task with it.
        let _ = self.events.send(event).await;
    }
}
