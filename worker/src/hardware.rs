//! What hardware the rig has at its start, and whether it may take leases with that.

use std::time::Duration;

use millrace_agent::{FoundContainer, FoundState, Held};
use millrace_protocol::{Diagnostic, Hardware};
use tokio::time::{Instant, sleep};

use crate::clock::Clock;
use crate::gpu::{Inventory, nvml, simulated};
use crate::troubles::Troubles;
use crate::{Error, Options, checks};

/// How long after a start of the machine its GPUs may be missing only because their driver is not loaded yet.
const LATE_DRIVER: Duration = Duration::from_secs(60);
/// Between two questions to a driver that is late.
const ASK_AGAIN: Duration = Duration::from_secs(5);

/// What the rig sells, and why it is to take no further lease, if it is not.
///
/// # Errors
/// [`Error::HardwareMismatch`] where simulated GPUs would pass for real ones or the other way round. Where nothing is
/// `held` or `found` that must be looked after, also for any other mismatch; then [`Error::ToolkitUnfit`], too.
pub(crate) async fn look(
    options: &Options,
    registered: &Hardware,
    (held, found): (&Held, &[FoundContainer]),
    troubles: &Troubles,
    clock: Clock,
) -> Result<(Inventory, Option<Error>), Error> {
    let idle = held.is_idle(found);
    let runs = found.iter().any(|container| container.state == FoundState::Running);
    let patience = if idle || runs { Duration::ZERO } else { LATE_DRIVER };
    let (inventory, complete) = ask(options, registered, patience).await?;
    for line in &inventory.unusable {
        tracing::warn!("{line}");
    }
    let there = inventory.gpus.len();
    let inventory = checks::sold(registered, inventory, &held.gpus);
    let complete = complete.and_then(|()| checks::places(registered, &inventory));
    if inventory.gpus.len() < there {
        tracing::info!(left_out = there - inventory.gpus.len(), "GPUs of another kind than registered are not sold");
    }
    let asks_toolkit = is_real(&inventory) && !options.any_toolkit;
    let toolkit = if asks_toolkit { checks::toolkit(&options.toolkit).await } else { Ok(()) };
    let mut unfit = None;
    for error in [complete, toolkit].into_iter().filter_map(Result::err) {
        if idle {
            return Err(error);
        }
        // What it holds must be looked after, whatever has become of the rig.
        tracing::warn!(code = error.code(), %error, hint = error.hint(), "no further lease is taken");
        troubles.note_lasting(&error, clock.now());
        unfit.get_or_insert(error);
    }
    Ok((inventory, unfit))
}

/// Whether the rig has GPUs that exist.
pub(crate) fn is_real(inventory: &Inventory) -> bool {
    !inventory.simulated && !inventory.gpus.is_empty()
}

/// What GPUs there are, and whether all are that the rig was registered with: once they are, or once the driver is no
/// longer waited for.
async fn ask(
    options: &Options,
    registered: &Hardware,
    patience: Duration,
) -> Result<(Inventory, Result<(), Error>), Error> {
    let late = Instant::now() + patience;
    loop {
        let inventory = match options.simulated_gpus.as_slice() {
            [] => nvml::ask(options.nvml_library.clone()).await,
            gpus => simulated::inventory(gpus),
        };
        checks::kind(registered, &inventory)?;
        let complete = checks::hardware(registered, &inventory);
        if complete.is_ok() || inventory.simulated || Instant::now() >= late {
            return Ok((inventory, complete));
        }
        sleep(ASK_AGAIN).await;
    }
}
