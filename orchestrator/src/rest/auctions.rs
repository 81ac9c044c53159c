use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use millrace_scheduler::Auction;

use super::jobs::parse;
use super::{Context, Refusal};

/// The job's auctions that are over, for anybody: who has lost one must be able to see by what.
pub(super) async fn show(
    State(context): State<Arc<Context>>,
    Path(job): Path<String>,
) -> Result<Json<Vec<Auction>>, Refusal> {
    let job = parse(&job)?;
    let found = context.ask(None, move |driver| {
        driver.core.job(job).map(|_| driver.core.auctions_of(job).cloned().collect::<Vec<_>>())
    });
    let auctions = found.await?;
    auctions.map(Json).ok_or_else(Refusal::no_such_job)
}
