//! How much of the scheduler's time questions may take. They are answered by its one loop, between two events, and what
//! an answer costs is for who asks to choose: a job has 100,000 tasks at most. So each pays with a pause.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::http::StatusCode;
use millrace_protocol::Address;
use tokio::sync::OwnedMutexGuard;
use tokio::time::Instant;

use super::Refusal;

/// For each moment that a question took, its asker pauses for so many: one asker has a tenth of the loop's time.
const PAUSE_OF_ASKER: u32 = 9;
/// And all together have half of it.
const PAUSE_OF_ALL: u32 = 1;
/// A pause that is shorter does not delay anybody: clocks are no finer.
const NO_PAUSE: Duration = Duration::from_millis(1);
/// Questions of one asker that may wait for their turn.
const WAITING: usize = 256;
/// Askers who are remembered while they ask nothing.
const KEPT: usize = 4_096;

/// Who asks: a key, or nobody in particular, which are all together one asker.
pub(super) type Asker = Option<Address>;

/// One asker's questions: they are answered one after the other.
struct Queue {
    waiting: AtomicUsize,
    /// When the next one may be asked.
    free_at: Arc<tokio::sync::Mutex<Instant>>,
}

/// Whose turn it is.
pub(crate) struct Turns {
    askers: Mutex<HashMap<Asker, Arc<Queue>>>,
    /// When the next question of whomever may be asked.
    free_at: Arc<Mutex<Instant>>,
}

impl Default for Turns {
    fn default() -> Self {
        Self { askers: Mutex::default(), free_at: Arc::new(Mutex::new(Instant::now())) }
    }
}

impl Turns {
    /// Waits until the asker may ask again.
    ///
    /// # Errors
    /// `questions-too-many` where others of the same asker wait already, and do not become fewer.
    pub async fn wait(&self, asker: Asker) -> Result<Turn, Refusal> {
        let queue = self.queue(asker);
        let Some(waiting) = Waiting::begin(&queue) else { return Err(refusal(asker)) };
        let free_at = queue.free_at.clone().lock_owned().await;
        loop {
            let wait = free_at.max(*locked(&self.free_at)).saturating_duration_since(Instant::now());
            if wait < NO_PAUSE {
                break;
            }
            // Others are answered meanwhile, for which all pause.
            tokio::time::sleep(wait).await;
        }
        drop(waiting);
        Ok(Turn { free_at, free_at_of_all: self.free_at.clone() })
    }

    fn queue(&self, asker: Asker) -> Arc<Queue> {
        let mut askers = locked(&self.askers);
        if askers.len() >= KEPT {
            let now = Instant::now();
            let idle = |queue: &Queue| queue.free_at.try_lock().is_ok_and(|free_at| *free_at <= now);
            askers.retain(|_, queue| Arc::strong_count(queue) > 1 || !idle(queue));
        }
        let new = || {
            let free_at = Arc::new(tokio::sync::Mutex::new(Instant::now()));
            Arc::new(Queue { waiting: AtomicUsize::new(0), free_at })
        };
        askers.entry(asker).or_insert_with(new).clone()
    }
}

/// Its place among those that wait. Free again when it is dropped, also where nobody waits for the answer any more.
struct Waiting<'a>(&'a Queue);

impl<'a> Waiting<'a> {
    fn begin(queue: &'a Queue) -> Option<Self> {
        let one_more = |waiting| (waiting < WAITING).then_some(waiting + 1);
        let begun = queue.waiting.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more);
        begun.ok().map(|_| Self(queue))
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

/// One question's turn. No other of the same asker comes before this is over.
pub(crate) struct Turn {
    free_at: OwnedMutexGuard<Instant>,
    free_at_of_all: Arc<Mutex<Instant>>,
}

impl Turn {
    /// The question was answered, and that took the loop so long. Said by the loop itself: nobody gets out of paying by
    /// going away.
    pub fn took(self, took: Duration) {
        self.ended(Instant::now(), took);
    }

    fn ended(mut self, now: Instant, took: Duration) {
        *self.free_at = now + took * PAUSE_OF_ASKER;
        let mut of_all = locked(&self.free_at_of_all);
        // Several may have had their turn at once: while one is answered, nobody pauses for those before it. So pauses
        // add up.
        let began = now.checked_sub(took).unwrap_or(now);
        *of_all = began.max(*of_all) + took * (1 + PAUSE_OF_ALL);
    }
}

fn refusal(asker: Asker) -> Refusal {
    let cause = match asker {
        Some(key) => format!("{WAITING} questions of {key} wait for their answers"),
        None => format!("{WAITING} questions that nobody signed wait for their answers"),
    };
    let hint = "ask one after the other, and less often about jobs with many tasks";
    Refusal::new(StatusCode::TOO_MANY_REQUESTS, "questions-too-many", cause, hint)
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use axum::response::IntoResponse;

    use super::*;

    const A: Asker = Some(Address([1; 32]));
    const B: Asker = Some(Address([2; 32]));
    const LONG: Duration = Duration::from_millis(20);

    /// Until the asker may ask.
    async fn waits(turns: &Turns, asker: Asker) -> (Duration, Turn) {
        let began = Instant::now();
        let turn = turns.wait(asker).await.ok().unwrap();
        (began.elapsed(), turn)
    }

    #[tokio::test]
    async fn who_asks_what_takes_long_pauses_and_others_less() {
        let turns = Turns::default();
        waits(&turns, A).await.1.took(LONG);
        let (other, turn) = waits(&turns, B).await;
        assert!(other >= LONG / 2, "{other:?}: the loop has time for its events in between");
        turn.took(Duration::ZERO);
        let (same, _turn) = waits(&turns, A).await;
        assert!(same + other >= LONG * 8, "{same:?}");
    }

    #[tokio::test]
    async fn questions_that_are_answered_back_to_back_pause_for_as_long_as_all_of_them_took() {
        const ASKERS: u8 = 20;
        let turns = Turns::default();
        let mut asked = Vec::new();
        for asker in 0..ASKERS {
            asked.push(turns.wait(Some(Address([asker; 32]))).await.ok().unwrap());
        }
        let mut now = Instant::now();
        for turn in asked {
            now += LONG;
            turn.ended(now, LONG);
        }
        assert_eq!(*locked(&turns.free_at), now + LONG * u32::from(ASKERS));
    }

    #[tokio::test]
    async fn who_waits_pauses_also_for_what_others_are_answered_meanwhile() {
        let turns = Turns::default();
        let (first, second) = (waits(&turns, A).await.1, waits(&turns, None).await.1);
        first.took(LONG * 5);
        let mut waiting = Box::pin(turns.wait(B));
        assert!(futures_util::poll!(&mut waiting).is_pending());
        second.took(LONG * 5);
        let free_at = *locked(&turns.free_at);
        let _turn = waiting.await.ok().unwrap();
        assert!(Instant::now() + NO_PAUSE >= free_at);
    }

    #[tokio::test]
    async fn an_askers_questions_are_answered_one_after_the_other_also_those_it_has_gone_away_from() {
        let turns = Turns::default();
        let (_, asked) = waits(&turns, A).await;
        assert!(tokio::time::timeout(LONG, turns.wait(A)).await.is_err(), "the first is not answered");
        assert!(tokio::time::timeout(LONG, turns.wait(None)).await.is_ok(), "which is another's");
        asked.took(Duration::ZERO);
        assert!(tokio::time::timeout(LONG * 10, turns.wait(A)).await.is_ok());
    }

    #[tokio::test]
    async fn so_many_questions_of_an_asker_wait_and_no_more() {
        let turns = Arc::new(Turns::default());
        let (_, _asked) = waits(&turns, A).await;
        let mut waiting: Vec<_> = (0..WAITING).map(|_| Box::pin(turns.wait(A))).collect();
        for turn in &mut waiting {
            assert!(futures_util::poll!(turn).is_pending());
        }
        let refused = turns.wait(A).await.err().unwrap().into_response();
        assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
        assert!(turns.wait(B).await.is_ok());
        // Who goes away makes room.
        waiting.pop();
        assert!(futures_util::poll!(Box::pin(turns.wait(A))).is_pending());
    }

    #[tokio::test]
    async fn askers_who_ask_nothing_are_forgotten_and_those_who_pause_are_not() {
        let turns = Turns::default();
        waits(&turns, A).await.1.took(Duration::from_secs(60));
        for number in 0..2 * KEPT as u64 {
            let mut key = [3; 32];
            key[..8].copy_from_slice(&number.to_le_bytes());
            drop(turns.queue(Some(Address(key))));
        }
        let askers = locked(&turns.askers);
        assert!(askers.len() <= KEPT && askers.contains_key(&A), "{}", askers.len());
    }
}
