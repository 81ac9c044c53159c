use millrace_protocol::Seconds;

/// How far it is to give a lease more time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(crate) struct Extension {
    /// Proposed to the node, or on its way to the chain.
    pub under_way: Option<Seconds>,
    /// Milliseconds before which nothing is proposed again.
    pub again_at: u64,
    pub failures: u32,
}
