//! What changes on chain, as it changes, and without gaps.
//!
//! Every WebSocket endpoint is listened to at once; what is told first is told on, and the newest wins.
//! Notifications only make it sooner: they get lost, name wrong slots, and a closed account sends none. So
//! everything is read at the start, after each gap, and every so often, and the difference is told. A lease
//! never ends without a change of its job, so a job's leases are looked at whenever it changes.

mod follower;
mod ledger;
mod listener;
mod sight;

use std::sync::Arc;
use std::time::Duration;

use millrace_protocol::Address;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use crate::Client;
use crate::accounts::AnyAccount;
use follower::Follower;
use listener::{Listener, Message};

pub use sight::Sight;

/// How often a watcher checks and how patient it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WatcherOptions {
    /// Between full readings while a subscription is up.
    pub reconcile_every: Duration,
    /// Between full readings while none is.
    pub poll_every: Duration,
    /// A connection that says nothing for this long is taken for dead; slots are told several times a
    /// second. Where an endpoint does not tell slots, it is 90 s or this, whichever is longer.
    pub silence: Duration,
    /// First wait before a reconnect or a failed reading is tried again; doubles up to `longest_backoff`.
    pub backoff: Duration,
    pub longest_backoff: Duration,
    /// How many events wait for the watcher's user, and notifications for the watcher. When both are full,
    /// notifications are dropped, and what they told is read once there is room.
    pub queue: usize,
}

impl Default for WatcherOptions {
    fn default() -> Self {
        Self {
            reconcile_every: Duration::from_secs(30),
            poll_every: Duration::from_secs(5),
            silence: Duration::from_secs(20),
            backoff: Duration::from_millis(250),
            longest_backoff: Duration::from_secs(15),
            queue: 1_024,
        }
    }
}

/// An account's state, newer than what was told before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Update {
    pub address: Address,
    /// In which the state was seen, as far as its endpoint says; not fit to order anything by.
    pub slot: u64,
    /// `None`: the account is gone.
    pub account: Option<AnyAccount>,
}

/// How notifications of an endpoint got lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gap {
    /// The connection broke and is up again.
    Reconnected,
    /// The endpoint left out slots.
    SlotsMissed {
        /// The last one that was told.
        from: u64,
        /// The last one that was not.
        to: u64,
    },
    /// More came than the watcher's user took.
    Overrun,
}

/// What a watcher tells.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::large_enum_variant, reason = "almost every event is an update")]
pub enum Event {
    Update(Update),
    /// Changes were missed and will follow, at the latest before the next [`Event::Reconciled`].
    Gap {
        /// Its WebSocket URL.
        endpoint: String,
        cause: Gap,
    },
    /// Everything up to this slot has been told.
    Reconciled {
        slot: u64,
    },
    /// The watcher sees more or less than before.
    Sight(Sight),
}

/// What is watched.
pub(crate) enum Scope {
    /// Every account of the program.
    Program,
    Accounts(Vec<Address>),
}

/// Follows accounts of the program until it is dropped.
///
/// Its memory is bounded: the accounts that exist, the addresses of those that went lately, and two queues.
/// A user that is slow to take events misses none of the changes that last; of several changes in between,
/// it may be told the latest only.
///
/// ```no_run
/// # async fn example(job: millrace_protocol::Address) -> Option<()> {
/// use millrace_client::{AnyAccount, Client, Endpoints, Event, Sight, Watcher, WatcherOptions};
///
/// let client = Client::new(Endpoints::from_rpc("http://127.0.0.1:8899"));
/// let mut watcher = Watcher::follow(client, vec![job], WatcherOptions::default());
/// loop {
///     match watcher.next().await? {
///         Event::Update(update) => match update.account {
///             Some(AnyAccount::Job(job)) => println!("{:?}, {} leases run", job.job.state, job.job.live_leases),
///             _ => return Some(()),
///         },
///         Event::Sight(Sight::Blind) => println!("no endpoint answers: what was told last may be old"),
///         _ => {}
///     }
/// }
/// # }
/// ```
pub struct Watcher {
    events: mpsc::Receiver<Event>,
    nudges: mpsc::Sender<()>,
    sight: watch::Receiver<Sight>,
    _messages: mpsc::Sender<Message>,
    _tasks: JoinSet<()>,
}

impl Watcher {
    /// Follows every account of the program, which public endpoints may refuse: a buyer's tool wants
    /// [`Self::follow`]. The first [`Event::Reconciled`] says that everything that exists has been told.
    /// Must be called inside a tokio runtime.
    pub fn start(client: Client, options: WatcherOptions) -> Self {
        Self::spawn(client, Scope::Program, options)
    }

    /// Follows these accounts, whether they exist yet or not. Must be called inside a tokio runtime.
    pub fn follow(client: Client, addresses: Vec<Address>, options: WatcherOptions) -> Self {
        Self::spawn(client, Scope::Accounts(addresses), options)
    }

    fn spawn(client: Client, scope: Scope, options: WatcherOptions) -> Self {
        let (event_sender, events) = mpsc::channel(options.queue.max(1));
        let (message_sender, messages) = mpsc::channel(options.queue.max(1));
        let (nudges, nudged) = mpsc::channel(1);
        let (sight_sender, sight) = watch::channel(Sight::Blind);
        let scope = Arc::new(scope);
        let mut tasks = JoinSet::new();
        for (endpoint, url) in client.endpoints().ws.iter().cloned().enumerate() {
            let (scope, messages) = (scope.clone(), message_sender.clone());
            tasks.spawn(Listener { endpoint, url, scope, options, messages }.run());
        }
        tasks.spawn(Follower::new(client, scope, options, event_sender, sight_sender).run(messages, nudged));
        Self { events, nudges, sight, _messages: message_sender, _tasks: tasks }
    }

    /// The next event, in order. Never ends while the watcher lives, and loses nothing when it is dropped
    /// before it is ready.
    pub async fn next(&mut self) -> Option<Event> {
        self.events.recv().await
    }

    /// How much is seen now, without waiting for the events before; blind until the first reading.
    pub fn sight(&self) -> Sight {
        *self.sight.borrow()
    }

    /// Asks for a full reading now, as after an own transaction that closed an account.
    pub fn reconcile_soon(&self) {
        // A full queue holds such a wish already.
        let _ = self.nudges.try_send(());
    }
}
