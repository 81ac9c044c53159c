use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use millrace_protocol::{Diagnostic, UnixSeconds};
use serde::{Deserialize, Serialize};

/// How many are kept: what a person reads.
const KEPT: usize = 20;

/// Something that went wrong on the rig, for its owner.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trouble {
    /// When it happened last.
    pub at: UnixSeconds,
    /// How many times it did without anything else between.
    pub times: u32,
    pub code: String,
    pub cause: String,
    pub hint: String,
}

/// The last ones since the worker started, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Troubles {
    kept: Mutex<VecDeque<Trouble>>,
    lasting: Mutex<Vec<Trouble>>,
    /// By their codes.
    standing: Mutex<BTreeMap<&'static str, Trouble>>,
}

impl Troubles {
    pub fn note(&self, problem: &dyn Diagnostic, at: UnixSeconds) {
        self.note_words(problem.code(), problem.to_string(), problem.hint(), at);
    }

    /// One that lasts as long as the worker, and keeps the rig from taking leases: whatever comes after it, it is told.
    pub fn note_lasting(&self, problem: &dyn Diagnostic, at: UnixSeconds) {
        let trouble =
            Trouble { at, times: 1, code: problem.code().to_owned(), cause: problem.to_string(), hint: problem.hint() };
        self.lasting.lock().unwrap_or_else(PoisonError::into_inner).push(trouble);
    }

    /// One that is over before the worker is.
    pub fn end_lasting(&self, code: &str) {
        self.lasting.lock().unwrap_or_else(PoisonError::into_inner).retain(|trouble| trouble.code != code);
    }

    /// One that its owner has to mend, and that takes nothing from the rig's work: the last of its code is told until the
    /// worker ends.
    pub fn note_standing(&self, problem: &dyn Diagnostic, at: UnixSeconds) {
        let (code, cause, hint) = (problem.code(), problem.to_string(), problem.hint());
        let mut standing = self.standing.lock().unwrap_or_else(PoisonError::into_inner);
        let times = standing.get(code).map_or(1, |before| before.times.saturating_add(1));
        standing.insert(code, Trouble { at, times, code: code.to_owned(), cause, hint });
    }

    pub fn note_words(&self, code: &str, cause: String, hint: String, at: UnixSeconds) {
        let mut kept = self.kept();
        if let Some(last) = kept.back_mut().filter(|last| last.code == code && last.cause == cause) {
            (last.at, last.times) = (at, last.times.saturating_add(1));
            return;
        }
        if kept.len() == KEPT {
            kept.pop_front();
        }
        kept.push_back(Trouble { at, times: 1, code: code.to_owned(), cause, hint });
    }

    pub fn list(&self) -> Vec<Trouble> {
        let standing: Vec<Trouble> =
            self.standing.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect();
        self.lasting().into_iter().chain(standing).chain(self.kept().iter().cloned()).collect()
    }

    pub fn lasting(&self) -> Vec<Trouble> {
        self.lasting.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn kept(&self) -> MutexGuard<'_, VecDeque<Trouble>> {
        // A list that a panic left behind is a good list.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(troubles: &Troubles, code: &str, at: u64) {
        troubles.note_words(code, format!("{code} happened"), String::new(), UnixSeconds(at));
    }

    #[test]
    fn what_repeats_itself_is_told_once() {
        let troubles = Troubles::default();
        for (code, at) in [("a", 1), ("b", 2), ("b", 3), ("a", 4)] {
            note(&troubles, code, at);
        }
        let told: Vec<_> = troubles.list().into_iter().map(|one| (one.code, one.times, one.at.0)).collect();
        assert_eq!(told, [("a".to_owned(), 1, 1), ("b".to_owned(), 2, 3), ("a".to_owned(), 1, 4)]);
    }

    #[test]
    fn the_oldest_goes_first() {
        let troubles = Troubles::default();
        (0..KEPT as u64 + 3).for_each(|number| note(&troubles, &format!("code-{number}"), number));
        let told = troubles.list();
        assert_eq!((told.len(), told[0].code.as_str()), (KEPT, "code-3"));
    }

    #[test]
    fn of_those_that_stand_the_last_of_each_code_is_told() {
        let troubles = Troubles::default();
        let left = |folder: &str| crate::folders::Left {
            at: folder.into(),
            source: std::io::ErrorKind::PermissionDenied.into(),
        };
        for (at, folder) in (0..).zip(["/a", "/b"]) {
            troubles.note_standing(&left(folder), UnixSeconds(at));
        }
        (0..KEPT as u64 + 3).for_each(|number| note(&troubles, &format!("code-{number}"), number));
        let told = troubles.list();
        assert_eq!((told.len(), told[0].times, told[0].at), (KEPT + 1, 2, UnixSeconds(1)));
        assert!(told[0].cause.contains("/b") && troubles.lasting().is_empty());
    }

    #[test]
    fn one_that_lasts_goes_never() {
        let troubles = Troubles::default();
        troubles.note_lasting(&millrace_agent::policy::Refusal::Unfit, UnixSeconds(0));
        (0..KEPT as u64 + 3).for_each(|number| note(&troubles, &format!("code-{number}"), number));
        let told = troubles.list();
        assert_eq!((told.len(), told[0].code.as_str()), (KEPT + 1, "rig-unsafe"));
        assert_eq!(troubles.lasting(), told[..1]);
    }
}
