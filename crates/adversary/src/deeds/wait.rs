use arbitrary::Arbitrary;

use crate::market::{Market, pick};

/// Time passes. Deadlines are where things happen, so most waits are about as long as one.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub enum Wait {
    Seconds(u8),
    Interval(Interval, i8),
    Any(u32),
    /// Until one of the deadlines that lie ahead, or a second before or after it.
    Deadline(u8, i8),
}

#[derive(Arbitrary, Clone, Copy, Debug)]
pub enum Interval {
    Start,
    Checkpoint,
    Grace,
    Lease,
    Day,
    Fortnight,
    HalfLife,
}

impl Wait {
    pub fn pass(self, market: &mut Market) {
        market.wait(match self {
            Self::Seconds(seconds) => u64::from(seconds),
            Self::Interval(interval, off) => interval.seconds().saturating_add_signed(i64::from(off)),
            Self::Any(seconds) => u64::from(seconds),
            Self::Deadline(choice, off) => {
                let ahead = market.deadlines();
                let deadline = pick(&ahead, choice).map_or(0, |deadline| deadline - market.chain.now().0);
                deadline.saturating_add_signed(i64::from(off % 2))
            }
        });
    }
}

impl Interval {
    const fn seconds(self) -> u64 {
        match self {
            Self::Start => 300,
            Self::Checkpoint => 900,
            Self::Grace => 600,
            Self::Lease => 3_600,
            Self::Day => 86_400,
            Self::Fortnight => 14 * 86_400,
            Self::HalfLife => 30 * 86_400,
        }
    }
}
