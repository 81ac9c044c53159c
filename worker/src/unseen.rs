//! While a start has to wait, for an engine that cannot be asked what runs or for a driver that is late: leases, vouchers
//! and results that are on chain are looked after.

use std::sync::Arc;
use std::time::Duration;

use millrace_agent::{Action, Event, FoundContainer, Record, recover_unseen};
use millrace_protocol::{Address, Diagnostic};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep, timeout};

use crate::Error;
use crate::clock::Clock;
use crate::container::{self, Engine, Info};
use crate::journal::Journal;
use crate::upkeep::Upkeep;

/// Between two looks at what is due.
const TICK: Duration = Duration::from_millis(500);
/// Between two questions to an engine that does not answer.
const ASK_AGAIN: Duration = Duration::from_secs(5);
/// How long an answer may take; Docker's own daemon takes a second for hundreds of containers.
const PATIENCE: Duration = Duration::from_secs(30);

/// An engine, and what it says of itself and of the node's containers.
pub(crate) type Answer = (Arc<dyn Engine>, Info, Vec<FoundContainer>);

/// `name`: where the engine is.
///
/// # Errors
/// [`container::Error`].
pub(crate) async fn ask(
    connected: impl Future<Output = Result<Arc<dyn Engine>, container::Error>>,
    name: &str,
    node: Address,
) -> Result<Answer, container::Error> {
    let answer = async {
        let engine = connected.await?;
        let info = engine.info().await?;
        let found = engine.list(node).await?;
        Ok((engine, info, found))
    };
    let silent = |_| container::Error::Unreachable {
        endpoint: name.to_owned(),
        reason: format!("no answer in {} s", PATIENCE.as_secs()),
    };
    timeout(PATIENCE, answer).await.unwrap_or_else(|elapsed| Err(silent(elapsed)))
}

/// What the engine says once it answers when `asked`. What is journaled meanwhile is in the `records`, too.
///
/// # Errors
/// [`Error::Journal`].
pub(crate) async fn wait<A: Future<Output = Result<Answer, container::Error>>>(
    asked: impl Fn() -> A,
    written: (&mut Journal, &mut Vec<Record>),
    upkeep: (Upkeep, UnboundedReceiver<Event>),
    clock: Clock,
) -> Result<Answer, Error> {
    let answered = async {
        loop {
            sleep(ASK_AGAIN).await;
            match asked().await {
                Ok(answer) => return answer,
                Err(error) => tracing::debug!(code = error.code(), %error, "the engine does not answer yet"),
            }
        }
    };
    meanwhile(answered, written, upkeep, clock).await
}

/// What comes of `work`; what the rig has on chain is looked after meanwhile, if it takes long. What is journaled is in
/// the `records`, too.
///
/// # Errors
/// [`Error::Journal`].
pub(crate) async fn meanwhile<T>(
    work: impl Future<Output = T>,
    (journal, records): (&mut Journal, &mut Vec<Record>),
    (mut upkeep, mut readings): (Upkeep, UnboundedReceiver<Event>),
    clock: Clock,
) -> Result<T, Error> {
    let mut agent = recover_unseen(records, clock.now());
    tokio::pin!(work);
    let mut ticks = interval_at(Instant::now() + TICK, TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let actions = tokio::select! {
            done = &mut work => return Ok(done),
            _ = ticks.tick() => agent.look_after(clock.now()),
            Some(reading) = readings.recv() => agent.on_event(reading, clock.now()),
        };
        for action in actions {
            // Everything else is about containers, and is found to be due again by whoever sees them.
            if let Some(Action::Journal(record)) = upkeep.perform(&agent, action) {
                journal.append(&record)?;
                records.push(record);
            }
        }
    }
}
