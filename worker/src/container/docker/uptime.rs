//! Since when the engine runs, to tell whose end was the engine's own.

use std::time::Duration;

use chrono::DateTime;
use millrace_agent::FoundState;
use tokio::time::timeout;

use super::Docker;
use crate::container::Error;

/// The engine's own network. Docker makes it anew each time it starts, unless it finds containers that it had left
/// running (`live-restore`). Podman has none, and stops no container when it stops.
const OWN_NETWORK: &str = "bridge";
/// How long an engine may take to say since when it runs.
const PATIENCE: Duration = Duration::from_secs(10);

/// An end as `state` has it: [`FoundState::Interrupted`] where the engine was started after it. Whoever stopped the
/// engine before that stopped its containers, too, and a program may answer that with any status, 0 included. What is
/// lost of a program that had ended by itself just before is its time; half of another's outputs are never its result.
///
/// Asks over a connection of its own: an engine that is being stopped still answers on those it has, and tells of ends
/// that are its doing as of any other, but takes no new one.
///
/// # Errors
/// [`Error::Unreachable`], [`Error::Refused`].
pub(super) async fn judge(docker: &Docker, state: FoundState, finished: Option<&str>) -> Result<FoundState, Error> {
    let FoundState::Exited(exit) = state else { return Ok(state) };
    let asked = async {
        match Docker::dial(&docker.endpoint).await?.inspect_network(OWN_NETWORK, None).await {
            Ok(network) => Ok(network.created),
            Err(error) => match docker.error(error) {
                Error::NotFound => Ok(None),
                error => Err(error),
            },
        }
    };
    let silent = || Error::Unreachable {
        endpoint: docker.endpoint.clone(),
        reason: format!("it takes no connection in {} s", PATIENCE.as_secs()),
    };
    let started = timeout(PATIENCE, asked).await.unwrap_or_else(|_| Err(silent()))?;
    let moment = |text: &str| DateTime::parse_from_rfc3339(text).ok();
    let both = started.as_deref().and_then(moment).zip(finished.and_then(moment));
    let interrupted = !exit.out_of_memory && both.is_some_and(|(started, finished)| started > finished);
    Ok(if interrupted { FoundState::Interrupted(exit) } else { state })
}
