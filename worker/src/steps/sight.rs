//! Whether a container that should run does, while the engine does not say: an engine that is stopped takes its
//! containers with it, and one that crashed or was told to (`live-restore`) leaves them running.

use std::convert::Infallible;
use std::time::Duration;

use millrace_agent::{TaskEvent, TaskKey};
use tokio::time::{sleep, timeout};

use crate::container::{Engine, Error, Process};

/// From one look to the next; less than from one heartbeat to the next.
const LOOK: Duration = Duration::from_secs(3);
/// How long an engine may take to answer.
const PATIENCE: Duration = Duration::from_secs(3);

/// Tells when nothing shows any more that the container runs, and when something does again.
pub(super) async fn keep(engine: &dyn Engine, key: TaskKey, tell: impl Fn(TaskEvent)) -> Infallible {
    let mut process = None;
    let mut in_sight = true;
    loop {
        let seen = match timeout(PATIENCE, engine.main_process(key)).await {
            Ok(Ok(found)) => {
                process = found;
                true
            }
            Err(_) | Ok(Err(Error::Unreachable { .. })) => process.as_ref().is_some_and(Process::is_alive),
            // It answers: whoever waits for the container's end hears what this means.
            Ok(Err(_)) => true,
        };
        if seen != in_sight {
            in_sight = seen;
            if !seen {
                tracing::warn!(task = %key, "the container engine is away, and the container is not seen running");
            }
            tell(if seen { TaskEvent::InSight } else { TaskEvent::OutOfSight });
        }
        sleep(LOOK).await;
    }
}
