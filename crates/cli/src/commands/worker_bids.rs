use millrace_worker::control::{self, Ask};
use millrace_worker::status::OwnBid;
use serde_json::Value;

use crate::args::AskWorker;
use crate::context::Context;
use crate::errors::Failure;
use crate::output::table::{Column, render};
use crate::output::{self, Report, Style};
use crate::rigs;

struct Listed(Vec<OwnBid>);

impl Report for Listed {
    fn json(&self) -> Value {
        output::value(&self.0)
    }

    fn human(&self, _: Style) -> String {
        if self.0.is_empty() {
            return "no bid yet".to_owned();
        }
        let row = |own: &OwnBid| {
            let bid = &own.signed.bid;
            let lease = own.lease.map_or_else(|| "-".to_owned(), |lease| lease.to_string());
            vec![bid.job.to_string(), bid.auction.to_string(), bid.price.to_string(), lease]
        };
        let columns =
            [Column::Text("job"), Column::Number("auction"), Column::Number("bid"), Column::Text("lease agreed to")];
        render(&columns, &self.0.iter().map(row).collect::<Vec<_>>())
    }

    fn next(&self) -> Vec<String> {
        match self.0.last() {
            Some(own) => vec![format!("millrace job auction {}", own.signed.bid.job)],
            None => Vec::new(),
        }
    }
}

/// Lists what the rig has bid.
///
/// # Errors
/// A worker that does not run, or is somebody else's.
pub async fn run(context: &Context<'_>, args: AskWorker) -> Result<(), Failure> {
    let status = control::ask(&rigs::data_dir(args.data_dir, &context.settings.worker), Ask::Status).await?;
    context.output.report(&Listed(status.bids));
    Ok(())
}
