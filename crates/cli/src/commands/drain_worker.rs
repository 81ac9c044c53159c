use std::path::Path;
use std::time::Duration;

use millrace_protocol::Address;
use millrace_worker::control::{self, Ask, Error};
use millrace_worker::status::{LeaseStatus, Status};
use serde::Serialize;
use serde_json::Value;

use crate::args::DrainWorker;
use crate::context::Context;
use crate::errors::Failure;
use crate::output::{self, Report, Style};
use crate::signals::asked_to_stop;
use crate::{rigs, views};

/// From one look at what still runs to the next.
const LOOK: Duration = Duration::from_secs(2);

#[derive(Serialize)]
struct Drained {
    draining: bool,
    /// Whether a worker runs; else the next one does as it was told.
    running: bool,
    /// What the rig still works for.
    leases: Vec<Address>,
}

impl Report for Drained {
    fn json(&self) -> Value {
        output::value(self)
    }

    fn human(&self, style: Style) -> String {
        let n_leases = views::counted(self.leases.len(), "lease");
        style.good(&match (self.draining, self.running, self.leases.is_empty()) {
            (true, true, true) => {
                "the rig takes no further lease, and holds none: its worker may be stopped".to_owned()
            }
            (true, true, false) => format!("the rig takes no further lease, and finishes {n_leases}"),
            (true, false, _) => "no worker runs here: the next one takes no lease until `--undo`".to_owned(),
            (false, true, _) => "the rig takes leases".to_owned(),
            (false, false, _) => "no worker runs here: the next one takes leases".to_owned(),
        })
    }

    fn next(&self) -> Vec<String> {
        match (self.draining, self.leases.is_empty()) {
            (true, true) => vec!["millrace worker drain --undo  (takes leases again, also after a restart)".to_owned()],
            (true, false) => vec![
                "millrace worker drain --wait  (until the last one is over)".to_owned(),
                "millrace worker drain --undo".to_owned(),
            ],
            (false, _) => vec!["millrace worker status".to_owned()],
        }
    }
}

/// Has the rig take no further lease, or take them again.
///
/// # Errors
/// A folder that no worker has used, one of another user's, a worker that does not answer; while waiting, a
/// worker that has stopped.
pub async fn run(context: &Context<'_>, args: DrainWorker) -> Result<(), Failure> {
    let data_dir = rigs::data_dir(args.data_dir);
    let draining = !args.undo;
    let ask = if draining { Ask::Drain } else { Ask::Resume };
    let mut status = match control::ask(&data_dir, ask).await {
        Ok(status) => status,
        Err(error @ Error::NotRunning { .. }) if !args.wait => return at_rest(context, &data_dir, draining, error),
        Err(error) => return Err(error.into()),
    };
    if args.wait {
        let mut told = usize::MAX;
        while !held(&status).is_empty() {
            if held(&status).len() != told {
                told = held(&status).len();
                context.output.note(&format!("waiting for {}", views::counted(told, "lease")));
            }
            tokio::select! {
                () = asked_to_stop() => break,
                () = tokio::time::sleep(LOOK) => {}
            }
            status = control::ask(&data_dir, Ask::Status).await?;
        }
    }
    let leases = held(&status).into_iter().map(|lease| lease.lease).collect();
    context.output.report(&Drained { draining: status.draining, running: true, leases });
    Ok(())
}

/// Where no worker runs, the next one finds what was said.
fn at_rest(context: &Context<'_>, data_dir: &Path, draining: bool, error: Error) -> Result<(), Failure> {
    if !control::tell_next(data_dir, draining)? {
        return Err(error.into());
    }
    context.output.report(&Drained { draining, running: false, leases: vec![] });
    Ok(())
}

/// Those that still need the rig: a reported one only waits for the chain.
pub fn held(status: &Status) -> Vec<&LeaseStatus> {
    status.leases.iter().filter(|lease| lease.phase != "reported").collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::views::worker::tests::busy;

    #[test]
    fn each_way_it_may_be_is_told() {
        for (draining, running, leases) in
            [(true, true, 0), (true, true, 2), (true, false, 0), (false, true, 1), (false, false, 0)]
        {
            let drained = Drained { draining, running, leases: vec![Address([1; 32]); leases] };
            insta::assert_snapshot!(format!("{}\n{}", drained.human(Style::plain()), drained.next().join("\n")));
        }
    }

    #[test]
    fn a_reported_lease_is_not_waited_for() {
        let mut status = busy();
        assert_eq!(held(&status).len(), 1);
        status.leases[0].phase = "reported".to_owned();
        assert!(held(&status).is_empty());
    }
}
