//! In which run of the engine a container was made, to tell whose end was the engine's own.

use std::time::Duration;

use bollard::Docker as Api;
use bollard::models::NetworkInspect;
use chrono::DateTime;
use millrace_agent::FoundState;
use tokio::time::timeout;

use super::Docker;
use crate::container::Error;

/// The engine's own network. Docker makes it anew, under another id, each time it starts, unless it finds containers
/// that it had left running (`live-restore`). Podman has none, and stops no container when it stops.
const OWN_NETWORK: &str = "bridge";
/// How long an engine may take to say which run of it this is.
const PATIENCE: Duration = Duration::from_secs(10);

/// What the engine's run is called that lasts now; `None` where nothing tells it from others.
///
/// # Errors
/// [`Error::Unreachable`], [`Error::Refused`].
pub(super) async fn run(docker: &Docker) -> Result<Option<String>, Error> {
    Ok(own_network(docker, &docker.api).await?.and_then(|network| network.id))
}

/// An end as `state` has it: [`FoundState::Interrupted`] where the container is of an earlier run of the engine than
/// this one. Whoever stopped the engine before that stopped its containers, too, and a program may answer that with any
/// status, 0 included. What is lost of a program that had ended by itself just before is its time; half of another's
/// outputs are never its result.
///
/// `made_in` is the run that the container names. Where that is this one, no clock is asked: the engine may have been
/// started before the machine's was set. Where it is another, or none, the container may still have been `started` in
/// this one.
///
/// Asks over a connection of its own: an engine that is being stopped still answers on those it has, and tells of ends
/// that are its doing as of any other, but takes no new one.
///
/// # Errors
/// [`Error::Unreachable`], [`Error::Refused`].
pub(super) async fn judge(
    docker: &Docker,
    state: FoundState,
    made_in: Option<&str>,
    started: Option<&str>,
) -> Result<FoundState, Error> {
    let FoundState::Exited(exit) = state else { return Ok(state) };
    let asked = async { own_network(docker, &Docker::dial(&docker.endpoint).await?).await };
    let silent = || Error::Unreachable {
        endpoint: docker.endpoint.clone(),
        reason: format!("it takes no connection in {} s", PATIENCE.as_secs()),
    };
    let Some(network) = timeout(PATIENCE, asked).await.unwrap_or_else(|_| Err(silent()))? else { return Ok(state) };
    let is_of_this_run = made_in.is_some() && made_in == network.id.as_deref();
    let moment = |text: &str| DateTime::parse_from_rfc3339(text).ok();
    let both = network.created.as_deref().and_then(moment).zip(started.and_then(moment));
    let is_older = both.is_some_and(|(engine, container)| container <= engine);
    let interrupted = !exit.out_of_memory && !is_of_this_run && is_older;
    Ok(if interrupted { FoundState::Interrupted(exit) } else { state })
}

async fn own_network(docker: &Docker, api: &Api) -> Result<Option<NetworkInspect>, Error> {
    match api.inspect_network(OWN_NETWORK, None).await.map_err(|error| docker.error(error)) {
        Ok(network) => Ok(Some(network)),
        Err(Error::NotFound) => Ok(None),
        Err(error) => Err(error),
    }
}
