use millrace_protocol::UnixSeconds;

/// The two clocks a decision depends on, both told from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// The orchestrator's own clock in milliseconds since 1970: heartbeats, retries, metering.
    pub millis: u64,
    /// The chain's clock: every deadline of the protocol.
    pub chain: UnixSeconds,
}
