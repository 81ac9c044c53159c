//! Transactions whose fate is not known yet, by what they do.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use solana_message::legacy::Message;
use solana_signature::Signature;
use solana_transaction::Transaction;

/// More than any sender has under way; beyond it the oldest are forgotten.
const MOST: usize = 1_024;

/// One signed transaction, from its first byte sent until its fate is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Flight {
    pub transaction: Transaction,
    pub last_valid: u64,
    /// How often the work has been signed, this time included.
    pub signing: u32,
}

impl Flight {
    pub fn signature(&self) -> Signature {
        self.transaction.signatures.first().copied().unwrap_or_default()
    }
}

/// What a transaction does: its instructions and its payer, without blockhash and fee.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Work(Vec<u8>);

impl Work {
    /// `message` with the default blockhash.
    pub fn of(message: &Message) -> Self {
        Self(message.serialize())
    }
}

/// Shared by the clones of a sender. What stays here after a call was dropped or gave up is taken up
/// again by the next call with the same instructions.
#[derive(Clone, Default)]
pub(super) struct InFlight {
    flights: Arc<Mutex<HashMap<Work, Flight>>>,
}

impl InFlight {
    pub fn get(&self, work: &Work) -> Option<Flight> {
        self.lock().get(work).cloned()
    }

    /// Puts a flight in the place of `dead`, or of nothing. Whoever was faster stays; returns what flies.
    pub fn launch(&self, work: &Work, dead: Option<Signature>, flight: Flight) -> Flight {
        let mut flights = self.lock();
        match flights.get(work) {
            Some(other) if Some(other.signature()) != dead => other.clone(),
            _ => {
                if flights.len() >= MOST {
                    let oldest =
                        flights.iter().min_by_key(|(_, flight)| flight.last_valid).map(|(work, _)| work.clone());
                    oldest.map(|work| flights.remove(&work));
                }
                flights.insert(work.clone(), flight.clone());
                flight
            }
        }
    }

    /// Forgets a flight whose fate is known.
    pub fn land(&self, work: &Work, signature: Signature) {
        let mut flights = self.lock();
        if flights.get(work).is_some_and(|flight| flight.signature() == signature) {
            flights.remove(work);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Work, Flight>> {
        self.flights.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flight(number: u8, last_valid: u64) -> Flight {
        let mut transaction = Transaction::default();
        transaction.signatures.push(Signature::from([number; 64]));
        Flight { transaction, last_valid, signing: 1 }
    }

    fn work(number: usize) -> Work {
        Work(number.to_le_bytes().to_vec())
    }

    #[test]
    fn one_piece_of_work_has_one_flight() {
        let (flights, work) = (InFlight::default(), work(0));
        assert_eq!(flights.launch(&work, None, flight(1, 10)), flight(1, 10));
        assert_eq!(flights.launch(&work, None, flight(2, 11)), flight(1, 10), "the first one flies");
        let dead = Some(flight(1, 10).signature());
        assert_eq!(flights.launch(&work, dead, flight(3, 12)), flight(3, 12));
        assert_eq!(flights.launch(&work, dead, flight(4, 13)), flight(3, 12), "somebody was faster");
        flights.land(&work, flight(1, 10).signature());
        assert_eq!(flights.get(&work), Some(flight(3, 12)));
        flights.land(&work, flight(3, 12).signature());
        assert_eq!(flights.get(&work), None);
    }

    #[test]
    fn what_nobody_asks_for_again_is_forgotten_in_the_end() {
        let flights = InFlight::default();
        for number in 0..=MOST {
            flights.launch(&work(number), None, flight(1, 1_000 + number as u64));
        }
        assert_eq!(flights.lock().len(), MOST);
        assert_eq!(flights.get(&work(0)), None);
        assert!(flights.get(&work(MOST)).is_some());
    }
}
