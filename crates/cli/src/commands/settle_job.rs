use std::sync::Arc;

use millrace_client::accounts::AccountKind;
use millrace_client::overdue::{Affairs, Step};
use millrace_client::{Client, Error, Keypair, Sender};
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

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
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
    /// What can be done now, and was not.
    due: Vec<Due>,
    /// What only waits for time; none where nothing does.
    next: Option<Next>,
}

impl Settled {
    fn nothing_yet(job: Address, affairs: &Affairs) -> Self {
        let mut settled =
            Self { job, steps: Vec::new(), is_closed: false, refunded: None, due: Vec::new(), next: None };
        settled.see(Some(affairs));
        settled
    }

    /// What is left of the job.
    fn see(&mut self, affairs: Option<&Affairs>) {
        self.is_closed = affairs.is_none();
        self.due = affairs.into_iter().flat_map(Affairs::due).map(|step| Due::of(&step)).collect();
        self.next = affairs.and_then(Next::of);
    }

    fn take(&mut self, step: Due, transaction: String) {
        self.due.retain(|due| *due != step);
        self.steps.push(Taken { step, transaction });
    }
}

impl Report for Settled {
    fn json(&self) -> Value {
        output::value(self)
    }

    fn human(&self, style: Style) -> String {
        let mut parts = Vec::new();
        if self.steps.is_empty() && self.due.is_empty() {
            parts.push("nothing is due now".to_owned());
        }
        if !self.steps.is_empty() {
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
        if !self.due.is_empty() {
            let due: Vec<_> = self.due.iter().map(Due::text).collect();
            parts.push(style.warn(&format!("still due: {}", due.join(", "))));
        }
        if let Some(next) = &self.next {
            parts.push(format!("next: {}, {}", next.step.text(), in_time(next.at, next.clock)));
        }
        parts.join("\n")
    }

    fn next(&self) -> Vec<String> {
        let when = match (self.due.is_empty(), &self.next) {
            (false, _) => "again, if nobody else has",
            (true, Some(_)) => "again then, if nobody else has",
            (true, None) => return vec![],
        };
        vec![format!("millrace job settle {}  ({when})", self.job)]
    }
}

/// Brings to the chain what is due of a job. Anyone may.
///
/// # Errors
/// A job that is closed, or never was; a key that cannot pay the fees; an RPC endpoint that cannot be reached; a step
/// that is refused and still due. What was done before is reported all the same.
pub async fn run(context: &Context<'_>, args: JobReference) -> Result<(), Failure> {
    let payer = context.keypair()?;
    let client = context.client();
    let affairs = Affairs::read(&client, args.job).await?.ok_or_else(|| nothing_left(args.job))?;
    let mut settled = Settled::nothing_yet(args.job, &affairs);
    let ended = settle(&client, &payer, affairs, &mut settled).await;
    context.output.report(&settled);
    ended
}

/// Takes each step that is due, and what that makes due. One that is refused keeps no other from being tried: each
/// pays somebody else.
async fn settle(client: &Client, payer: &Arc<Keypair>, affairs: Affairs, settled: &mut Settled) -> Result<(), Failure> {
    let sender = Sender::new(client.clone(), payer.clone());
    let (mut read, mut refused) = (Some(affairs), Vec::new());
    for _ in 0..PASSES {
        let Some(affairs) = read.as_ref().filter(|_| !settled.due.is_empty()) else { break };
        let (due, taken) = (settled.due.clone(), settled.steps.len());
        for step in affairs.due() {
            match sender.send(&step.instructions(address(payer), &affairs.job), &[]).await {
                Ok(receipt) => {
                    settled.take(Due::of(&step), receipt.signature.to_string());
                    if step == Step::CloseJob {
                        settled.refunded = Some(affairs.job.job.vault_balance()?);
                    }
                }
                Err(error @ Error::Unreachable { .. }) => return Err(error.into()),
                Err(error) => refused.push((Due::of(&step), error)),
            }
        }
        read = Affairs::read(client, settled.job).await?;
        settled.see(read.as_ref());
        if settled.steps.len() == taken && settled.due == due {
            break;
        }
    }
    // Somebody else may have done it at the same time.
    match refused.into_iter().find(|(step, _)| settled.due.contains(step)) {
        Some((_, error)) => Err(error.into()),
        None => Ok(()),
    }
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
            due: Vec::new(),
            next: Some(next),
        };
        let refused = Settled {
            job,
            steps: vec![taken("settle_member", Some(0))],
            is_closed: false,
            refunded: None,
            due: vec![Due { step: "settle_member", lease: Some(1) }, Due { step: "close_quorum", lease: None }],
            next: None,
        };
        let closed = Settled {
            job,
            steps: vec![taken("expire_job", None), taken("close_job", None)],
            is_closed: true,
            refunded: Some(MicroUsdc(1_500_000)),
            due: Vec::new(),
            next: None,
        };
        let nothing = Settled { job, steps: Vec::new(), is_closed: false, refunded: None, due: Vec::new(), next: None };
        assert!(refused.next()[0].ends_with("(again, if nobody else has)") && nothing.next().is_empty());
        for settled in [waits, closed, nothing, refused] {
            insta::assert_snapshot!(settled.human(Style::plain()));
        }
        insta::assert_snapshot!(nothing_left(job).text(Style::plain()));
    }
}
