use millrace_client::accounts::{BuyerAccount, JobAccount};
use millrace_client::{Client, instructions};
use millrace_protocol::transitions::{self, JobExtension};
use millrace_protocol::{Address, Diagnostic, Job, JobState, MicroUsdc, Seconds, UnixSeconds};
use serde::Serialize;
use serde_json::Value;
use thiserror::Error;

use crate::args::ExtendJob;
use crate::context::{Context, address};
use crate::errors::Failure;
use crate::output::{self, Report, Style};
use crate::submission;
use crate::views::change::{Change, read_back};
use crate::views::duration::{duration, in_time};

/// Whose word is missing.
#[derive(Debug, Error)]
enum Error {
    #[error("the job is {buyer}'s")]
    NotTheBuyer { buyer: Address },
    #[error("the job was funded by {funder}, who would have to sign too")]
    FundedByAnother { funder: Address },
}

impl Diagnostic for Error {
    fn code(&self) -> &'static str {
        match self {
            Self::NotTheBuyer { .. } => "wrong-buyer",
            Self::FundedByAnother { .. } => "wrong-funder",
        }
    }

    fn hint(&self) -> String {
        match self {
            Self::NotTheBuyer { .. } => "sign with the buyer's keypair; a delegate may open jobs, not extend them",
            Self::FundedByAnother { .. } => "extend it with the SDK, which takes both signatures",
        }
        .to_owned()
    }
}

#[derive(Serialize)]
struct Extended {
    job: Address,
    /// None where the job could not be read back, as with what follows.
    deposit: Option<Change<MicroUsdc>>,
    /// Of the deposit, what no lease has reserved: those under way take of it first.
    available: Option<Change<MicroUsdc>>,
    lease_seconds: Option<Change<Seconds>>,
    /// Until when a job that no rig has taken waits.
    start_deadline: Option<Change<UnixSeconds>>,
    transaction: String,
    /// The chain's time, for a job that waits.
    #[serde(skip)]
    waits_at: Option<UnixSeconds>,
}

impl Report for Extended {
    fn json(&self) -> Value {
        output::value(self)
    }

    fn human(&self, style: Style) -> String {
        let lease =
            self.lease_seconds.map(|lease| Change { before: duration(lease.before), after: duration(lease.after) });
        let mut rows = vec![
            ("deposit", read_back(self.deposit)),
            ("not reserved yet", read_back(self.available)),
            ("longest lease", read_back(lease)),
        ];
        if let (Some(now), Some(Change { before, after })) = (self.waits_at, self.start_deadline) {
            let expires = Change { before: in_time(before, now), after: in_time(after, now) };
            rows.push(("expires unstarted", expires.to_string()));
        }
        rows.push(("transaction", self.transaction.clone()));
        let rows = output::rows(rows);
        format!("{}\n{rows}", style.good("extended"))
    }

    fn next(&self) -> Vec<String> {
        vec![format!("millrace job show {}", self.job)]
    }
}

/// Adds money, longer leases or a longer wait to a job.
///
/// # Errors
/// A job that does not exist, is another buyer's, or is over; a wallet or balance without the amount; an RPC
/// endpoint that cannot be reached.
pub async fn run(context: &Context<'_>, args: ExtendJob) -> Result<(), Failure> {
    let buyer = context.keypair()?;
    let client = context.client();
    let before: JobAccount = client.fetch(args.job).await?;
    check_signer(&before, address(&buyer)).map_err(|error| Failure::refused(&error))?;
    let extension = JobExtension {
        deposit: args.deposit.unwrap_or_default(),
        lease_seconds: args.lease.unwrap_or_default(),
        start_window: args.start_window.unwrap_or_default(),
    };
    let now = client.chain_clock().await?;
    // The chain's own rule, so that a hopeless transaction is not paid for.
    transitions::extend_job(&mut before.job.clone(), extension, now)?;
    require(&client, &before, extension.deposit).await?;
    let receipt = context.send(&instructions::extend_job(&before, extension), &buyer).await?;
    let (old, new) = (before.job, client.fetch::<JobAccount>(args.job).await.ok().map(|after| after.job));
    let available = |new: Job| Some(Change { before: old.available().ok()?, after: new.available().ok()? });
    context.output.report(&Extended {
        job: args.job,
        deposit: new.map(|new| Change { before: old.terms.deposit, after: new.terms.deposit }),
        available: new.and_then(available),
        lease_seconds: new.map(|new| Change { before: old.terms.lease_seconds, after: new.terms.lease_seconds }),
        start_deadline: new.map(|new| Change { before: old.start_deadline, after: new.start_deadline }),
        transaction: receipt.signature.to_string(),
        waits_at: new.is_some_and(|new| new.state == JobState::Open).then_some(now),
    });
    Ok(())
}

fn check_signer(job: &JobAccount, wallet: Address) -> Result<(), Error> {
    if job.buyer != wallet {
        return Err(Error::NotTheBuyer { buyer: job.buyer });
    }
    if !job.prepaid && job.funder != wallet {
        return Err(Error::FundedByAnother { funder: job.funder });
    }
    Ok(())
}

/// Fails unless whatever paid the deposit has the amount too.
async fn require(client: &Client, job: &JobAccount, amount: MicroUsdc) -> Result<(), Failure> {
    if job.prepaid {
        let balance: BuyerAccount = client.fetch(job.funder).await?;
        return submission::require_balance(&balance, amount);
    }
    Ok(client.require_usdc(job.funder, job.mint, amount).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_side_of_the_extension_is_told_with_its_unit() {
        let mut extended = Extended {
            job: Address([1; 32]),
            deposit: Some(Change { before: MicroUsdc(1_500_000), after: MicroUsdc(6_500_000) }),
            available: Some(Change { before: MicroUsdc(500_000), after: MicroUsdc(5_500_000) }),
            lease_seconds: Some(Change { before: Seconds(1_800), after: Seconds(3_600) }),
            start_deadline: Some(Change { before: UnixSeconds(7_200), after: UnixSeconds(10_800) }),
            transaction: "4xY".to_owned(),
            waits_at: Some(UnixSeconds(3_600)),
        };
        insta::assert_snapshot!(extended.human(Style::plain()));
        extended.waits_at = None;
        let started = extended.human(Style::plain());
        assert!(!started.contains("unstarted"), "{started}");
    }
}
