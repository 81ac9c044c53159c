//! Who comes in: a listener that has so many connections at once, and so many of one address. Sockets that say nothing
//! must not use up what all others need.

use std::collections::HashMap;
use std::io::ErrorKind;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};

/// After a failure to accept, which is a lack of something mostly.
const PAUSE: Duration = Duration::from_millis(100);
/// Of an IPv6 address: what one network of a provider's customer has in common.
const NETWORK: u128 = u128::MAX << 64;

/// How many connections there may be at once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Room {
    pub total: usize,
    /// From one address, or one /64 of IPv6.
    pub per_address: usize,
}

/// Why there is no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Full {
    Everywhere,
    OfAddress,
}

struct Crowd {
    room: Room,
    total: usize,
    of: HashMap<IpAddr, usize>,
}

impl Crowd {
    fn new(room: Room) -> Self {
        Self { room, total: 0, of: HashMap::new() }
    }

    fn enter(&mut self, origin: Option<IpAddr>) -> Result<(), Full> {
        if self.total >= self.room.total {
            return Err(Full::Everywhere);
        }
        if let Some(origin) = origin {
            let of_address = self.of.get(&origin).copied().unwrap_or_default();
            if of_address >= self.room.per_address {
                return Err(Full::OfAddress);
            }
            self.of.insert(origin, of_address + 1);
        }
        self.total += 1;
        Ok(())
    }

    fn leave(&mut self, origin: Option<IpAddr>) {
        self.total = self.total.saturating_sub(1);
        let Some(origin) = origin else { return };
        if let Some(of_address) = self.of.get_mut(&origin) {
            *of_address = of_address.saturating_sub(1);
            if *of_address == 0 {
                self.of.remove(&origin);
            }
        }
    }
}

/// Whose connection it is; none for this machine's own: behind a proxy or a tunnel here come many.
fn origin(address: IpAddr) -> Option<IpAddr> {
    match address.to_canonical() {
        address if address.is_loopback() => None,
        IpAddr::V6(address) => Some(IpAddr::V6(Ipv6Addr::from(u128::from(address) & NETWORK))),
        address => Some(address),
    }
}

/// A connection's place. It is free again when this is dropped.
pub(crate) struct Place {
    crowd: Arc<Mutex<Crowd>>,
    origin: Option<IpAddr>,
}

impl Drop for Place {
    fn drop(&mut self) {
        locked(&self.crowd).leave(self.origin);
    }
}

/// A listener with limits.
pub(crate) struct Door {
    listener: TcpListener,
    crowd: Arc<Mutex<Crowd>>,
}

impl Door {
    pub fn new(listener: TcpListener, room: Room) -> Self {
        Self { listener, crowd: Arc::new(Mutex::new(Crowd::new(room))) }
    }

    /// The next connection, with a place where there is one. May be broken off without losing any.
    pub async fn next(&self) -> (TcpStream, Result<Place, Full>) {
        loop {
            match self.listener.accept().await {
                Ok((stream, from)) => {
                    // Messages are whole when they are written: nothing is gained by waiting for more.
                    let _ = stream.set_nodelay(true);
                    let origin = origin(from.ip());
                    let entered = locked(&self.crowd).enter(origin);
                    return (stream, entered.map(|()| Place { crowd: self.crowd.clone(), origin }));
                }
                Err(error) if is_the_clients(error.kind()) => {}
                Err(error) => {
                    tracing::warn!(%error, "a connection cannot be accepted");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }
}

/// It went away before it was accepted.
fn is_the_clients(error: ErrorKind) -> bool {
    matches!(error, ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset | ErrorKind::ConnectionRefused)
}

fn locked(crowd: &Mutex<Crowd>) -> MutexGuard<'_, Crowd> {
    crowd.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_come_in_at_once_and_so_many_of_one_address() {
        let mut crowd = Crowd::new(Room { total: 3, per_address: 2 });
        let [a, b, c] = [1, 2, 3].map(|last| origin(IpAddr::from([192, 0, 2, last])));
        assert_eq!([crowd.enter(a), crowd.enter(a), crowd.enter(a)], [Ok(()), Ok(()), Err(Full::OfAddress)]);
        assert_eq!([crowd.enter(b), crowd.enter(c)], [Ok(()), Err(Full::Everywhere)]);
        crowd.leave(a);
        assert_eq!([crowd.enter(a), crowd.enter(c)], [Ok(()), Err(Full::Everywhere)]);
        [a, a, b].into_iter().for_each(|origin| crowd.leave(origin));
        assert_eq!((crowd.total, crowd.of.len()), (0, 0));
    }

    #[test]
    fn a_customers_whole_network_is_one_address_and_this_machine_is_none() {
        let origin = |address: &str| origin(address.parse().unwrap());
        assert_eq!(origin("2001:db8::1"), origin("2001:db8::ffff:1"));
        assert_ne!(origin("2001:db8::1"), origin("2001:db8:0:1::1"));
        assert_eq!(origin("::ffff:192.0.2.1"), origin("192.0.2.1"));
        assert_eq!([origin("127.0.0.1"), origin("::1"), origin("::ffff:127.0.0.1")], [None; 3]);
    }

    #[tokio::test]
    async fn a_place_is_free_again_when_its_connection_is_over() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let door = Door::new(listener, Room { total: 1, per_address: 1 });
        let come = async || {
            let _client = TcpStream::connect(address).await.unwrap();
            door.next().await.1
        };
        let first = come().await;
        assert!(first.is_ok());
        assert_eq!(come().await.err(), Some(Full::Everywhere));
        drop(first);
        assert!(come().await.is_ok());
    }
}
