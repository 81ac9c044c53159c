//! Who comes in: a listener that has so many connections at once, and so many of one address. Sockets that say nothing
//! must not use up what all others need.

use std::io::ErrorKind;
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};

use crate::places::{Full, Place, Places, Room};

/// After a failure to accept, which is a lack of something mostly.
const PAUSE: Duration = Duration::from_millis(100);
/// Of an IPv6 address: what one network of a provider's customer has in common.
const NETWORK: u128 = u128::MAX << 64;

/// Whose connection it is; none for this machine's own: behind a proxy or a tunnel here come many.
fn origin(address: IpAddr) -> Option<IpAddr> {
    match address.to_canonical() {
        address if address.is_loopback() => None,
        IpAddr::V6(address) => Some(IpAddr::V6(Ipv6Addr::from(u128::from(address) & NETWORK))),
        address => Some(address),
    }
}

/// A listener with limits.
pub(crate) struct Door {
    listener: TcpListener,
    /// By address, or by one /64 of IPv6.
    places: Places<IpAddr>,
}

impl Door {
    pub fn new(listener: TcpListener, room: Room) -> Self {
        Self { listener, places: Places::new(room) }
    }

    /// The next connection, with a place where there is one. May be broken off without losing any.
    pub async fn next(&self) -> (TcpStream, Result<Place<IpAddr>, Full>) {
        loop {
            match self.listener.accept().await {
                Ok((stream, from)) => {
                    // Messages are whole when they are written: nothing is gained by waiting for more.
                    let _ = stream.set_nodelay(true);
                    return (stream, self.places.enter(origin(from.ip())));
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

#[cfg(test)]
mod tests {
    use super::*;

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
        let door = Door::new(listener, Room { total: 1, per_origin: 1 });
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
