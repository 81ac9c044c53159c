use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use millrace_client::{AnyAccount, address};
use millrace_link::rest;
use millrace_protocol::Address;
use millrace_scheduler::{Finding, Run};

use super::jobs::{check_follower, failure, no_such_job, output, parse};
use super::{Authorized, Context, Refusal};
use crate::driver::Driver;

/// What spot checks of the job have found, for whoever may follow it and for the arbiter. Its outputs can be read by
/// their hashes.
pub(super) async fn show(
    State(context): State<Arc<Context>>,
    Path(job): Path<String>,
    Authorized(key): Authorized,
) -> Result<Json<Vec<rest::Finding>>, Refusal> {
    let job = parse(&job)?;
    let found = context.ask(Some(key), move |driver| {
        let entry = driver.core.job(job).ok_or_else(|| no_such_job(driver))?;
        if arbiter(driver) != Some(key) {
            check_follower(&entry.view, key)?;
        }
        Ok(entry.story().findings.iter().map(finding).collect())
    });
    found.await?.map(Json)
}

fn arbiter(driver: &Driver) -> Option<Address> {
    match driver.book.get(address::config())? {
        AnyAccount::Config(config) => Some(config.arbiter),
        _ => None,
    }
}

fn finding(found: &Finding) -> rest::Finding {
    rest::Finding {
        task: found.task,
        first: run(&found.first),
        second: run(&found.second),
        found_at: found.found_at,
        evidence: found.evidence.map(|digest| digest.to_string()),
        dispute: found.dispute.clone(),
        trouble: found.trouble.as_ref().map(failure),
    }
}

fn run(run: &Run) -> rest::Run {
    rest::Run { lease: run.lease, root: run.root.to_string(), outputs: run.outputs.iter().map(output).collect() }
}
