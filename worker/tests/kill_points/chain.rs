use std::collections::HashMap;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use millrace_client::Error;
use millrace_client::accounts::{JobAccount, LeaseAccount, NodeAccount};
use millrace_protocol::quorum::{Quorum, commitment_preimage};
use millrace_protocol::{Address, JobState, Lease, LeaseState, Seconds, UnixSeconds, transitions};
use millrace_spec::{Sha256, sha256};
use millrace_worker::{Chain, Deed, Due, Looked};
use serde::{Deserialize, Serialize};

use super::process::pass;
use crate::support::offer;

/// When the lease was opened, by the chain's clock.
const OPENED: u64 = 1_000;
/// When its start deadline is near, and when its first end and the grace after that have passed.
const START_IS_NEAR: UnixSeconds = UnixSeconds(OPENED + 290);
const PAST_FIRST_END: UnixSeconds = UnixSeconds(OPENED + 1_600);
/// So short that an attestor that says nothing for some seconds is silent.
const CHECKPOINT: Seconds = Seconds(8);
/// How much longer the lease is where it gets more time.
pub const MORE: Seconds = Seconds(600);
/// The lease whose result is counted with this one's.
const OTHER: Address = Address([8; 32]);

/// What has happened on the chain: a line each in a file that outlives the worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Fact {
    /// It is so late.
    Time(UnixSeconds),
    /// A voucher was brought in.
    Redeemed {
        sequence: u64,
        metered: Seconds,
    },
    /// Somebody else has brought in the lease's last voucher.
    Settled,
    /// More time has landed.
    Extended,
    /// The node has taken its longer start.
    StartExtended,
    /// The lease is ended, and its account closed, as soon as that has happened.
    EndsWithItsStart,
    /// The node has said that it works on.
    Held,
    Committed(Shown),
    Revealed(Shown),
}

/// What is committed to, or shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shown {
    pub root: Sha256,
    pub salt: [u8; 32],
}

fn path(folder: &Path) -> PathBuf {
    folder.join("chain")
}

/// All of it, in order.
pub fn facts(folder: &Path) -> Vec<Fact> {
    let text = std::fs::read_to_string(path(folder)).unwrap_or_default();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// In one piece: others read it meanwhile.
fn happen(folder: &Path, facts: &[Fact]) {
    let lines: String = facts.iter().map(|fact| serde_json::to_string(fact).unwrap() + "\n").collect();
    let mut file = OpenOptions::new().create(true).append(true).open(path(folder)).unwrap();
    file.write_all(lines.as_bytes()).unwrap();
}

fn once(folder: &Path, happens: &[Fact]) {
    if !facts(folder).contains(&happens[0]) {
        happen(folder, happens);
    }
}

/// Lets the start deadline of the lease come near: the node looks after itself from now on.
pub fn hurry(folder: &Path) {
    once(folder, &[Fact::Time(START_IS_NEAR)]);
}

/// Somebody else brings in the lease's last voucher.
pub fn settle(folder: &Path) {
    once(folder, &[Fact::Settled]);
}

/// Somebody ends the lease in the moment in which its longer start is taken, which is near.
pub fn end_with_its_start(folder: &Path) {
    once(folder, &[Fact::EndsWithItsStart, Fact::Time(START_IS_NEAR)]);
}

/// More time lands. The lease's first end passes, its only voucher is brought in by somebody else, and the time is
/// nearly over in which the next one has to come.
pub fn outlive_first_end(folder: &Path, metered: Seconds) {
    let redeemed_at = UnixSeconds(PAST_FIRST_END.0 + 1 - CHECKPOINT.0);
    let redeemed = Fact::Redeemed { sequence: 1, metered };
    once(folder, &[Fact::Extended, Fact::Time(redeemed_at), redeemed, Fact::Time(PAST_FIRST_END)]);
}

/// Vouchers that were brought in one by one, and what they metered.
pub fn redeemed(folder: &Path) -> Vec<(u64, Seconds)> {
    let redeemed =
        |fact| if let Fact::Redeemed { sequence, metered } = fact { Some((sequence, metered)) } else { None };
    facts(folder).into_iter().filter_map(redeemed).collect()
}

/// What the node has committed to.
pub fn committed(folder: &Path) -> Vec<Shown> {
    let committed = |fact| if let Fact::Committed(shown) = fact { Some(shown) } else { None };
    facts(folder).into_iter().filter_map(committed).collect()
}

/// What it has shown.
pub fn shown(folder: &Path) -> Vec<Shown> {
    let shown = |fact| if let Fact::Revealed(shown) = fact { Some(shown) } else { None };
    facts(folder).into_iter().filter_map(shown).collect()
}

/// A chain with one job and its lease.
pub struct FileChain {
    folder: PathBuf,
    job: JobAccount,
    node: NodeAccount,
    scheduler: Address,
}

/// What the facts come to, by the program's rules.
struct State {
    clock: UnixSeconds,
    lease: Option<Lease>,
    round: Quorum,
}

impl FileChain {
    pub fn new(folder: &Path, job: JobAccount, node: NodeAccount, scheduler: Address) -> Self {
        Self { folder: folder.to_owned(), job, node, scheduler }
    }

    /// The job, which allows leases that are longer than this one was at first.
    fn job(&self) -> JobAccount {
        let mut account = self.job.clone();
        let job = &mut account.job;
        (job.state, job.reserved) = (JobState::Active, self.opened().lease.reserved);
        job.terms.lease_seconds = Seconds(job.terms.lease_seconds.0 + MORE.0);
        job.terms.deposit.0 *= 2;
        account
    }

    fn opened(&self) -> LeaseAccount {
        let mut account = offer::lease(&self.job, &self.node, self.scheduler, OPENED);
        account.lease.checkpoint_interval = CHECKPOINT;
        account
    }

    /// Whatever the program would refuse cannot have happened.
    fn state(&self) -> State {
        let (mut clock, mut lease, mut rules) = (UnixSeconds(OPENED), self.opened().lease, self.job().job);
        let mut round = Quorum::new(2, 2, Seconds(600));
        let address = self.job.next_lease();
        for member in [address, OTHER] {
            round.join(member, member, lease.latest_end().unwrap(), clock).unwrap();
        }
        let facts = facts(&self.folder);
        for fact in &facts {
            match *fact {
                Fact::Time(time) => clock = time,
                Fact::Redeemed { sequence, metered } => {
                    assert!(sequence > lease.sequence && metered >= lease.metered, "the program refuses it");
                    (lease.state, lease.sequence, lease.metered) = (LeaseState::Running, sequence, metered);
                    lease.attested_at = clock;
                    lease.checkpoint_by = clock.after(lease.checkpoint_interval).unwrap();
                }
                Fact::Settled => lease.state = LeaseState::Reported,
                Fact::Extended => transitions::extend_lease(&mut rules, &mut lease, MORE, clock).unwrap(),
                Fact::StartExtended => transitions::extend_start(&mut lease, clock).unwrap(),
                Fact::Held => transitions::hold_lease(&mut lease, clock).unwrap(),
                Fact::Committed(shown) => {
                    round.commit(address, commitment(address, shown), clock).unwrap();
                    // All have committed then.
                    round.commit(OTHER, [1; 32], clock).unwrap();
                }
                Fact::Revealed(shown) => {
                    round.reveal(address, shown.root.0, commitment(address, shown), clock).unwrap();
                }
                Fact::EndsWithItsStart => {}
            }
        }
        let has_ended = facts.contains(&Fact::EndsWithItsStart) && facts.contains(&Fact::StartExtended);
        State { clock, lease: Some(lease).filter(|_| !has_ended), round }
    }
}

fn commitment(lease: Address, Shown { root, salt }: Shown) -> [u8; 32] {
    sha256(&commitment_preimage(lease, root.0, salt)).0
}

impl Chain for FileChain {
    fn node(&self) -> BoxFuture<'_, Result<Option<NodeAccount>, Error>> {
        async { Ok(Some(self.node.clone())) }.boxed()
    }

    fn job(&self, address: Address) -> BoxFuture<'_, Result<JobAccount, Error>> {
        assert_eq!(address, self.job.address);
        async { Ok(self.job()) }.boxed()
    }

    fn scheduler(&self) -> BoxFuture<'_, Result<Address, Error>> {
        async { Ok(self.scheduler) }.boxed()
    }

    fn lease(&self, address: Address) -> BoxFuture<'_, Result<(Option<LeaseAccount>, UnixSeconds), Error>> {
        assert_eq!(address, self.job.next_lease());
        async {
            let State { clock, lease, .. } = self.state();
            Ok((lease.map(|lease| LeaseAccount { lease, ..self.opened() }), clock))
        }
        .boxed()
    }

    fn round(&self, lease: Address) -> BoxFuture<'_, Result<(Option<Quorum>, UnixSeconds), Error>> {
        assert_eq!(lease, self.job.next_lease());
        async {
            let State { clock, round, .. } = self.state();
            Ok((Some(round), clock))
        }
        .boxed()
    }

    /// The scheduler is there.
    fn bring_in(
        &self,
        _node: Address,
        _before: Vec<Due>,
        _vouchers: HashMap<Address, u64>,
    ) -> BoxFuture<'_, Result<Looked, Error>> {
        async { Ok(Looked::default()) }.boxed()
    }

    fn act(&self, lease: LeaseAccount, deed: Deed) -> BoxFuture<'_, Result<(), Error>> {
        assert_eq!(lease.address, self.job.next_lease());
        async move {
            let (what, fact) = match deed {
                Deed::Redeem(voucher) => {
                    assert!(voucher.is_genuine() && voucher.attestor == self.scheduler);
                    let (sequence, metered) = (voucher.voucher.sequence, voucher.voucher.metered);
                    ("redeeming", Fact::Redeemed { sequence, metered })
                }
                Deed::ExtendStart => ("extending the start", Fact::StartExtended),
                Deed::Hold => ("holding the lease", Fact::Held),
                Deed::Commit { root, salt } => ("committing", Fact::Committed(Shown { root, salt })),
                Deed::Reveal { root, salt } => ("showing the result", Fact::Revealed(Shown { root, salt })),
            };
            pass(&self.folder, &format!("before {what}"));
            happen(&self.folder, &[fact]);
            // Whatever the program refuses is seen here, and by whoever looks back.
            self.state();
            pass(&self.folder, &format!("after {what}"));
            Ok(())
        }
        .boxed()
    }
}
