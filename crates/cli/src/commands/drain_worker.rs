use std::path::{Path, PathBuf};
use std::pin::pin;
use std::time::Duration;

use millrace_protocol::{Address, Diagnostic};
use millrace_worker::control::{self, Ask, Error};
use millrace_worker::journal::Error as JournalError;
use millrace_worker::status::{AtRest, LeaseStatus, Status, Unfit, VoteStatus};
use serde::Serialize;
use serde_json::Value;
use thiserror::Error as ThisError;

use crate::args::DrainWorker;
use crate::clock;
use crate::commands::worker_status::OnChain;
use crate::context::Context;
use crate::errors::Failure;
use crate::output::{self, Report, Style};
use crate::shell::quoted;
use crate::signals::asked_to_stop;
use crate::systemd::Systemd;
use crate::{rigs, views};

/// From one look at what still runs to the next.
const LOOK: Duration = Duration::from_secs(2);

#[derive(Serialize)]
struct Drained {
    /// `None` where no worker has run yet.
    node: Option<Address>,
    /// Of the worker that was asked: a machine may have several.
    data_dir: PathBuf,
    draining: bool,
    /// Whether a worker runs; else the next one does as it was told.
    running: bool,
    /// What keeps the rig from taking leases whatever it is told.
    unfit: Vec<Unfit>,
    /// Whether it was told to take leases.
    #[serde(skip)]
    undone: bool,
    /// The flag that names the folder, where this command had it: without it another rig may be meant.
    #[serde(skip)]
    flag: String,
    /// Whether that is another folder than the installed service's.
    #[serde(skip)]
    is_apart: bool,
    /// What the market has of the node; `None` where nobody asked, or the chain did not answer in time.
    on_chain: Option<OnChain>,
    /// What the rig still works for.
    leases: Vec<Address>,
    /// Leases whose results it has still to show.
    votes: Vec<Address>,
}

impl Report for Drained {
    fn json(&self) -> Value {
        output::value(self)
    }

    fn human(&self, style: Style) -> String {
        let folder = self.data_dir.display();
        let whose = self.node.map_or_else(|| format!("in {folder}"), |node| format!("node {node}, in {folder}"));
        format!("{}\n{}", self.said(style), style.dim(&whose))
    }

    fn next(&self) -> Vec<String> {
        let flag = &self.flag;
        if self.undone && !self.unfit.is_empty() {
            let again = "once that is mended: a worker that starts looks again";
            return vec![match self.is_apart {
                true => format!("millrace worker run{flag}  (in place of the one that runs, {again})"),
                false => format!("sudo systemctl restart millrace-worker  ({again})"),
            }];
        }
        let is_free = self.leases.is_empty() && self.votes.is_empty();
        if !self.running && !is_free {
            let lost = "bonds are lost of what nobody finishes";
            return vec![match self.is_apart {
                true => format!("millrace worker run{flag}  ({lost})"),
                false => format!("sudo systemctl start millrace-worker  (or `millrace worker run{flag}`: {lost})"),
            }];
        }
        match (self.draining, is_free) {
            (true, true) => {
                vec![format!("millrace worker drain --undo{flag}  (takes leases again, also after a restart)")]
            }
            (true, false) => vec![
                format!("millrace worker drain --wait{flag}  (until the last one is over)"),
                format!("millrace worker drain --undo{flag}"),
            ],
            (false, _) => vec![format!("millrace worker status{flag}")],
        }
    }
}

impl Drained {
    fn said(&self, style: Style) -> String {
        let due = pending(self.leases.len(), self.votes.len());
        if !self.unfit.is_empty() {
            let word = match (self.undone, due) {
                (true, _) => "the rig drains no more, and takes no lease all the same until this is mended".to_owned(),
                (false, None) => "the rig takes no further lease, and holds none; it is also unfit".to_owned(),
                (false, Some(due)) => format!("the rig takes no further lease, and still has {due}; it is also unfit"),
            };
            return format!("{}\n{}", style.warn(&word), views::worker::unfit(&self.unfit, style));
        }
        if let Some(withheld) = self.withheld() {
            return style.warn(&format!("the rig would take leases, and gets none: {withheld}"));
        }
        style.good(&match (self.draining, self.running, due) {
            (true, true, None) => {
                "the rig takes no further lease, and holds none: its worker may be stopped".to_owned()
            }
            (true, true, Some(due)) => format!("the rig takes no further lease, and still has {due}"),
            (true, false, None) => "no worker runs here: the next one takes no lease until `--undo`".to_owned(),
            (true, false, Some(due)) => {
                format!("no worker runs here, and the rig still has {due}: the next one takes no further lease until `--undo`")
            }
            (false, true, _) => "the rig takes leases".to_owned(),
            (false, false, None) => "no worker runs here: the next one takes leases".to_owned(),
            (false, false, Some(due)) => {
                format!("no worker runs here, and the rig still has {due}: the next one takes leases")
            }
        })
    }

    /// Why a rig that takes leases gets none, where the chain says so.
    fn withheld(&self) -> Option<String> {
        self.on_chain.filter(|_| !self.draining).and_then(|on_chain| on_chain.withheld())
    }
}

/// Whoever has the rig do something else once this is done must not do it now.
#[derive(Debug, ThisError)]
#[error("the wait was broken off: the rig still has {due}")]
struct BrokenOff {
    due: String,
    /// As [`Drained::flag`].
    flag: String,
}

impl Diagnostic for BrokenOff {
    fn code(&self) -> &'static str {
        "drain-broken-off"
    }

    fn hint(&self) -> String {
        format!("the rig still drains: `millrace worker drain --wait{}` waits on", self.flag)
    }
}

/// Has the rig take no further lease, or take them again.
///
/// # Errors
/// A folder that no worker has used, one of another user's, a worker that does not answer, the damaged journal of one
/// that does not run; while waiting, a worker that has stopped, or a wait that is broken off.
pub async fn run(context: &Context<'_>, args: DrainWorker) -> Result<(), Failure> {
    let flag = args.data_dir.as_deref().map_or_else(String::new, named);
    let is_services = |folder: &Path| Systemd::of_machine().data_dir().is_some_and(|own| rigs::is_same(folder, &own));
    let is_apart = args.data_dir.as_deref().is_some_and(|folder| !is_services(folder));
    let data_dir = rigs::data_dir(args.data_dir, &context.settings.worker);
    let draining = !args.undo;
    let ask = if draining { Ask::Drain } else { Ask::Resume };
    let mut status = match control::ask(&data_dir, ask).await {
        Ok(status) => status,
        Err(error @ Error::NotRunning { .. }) if !args.wait => {
            context.output.report(&Drained { flag, is_apart, ..at_rest(&data_dir, draining, error)? });
            return Ok(());
        }
        Err(error) => return Err(error.into()),
    };
    if args.wait {
        let look = async || Ok(control::ask(&data_dir, Ask::Status).await?);
        let note = |due: &str| context.output.note(&format!("waiting for {due}"));
        status = wait(status, look, note, asked_to_stop(), &flag).await?;
    }
    let leases = held(&status.leases).into_iter().map(|lease| lease.lease).collect();
    let votes = owed(&status).into_iter().map(|vote| vote.lease).collect();
    let on_chain = if args.undo { OnChain::ask(&context.client(), status.node).await } else { None };
    context.output.report(&Drained {
        node: Some(status.node),
        data_dir,
        draining: status.draining,
        running: true,
        unfit: status.unfit,
        undone: args.undo,
        flag,
        is_apart,
        on_chain,
        leases,
        votes,
    });
    Ok(())
}

/// Looks until nothing is left, and notes each change of what is.
async fn wait(
    mut status: Status,
    look: impl AsyncFn() -> Result<Status, Failure>,
    note: impl Fn(&str),
    stop: impl Future<Output = ()>,
    flag: &str,
) -> Result<Status, Failure> {
    let (mut stop, mut told) = (pin!(stop), None);
    while let Some(due) = pending(held(&status.leases).len(), owed(&status).len()) {
        if told.as_ref() != Some(&due) {
            note(&due);
            told = Some(due.clone());
        }
        tokio::select! {
            () = &mut stop => return Err(Failure::refused(&BrokenOff { due, flag: flag.to_owned() })),
            () = tokio::time::sleep(LOOK) => {}
        }
        status = look().await?;
    }
    Ok(status)
}

/// Where no worker runs, the next one finds what was said, and the journal tells what it has to finish.
fn at_rest(data_dir: &Path, draining: bool, error: Error) -> Result<Drained, Failure> {
    if !control::tell_next(data_dir, draining)? {
        return Err(error.into());
    }
    let Unfinished { leases, votes } = Unfinished::read(data_dir).map_err(|error| {
        let takes = if draining { "takes no lease until `--undo`" } else { "takes leases" };
        Failure::refused(&error).with_hint(format!("the next worker here {takes}, as it was told; {}", error.hint()))
    })?;
    let node = millrace_worker::registered(data_dir).map(|registered| registered.node);
    Ok(Drained {
        node,
        data_dir: data_dir.to_owned(),
        draining,
        running: false,
        unfit: vec![],
        undone: !draining,
        flag: String::new(),
        is_apart: false,
        on_chain: None,
        leases,
        votes,
    })
}

/// The flag that has a command ask the worker of this folder and no other.
pub fn named(data_dir: &Path) -> String {
    format!(" --data-dir {}", quoted(&data_dir.display().to_string()))
}

/// What a worker that does not run has still to finish, by its journal.
struct Unfinished {
    leases: Vec<Address>,
    votes: Vec<Address>,
}

impl Unfinished {
    fn read(data_dir: &Path) -> Result<Self, JournalError> {
        let at_rest = AtRest::read(data_dir, clock::now())?;
        Ok(Self {
            leases: held(&at_rest.leases).into_iter().map(|lease| lease.lease).collect(),
            votes: at_rest.votes.iter().map(|vote| vote.lease).collect(),
        })
    }
}

/// The same in words; a journal that is not there, or is damaged, is no better for staying.
pub fn pending_at_rest(data_dir: &Path) -> Option<String> {
    let Unfinished { leases, votes } = Unfinished::read(data_dir).ok()?;
    pending(leases.len(), votes.len())
}

/// Those that still need the rig: a reported one only waits for the chain.
pub fn held(leases: &[LeaseStatus]) -> Vec<&LeaseStatus> {
    leases.iter().filter(|lease| lease.phase != "reported").collect()
}

/// Results that the rig has still to commit to or to show: where it does not, a bond is lost, whatever became of the
/// lease on the rig.
pub fn owed(status: &Status) -> Vec<&VoteStatus> {
    status.votes.iter().filter(|vote| vote.is_due(status.at)).collect()
}

/// What a rig must not go away before, in words.
pub fn pending(leases: usize, votes: usize) -> Option<String> {
    let leases = Some(views::counted(leases, "lease")).filter(|_| leases > 0);
    let votes = Some(format!("{} to show", views::counted(votes, "result"))).filter(|_| votes > 0);
    let both: Vec<String> = [leases, votes].into_iter().flatten().collect();
    (!both.is_empty()).then(|| both.join(" and "))
}

#[cfg(test)]
mod tests {
    use millrace_protocol::{NodeStatus, ProviderStatus};
    use millrace_worker::journal::Journal;
    use serde_json::json;

    use super::*;
    use crate::commands::worker_status::tests::on_chain;
    use crate::views::worker::tests::{busy, lost_gpu};

    fn drained() -> Drained {
        let (node, data_dir) = (Some(Address([4; 32])), "/var/lib/millrace".into());
        Drained {
            node,
            data_dir,
            draining: true,
            running: true,
            unfit: vec![],
            undone: false,
            flag: String::new(),
            is_apart: false,
            on_chain: None,
            leases: vec![],
            votes: vec![],
        }
    }

    #[test]
    fn each_way_it_may_be_is_told() {
        for (draining, running, leases, votes) in [
            (true, true, 0, 0),
            (true, true, 2, 0),
            (true, false, 0, 0),
            (false, true, 1, 0),
            (false, false, 0, 0),
            (true, true, 0, 1),
            (true, true, 1, 2),
            (true, false, 1, 0),
            (false, false, 0, 1),
        ] {
            let all = |number| vec![Address([1; 32]); number];
            let (unfit, undone) = (vec![], !draining);
            let (leases, votes) = (all(leases), all(votes));
            let drained = Drained { draining, running, unfit, undone, leases, votes, ..drained() };
            insta::assert_snapshot!(format!("{}\n{}", drained.human(Style::plain()), drained.next().join("\n")));
        }
    }

    #[test]
    fn an_unfit_rig_is_told_what_to_mend_and_not_to_say_it_again() {
        // A toolkit with ways out makes the worker itself drain, a GPU does not.
        for (draining, undone, leases) in [(true, true, 1), (false, true, 0), (true, false, 0), (true, false, 1)] {
            let leases = vec![Address([1; 32]); leases];
            let drained = Drained { draining, unfit: vec![lost_gpu()], undone, leases, ..drained() };
            assert!(!undone || drained.next().iter().all(|line| !line.contains("drain")), "{:?}", drained.next());
            insta::assert_snapshot!(format!("{}\n{}", drained.human(Style::plain()), drained.next().join("\n")));
        }
    }

    #[test]
    fn what_to_do_next_is_for_the_rig_that_was_named() {
        let flag = named(Path::new("/srv/rig b"));
        for (is_apart, draining, running, leases, unfit) in [
            (true, true, true, 0, vec![]),
            (true, true, true, 1, vec![]),
            (true, false, true, 0, vec![]),
            (true, true, false, 1, vec![]),
            (true, false, true, 0, vec![lost_gpu()]),
            (false, true, false, 1, vec![]),
            (false, false, true, 0, vec![lost_gpu()]),
        ] {
            let (flag, undone, leases) = (flag.clone(), !draining, vec![Address([1; 32]); leases]);
            let told = Drained { draining, running, unfit, undone, flag, is_apart, leases, ..drained() };
            assert_eq!(told.json().get("flag"), None);
            insta::assert_snapshot!(told.next().join("\n"));
        }
    }

    #[test]
    fn a_rig_that_the_market_gives_no_lease_is_not_said_to_take_them() {
        let on_chain = Some(on_chain(NodeStatus::Draining, ProviderStatus::Active));
        let drained = Drained { draining: false, undone: true, on_chain, ..drained() };
        let said = drained.human(Style::plain());
        assert!(
            said.starts_with("the rig would take leases, and gets none: it drains on chain, `millrace node"),
            "{said}"
        );
        assert_eq!(drained.json()["on_chain"]["status"], "Draining");
    }

    #[test]
    fn what_a_worker_holds_that_does_not_run_its_journal_says() {
        let folder = tempfile::tempdir().unwrap();
        let not_running = || Error::NotRunning { data_dir: folder.path().to_owned() };
        assert_eq!(at_rest(folder.path(), true, not_running()).err().unwrap().code, "worker-not-running");
        let (mut journal, _) = Journal::open(folder.path()).unwrap();
        assert!(at_rest(folder.path(), true, not_running()).unwrap().votes.is_empty());
        let (lease, root, salt) = (Address([1; 32]), "0".repeat(64), [0; 32]);
        let vote = json!({ "record": "vote_prepared", "lease": lease, "root": root, "salt": salt });
        journal.append(&serde_json::from_value(vote).unwrap()).unwrap();
        let drained = at_rest(folder.path(), true, not_running()).unwrap();
        assert_eq!((drained.votes.as_slice(), drained.running), ([lease].as_slice(), false));
        let said = drained.human(Style::plain());
        assert!(said.contains("the rig still has 1 result to show"), "{said}");
        assert!(said.ends_with(&format!("\nin {}", folder.path().display())), "it was never registered: {said}");

        drop(journal);
        std::fs::write(folder.path().join("journal"), "no journal\nof a worker's\n").unwrap();
        let failure = at_rest(folder.path(), true, not_running()).err().unwrap();
        assert!(failure.hint.starts_with("the next worker here takes no lease until `--undo`"), "{failure:?}");
        assert_eq!(pending_at_rest(folder.path()), None);
    }

    #[tokio::test]
    async fn a_wait_ends_when_nothing_is_left_and_fails_when_it_is_broken_off() {
        let mut idle = busy();
        (idle.leases, idle.votes) = (vec![], vec![]);
        let noted = std::cell::RefCell::new(vec![]);
        let note = |due: &str| noted.borrow_mut().push(due.to_owned());
        let ended = wait(busy(), async || Ok(idle.clone()), note, std::future::pending(), "").await.unwrap();
        assert!(ended.leases.is_empty());
        assert_eq!(noted.take(), ["1 lease and 2 results to show"]);

        let look = async || panic!("nobody asked any more");
        let error = wait(busy(), look, note, std::future::ready(()), " --data-dir /srv/b").await.unwrap_err();
        assert_eq!(error.code, "drain-broken-off");
        assert!(error.hint.contains("`millrace worker drain --wait --data-dir /srv/b`"), "{}", error.hint);
        assert!(error.message.contains("1 lease and 2 results to show"), "{}", error.message);
    }

    #[test]
    fn a_reported_lease_is_not_waited_for() {
        let mut status = busy();
        assert_eq!(held(&status.leases).len(), 1);
        status.leases[0].phase = "reported".to_owned();
        assert!(held(&status.leases).is_empty());
    }

    #[test]
    fn a_result_is_waited_for_until_it_is_shown_or_it_is_too_late() {
        let mut status = busy();
        let owing = |status: &Status| owed(status).iter().map(|vote| vote.lease.0[0]).collect::<Vec<_>>();
        assert_eq!(owing(&status), [5, 7], "one that nobody has looked up may be due");
        status.at = status.votes[0].until.unwrap();
        assert_eq!(owing(&status), [7]);
        status.votes.clear();
        assert!(owing(&status).is_empty());
        assert_eq!(pending(0, 0), None);
    }
}
