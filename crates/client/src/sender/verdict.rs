//! What several endpoints say about a transaction, and what follows from it. Pure.

use solana_transaction_error::TransactionError;

/// One endpoint's word, all of it from one look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Testimony {
    /// How far it has seen the chain.
    pub slot: u64,
    pub sighting: Sighting,
    /// Whether its finalized chain is past the last block that could hold the transaction, and it searched
    /// that chain for it.
    pub is_past: bool,
}

impl Testimony {
    /// The newest slot it speaks of.
    pub fn newest_slot(&self) -> u64 {
        match self.sighting {
            Sighting::Landed { slot, .. } => self.slot.max(slot),
            Sighting::Nothing | Sighting::Pending => self.slot,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Sighting {
    /// It does not know the transaction.
    Nothing,
    /// In a block that is not confirmed yet.
    Pending,
    /// In a confirmed block.
    Landed { slot: u64, result: Result<(), TransactionError> },
}

/// An endpoint that is further behind than this, in slots, is not waited for: about 13 s.
const WAITED_FOR: u64 = 32;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Open,
    /// One endpoint says so, and another is about to know it.
    Claimed {
        slot: u64,
        result: Result<(), TransactionError>,
    },
    Landed {
        slot: u64,
        result: Result<(), TransactionError>,
    },
    /// Not on the chain, and never will be.
    Dead,
}

/// Judges one look at all endpoints. `witnesses` is how many of them have a say: who has been silent from
/// the start for long has none, who fell silent later keeps it.
///
/// One endpoint alone is believed. Of several, two must agree, so that a wrong one proves nothing by
/// itself; the exception is a landing that no other endpoint can know of or deny. Death asks for more than landing,
/// because a transaction wrongly taken for dead would be signed a second time.
pub(super) fn judge(testimonies: &[Testimony], witnesses: usize) -> Verdict {
    let needed = witnesses.clamp(1, 2);
    let landings = testimonies.iter().filter_map(|one| match &one.sighting {
        Sighting::Landed { slot, result } => Some((*slot, result)),
        _ => None,
    });
    let votes =
        |wanted: &Result<(), TransactionError>| landings.clone().filter(|(_, result)| *result == wanted).count();
    let agreeing = |wanted: &(u64, &Result<(), TransactionError>)| landings.clone().filter(|one| one == wanted).count();
    if let Some((slot, result)) = landings.clone().max_by_key(|one| (votes(one.1), agreeing(one), one.0)) {
        let is_disputed = testimonies.iter().any(|one| match &one.sighting {
            Sighting::Nothing => one.slot >= slot,
            Sighting::Pending => false,
            Sighting::Landed { result: other, .. } => other != result,
        });
        let result = result.clone();
        if votes(&result) >= needed {
            return Verdict::Landed { slot, result };
        }
        let is_awaited = testimonies.iter().any(|one| match one.sighting {
            Sighting::Nothing => one.slot.saturating_add(WAITED_FOR) >= slot,
            Sighting::Pending => true,
            Sighting::Landed { .. } => false,
        });
        if !is_disputed {
            return if is_awaited { Verdict::Claimed { slot, result } } else { Verdict::Landed { slot, result } };
        }
    }
    let n_past = testimonies.iter().filter(|one| one.is_past && one.sighting == Sighting::Nothing).count();
    let n_sighted = testimonies.iter().filter(|one| one.sighting != Sighting::Nothing).count();
    if n_past >= needed && n_past > n_sighted { Verdict::Dead } else { Verdict::Open }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unseen(slot: u64) -> Testimony {
        Testimony { slot, sighting: Sighting::Nothing, is_past: false }
    }

    fn past(slot: u64) -> Testimony {
        Testimony { is_past: true, ..unseen(slot) }
    }

    fn pending(slot: u64) -> Testimony {
        Testimony { sighting: Sighting::Pending, ..unseen(slot) }
    }

    fn landed(slot: u64) -> Testimony {
        landed_at(10, slot)
    }

    fn landed_at(at: u64, slot: u64) -> Testimony {
        Testimony { sighting: Sighting::Landed { slot: at, result: Ok(()) }, ..unseen(slot) }
    }

    fn failed(slot: u64) -> Testimony {
        let result = Err(TransactionError::AccountInUse);
        Testimony { sighting: Sighting::Landed { slot: 10, result }, ..unseen(slot) }
    }

    fn is_landed(verdict: &Verdict) -> bool {
        *verdict == Verdict::Landed { slot: 10, result: Ok(()) }
    }

    #[test]
    fn a_single_endpoint_is_believed() {
        assert!(is_landed(&judge(&[landed(10)], 1)));
        assert_eq!(judge(&[past(200)], 1), Verdict::Dead);
        assert_eq!(judge(&[unseen(200)], 1), Verdict::Open);
        assert_eq!(judge(&[pending(10)], 1), Verdict::Open);
        assert_eq!(judge(&[], 0), Verdict::Open);
    }

    #[test]
    fn two_that_agree_are_believed_whatever_a_third_says() {
        assert!(is_landed(&judge(&[landed(10), landed(11)], 2)));
        assert!(is_landed(&judge(&[landed(10), failed(10), landed(11)], 3)));
        assert!(is_landed(&judge(&[landed(10), past(u64::MAX), landed(11)], 3)));
        assert!(is_landed(&judge(&[landed_at(10, 10), landed_at(7, 11)], 2)), "and the later slot");
        assert!(is_landed(&judge(&[landed(10), landed_at(11, 12), landed(11)], 3)), "that most of them tell");
        assert_eq!(judge(&[past(200), landed(200), past(200)], 3), Verdict::Dead);
    }

    #[test]
    fn an_endpoint_that_is_behind_cannot_deny_a_landing_and_one_that_is_not_can() {
        let claimed = Verdict::Claimed { slot: 10, result: Ok(()) };
        assert_eq!(judge(&[landed(10), unseen(9)], 2), claimed);
        assert_eq!(judge(&[landed(10), pending(10)], 2), claimed);
        assert_eq!(judge(&[landed(10), unseen(10)], 2), Verdict::Open);
        assert_eq!(judge(&[landed(10), failed(10)], 2), Verdict::Open);
        assert_eq!(judge(&[landed(10), past(200), unseen(9)], 3), Verdict::Open);
    }

    #[test]
    fn an_endpoint_that_is_far_behind_is_not_waited_for() {
        let (slot, result) = (1_000, Ok(()));
        let (near, far) = (unseen(slot - WAITED_FOR), unseen(slot - WAITED_FOR - 1));
        let claimed = Verdict::Claimed { slot, result: result.clone() };
        assert_eq!(judge(&[landed_at(slot, 1_000), near.clone()], 2), claimed);
        assert_eq!(judge(&[landed_at(slot, 1_000), near, far.clone()], 3), claimed);
        assert_eq!(judge(&[landed_at(slot, 1_000), far], 2), Verdict::Landed { slot, result: result.clone() });
        // The other one has fallen silent.
        assert_eq!(judge(&[landed_at(slot, 1_000)], 2), Verdict::Landed { slot, result });
    }

    #[test]
    fn one_of_several_cannot_declare_a_transaction_dead() {
        assert_eq!(judge(&[past(u64::MAX), unseen(9)], 2), Verdict::Open);
        assert_eq!(judge(&[past(u64::MAX), pending(9)], 2), Verdict::Open);
        // The other one has answered before and is silent now.
        assert_eq!(judge(&[past(200)], 2), Verdict::Open);
        assert_eq!(judge(&[past(200), past(201)], 2), Verdict::Dead);
        assert_eq!(judge(&[past(200), past(201), unseen(9)], 3), Verdict::Dead);
    }

    #[test]
    fn what_is_in_a_block_is_not_dead() {
        assert_eq!(judge(&[past(200), landed(200)], 2), Verdict::Open);
        let seen = Testimony { is_past: true, ..pending(200) };
        assert_eq!(judge(&[seen], 1), Verdict::Open);
        let landed_late = Testimony { is_past: true, ..landed(200) };
        assert!(is_landed(&judge(&[landed_late], 1)));
    }
}
