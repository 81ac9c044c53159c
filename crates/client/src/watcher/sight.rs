/// How much of the chain a watcher sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Sight {
    /// A subscription is up, and the last reading succeeded: changes are told as they happen.
    Live,
    /// Only one of the two works: changes are told, but may come late, and one may be missing for now.
    Delayed,
    /// Neither works: what was told last may be out of date, and nobody should act on it.
    Blind,
}

impl Sight {
    /// From whether any subscription is up, and whether the last reading succeeded.
    pub(super) fn of(is_subscribed: bool, reads: bool) -> Self {
        match (is_subscribed, reads) {
            (true, true) => Self::Live,
            (false, false) => Self::Blind,
            _ => Self::Delayed,
        }
    }
}
