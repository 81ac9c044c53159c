use std::ops::Range;
use std::path::{Path, PathBuf};

use millrace_client::Client;
use millrace_client::accounts::{LeaseAccount, NodeAccount, ProviderAccount};
use millrace_client::history::{Earnings, Takings};
use millrace_protocol::{Address, Diagnostic, LeaseOutcome, MicroUsdc, Seconds, UnixSeconds};
use millrace_worker::control::{self, Ask};
use millrace_worker::status::{AtRest, LeaseStatus};
use serde::Serialize;
use serde_json::Value;
use thiserror::Error;

use crate::args::{EarningsBy, Moment, ShowEarnings};
use crate::clock;
use crate::context::Context;
use crate::errors::Failure;
use crate::output::table::{Column, render};
use crate::output::{self, Report, Style};
use crate::views::duration::duration;
use crate::views::money::usdc;
use crate::{rigs, views};

/// What keeps anything from being added up.
#[derive(Debug, Error)]
enum Unclear {
    #[error("no worker runs here that could say which node is meant")]
    Unnamed,
    #[error("{} is no worker's data folder", path.display())]
    NotAWorkers { path: PathBuf },
    #[error("the time from `--since` to `--until` ends before it begins")]
    Inverted,
}

impl Diagnostic for Unclear {
    fn code(&self) -> &'static str {
        match self {
            Self::Unnamed => "node-unnamed",
            Self::NotAWorkers { .. } => "data-folder-unused",
            Self::Inverted => "range-inverted",
        }
    }

    fn hint(&self) -> String {
        match self {
            Self::Unnamed => {
                "name it with `--node`; `millrace node list` has the addresses; a worker of another user's needs `sudo`"
            }
            Self::NotAWorkers { .. } => {
                "name the folder that `millrace worker run --data-dir` had, or the node alone with `--node`"
            }
            Self::Inverted => "`--since` names the earlier of the two: `--since 2d --until 1d`",
        }
        .to_owned()
    }
}

#[derive(Serialize)]
struct Shown {
    node: Address,
    /// `None`: as far back as the endpoint knows.
    since: Option<UnixSeconds>,
    /// Not in it; `None`: until now.
    until: Option<UnixSeconds>,
    lines: Vec<Line>,
    total: Amounts,
    /// What the rig holds vouchers for and the chain has not settled; `None` where nobody here knows.
    pending: Option<Vec<Pending>>,
    provider: Option<Provider>,
    #[serde(skip)]
    by: EarningsBy,
}

/// One lease, or one day.
#[derive(Serialize)]
struct Line {
    #[serde(skip_serializing_if = "Option::is_none")]
    lease: Option<Address>,
    #[serde(skip_serializing_if = "Option::is_none")]
    job: Option<Address>,
    /// In UTC; of a lease, the day of its last settlement in the range.
    day: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<LeaseOutcome>,
    #[serde(flatten)]
    amounts: Amounts,
}

#[derive(Clone, Copy, Serialize)]
struct Amounts {
    seconds: Seconds,
    gross: MicroUsdc,
    fee: MicroUsdc,
    net: MicroUsdc,
    /// Bonds of wrong challengers, within `net`.
    forfeits: MicroUsdc,
    /// Out of the stake, not out of `net`.
    penalties: MicroUsdc,
}

impl From<Takings> for Amounts {
    fn from(takings: Takings) -> Self {
        let Takings { seconds, gross, fee, forfeits, penalties } = takings;
        Self { seconds, gross, fee, net: takings.net(), forfeits, penalties }
    }
}

/// Attested time of a live lease that is not settled yet.
#[derive(Serialize)]
struct Pending {
    lease: Address,
    seconds: Seconds,
    /// Fee included.
    gross: MicroUsdc,
    /// The node's, locked while the lease lives.
    bond: MicroUsdc,
}

/// Of all of the provider's rigs together.
#[derive(Serialize)]
struct Provider {
    address: Address,
    stake: MicroUsdc,
    locked: MicroUsdc,
    slashed: MicroUsdc,
    /// Earned, and not taken out yet.
    withdrawable: MicroUsdc,
}

impl Shown {
    fn table(&self) -> String {
        let cells = |amounts: &Amounts| {
            [
                duration(amounts.seconds),
                usdc(amounts.gross),
                usdc(amounts.fee),
                usdc(amounts.net),
                usdc(amounts.penalties),
            ]
        };
        let by_lease = self.by == EarningsBy::Lease;
        let mut rows: Vec<Vec<String>> = self
            .lines
            .iter()
            .map(|line| {
                let outcome = line.outcome.map_or("goes on", outcome).to_owned();
                let lease = line.lease.map(|lease| lease.to_string());
                let mut row: Vec<String> = lease.into_iter().chain([line.day.clone()]).collect();
                row.extend(by_lease.then_some(outcome));
                row.extend(cells(&line.amounts));
                row
            })
            .collect();
        let mut sum = vec!["sum".to_owned()];
        sum.extend(by_lease.then_some([String::new(), String::new()]).into_iter().flatten());
        sum.extend(cells(&self.total));
        rows.push(sum);
        let mut columns = vec![];
        columns.extend(by_lease.then_some(Column::Text("lease")));
        columns.push(Column::Text("day"));
        columns.extend(by_lease.then_some(Column::Text("ended")));
        columns.extend(["time", "gross, USDC", "fee", "net", "lost of bonds"].map(Column::Number));
        render(&columns, &rows)
    }
}

impl Report for Shown {
    fn json(&self) -> Value {
        output::value(self)
    }

    fn human(&self, style: Style) -> String {
        let mut parts = vec![match self.lines.is_empty() {
            true => "nothing was settled in this time, as far back as the RPC endpoint remembers".to_owned(),
            false => self.table(),
        }];
        let mut lines = vec![("node", self.node.to_string())];
        match self.pending.as_deref() {
            None => lines.push(("not yet settled", style.warn("unknown: the rig's worker was not asked"))),
            Some(pending) => {
                let sum = pending.iter().fold(0u64, |sum, one| sum.saturating_add(one.gross.0));
                let leases = views::counted(pending.len(), "live lease");
                lines.push(("not yet settled", format!("{}, fee included, of {leases}", MicroUsdc(sum))));
            }
        }
        if let Some(provider) = &self.provider {
            lines.push(("to take out", format!("{}  (of all of the provider's rigs)", provider.withdrawable)));
            lines.push(("stake", format!("{}, of which {} back leases", provider.stake, provider.locked)));
            lines.push(("ever lost of it", provider.slashed.to_string()));
        }
        parts.push(output::rows(lines));
        parts.join("\n\n")
    }

    fn next(&self) -> Vec<String> {
        let withdrawable = self.provider.as_ref().is_some_and(|provider| provider.withdrawable > MicroUsdc::ZERO);
        withdrawable.then(|| "millrace provider withdraw  (with the owner's wallet)".to_owned()).into_iter().collect()
    }
}

/// Shows what the rig earned.
///
/// # Errors
/// A node that nobody names, a folder that is no worker's, a time that ends before it begins, an RPC endpoint that cannot
/// be reached, a journal that is damaged.
pub async fn run(context: &Context<'_>, args: ShowEarnings) -> Result<(), Failure> {
    if let (Some(Moment::Ago(_)), Some(Moment::Ago(_))) = (args.since, args.until) {
        // Whatever time it is on chain.
        range(args.since, args.until, clock::now())?;
    }
    let client = context.client();
    let data_dir = rigs::data_dir(args.data_dir.clone(), &context.settings.worker);
    let asked = control::ask(&data_dir, Ask::Status).await;
    let (node, held) = match (asked, args.node) {
        (Ok(status), named) if named.is_none_or(|node| node == status.node) => (status.node, Some(status.leases)),
        (Ok(_), Some(node)) => (node, None),
        (Err(control::Error::NotRunning { .. }), named) => at_rest(&data_dir, args.data_dir.is_some(), named)?,
        (Err(_), Some(node)) => (node, None),
        (Err(error @ control::Error::NotAllowed { .. }), None) => return Err(error.into()),
        (_, None) => return Err(Failure::usage(&Unclear::Unnamed)),
    };
    let now = client.chain_clock().await?;
    let range = range(args.since, args.until, now)?;
    let since = args.since.map(|_| range.start);
    let until = args.until.map(|_| range.end);
    let earnings = client.node_history(node, range).await?.earnings();
    let pending = match held {
        Some(leases) => Some(pending(&client, node, &leases).await?),
        None => None,
    };
    let provider = match client.find::<NodeAccount>(node).await? {
        Some(found) => client.find::<ProviderAccount>(found.provider).await?,
        None => None,
    };
    context.output.report(&Shown {
        node,
        since,
        until,
        lines: lines(&earnings, args.by),
        total: earnings.total.into(),
        pending,
        provider: provider.map(|found| Provider {
            address: found.address,
            stake: found.provider.stake.total,
            locked: found.provider.stake.locked,
            slashed: found.provider.stake.slashed,
            withdrawable: found.provider.earnings.owner,
        }),
        by: args.by,
    });
    Ok(())
}

/// The node and the leases of a worker that is down. Of a node that was named, only where the folder is known to be its
/// own, or was named, too, and nothing tells whose it is: another rig's journal would tell of other money.
fn at_rest(
    data_dir: &Path,
    folder_is_named: bool,
    named: Option<Address>,
) -> Result<(Address, Option<Vec<LeaseStatus>>), Failure> {
    let is_a_workers = data_dir.join("journal").exists();
    if folder_is_named && !is_a_workers {
        return Err(Failure::usage(&Unclear::NotAWorkers { path: data_dir.to_owned() }));
    }
    let registered = millrace_worker::registered(data_dir).map(|registered| registered.node);
    let node = named.or(registered).ok_or_else(|| Failure::usage(&Unclear::Unnamed))?;
    if !is_a_workers || !registered.map_or(folder_is_named, |registered| registered == node) {
        return Ok((node, None));
    }
    let at_rest = AtRest::read(data_dir, clock::now()).map_err(|error| Failure::refused(&error))?;
    Ok((node, Some(at_rest.leases)))
}

/// What was settled in it counts.
fn range(since: Option<Moment>, until: Option<Moment>, now: UnixSeconds) -> Result<Range<UnixSeconds>, Failure> {
    let since = since.map_or(UnixSeconds(0), |moment| moment.at(now));
    let until = until.map_or(UnixSeconds::MAX, |moment| moment.at(now));
    if since > until { Err(Failure::usage(&Unclear::Inverted)) } else { Ok(since..until) }
}

/// What the rig's vouchers are worth beyond what the chain has paid. A lease without an account is settled, or
/// never was.
async fn pending(client: &Client, node: Address, leases: &[LeaseStatus]) -> Result<Vec<Pending>, Failure> {
    let mut pending = Vec::new();
    for held in leases {
        let Some(account) = client.find::<LeaseAccount>(held.lease).await? else { continue };
        if account.node == node {
            pending.push(Pending {
                lease: held.lease,
                seconds: held.attested.saturating_minus(account.lease.metered),
                gross: held.earned.saturating_minus(account.lease.paid),
                bond: account.lease.bond,
            });
        }
    }
    Ok(pending)
}

fn lines(earnings: &Earnings, by: EarningsBy) -> Vec<Line> {
    match by {
        EarningsBy::Lease => {
            let line = |found: &millrace_client::history::LeaseEarnings| Line {
                lease: Some(found.lease),
                job: Some(found.job),
                day: clock::day(found.at),
                outcome: found.outcome,
                amounts: found.takings.into(),
            };
            earnings.leases.iter().map(line).collect()
        }
        EarningsBy::Day => {
            let line = |(day, takings): (&u64, &Takings)| Line {
                lease: None,
                job: None,
                day: clock::day(UnixSeconds(day.saturating_mul(86_400))),
                outcome: None,
                amounts: (*takings).into(),
            };
            earnings.days.iter().map(line).collect()
        }
    }
}

fn outcome(outcome: LeaseOutcome) -> &'static str {
    match outcome {
        LeaseOutcome::Completed => "completed",
        LeaseOutcome::Failed => "failed",
        LeaseOutcome::Released => "released",
        LeaseOutcome::NodeFault => "node's fault",
        LeaseOutcome::Abandoned => "abandoned",
        LeaseOutcome::Lost => "lost",
        LeaseOutcome::TimedOut => "timed out",
        LeaseOutcome::Preempted => "preempted",
        LeaseOutcome::AttestorGone => "attestor gone",
        LeaseOutcome::WrongResult => "wrong result",
        LeaseOutcome::NoQuorum => "no quorum",
    }
}

#[cfg(test)]
mod tests {
    use millrace_client::history::LeaseEarnings;
    use millrace_worker::journal::Journal;

    use super::*;
    use crate::errors::ExitClass;

    fn shown(by: EarningsBy) -> Shown {
        let takings = |seconds, gross: u64, penalties| Takings {
            seconds: Seconds(seconds),
            gross: MicroUsdc(gross),
            fee: MicroUsdc(gross / 20),
            forfeits: MicroUsdc::ZERO,
            penalties: MicroUsdc(penalties),
        };
        let lease = |number, at, outcome, takings| LeaseEarnings {
            lease: Address([number; 32]),
            job: Address([9; 32]),
            at: UnixSeconds(at),
            outcome,
            takings,
        };
        let (first, second) = (takings(3_600, 400_000, 0), takings(12, 1_333, 50_000));
        let mut total = first;
        total.add(&second);
        let earnings = Earnings {
            leases: vec![
                lease(3, 1_795_219_200, Some(LeaseOutcome::Completed), first),
                lease(4, 1_795_305_600, None, second),
            ],
            days: [(20_778, first), (20_779, second)].into(),
            total,
        };
        Shown {
            node: Address([1; 32]),
            since: Some(UnixSeconds(1_795_219_200)),
            until: None,
            lines: lines(&earnings, by),
            total: earnings.total.into(),
            pending: Some(vec![Pending {
                lease: Address([4; 32]),
                seconds: Seconds(10),
                gross: MicroUsdc(1_111),
                bond: MicroUsdc(500_000),
            }]),
            provider: Some(Provider {
                address: Address([7; 32]),
                stake: MicroUsdc(250_000_000),
                locked: MicroUsdc(500_000),
                slashed: MicroUsdc(50_000),
                withdrawable: MicroUsdc(381_266),
            }),
            by,
        }
    }

    #[test]
    fn a_worker_that_is_down_is_known_by_its_folder() {
        let folder = tempfile::tempdir().unwrap();
        let code = |folder_is_named, named| at_rest(folder.path(), folder_is_named, named).unwrap_err().code;
        let (node, other) = (Address([1; 32]), Address([2; 32]));
        assert_eq!([code(true, None), code(true, Some(node))], ["data-folder-unused"; 2]);
        assert_eq!(code(false, None), "node-unnamed");

        drop(Journal::open(folder.path()).unwrap());
        assert_eq!(code(true, None), "node-unnamed", "an older worker has kept no node");
        let found = |folder_is_named, named| at_rest(folder.path(), folder_is_named, named).unwrap();
        assert_eq!(found(true, Some(node)), (node, Some(vec![])), "so that who names both is believed");
        assert_eq!(found(false, Some(node)), (node, None));
        let registration = serde_json::json!({ "node": node, "node_key": Address([3; 32]), "price": 1 });
        std::fs::write(folder.path().join("registration.json"), registration.to_string()).unwrap();
        assert_eq!(found(true, None), (node, Some(vec![])));
        assert_eq!(found(false, None), (node, Some(vec![])));
        let of_another = [false, true].map(|folder_is_named| found(folder_is_named, Some(other)));
        assert_eq!(of_another, [(other, None), (other, None)], "the journal is of another node");
    }

    #[test]
    fn a_time_that_ends_before_it_begins_is_a_slip() {
        let now = UnixSeconds(1_800_000_000);
        let ago = |days: u64| Some(Moment::Ago(Seconds(days * 86_400)));
        let failure = range(ago(1), ago(2), now).unwrap_err();
        assert_eq!((failure.code.as_ref(), failure.class), ("range-inverted", ExitClass::Usage));
        assert_eq!(range(ago(2), ago(1), now).unwrap(), UnixSeconds(1_799_827_200)..UnixSeconds(1_799_913_600));
        assert_eq!(range(None, None, now).unwrap(), UnixSeconds(0)..UnixSeconds::MAX);
    }

    #[test]
    fn money_stands_in_columns_and_adds_up() {
        insta::assert_snapshot!(shown(EarningsBy::Lease).human(Style::plain()));
        insta::assert_snapshot!(shown(EarningsBy::Day).human(Style::plain()));
    }

    #[test]
    fn programs_get_whole_micro_usdc() {
        insta::assert_snapshot!(format!("{:#}", shown(EarningsBy::Lease).json()));
    }

    #[test]
    fn what_nobody_here_knows_is_not_called_nothing() {
        let strange = Shown { pending: None, lines: vec![], provider: None, ..shown(EarningsBy::Day) };
        insta::assert_snapshot!(strange.human(Style::plain()));
        assert!(strange.next().is_empty());
    }
}
