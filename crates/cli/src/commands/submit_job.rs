use millrace_link::rest::JobStatus;
use millrace_protocol::Address;
use serde::Serialize;
use serde_json::{Value, json};

use crate::args::{OutputsOf, SubmitJob};
use crate::commands::job_outputs;
use crate::context::Context;
use crate::errors::Failure;
use crate::follow;
use crate::market;
use crate::output::{self, Report, Style};
use crate::submission::{self, Quote};
use crate::views;

struct Quoted<'a> {
    quote: &'a Quote,
    file: String,
}

impl Report for Quoted<'_> {
    fn json(&self) -> Value {
        output::value(self.quote)
    }

    fn human(&self, style: Style) -> String {
        quote_text(self.quote, style)
    }

    fn next(&self) -> Vec<String> {
        vec![format!("millrace job submit {}", self.file)]
    }
}

#[derive(Serialize)]
struct Submitted<'a> {
    job: Address,
    transaction: String,
    quote: &'a Quote,
}

impl Report for Submitted<'_> {
    fn json(&self) -> Value {
        output::value(self)
    }

    fn human(&self, style: Style) -> String {
        format!(
            "{}\njob          {}\ntransaction  {}",
            style.good(&format!("`{}` is open, {} in escrow", self.quote.name, self.quote.deposit)),
            self.job,
            self.transaction
        )
    }

    fn next(&self) -> Vec<String> {
        vec![format!("millrace job show {}", self.job), format!("millrace job logs {} --follow", self.job)]
    }
}

/// The end of a job that was followed.
struct Finished<'a> {
    status: &'a JobStatus,
    transaction: &'a str,
    /// The outputs are downloaded next anyway.
    downloads: bool,
}

impl Report for Finished<'_> {
    fn json(&self) -> Value {
        json!({ "job": output::value(self.status), "transaction": self.transaction })
    }

    fn human(&self, style: Style) -> String {
        views::job::text(self.status, market::now(), style)
    }

    fn next(&self) -> Vec<String> {
        if self.downloads { Vec::new() } else { vec![format!("millrace job outputs {}", self.status.address)] }
    }
}

/// Checks a job, shows its price, pays and, if asked to, follows it to its end.
///
/// # Errors
/// Everything that [`submission`] refuses; for a followed job also its own failure.
pub async fn run(context: &Context<'_>, args: SubmitJob) -> Result<(), Failure> {
    let prepared = submission::prepare(&args.file).await?;
    let wallet = context.keypair()?;
    let market = context.market(&wallet);
    let client = context.client();
    let network = client.config().await?;
    let quote = prepared.quote(&network, &market).await?;
    if args.quote {
        context.output.report(&Quoted { quote: &quote, file: args.file.display().to_string() });
        return Ok(());
    }
    context.output.note(&quote_text(&quote, context.output.style()));
    let (job, transaction) = prepared.open(&client, &network, &market, &wallet).await?;
    if !args.follow {
        context.output.report(&Submitted { job, transaction, quote: &quote });
        return Ok(());
    }
    context.output.note(&format!("job {job} is open, transaction {transaction}"));
    let status = follow::follow(context.output, &market, job).await?;
    if let Some(failure) = follow::failure_of(&status) {
        return Err(failure);
    }
    context.output.report(&Finished { status: &status, transaction: &transaction, downloads: args.outputs.is_some() });
    match args.outputs {
        Some(into) => job_outputs::run(context, OutputsOf { job, into }).await,
        None => Ok(()),
    }
}

fn quote_text(quote: &Quote, style: Style) -> String {
    let fitting = format!("{} of {}", quote.nodes_fitting, views::counted(quote.nodes_total, "node"));
    let rows = [
        ("tasks", quote.tasks.to_string()),
        ("a lease at most", quote.worst_case_per_lease.to_string()),
        ("leases at a time", quote.concurrent_leases.to_string()),
        ("deposit", format!("{}, unused comes back", quote.deposit)),
        ("fee in it", format!("at most {}", quote.maximum_fee)),
        ("could run on", if quote.nodes_fitting == 0 { style.warn(&fitting) } else { fitting }),
    ];
    let lines = rows.map(|(name, value)| format!("{name:<17}{value}"));
    format!("{}\n{}", style.strong(&format!("quote for `{}`", quote.name)), lines.join("\n"))
}
