use millrace_client::accounts::JobAccount;
use millrace_client::instructions;
use millrace_protocol::{Address, Diagnostic, LeaseState, MicroUsdc};
use serde::Serialize;
use serde_json::Value;
use thiserror::Error;

use crate::args::AcceptJob;
use crate::context::{Context, address};
use crate::errors::Failure;
use crate::output::{self, Report, Style};
use crate::views;

/// Why there is nothing to accept.
#[derive(Debug, Error)]
enum Error {
    #[error("no lease of the job waits to be accepted")]
    NothingReported,
    #[error("lease {number} of the job is not reported")]
    NotReported { number: u32 },
}

impl Diagnostic for Error {
    fn code(&self) -> &'static str {
        match self {
            Self::NothingReported | Self::NotReported { .. } => "lease-not-reported",
        }
    }

    fn hint(&self) -> String {
        "`millrace job show` tells which leases are reported, and until when they may be disputed".to_owned()
    }
}

#[derive(Serialize)]
struct Accepted {
    job: Address,
    leases: Vec<u32>,
    /// Still to be paid for them until now.
    paid: MicroUsdc,
    transactions: Vec<String>,
}

impl Report for Accepted {
    fn json(&self) -> Value {
        output::value(self)
    }

    fn human(&self, style: Style) -> String {
        let leases = views::counted(self.leases.len(), "lease");
        let transactions = self.transactions.iter().map(|signature| format!("\ntransaction  {signature}"));
        format!(
            "{}\npaid now     {}{}",
            style.good(&format!("{leases} settled as reported")),
            self.paid,
            transactions.collect::<String>()
        )
    }

    fn next(&self) -> Vec<String> {
        vec![format!("millrace job show {}", self.job)]
    }
}

/// Has reported leases settled before their window is over.
///
/// # Errors
/// A job without reported leases, or another buyer's; an RPC endpoint that cannot be reached.
pub async fn run(context: &Context<'_>, args: AcceptJob) -> Result<(), Failure> {
    let buyer = context.keypair()?;
    let client = context.client();
    let job: JobAccount = client.fetch(args.job).await?;
    let mut reported = client.leases_of(&job).await?;
    reported.retain(|lease| lease.lease.state == LeaseState::Reported && args.lease.is_none_or(|n| n == lease.number));
    match (reported.as_slice(), args.lease) {
        ([], Some(number)) => return Err(Failure::refused(&Error::NotReported { number })),
        ([], None) => return Err(Failure::refused(&Error::NothingReported)),
        _ => {}
    }
    let (mut paid, mut transactions) = (MicroUsdc::ZERO, Vec::new());
    for lease in &reported {
        paid = paid.plus(lease.lease.reserved)?;
        let receipt = context.send(&instructions::accept_lease(address(&buyer), lease), &buyer).await?;
        transactions.push(receipt.signature.to_string());
    }
    let leases = reported.iter().map(|lease| lease.number).collect();
    context.output.report(&Accepted { job: args.job, leases, paid, transactions });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_settlement_has_its_transaction() {
        let accepted = Accepted {
            job: Address([1; 32]),
            leases: vec![0, 2],
            paid: MicroUsdc(61_000),
            transactions: vec!["4xY".to_owned(), "5zA".to_owned()],
        };
        insta::assert_snapshot!(accepted.human(Style::plain()));
        insta::assert_snapshot!(Failure::refused(&Error::NotReported { number: 2 }).text(Style::plain()));
    }
}
