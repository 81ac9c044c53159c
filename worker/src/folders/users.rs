//! Who a lease's programs are on the rig.

use std::fs;
use std::hash::{BuildHasher, RandomState};
use std::ops::Range;

use millrace_protocol::Address;
use rustix::process::{getegid, geteuid};
use rustix::thread::{CapabilitySet, capabilities};

/// Users of a rig that neither an account has nor a namespace: more than 16 bits hold, and fewer than shadow gives to
/// namespaces (login.defs(5), `SUB_UID_MIN`); systemd leaves them alone (its UIDS-GIDS).
const ON_RIG: Range<u32> = 66_000..96_000;
/// In a namespace, which mostly has 65,536 users.
const IN_NAMESPACE: Range<u32> = 30_000..60_000;

/// What a worker that is not root needs to give files to other users, and to read and remove what those make of them
/// (capabilities(7)).
const NEEDED: CapabilitySet = CapabilitySet::CHOWN.union(CapabilitySet::DAC_OVERRIDE).union(CapabilitySet::FOWNER);

/// The user, and the group of the same number, that a lease's programs run as. The kernel counts by user what all
/// containers have of its epoll watches, inotify instances and pipe pages (epoll(7), inotify(7), pipe(7)): whose user
/// has taken the last one, gets no more.
#[derive(Clone, Debug)]
pub(crate) enum Users {
    /// One for each lease; two have the same by chance alone, which the owner of neither can bring about.
    OfLeases {
        /// As containers know them.
        numbers: Range<u32>,
        /// What the rig adds to a user and a group.
        shift: (u32, u32),
        /// Another one after each start: a task's folders and its container are made in one life of the worker, and who
        /// has them then does not matter to the next.
        chance: RandomState,
    },
    /// The worker's own, and whether its containers have to leave their engine's namespace for it.
    Own { user: (u32, u32), leaves_namespace: bool },
}

impl Users {
    /// Of this process.
    pub fn here() -> Self {
        let user = (geteuid().as_raw(), getegid().as_raw());
        let may_give = capabilities(None).is_ok_and(|sets| sets.effective.contains(NEEDED));
        // No program of a stranger's is ever root, whatever that costs.
        if user.0 != 0 && !may_give {
            return Self::Own { user, leaves_namespace: false };
        }
        let maps =
            ["uid_map", "gid_map"].map(|map| fs::read_to_string(format!("/proc/self/{map}")).unwrap_or_default());
        let numbers = if maps.iter().all(|map| has(map, &ON_RIG)) { ON_RIG } else { IN_NAMESPACE };
        Self::OfLeases { numbers, shift: (0, 0), chance: RandomState::new() }
    }

    /// For an engine in whose containers root is this user and group of the rig's.
    pub fn in_namespace(self, root: (u32, u32)) -> Self {
        match self {
            Self::OfLeases { chance, .. } => Self::OfLeases { numbers: IN_NAMESPACE, shift: root, chance },
            Self::Own { user, .. } => Self::Own { user, leaves_namespace: true },
        }
    }

    /// As its containers know them.
    pub fn of(&self, lease: Address) -> (u32, u32) {
        match self {
            Self::OfLeases { numbers, chance, .. } => {
                let count = u64::from(numbers.end - numbers.start);
                let place = u32::try_from(chance.hash_one(lease.0) % count).unwrap_or(0);
                (numbers.start + place, numbers.start + place)
            }
            Self::Own { user, .. } => *user,
        }
    }

    /// The same as the rig knows them: who owns what a container may write, or read alone.
    pub fn on_rig(&self, lease: Address) -> (u32, u32) {
        let (user, group) = self.of(lease);
        match self {
            Self::OfLeases { shift, .. } => (user.saturating_add(shift.0), group.saturating_add(shift.1)),
            Self::Own { .. } => (user, group),
        }
    }

    /// Whether containers must keep the rig's users, though their engine would give them others.
    pub fn leave_namespace(&self) -> bool {
        matches!(self, Self::Own { leaves_namespace: true, .. })
    }

    /// Tells the rig's owner where a job can take from the worker what the kernel counts by user.
    pub fn tell(&self) {
        if let Self::Own { user, .. } = self {
            tracing::warn!(
                user = user.0,
                hint = "run it as a service: `sudo millrace worker install` gives it the rights for that",
                "jobs run as the worker's own user, because it may give files to no other: one that takes all epoll \
                 watches or inotify instances of that user stops the worker"
            );
        }
    }
}

/// Whether all of these users are in a namespace's map (user_namespaces(7)).
fn has(map: &str, users: &Range<u32>) -> bool {
    map.lines().any(|line| {
        let numbers: Vec<u64> = line.split_whitespace().filter_map(|number| number.parse().ok()).collect();
        matches!(numbers[..], [first, _, count] if first <= users.start.into() && first + count >= users.end.into())
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn leases() -> impl Iterator<Item = Address> {
        (0..200).map(|lease| Address([lease; 32]))
    }

    fn of_leases() -> Users {
        Users::OfLeases { numbers: ON_RIG, shift: (0, 0), chance: RandomState::new() }
    }

    #[test]
    fn each_lease_has_a_user_of_its_own_and_keeps_it() {
        let users = of_leases();
        let again = users.clone();
        assert!(leases().all(|lease| users.of(lease) == again.of(lease) && users.on_rig(lease) == users.of(lease)));
        let different: BTreeSet<(u32, u32)> = leases().map(|lease| users.of(lease)).collect();
        assert!(different.len() > 190, "{} users of 200 leases", different.len());
        assert!(different.iter().all(|(user, group)| user == group && ON_RIG.contains(user)));
    }

    #[test]
    fn nobody_can_say_beforehand_which_leases_have_the_same() {
        let (users, others) = (of_leases(), of_leases());
        assert!(leases().filter(|lease| users.of(*lease) == others.of(*lease)).count() < 10);
    }

    #[test]
    fn in_a_namespace_they_are_among_its_users_and_others_on_the_rig() {
        let users = of_leases().in_namespace((165_536, 165_537));
        assert!(!users.leave_namespace());
        for lease in leases() {
            let (user, group) = users.of(lease);
            assert!(user == group && (1..65_536).contains(&user));
            assert_eq!(users.on_rig(lease), (user + 165_536, group + 165_537));
        }
    }

    #[test]
    fn a_worker_that_can_give_files_to_nobody_has_one_user_for_all() {
        let own = Users::Own { user: (1_000, 100), leaves_namespace: false };
        assert!(leases().all(|lease| own.of(lease) == (1_000, 100) && own.on_rig(lease) == (1_000, 100)));
        assert!(!own.leave_namespace());
        let remapped = own.in_namespace((165_536, 165_536));
        assert!(remapped.leave_namespace());
        assert!(leases().all(|lease| remapped.on_rig(lease) == (1_000, 100)));
    }

    #[test]
    fn a_map_has_the_users_that_lie_in_it() {
        assert!(has("         0          0 4294967295\n", &ON_RIG));
        assert!(has("0 100000 96000", &ON_RIG) && !has("0 100000 95999", &ON_RIG));
        assert!(has("0 1000 1\n66000 200000 30000\n", &ON_RIG) && !has("66001 200000 65536", &ON_RIG));
        for map in ["0 100000 65536\n", "", "0 0", "x"] {
            assert!(!has(map, &ON_RIG), "{map:?}");
        }
    }

    #[test]
    fn no_program_is_root() {
        assert!(leases().all(|lease| Users::here().of(lease).0 != 0));
    }
}
