use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use millrace_scheduler::Auction;

use super::jobs::{no_such_job, parse};
use super::{Context, Refusal};

/// The job's auctions that are over, for anybody: who has lost one must be able to see by what.
pub(super) async fn show(
    State(context): State<Arc<Context>>,
    Path(job): Path<String>,
) -> Result<Json<Vec<Auction>>, Refusal> {
    let job = parse(&job)?;
    let found = context.ask(None, move |driver| {
        driver.core.job(job).ok_or_else(|| no_such_job(driver))?;
        Ok(driver.core.auctions_of(job).cloned().collect())
    });
    found.await?.map(Json)
}
