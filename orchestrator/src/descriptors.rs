//! How many files and sockets the process may have open, and who gets how many of them.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::places::Room;

/// Descriptors that are not for connections: the journal, logs, the chain's endpoints, and objects that are looked at.
const KEPT: usize = 256;
/// The most connections of buyers, and of whoever moves objects.
const BUYERS: usize = 4_096;
/// The most of workers.
const WORKERS: usize = 16_384;

/// Lets the process have as many open as the system allows at most, and says how many those are. Systems begin with few
/// of them, for the sake of programs that this one is not.
pub(crate) fn raise() -> usize {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let raised = current != maximum && setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).is_ok();
    let allowed = if raised { maximum } else { current };
    allowed.map_or(usize::MAX, |allowed| usize::try_from(allowed).unwrap_or(usize::MAX))
}

/// How many connections of buyers there may be, and how many of workers. A buyer's may have an object open beside its
/// socket; together they leave [`KEPT`].
pub(crate) fn rooms(descriptors: usize, per_origin: usize) -> (Room, Room) {
    let spare = descriptors.saturating_sub(KEPT);
    let room = |most: usize, share: usize| Room { total: most.min(spare / share).max(1), per_origin };
    (room(BUYERS, 4), room(WORKERS, 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_process_gets_what_the_system_allows_at_most() {
        let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
        let fewer = maximum.map_or(4_096, |maximum| maximum.saturating_sub(1));
        setrlimit(Resource::Nofile, Rlimit { current: Some(fewer), maximum }).unwrap();
        let allowed = raise();
        assert_eq!(getrlimit(Resource::Nofile).current, maximum);
        assert_eq!(allowed, maximum.map_or(usize::MAX, |maximum| usize::try_from(maximum).unwrap()));
    }

    #[test]
    fn all_connections_together_leave_some_descriptors() {
        for descriptors in [1_024, 4_096, 65_536] {
            let (buyers, workers) = rooms(descriptors, 7);
            assert!(2 * buyers.total + workers.total + KEPT <= descriptors, "{descriptors}");
            assert_eq!((buyers.per_origin, workers.per_origin), (7, 7));
        }
        let (buyers, workers) = rooms(usize::MAX, 7);
        assert_eq!((buyers.total, workers.total), (BUYERS, WORKERS));
        let (buyers, workers) = rooms(64, 7);
        assert_eq!((buyers.total, workers.total), (1, 1), "it serves somebody in any case");
    }
}
