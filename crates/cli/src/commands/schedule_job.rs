use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use millrace_client::accounts::{BuyerAccount, JobAccount};
use millrace_client::history::Statement;
use millrace_client::{Client, Error as ClientError, Keypair, address as addresses};
use millrace_protocol::{Address, MicroUsdc, UnixSeconds};
use millrace_spec::{Sealed, sha256};
use serde::Serialize;
use serde_json::Value;

use crate::args::ScheduleJob;
use crate::clock;
use crate::context::{Context, address};
use crate::errors::Failure;
use crate::market::Market;
use crate::output::{self, Output, Report, Style};
use crate::schedule::{Funds, Journal, Plan, Reason, Run, Step, journal};
use crate::submission::{self, Prepared};
use crate::{signals, views};

/// Between two looks at runs that are under way; also what a machine that slept notices late at most.
const POLL: Duration = Duration::from_secs(5);

/// What one moment of the schedule came to.
#[derive(Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
enum Told {
    /// Without a transaction where an earlier try had opened it, or nobody could tell which one did.
    Opened {
        at: UnixSeconds,
        job: Address,
        deposit: MicroUsdc,
        transaction: Option<String>,
    },
    Skipped {
        at: UnixSeconds,
        reason: Reason,
    },
    Failed {
        at: UnixSeconds,
        failure: Failure,
    },
    Closed {
        at: UnixSeconds,
        job: Address,
        paid: MicroUsdc,
        spent: MicroUsdc,
        budget: MicroUsdc,
    },
    Ended {
        why: &'static str,
        runs: u64,
        spent: MicroUsdc,
    },
}

impl Report for Told {
    fn json(&self) -> Value {
        output::value(self)
    }

    fn human(&self, style: Style) -> String {
        match self {
            Self::Opened { at, job, deposit, .. } => {
                style.good(&format!("{}: {job} is open, {deposit} in escrow", clock::minute(*at)))
            }
            Self::Skipped { at, reason: Reason::Overlap } => {
                format!("{}: left out, the last run goes on", clock::minute(*at))
            }
            Self::Skipped { at, reason: Reason::Missed } => format!("{}: left out, it was missed", clock::minute(*at)),
            Self::Skipped { at, reason: Reason::Budget } => {
                format!("{}: left out, the rest of the budget is in escrow", clock::minute(*at))
            }
            Self::Failed { at, failure } => {
                style.warn(&format!("{}: not opened, {}", clock::minute(*at), failure.message))
            }
            Self::Closed { at, job, paid, spent, budget } => {
                format!("{}: {job} is closed and cost {paid}; {spent} of {budget} are spent", clock::minute(*at))
            }
            Self::Ended { why, runs, spent } => format!("{why}: {runs} run(s) begun, {spent} spent by those closed"),
        }
    }

    fn next(&self) -> Vec<String> {
        match self {
            Self::Opened { job, .. } => vec![format!("millrace job show {job}")],
            _ => Vec::new(),
        }
    }
}

/// # Errors
/// Those of [`submission::prepare`]; [`submission::Error::SecretsUnattended`].
async fn prepare(file: &Path, wallet: &Arc<Keypair>) -> Result<Prepared, Failure> {
    let prepared = submission::prepare(file, || Ok(wallet.clone())).await?;
    if prepared.spec.sealed.as_ref().is_some_and(Sealed::is_awaited) {
        return Err(submission::Error::SecretsUnattended.into());
    }
    Ok(prepared)
}

/// A schedule at work.
struct Scheduler<'a> {
    output: &'a dyn Output,
    client: Client,
    market: Market,
    wallet: Arc<Keypair>,
    /// Whose jobs they are.
    buyer: Address,
    prepaid: bool,
    file: PathBuf,
    path: PathBuf,
    journal: Journal,
    plan: Plan,
    /// What makes this schedule's job numbers its own.
    mark: u64,
    /// What is in the way of which run now, by its number; said once.
    troubles: BTreeMap<u64, String>,
}

/// Opens a job again and again, at the times of a cron pattern, until it is stopped or its budget is used up.
///
/// # Errors
/// A job file or a journal that cannot be read, a journal that cannot be written. What keeps a single run from
/// being opened is told, and the next one comes.
pub async fn run(context: &Context<'_>, args: ScheduleJob) -> Result<(), Failure> {
    // What is wrong with the file is said now, and not at four in the morning.
    let wallet = context.keypair()?;
    let prepared = prepare(&args.file, &wallet).await?;
    let path = args.journal.unwrap_or_else(|| args.file.with_extension("schedule.json"));
    let plan =
        Plan { pattern: args.cron, overlap: args.overlap, missed: args.missed, budget: args.budget, runs: args.runs };
    let journal = journal::read(&path, clock::now())?;
    journal::write(&path, &journal)?;
    let mut scheduler = Scheduler {
        output: context.output,
        client: context.client(),
        market: context.market(&wallet),
        buyer: args.buyer.unwrap_or_else(|| address(&wallet)),
        prepaid: args.prepaid,
        wallet,
        file: args.file,
        mark: mark(&path),
        troubles: BTreeMap::new(),
        path,
        journal,
        plan,
    };
    let deposit = prepared.spec.terms.deposit;
    context.output.note(&format!("each run puts {deposit} into escrow; Ctrl-C stops the schedule, not its jobs"));
    let why = tokio::select! {
        why = scheduler.go_on() => why?,
        () = signals::asked_to_stop() => "stopped",
    };
    // What is on disk: a run may have been interrupted between two steps.
    let journal = journal::read(&scheduler.path, clock::now())?;
    context.output.report(&Told::Ended { why, runs: journal.begun, spent: journal.spent });
    Ok(())
}

impl Scheduler<'_> {
    async fn go_on(&mut self) -> Result<&'static str, Failure> {
        loop {
            self.look_after_runs().await?;
            match self.plan.next(&self.journal, clock::now()) {
                Step::Finished => return Ok("all runs are done"),
                Step::Wait(until) => {
                    let left = Duration::from_secs(until.since(clock::now()).0);
                    tokio::time::sleep(left.min(POLL)).await;
                }
                Step::Skip(at, reason) => self.skip(at, reason)?,
                Step::Run(at) => {
                    if let Some(why) = self.begin(at).await? {
                        return Ok(why);
                    }
                }
            }
        }
    }

    fn skip(&mut self, at: UnixSeconds, reason: Reason) -> Result<(), Failure> {
        self.journal.decided = at;
        self.keep()?;
        self.output.report(&Told::Skipped { at, reason });
        Ok(())
    }

    /// The run for this time, where it may be. Returns why the schedule is over, if it is.
    async fn begin(&mut self, at: UnixSeconds) -> Result<Option<&'static str>, Failure> {
        // Read anew: inputs may be others than last time.
        let prepared = match prepare(&self.file, &self.wallet).await {
            Ok(prepared) => prepared,
            Err(failure) => {
                self.journal.decided = at;
                self.keep()?;
                self.output.report(&Told::Failed { at, failure });
                return Ok(None);
            }
        };
        let deposit = prepared.spec.terms.deposit;
        match self.plan.funds(&self.journal, deposit) {
            Funds::Enough => {}
            Funds::NotNow => return self.skip(at, Reason::Budget).map(|()| None),
            Funds::Never => return Ok(Some("the budget is used up")),
        }
        let id = at.0.saturating_mul(1_000_000_000).saturating_add(self.mark);
        let job = addresses::job(self.buyer, id);
        let run = Run { at, id, job, deposit, opened: false, over: false };
        self.journal.begin_run(run);
        self.keep()?;
        self.open(run, &prepared).await?;
        Ok(None)
    }

    /// Brings a run that the journal knows to the chain. What is refused for a cause that passes is tried again at
    /// the next look.
    async fn open(&mut self, run: Run, prepared: &Prepared) -> Result<(), Failure> {
        match self.send(run, prepared).await {
            Ok(transaction) => self.note_open(run, false, transaction)?,
            Err(failure) if failure.passes => self.note_trouble(run.id, tried_again(run, &failure)),
            // It may be refused because it is open: with the wallet's last money, or encrypted anew since.
            Err(failure) => match self.client.find::<JobAccount>(run.job).await {
                Ok(Some(_)) => self.note_open(run, false, None)?,
                Ok(None) => self.give_up(run, failure)?,
                Err(error) => self.note_unknown(run, &error),
            },
        }
        Ok(())
    }

    /// The run is not opened, and not tried again.
    fn give_up(&mut self, run: Run, failure: Failure) -> Result<(), Failure> {
        self.troubles.remove(&run.id);
        self.journal.give_up(run.id);
        self.keep()?;
        self.output.report(&Told::Failed { at: run.at, failure });
        Ok(())
    }

    /// The run's account is closed.
    fn close(&mut self, run: Run, paid: MicroUsdc) -> Result<(), Failure> {
        self.troubles.remove(&run.id);
        self.journal.close(run.id, paid);
        self.keep()?;
        let (spent, budget) = (self.journal.spent, self.plan.budget);
        self.output.report(&Told::Closed { at: run.at, job: run.job, paid, spent, budget });
        Ok(())
    }

    /// Nobody tells what has become of the run: it is asked again at the next look.
    fn note_unknown(&mut self, run: Run, error: &dyn std::error::Error) {
        self.note_trouble(run.id, format!("{}: {error}; it is asked again", clock::minute(run.at)));
    }

    fn note_trouble(&mut self, id: u64, trouble: String) {
        if self.troubles.get(&id) != Some(&trouble) {
            self.output.note(&trouble);
            self.troubles.insert(id, trouble);
        }
    }

    async fn send(&self, run: Run, prepared: &Prepared) -> Result<Option<String>, Failure> {
        let (client, market, wallet) = (&self.client, &self.market, &self.wallet);
        let opened = if self.prepaid {
            let balance: BuyerAccount = client.fetch(addresses::buyer(self.buyer)).await?;
            prepared.open_prepaid(client, market, wallet, &balance, run.id).await?
        } else {
            let network = client.config().await?;
            prepared.open(client, &network, market, wallet, run.id).await?
        };
        Ok(opened.transaction)
    }

    /// What has become of the runs under way. Whoever does not answer is asked again at the next look.
    async fn look_after_runs(&mut self) -> Result<(), Failure> {
        for run in self.journal.under_way.clone() {
            match self.market.job(run.job).await {
                Ok(status) if status.closed => {
                    let paid = status.chain.paid.plus(status.chain.fees).unwrap_or(run.deposit);
                    self.close(run, paid)?;
                }
                Ok(status) => {
                    let over = views::job::is_over(&status) || views::job::is_reported(&status);
                    self.note_open(run, over, None)?;
                }
                Err(error) if error.is_job_unknown() => self.look_on_chain(run).await?,
                // One that is stopping, or does not listen to this key, says nothing about the job.
                Err(error) => self.note_unknown(run, &error),
            }
        }
        Ok(())
    }

    /// The orchestrator does not know the job: the chain does, and what became of one that is closed.
    async fn look_on_chain(&mut self, run: Run) -> Result<(), Failure> {
        match self.client.find::<JobAccount>(run.job).await {
            Ok(Some(_)) => self.note_open(run, false, None)?,
            Ok(None) => match self.client.job_history(run.job).await {
                Ok(history) if history.entries.is_empty() && !run.opened => self.open_late(run).await?,
                Ok(history) => {
                    // Where it tells of no end, whoever showed no account is behind.
                    if let Some(paid) = closed_at(&history.statement(), run.deposit) {
                        self.close(run, paid)?;
                    }
                }
                // It was there, and the endpoint does not tell what it cost.
                Err(ClientError::TransactionIncomplete { .. }) => self.close(run, run.deposit)?,
                Err(error) => self.note_unknown(run, &error),
            },
            Err(error) => self.note_unknown(run, &error),
        }
        Ok(())
    }

    /// Opens a run that was begun and never came to the chain.
    async fn open_late(&mut self, run: Run) -> Result<(), Failure> {
        let (begun, prepared) = (run.deposit, prepare(&self.file, &self.wallet).await);
        match prepared.map(|prepared| (prepared.spec.terms.deposit, prepared)) {
            Ok((now, prepared)) if now == begun => self.open(run, &prepared).await,
            Ok((now, _)) => self.give_up(run, submission::Error::DepositChanged { begun, now }.into()),
            Err(failure) => self.give_up(run, failure),
        }
    }

    /// The run's account is there, which is told the first time, whoever finds it.
    fn note_open(&mut self, run: Run, over: bool, transaction: Option<String>) -> Result<(), Failure> {
        self.troubles.remove(&run.id);
        if (run.opened, run.over) == (true, over) {
            return Ok(());
        }
        // Before it is kept: money has left the wallet, and where it lies is better told twice than never.
        if !run.opened {
            let Run { at, job, deposit, .. } = run;
            self.output.report(&Told::Opened { at, job, deposit, transaction });
        }
        for kept in self.journal.under_way.iter_mut().filter(|kept| kept.id == run.id) {
            (kept.opened, kept.over) = (true, over);
        }
        self.keep()
    }

    fn keep(&self) -> Result<(), Failure> {
        Ok(journal::write(&self.path, &self.journal)?)
    }
}

/// Why a run is tried again, with its job where that may be open for all anybody knows.
fn tried_again(run: Run, failure: &Failure) -> String {
    let (at, message) = (clock::minute(run.at), &failure.message);
    match &failure.job {
        Some(job) => format!("{at}: {message}; {job} may be open, and is tried again"),
        None => format!("{at}: {message}; it is tried again"),
    }
}

/// What a job that has no account any more has cost, fees included: all of it where the endpoint does not keep its
/// whole history. `None` where the history says that the job is not closed.
fn closed_at(statement: &Statement, deposit: MicroUsdc) -> Option<MicroUsdc> {
    if statement.deposit.is_some() && statement.refund.is_none() {
        return None;
    }
    let cost = statement.balanced().then(|| statement.paid().plus(statement.fees()).ok()).flatten();
    Some(cost.unwrap_or(deposit))
}

/// Below a second of the job numbers, which are times in nanoseconds: the same for every start of one schedule, so
/// that two that run by mistake open each job once.
fn mark(journal: &Path) -> u64 {
    let path = std::path::absolute(journal).unwrap_or_else(|_| journal.to_owned());
    let hash = sha256(path.as_os_str().as_encoded_bytes());
    let bytes: [u8; 8] = std::array::from_fn(|index| hash.0[index]);
    u64::from_le_bytes(bytes) % 1_000_000_000
}

#[cfg(test)]
mod tests {
    use millrace_client::Signature;
    use millrace_client::history::Posting;

    use super::*;

    #[test]
    fn each_schedule_has_job_numbers_of_its_own() {
        assert_eq!(mark(Path::new("/a/job.schedule.json")), mark(Path::new("/a/job.schedule.json")));
        assert_ne!(mark(Path::new("/a/job.schedule.json")), mark(Path::new("/b/job.schedule.json")));
        assert!(mark(Path::new("x")) < 1_000_000_000);
    }

    #[test]
    fn a_job_whose_history_is_not_whole_is_booked_in_full_and_one_that_is_not_closed_not_at_all() {
        let deposit = MicroUsdc(500);
        let posting = |amount| Posting { amount, signature: Signature::default() };
        let mut told = Statement::default();
        assert_eq!(closed_at(&told, deposit), Some(deposit));
        told.refund = Some(posting(MicroUsdc(400)));
        assert_eq!(closed_at(&told, deposit), Some(deposit));
        (told.deposit, told.refund) = (Some(posting(deposit)), None);
        assert_eq!(closed_at(&told, deposit), None);
    }

    #[test]
    fn a_run_that_may_be_open_is_tried_again_with_its_address() {
        let (at, job) = (UnixSeconds(1_795_408_200), Address([1; 32]));
        let run = Run { at, id: 1, job, deposit: MicroUsdc(1), opened: false, over: false };
        let failure: Failure = submission::Error::SecretsUnattended.into();
        assert!(tried_again(run, &failure).ends_with("; it is tried again"));
        assert!(tried_again(run, &failure.about(job)).ends_with(&format!("; {job} may be open, and is tried again")));
    }

    #[test]
    fn what_is_told_is_short_and_says_when() {
        let (at, job) = (UnixSeconds(1_795_408_200), Address([1; 32]));
        let told = [
            Told::Opened { at, job, deposit: MicroUsdc(1_500_000), transaction: Some("4xY".to_owned()) },
            Told::Skipped { at, reason: Reason::Overlap },
            Told::Skipped { at, reason: Reason::Missed },
            Told::Skipped { at, reason: Reason::Budget },
            Told::Closed { at, job, paid: MicroUsdc(7), spent: MicroUsdc(9), budget: MicroUsdc(20_000_000) },
            Told::Ended { why: "stopped", runs: 3, spent: MicroUsdc(9) },
        ];
        let lines: Vec<String> = told.iter().map(|told| told.human(Style::plain())).collect();
        insta::assert_snapshot!(lines.join("\n"));
        assert_eq!(told[1].json()["reason"], "overlap");
    }
}
