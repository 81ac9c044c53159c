use millrace_client::accounts::AccountKind;
use millrace_client::overdue::{Affairs, Step};
use millrace_client::{Error, Sender};
use millrace_protocol::{Address, MicroUsdc, UnixSeconds};
use serde::Serialize;
use serde_json::Value;

use crate::args::JobReference;
use crate::context::{Context, address};
use crate::errors::Failure;
use crate::output::table::{Column, render};
use crate::output::{self, Report, Style};
use crate::views;
use crate::views::duration::in_time;

/// How often the job is read and what is due of it is brought in: what ends a lease makes the next step due, and a job
/// with a count has five of them.
const PASSES: usize = 10;

#[derive(Debug, PartialEq, Eq, Serialize)]
struct Due {
    /// The instruction's name, as `docs/deadlines.md` has it.
    step: &'static str,
    /// Its number; none where the step is not about one lease.
    lease: Option<u32>,
}

impl Due {
    fn of(step: &Step<'_>) -> Self {
        Self { step: step.name(), lease: step.lease().map(|lease| lease.number) }
    }

    fn text(&self) -> String {
        let Self { step, lease } = self;
        lease.map_or_else(|| (*step).to_owned(), |number| format!("{step} of lease {number}"))
    }
}

#[derive(Serialize)]
struct Taken {
    #[serde(flatten)]
    step: Due,
    transaction: String,
}

#[derive(Serialize)]
struct Next {
    #[serde(flatten)]
    step: Due,
    at: UnixSeconds,
    /// The chain's time.
    clock: UnixSeconds,
}

impl Next {
    fn of(affairs: &Affairs) -> Option<Self> {
        let (at, step) = affairs.next()?;
        Some(Self { step: Due::of(&step), at, clock: affairs.clock })
    }
}

#[derive(Serialize)]
struct Settled {
    job: Address,
    steps: Vec<Taken>,
    is_closed: bool,
    /// What went back to the funder by a step of these; none where they did not close the job.
    refunded: Option<MicroUsdc>,
    /// What only waits for time; none where nothing does.
    next: Option<Next>,
}

impl Report for Settled {
    fn json(&self) -> Value {
        output::value(self)
    }

    fn human(&self, style: Style) -> String {
        let mut parts = Vec::new();
        if self.steps.is_empty() {
            parts.push("nothing is due now".to_owned());
        } else {
            let steps = views::counted(self.steps.len(), "step");
            parts.push(style.good(&format!("{steps} brought to the chain")));
            let rows: Vec<_> =
                self.steps.iter().map(|taken| vec![taken.step.text(), taken.transaction.clone()]).collect();
            parts.push(render(&[Column::Text("step"), Column::Text("transaction")], &rows));
        }
        if self.is_closed {
            parts.push("the job is closed".to_owned());
        }
        if let Some(refunded) = self.refunded {
            parts.push(format!("{refunded} of its escrow went back to its funder"));
        }
        if let Some(next) = &self.next {
            parts.push(format!("next: {}, {}", next.step.text(), in_time(next.at, next.clock)));
        }
        parts.join("\n")
    }

    fn next(&self) -> Vec<String> {
        let again = self.next.iter();
        again.map(|_| format!("millrace job settle {}  (again then, if nobody else has)", self.job)).collect()
    }
}

/// Brings to the chain what is due of a job. Anyone may.
///
/// # Errors
/// A job that is closed, or never was; a key that cannot pay the fees; an RPC endpoint that cannot be reached.
pub async fn run(context: &Context<'_>, args: JobReference) -> Result<(), Failure> {
    let payer = context.keypair()?;
    let client = context.client();
    let sender = Sender::new(client.clone(), payer.clone());
    let mut settled = Settled { job: args.job, steps: Vec::new(), is_closed: false, refunded: None, next: None };
    let mut read = Affairs::read(&client, args.job).await?;
    if read.is_none() {
        return Err(nothing_left(args.job));
    }
    for _ in 0..PASSES {
        let Some(affairs) = &read else { break };
        let due = affairs.due();
        let mut refused = None;
        for step in &due {
            match sender.send(&step.instructions(address(&payer), &affairs.job), &[]).await {
                Ok(receipt) => {
                    settled.steps.push(Taken { step: Due::of(step), transaction: receipt.signature.to_string() });
                    if *step == Step::CloseJob {
                        settled.refunded = Some(affairs.job.job.vault_balance()?);
                    }
                }
                Err(error) => {
                    refused = Some((Due::of(step), error));
                    break;
                }
            }
        }
        if due.is_empty() {
            break;
        }
        let now = Affairs::read(&client, args.job).await?;
        if let Some((refused, error)) = refused {
            // Somebody else may have done it at the same time.
            if now.iter().flat_map(Affairs::due).any(|step| Due::of(&step) == refused) {
                return Err(error.into());
            }
        }
        read = now;
    }
    settled.is_closed = read.is_none();
    settled.next = read.as_ref().and_then(Next::of);
    context.output.report(&settled);
    Ok(())
}

fn nothing_left(job: Address) -> Failure {
    Failure::from(Error::AccountMissing { kind: AccountKind::Job, address: job })
        .with_hint(format!("a job that is over and paid out has no account any more; `millrace job show {job}` tells"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_done_is_told_and_what_waits() {
        let job = Address([1; 32]);
        let taken = |name, lease| Taken { step: Due { step: name, lease }, transaction: "4xY".to_owned() };
        let next = Next {
            step: Due { step: "finalize_lease", lease: Some(1) },
            at: UnixSeconds(190),
            clock: UnixSeconds(100),
        };
        let waits = Settled {
            job,
            steps: vec![taken("expire_lease", Some(0))],
            is_closed: false,
            refunded: None,
            next: Some(next),
        };
        let closed = Settled {
            job,
            steps: vec![taken("expire_job", None), taken("close_job", None)],
            is_closed: true,
            refunded: Some(MicroUsdc(1_500_000)),
            next: None,
        };
        let nothing = Settled { job, steps: Vec::new(), is_closed: false, refunded: None, next: None };
        for settled in [waits, closed, nothing] {
            insta::assert_snapshot!(settled.human(Style::plain()));
        }
        insta::assert_snapshot!(nothing_left(job).text(Style::plain()));
    }
}
