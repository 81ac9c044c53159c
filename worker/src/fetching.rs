use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use millrace_spec::Sha256;
use tokio::sync::OwnedMutexGuard;

/// Which inputs somebody is at: each is fetched once, whoever wants it, and none goes before it is linked. One that
/// takes long keeps no other waiting.
#[derive(Debug, Default)]
pub(crate) struct Fetching {
    held: Mutex<HashMap<Sha256, Arc<tokio::sync::Mutex<()>>>>,
}

/// An input is kept from others, and from being evicted, as long as this lives.
pub(crate) struct Held<'a> {
    fetching: &'a Fetching,
    object: Sha256,
    alone: Option<OwnedMutexGuard<()>>,
}

impl Fetching {
    /// Returns when nobody else is at this object.
    pub async fn hold(&self, object: Sha256) -> Held<'_> {
        let lock = self.held().entry(object).or_default().clone();
        // Before the wait: whoever is dropped in it must leave no lock behind.
        let mut held = Held { fetching: self, object, alone: None };
        held.alone = Some(lock.lock_owned().await);
        held
    }

    /// Does `work` while nobody begins with an object; it is told those that somebody is at.
    pub fn meanwhile<T>(&self, work: impl FnOnce(&BTreeSet<String>) -> T) -> T {
        let held = self.held();
        work(&held.keys().map(ToString::to_string).collect())
    }

    fn held(&self) -> MutexGuard<'_, HashMap<Sha256, Arc<tokio::sync::Mutex<()>>>> {
        // What a panic left behind is at worst a lock too many.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        let mut held = self.fetching.held();
        self.alone = None;
        // Whoever waits has a hold on it of its own.
        if held.get(&self.object).is_some_and(|lock| Arc::strong_count(lock) == 1) {
            held.remove(&self.object);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    const AT_ONCE: Duration = Duration::from_millis(200);

    #[tokio::test]
    async fn one_input_that_is_being_fetched_keeps_no_other_waiting() {
        let fetching = Fetching::default();
        let large = fetching.hold(Sha256([1; 32])).await;
        assert!(timeout(AT_ONCE, fetching.hold(Sha256([2; 32]))).await.is_ok());
        assert!(timeout(AT_ONCE, fetching.hold(Sha256([1; 32]))).await.is_err(), "the same is fetched once");
        let names = fetching.meanwhile(Clone::clone);
        assert_eq!(names, [Sha256([1; 32]).to_string()].into());
        drop(large);
        assert!(timeout(AT_ONCE, fetching.hold(Sha256([1; 32]))).await.is_ok());
        assert!(fetching.meanwhile(BTreeSet::is_empty), "nothing is kept of what is over");
    }
}
