use millrace_client::accounts::JobAccount;
use millrace_client::{Error, instructions};
use millrace_protocol::{Address, JobState, MicroUsdc};
use serde::Serialize;
use serde_json::Value;

use crate::args::JobReference;
use crate::context::{Context, address};
use crate::errors::Failure;
use crate::output::{self, Report, Style};
use crate::views;
use crate::views::change::read_back;

#[derive(Serialize)]
struct Cancelled {
    job: Address,
    /// Leases that are still to be settled for the seconds up to now; none where they could not be read back.
    live_leases: Option<u16>,
    /// None where it could not be read back.
    in_escrow: Option<MicroUsdc>,
    transaction: String,
}

impl Report for Cancelled {
    fn json(&self) -> Value {
        output::value(self)
    }

    fn human(&self, style: Style) -> String {
        let text = match self.live_leases {
            None | Some(0) => "cancelled; the rest of the deposit comes back by itself".to_owned(),
            Some(n) => {
                let leases = views::counted(usize::from(n), "running lease");
                format!("cancelled; the seconds of {leases} up to now are paid, the rest comes back by itself")
            }
        };
        let in_escrow = read_back(self.in_escrow);
        format!("{}\nin escrow    {in_escrow:>20}\ntransaction  {}", style.good(&text), self.transaction)
    }

    fn next(&self) -> Vec<String> {
        vec![format!("millrace job show {}", self.job)]
    }
}

/// Cancels a job.
///
/// # Errors
/// A job that does not exist, is another buyer's, or is over; an RPC endpoint that cannot be reached.
pub async fn run(context: &Context<'_>, args: JobReference) -> Result<(), Failure> {
    let buyer = context.keypair()?;
    let client = context.client();
    let before: JobAccount = client.fetch(args.job).await.map_err(|error| match error {
        Error::AccountMissing { .. } => Failure::from(error).with_hint(format!(
            "a job that is over and paid out has no account any more; `millrace job show {}` tells",
            args.job
        )),
        _ => error.into(),
    })?;
    // The chain's own rule, so that a hopeless transaction is not paid for.
    millrace_protocol::transitions::cancel_job(&mut before.job.clone(), client.chain_clock().await?)?;
    let receipt = context.send(&instructions::cancel_job(address(&buyer), args.job), &buyer).await?;
    // The orchestrator may have closed the account already.
    let (live_leases, in_escrow) = match client.find::<JobAccount>(args.job).await {
        Ok(Some(JobAccount { job, .. })) => {
            (Some(if job.state == JobState::Done { 0 } else { job.live_leases }), job.vault_balance().ok())
        }
        Ok(None) => (Some(0), Some(MicroUsdc::ZERO)),
        Err(_) => (None, None),
    };
    let transaction = receipt.signature.to_string();
    context.output.report(&Cancelled { job: args.job, live_leases, in_escrow, transaction });
    Ok(())
}
