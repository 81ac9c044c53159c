use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use millrace_protocol::Address;
use millrace_spec::Sha256;

use super::Refusal;
use super::jobs::check_follower;
use crate::driver::{Inbox, Input};

/// Who may do what with objects, beyond having a key, and who hears how fast they move.
pub trait Gate: Send + Sync + 'static {
    /// Whether `key` may read an object.
    fn may_read(&self, object: Sha256, key: Address) -> BoxFuture<'_, Result<(), Refusal>>;

    /// Whether `key` may send what has no hash yet.
    fn may_stage(&self, key: Address) -> BoxFuture<'_, Result<(), Refusal>>;

    /// `key`'s objects moved at so many KiB per second.
    fn link_measured(&self, key: Address, kib_per_second: u32);
}

impl Gate for Inbox {
    /// Whoever knows an object's hash may read it. A spec's hash is no secret, it stands on chain, and the
    /// spec names the hashes of all inputs: over HTTP it is only for those who may follow the job that
    /// was first with it.
    fn may_read(&self, object: Sha256, key: Address) -> BoxFuture<'_, Result<(), Refusal>> {
        async move {
            let first = self.ask(move |driver| {
                let first = driver.index.first_with(&driver.core, object);
                first.map(|entry| check_follower(&entry.view, key))
            });
            first.await.ok_or_else(Refusal::stopping)?.unwrap_or(Ok(()))
        }
        .boxed()
    }

    /// A node with a lease may: it has outputs to come. Nobody else needs to, and what has no hash yet cannot be told
    /// from what is here already.
    fn may_stage(&self, key: Address) -> BoxFuture<'_, Result<(), Refusal>> {
        async move {
            let leased = self.ask(move |driver| {
                let node = driver.book.node_of_key(key).and_then(|node| driver.core.node(node));
                node.is_some_and(|entry| entry.view.node.leased.0 > 0)
            });
            if leased.await.ok_or_else(Refusal::stopping)? { Ok(()) } else { Err(Refusal::not_leased()) }
        }
        .boxed()
    }

    fn link_measured(&self, key: Address, kib_per_second: u32) {
        self.send_if_there_is_room(Input::LinkMeasured { key, kib_per_second });
    }
}
