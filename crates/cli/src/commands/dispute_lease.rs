use std::path::PathBuf;

use millrace_client::accounts::{JobAccount, LeaseAccount};
use millrace_client::{address as addresses, instructions};
use millrace_protocol::{Address, Diagnostic, MicroUsdc, UnixSeconds, transitions};
use millrace_spec::sha256;
use serde::Serialize;
use serde_json::Value;
use thiserror::Error;

use crate::args::DisputeLease;
use crate::context::{Context, address};
use crate::errors::Failure;
use crate::output::{self, Report, Style};
use crate::views::duration::in_time;

/// Why a dispute is not opened.
#[derive(Debug, Error)]
enum Error {
    #[error("the job has no lease {number}, or it is settled")]
    NoSuchLease { number: u32 },
    #[error("`{}` cannot be read", path.display())]
    EvidenceUnreadable { path: PathBuf, source: std::io::Error },
}

impl Diagnostic for Error {
    fn code(&self) -> &'static str {
        match self {
            Self::NoSuchLease { .. } => "lease-settled",
            Self::EvidenceUnreadable { .. } => "evidence-unreadable",
        }
    }

    fn hint(&self) -> String {
        match self {
            Self::NoSuchLease { .. } => "`millrace job show` lists the job's leases and what they wait for".to_owned(),
            Self::EvidenceUnreadable { .. } => {
                "name a file that says what is wrong; only its hash goes on chain".to_owned()
            }
        }
    }
}

#[derive(Serialize)]
struct Disputed {
    job: Address,
    lease: Address,
    /// Comes back unless the provider is found right.
    bond: MicroUsdc,
    evidence_sha256: String,
    decide_by: UnixSeconds,
    transaction: String,
    #[serde(skip)]
    now: UnixSeconds,
}

impl Report for Disputed {
    fn json(&self) -> Value {
        output::value(self)
    }

    fn human(&self, style: Style) -> String {
        format!(
            "{}\nlease        {}\nyour bond    {}\nevidence     sha256 {}\ndecided      {} at the latest\ntransaction  {}",
            style.good("disputed: nothing more is paid until the arbiter has decided"),
            self.lease,
            self.bond,
            self.evidence_sha256,
            in_time(self.decide_by, self.now),
            self.transaction
        )
    }

    fn next(&self) -> Vec<String> {
        vec!["send the evidence itself to the network's arbiter".to_owned(), format!("millrace job show {}", self.job)]
    }
}

/// Disputes a reported lease.
///
/// # Errors
/// A lease that is not reported or whose window is over, evidence that cannot be read, a wallet without the
/// bond, an RPC endpoint that cannot be reached.
pub async fn run(context: &Context<'_>, args: DisputeLease) -> Result<(), Failure> {
    let challenger = context.keypair()?;
    let evidence = tokio::fs::read(&args.evidence)
        .await
        .map_err(|source| Failure::usage(&Error::EvidenceUnreadable { path: args.evidence.clone(), source }))?;
    let evidence = sha256(&evidence);
    let client = context.client();
    let network = client.config().await?;
    let job: JobAccount = client.fetch(args.job).await?;
    let lease = addresses::lease(job.address, job.opened_slot, args.lease);
    let Some(lease) = client.find::<LeaseAccount>(lease).await? else {
        return Err(Failure::refused(&Error::NoSuchLease { number: args.lease }));
    };
    let now = client.chain_clock().await?;
    // The chain's own rule: tells the bond, and keeps a hopeless transaction from being paid for.
    let dispute = transitions::open_dispute(&mut job.job.clone(), &mut lease.lease.clone(), &network.parameters, now)?;
    client.require_usdc(address(&challenger), network.mint, dispute.bond).await?;
    let opening = instructions::open_dispute(address(&challenger), &job, &lease, evidence.0);
    let receipt = context.send(&opening, &challenger).await?;
    context.output.report(&Disputed {
        job: args.job,
        lease: lease.address,
        bond: dispute.bond,
        evidence_sha256: evidence.to_string(),
        decide_by: dispute.decide_by,
        transaction: receipt.signature.to_string(),
        now,
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bond_and_the_last_moment_are_told() {
        let disputed = Disputed {
            job: Address([1; 32]),
            lease: Address([2; 32]),
            bond: MicroUsdc(1_000_000),
            evidence_sha256: "ab".repeat(32),
            decide_by: UnixSeconds(7 * 86_400),
            transaction: "4xY".to_owned(),
            now: UnixSeconds(0),
        };
        insta::assert_snapshot!(disputed.human(Style::plain()));
        insta::assert_snapshot!(disputed.next().join("\n"));
        insta::assert_snapshot!(Failure::refused(&Error::NoSuchLease { number: 3 }).text(Style::plain()));
    }
}
