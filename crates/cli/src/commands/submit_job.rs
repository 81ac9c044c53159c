use std::path::PathBuf;

use millrace_client::accounts::BuyerAccount;
use millrace_client::address as addresses;
use millrace_link::rest::JobStatus;
use millrace_protocol::{Address, MicroUsdc};
use serde::Serialize;
use serde_json::{Value, json};

use crate::args::{OutputsOf, SubmitJob};
use crate::clock;
use crate::commands::job_outputs;
use crate::context::{Context, address};
use crate::errors::Failure;
use crate::follow;
use crate::market::Market;
use crate::output::{self, Report, Style};
use crate::sealing::Handover;
use crate::submission::{self, Opened, Quote, fresh_id};
use crate::views;
use crate::views::change::Change;

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
    /// None where nobody told what became of it, and the job is open.
    transaction: Option<String>,
    quote: &'a Quote,
    /// The balance that a prepaid job was paid from, where it could be read back.
    #[serde(skip_serializing_if = "Option::is_none")]
    balance: Option<Change<MicroUsdc>>,
    /// Whose job it is that a delegate has opened.
    #[serde(skip_serializing_if = "Option::is_none")]
    buyer: Option<Address>,
    /// The file of a job whose rigs wait for its buyer.
    #[serde(skip)]
    unlock: Option<String>,
}

impl Report for Submitted<'_> {
    fn json(&self) -> Value {
        output::value(self)
    }

    fn human(&self, style: Style) -> String {
        let mut rows = vec![("job", self.job.to_string())];
        rows.extend(self.buyer.map(|buyer| ("buyer", buyer.to_string())));
        rows.extend(self.balance.map(|balance| ("prepaid", balance.to_string())));
        rows.push(("transaction", transaction_text(self.transaction.as_deref()).to_owned()));
        let headline = format!("`{}` is open, {} in escrow", self.quote.name, self.quote.deposit);
        format!("{}\n{}", style.good(&headline), output::rows(rows))
    }

    fn next(&self) -> Vec<String> {
        if let Some(file) = &self.unlock {
            return vec![format!("its rigs wait for you, two minutes each: millrace job unlock {} {file}", self.job)];
        }
        vec![format!("millrace job show {}", self.job), format!("millrace job logs {} --follow", self.job)]
    }
}

/// The end of a job that was followed.
pub struct Finished<'a> {
    pub status: &'a JobStatus,
    /// That opened it, where it was just opened.
    pub transaction: Option<&'a str>,
    /// The outputs are downloaded next anyway.
    pub downloads: bool,
}

impl Report for Finished<'_> {
    fn json(&self) -> Value {
        match self.transaction {
            Some(transaction) => json!({ "job": output::value(self.status), "transaction": transaction }),
            None => json!({ "job": output::value(self.status) }),
        }
    }

    fn human(&self, style: Style) -> String {
        views::job::text(self.status, clock::now(), style)
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
    let prepared = submission::prepare(&args.file, || context.keypair()).await?;
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
    let buyer = args.buyer.unwrap_or_else(|| address(&wallet));
    let (Opened { job, transaction }, balance) = if args.prepaid {
        let before: BuyerAccount = client.fetch(addresses::buyer(buyer)).await?;
        let opened = prepared.open_prepaid(&client, &market, &wallet, &before, fresh_id()).await?;
        let after = client.fetch::<BuyerAccount>(before.address).await.ok();
        (opened, after.map(|after| Change { before: before.buyer.balance, after: after.buyer.balance }))
    } else {
        (prepared.open(&client, &network, &market, &wallet, fresh_id()).await?, None)
    };
    if !args.follow {
        let buyer = Some(buyer).filter(|buyer| *buyer != address(&wallet));
        let unlock = prepared.handover(&wallet, &client).map(|_| args.file.display().to_string());
        context.output.report(&Submitted { job, transaction, quote: &quote, balance, buyer, unlock });
        return Ok(());
    }
    let by = transaction_text(transaction.as_deref());
    context.output.note(&format!("job {job} is open, transaction {by}"));
    let handover = prepared.handover(&wallet, &client);
    // Whatever fails from here on, the job is paid for.
    stay(context, &market, job, transaction.as_deref(), handover, args.outputs).await.map_err(|lost| lost.about(job))
}

/// Follows the job that was opened to its end.
async fn stay(
    context: &Context<'_>,
    market: &Market,
    job: Address,
    transaction: Option<&str>,
    mut handover: Option<Handover>,
    outputs: Option<PathBuf>,
) -> Result<(), Failure> {
    let status = follow::follow(context.output, market, job, handover.as_mut()).await?;
    if let Some(failure) = follow::failure_of(&status) {
        return Err(failure);
    }
    context.output.report(&Finished { status: &status, transaction, downloads: outputs.is_some() });
    match outputs {
        Some(into) => job_outputs::run(context, OutputsOf { job, into, early: false }).await,
        None => Ok(()),
    }
}

/// The job's number is new, so that a job which turns out to be open was paid for by this very command.
fn transaction_text(signature: Option<&str>) -> &str {
    signature.unwrap_or("not known: the chain did not answer, and the job is open")
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

#[cfg(test)]
mod tests {
    use super::*;

    fn quote() -> Quote {
        Quote {
            name: "water-wheel".to_owned(),
            tasks: 24,
            spec_hash: "ab".repeat(32),
            worst_case_per_lease: MicroUsdc(500_000),
            concurrent_leases: 3,
            deposit: MicroUsdc(1_500_000),
            maximum_fee: MicroUsdc(75_000),
            nodes_fitting: 1,
            nodes_total: 2,
        }
    }

    #[test]
    fn a_prepaid_job_tells_what_is_left_and_a_delegates_whose_it_is() {
        let quote = quote();
        let balance = Change { before: MicroUsdc(10_000_000), after: MicroUsdc(8_500_000) };
        let job = Address([1; 32]);
        let mut submitted = Submitted {
            job,
            transaction: Some("4xY".to_owned()),
            quote: &quote,
            balance: Some(balance),
            buyer: None,
            unlock: None,
        };
        insta::assert_snapshot!(submitted.human(Style::plain()));
        assert_eq!(submitted.next()[0], format!("millrace job show {job}"));
        submitted.buyer = Some(Address([2; 32]));
        insta::assert_snapshot!(submitted.human(Style::plain()));
        assert_eq!(submitted.next()[0], format!("millrace job show {job}"));
        let sealed = Submitted { buyer: None, unlock: Some("job.toml".to_owned()), ..submitted };
        assert!(sealed.next()[0].ends_with(&format!("millrace job unlock {job} job.toml")));
        let submitted = sealed;
        let from_wallet = Submitted { balance: None, buyer: None, ..submitted };
        let json = from_wallet.json();
        assert!(json.get("balance").is_none() && json.get("buyer").is_none(), "{json}");
    }

    #[test]
    fn a_job_that_turned_out_to_be_open_was_paid_for_now() {
        let (job, quote) = (Address([1; 32]), quote());
        let submitted = Submitted { job, transaction: None, quote: &quote, balance: None, buyer: None, unlock: None };
        insta::assert_snapshot!(submitted.human(Style::plain()));
    }

    #[test]
    fn a_quote_says_what_can_be_lost_and_what_comes_back() {
        insta::assert_snapshot!(quote_text(&quote(), Style::plain()));
    }
}
