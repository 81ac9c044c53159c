//! While a start has to wait, for an engine that cannot be asked what runs or for a driver that is late: leases, vouchers
//! and results that are on chain are looked after, and whoever asks is told how it is.

use std::sync::Arc;
use std::time::Duration;

use millrace_agent::{Action, FoundContainer, Record, recover_unseen};
use millrace_protocol::{Address, Diagnostic};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep, timeout};

use crate::Error;
use crate::chain::Chain;
use crate::container::{self, Engine, Info};
use crate::control::{Asked, AtStart};
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

/// A worker that has to wait, and what it goes on with then.
pub(crate) struct Unseen<'a> {
    pub start: AtStart<'a>,
    pub chain: Arc<dyn Chain>,
    pub journal: Journal,
    /// All that is in the journal, with what comes meanwhile.
    pub records: Vec<Record>,
    pub asked: UnboundedReceiver<Asked>,
}

impl Unseen<'_> {
    /// What the engine says once it answers `question`.
    ///
    /// # Errors
    /// [`Error::Journal`].
    pub async fn wait<A: Future<Output = Result<Answer, container::Error>>>(
        &mut self,
        question: impl Fn() -> A,
    ) -> Result<Answer, Error> {
        let answered = async {
            loop {
                sleep(ASK_AGAIN).await;
                match question().await {
                    Ok(answer) => return answer,
                    Err(error) => tracing::debug!(code = error.code(), %error, "the engine does not answer yet"),
                }
            }
        };
        self.meanwhile(answered).await
    }

    /// What comes of `work`; what the rig has on chain is looked after meanwhile, if it takes long.
    ///
    /// # Errors
    /// [`Error::Journal`].
    pub async fn meanwhile<T>(&mut self, work: impl Future<Output = T>) -> Result<T, Error> {
        let AtStart { node, clock, ref troubles, .. } = self.start;
        let (mut upkeep, mut readings) = Upkeep::new(node, self.chain.clone(), clock, troubles.clone());
        let mut agent = recover_unseen(&self.records, clock.now());
        tokio::pin!(work);
        let mut ticks = interval_at(Instant::now() + TICK, TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let actions = tokio::select! {
                done = &mut work => return Ok(done),
                _ = ticks.tick() => agent.look_after(clock.now()),
                Some(reading) = readings.recv() => agent.on_event(reading, clock.now()),
                Some(asked) = self.asked.recv() => {
                    self.start.answer(asked, &agent);
                    continue;
                }
            };
            for action in actions {
                // Everything else is about containers, and is found to be due again by whoever sees them.
                if let Some(Action::Journal(record)) = upkeep.perform(&agent, action) {
                    self.journal.append(&record)?;
                    self.records.push(record);
                }
            }
        }
    }
}
