/// How long to wait before something is tried again, in milliseconds: twice as long after each further failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Backoff {
    pub first: u64,
    /// What doubling leads to at most.
    pub longest: u64,
}

impl Backoff {
    /// The wait after a failure that `earlier` ones came before.
    pub(crate) fn after(self, earlier: u32) -> u64 {
        self.first.saturating_mul(1 << earlier.min(16)).min(self.longest)
    }
}
