//! Places for so many at once, and for so many of one origin: none must use up what all others need.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How many places there are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Room {
    pub total: usize,
    pub per_origin: usize,
}

/// Why there is no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Full {
    /// All are taken.
    Everywhere,
    /// The origin has taken as many as it may.
    OfOrigin,
}

struct Taken<K> {
    total: usize,
    of: HashMap<K, usize>,
}

/// Cheap to clone.
#[derive(Clone)]
pub(crate) struct Places<K> {
    room: Room,
    taken: Arc<Mutex<Taken<K>>>,
}

impl<K: Copy + Eq + Hash> Places<K> {
    pub fn new(room: Room) -> Self {
        Self { room, taken: Arc::new(Mutex::new(Taken { total: 0, of: HashMap::new() })) }
    }

    /// Takes a place. Without an origin it counts among all only.
    ///
    /// # Errors
    /// [`Full`].
    pub fn enter(&self, origin: Option<K>) -> Result<Place<K>, Full> {
        let mut taken = locked(&self.taken);
        if taken.total >= self.room.total {
            return Err(Full::Everywhere);
        }
        if let Some(origin) = origin {
            let of_origin = taken.of.get(&origin).copied().unwrap_or_default();
            if of_origin >= self.room.per_origin {
                return Err(Full::OfOrigin);
            }
            taken.of.insert(origin, of_origin + 1);
        }
        taken.total += 1;
        Ok(Place { taken: self.taken.clone(), origin })
    }
}

/// It is free again when this is dropped.
pub(crate) struct Place<K: Copy + Eq + Hash> {
    taken: Arc<Mutex<Taken<K>>>,
    origin: Option<K>,
}

impl<K: Copy + Eq + Hash> Drop for Place<K> {
    fn drop(&mut self) {
        let mut taken = locked(&self.taken);
        taken.total = taken.total.saturating_sub(1);
        let Some(origin) = self.origin else { return };
        if let Some(of_origin) = taken.of.get_mut(&origin) {
            *of_origin = of_origin.saturating_sub(1);
            if *of_origin == 0 {
                taken.of.remove(&origin);
            }
        }
    }
}

fn locked<K>(taken: &Mutex<Taken<K>>) -> MutexGuard<'_, Taken<K>> {
    taken.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_are_there_at_once_and_so_many_of_one_origin() {
        let places = Places::new(Room { total: 3, per_origin: 2 });
        let enter = |origin| places.enter(Some(origin));
        let mut a = vec![enter('a').unwrap(), enter('a').unwrap()];
        assert_eq!(enter('a').err(), Some(Full::OfOrigin));
        let b = enter('b').unwrap();
        assert_eq!(enter('c').err(), Some(Full::Everywhere));
        a.pop();
        a.push(enter('a').unwrap());
        assert_eq!(enter('c').err(), Some(Full::Everywhere));
        drop((a, b));
        let taken = locked(&places.taken);
        assert_eq!((taken.total, taken.of.len()), (0, 0));
    }

    #[test]
    fn those_without_an_origin_count_among_all() {
        let places = Places::<char>::new(Room { total: 2, per_origin: 1 });
        let both = [places.enter(None), places.enter(None)];
        assert!(both.iter().all(Result::is_ok));
        assert_eq!(places.enter(Some('a')).err(), Some(Full::Everywhere));
        drop(both);
        assert!(places.enter(Some('a')).is_ok());
    }
}
