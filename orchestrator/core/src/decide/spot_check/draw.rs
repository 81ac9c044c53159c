use millrace_protocol::{Address, BasisPoints, Verification};
use millrace_spec::merkle::{self, Leaf};
use millrace_spec::{Sha256, sha256};

use crate::state::check::Check;
use crate::{Core, DrawSecret, Output};

impl Core {
    /// Draws whether a task that was just done is run again. Each is drawn by itself, with the job's share as its
    /// chance, from its result: nobody can know before the result is there, and nobody without the secret
    /// afterwards.
    pub(crate) fn draw(&mut self, job: Address, number: u32) {
        let secret = self.settings.draw_secret;
        let Some(entry) = self.jobs.get_mut(&job) else { return };
        let Verification::SpotCheck { share } = entry.view.job.terms.verification else { return };
        let opened_slot = entry.view.opened_slot;
        entry.tasks.change(number, |task| {
            let lot = lot(&secret, (job, opened_slot), number, task_root(number, &task.outputs));
            task.check = is_drawn(lot, share).then(|| Check::NEW.into());
        });
    }
}

/// Merkle root over what a task made.
pub(crate) fn task_root(task: u32, outputs: &[Output]) -> Sha256 {
    let leaf = |output: &Output| Leaf { task, path: output.path.clone(), object: output.object };
    merkle::root(outputs.iter().map(leaf).collect())
}

/// The first 8 bytes, lowest first, of SHA-256 of
/// `"millrace spot check draw v1" ‖ secret ‖ job ‖ opened slot ‖ task ‖ root`; the slot has 8 bytes and the task 4,
/// lowest first.
fn lot(secret: &DrawSecret, (job, opened_slot): (Address, u64), task: u32, root: Sha256) -> u64 {
    let mut bytes = b"millrace spot check draw v1".to_vec();
    bytes.extend(secret.0);
    bytes.extend(job.0);
    bytes.extend(opened_slot.to_le_bytes());
    bytes.extend(task.to_le_bytes());
    bytes.extend(root.0);
    let mut first = [0; 8];
    first.copy_from_slice(&sha256(&bytes).0[..8]);
    u64::from_le_bytes(first)
}

fn is_drawn(lot: u64, share: BasisPoints) -> bool {
    (u128::from(lot) * 10_000) >> 64 < u128::from(share.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_drawn_and_depends_on_all_that_goes_into_it() {
        let (secret, job) = (DrawSecret([1; 32]), (Address([2; 32]), 7));
        let drawn = |share: u16, secret: &DrawSecret| {
            let lots = (0..10_000).map(|task| lot(secret, job, task, Sha256([3; 32])));
            lots.filter(|lot| is_drawn(*lot, BasisPoints(share))).count()
        };
        assert_eq!((drawn(10_000, &secret), drawn(0, &secret)), (10_000, 0));
        // 1,000 are expected, with a standard deviation of 30.
        assert!((850..1_150).contains(&drawn(1_000, &secret)));
        let good = lot(&secret, job, 4, Sha256([3; 32]));
        let others = [
            lot(&DrawSecret([0; 32]), job, 4, Sha256([3; 32])),
            lot(&secret, (Address([0; 32]), 7), 4, Sha256([3; 32])),
            lot(&secret, (job.0, 8), 4, Sha256([3; 32])),
            lot(&secret, job, 5, Sha256([3; 32])),
            lot(&secret, job, 4, Sha256([0; 32])),
        ];
        assert!(others.iter().all(|other| *other != good));
        assert_eq!(format!("{secret:?}"), "DrawSecret(..)", "it is not for logs");
    }
}
