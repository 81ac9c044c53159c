use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use millrace_client::Error;
use millrace_client::accounts::{JobAccount, LeaseAccount, NodeAccount};
use millrace_protocol::quorum::Quorum;
use millrace_protocol::{Address, LeaseState, Seconds, UnixSeconds};
use millrace_worker::{Chain, Deed};

use super::process::pass;
use crate::support::offer;

/// When the lease was opened, by the chain's clock.
const OPENED: u64 = 1_000;

/// A chain with one job and its lease, in files that outlive the worker.
pub struct FileChain {
    folder: PathBuf,
    job: JobAccount,
    node: NodeAccount,
    scheduler: Address,
}

/// A voucher that somebody brought in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Redeemed {
    pub sequence: u64,
    pub metered: Seconds,
}

/// Lets the start deadline of the lease come near: the node looks after itself from now on.
pub fn hurry(folder: &Path) {
    let fresh = folder.join("clock.new");
    std::fs::write(&fresh, (OPENED + 290).to_string()).unwrap();
    // In one piece: the worker reads it meanwhile.
    std::fs::rename(fresh, folder.join("clock")).unwrap();
}

/// Somebody else brings in the lease's last voucher.
pub fn settle(folder: &Path) {
    std::fs::write(folder.join("settled"), "").unwrap();
}

/// What the worker has redeemed, in order.
pub fn redeemed(folder: &Path) -> Vec<Redeemed> {
    let text = std::fs::read_to_string(folder.join("redeemed")).unwrap_or_default();
    let lines = text.lines().map(|line| line.split_once(' ').unwrap());
    lines
        .map(|(sequence, metered)| Redeemed {
            sequence: sequence.parse().unwrap(),
            metered: Seconds(metered.parse().unwrap()),
        })
        .collect()
}

impl FileChain {
    pub fn new(folder: &Path, job: JobAccount, node: NodeAccount, scheduler: Address) -> Self {
        Self { folder: folder.to_owned(), job, node, scheduler }
    }
}

impl Chain for FileChain {
    fn node(&self) -> BoxFuture<'_, Result<Option<NodeAccount>, Error>> {
        async { Ok(Some(self.node.clone())) }.boxed()
    }

    fn job(&self, address: Address) -> BoxFuture<'_, Result<JobAccount, Error>> {
        assert_eq!(address, self.job.address);
        async { Ok(self.job.clone()) }.boxed()
    }

    fn scheduler(&self) -> BoxFuture<'_, Result<Address, Error>> {
        async { Ok(self.scheduler) }.boxed()
    }

    fn lease(&self, address: Address) -> BoxFuture<'_, Result<(Option<LeaseAccount>, UnixSeconds), Error>> {
        assert_eq!(address, self.job.next_lease());
        async {
            let clock = std::fs::read_to_string(self.folder.join("clock")).map_or(OPENED, |text| text.parse().unwrap());
            let mut account = offer::lease(&self.job, &self.node, self.scheduler, OPENED);
            if let Some(last) = redeemed(&self.folder).last() {
                account.lease.state = LeaseState::Running;
                (account.lease.sequence, account.lease.metered) = (last.sequence, last.metered);
                account.lease.checkpoint_by = UnixSeconds(clock + account.lease.checkpoint_interval.0);
            }
            if self.folder.join("settled").exists() {
                account.lease.state = LeaseState::Reported;
            }
            Ok((Some(account), UnixSeconds(clock)))
        }
        .boxed()
    }

    fn round(&self, lease: Address) -> BoxFuture<'_, Result<(Option<Quorum>, UnixSeconds), Error>> {
        panic!("the result of {lease} is not counted")
    }

    /// Redeems by the program's rules: only what is genuine and newer counts.
    fn act(&self, lease: LeaseAccount, deed: Deed) -> BoxFuture<'_, Result<(), Error>> {
        async move {
            let Deed::Redeem(voucher) = deed else { panic!("nothing else is due: {deed:?}") };
            pass(&self.folder, "before redeeming");
            assert!(voucher.is_genuine() && voucher.attestor == self.scheduler);
            assert!(voucher.voucher.sequence > lease.lease.sequence, "the program refuses it");
            assert!(voucher.voucher.metered >= lease.lease.metered, "the program refuses it");
            let mut file = OpenOptions::new().create(true).append(true).open(self.folder.join("redeemed")).unwrap();
            // In one piece: the test reads it meanwhile.
            let line = format!("{} {}\n", voucher.voucher.sequence, voucher.voucher.metered.0);
            file.write_all(line.as_bytes()).unwrap();
            pass(&self.folder, "after redeeming");
            Ok(())
        }
        .boxed()
    }
}
