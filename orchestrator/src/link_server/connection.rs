//! A worker's connection. It ends where nobody on it has proven a node key in time: sockets cost others their place.

use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Sleep;
use tonic::transport::server::Connected;

use crate::places::Place;

/// Whether a node key was proven on the connection.
#[derive(Clone, Default)]
pub(super) struct Proven(Arc<AtomicBool>);

impl Proven {
    pub fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

pub(super) struct Connection {
    stream: TcpStream,
    _place: Place<IpAddr>,
    proven: Proven,
    patience: Pin<Box<Sleep>>,
}

impl Connection {
    pub fn new(stream: TcpStream, place: Place<IpAddr>, patience: Duration) -> Self {
        let patience = Box::pin(tokio::time::sleep(patience));
        Self { stream, _place: place, proven: Proven::default(), patience }
    }
}

impl Connected for Connection {
    type ConnectInfo = Proven;

    fn connect_info(&self) -> Proven {
        self.proven.clone()
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        if !self.proven.is_set() && self.patience.as_mut().poll(context).is_ready() {
            return Poll::Ready(Err(std::io::ErrorKind::TimedOut.into()));
        }
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[std::io::IoSlice<'_>],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;
    use crate::door::Door;
    use crate::places::Room;

    const PATIENCE: Duration = Duration::from_millis(100);

    async fn pair() -> (TcpStream, Connection) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (stream, place) = Door::new(listener, Room { total: 1, per_origin: 1 }).next().await;
        (client, Connection::new(stream, place.ok().unwrap(), PATIENCE))
    }

    #[tokio::test]
    async fn a_connection_on_which_no_key_is_proven_ends_whatever_is_said_on_it() {
        let (mut client, mut connection) = pair().await;
        client.write_all(b"something").await.unwrap();
        let mut heard = Vec::new();
        let ended = connection.read_to_end(&mut heard).await.unwrap_err();
        assert_eq!(ended.kind(), std::io::ErrorKind::TimedOut);
        assert_eq!(heard, b"something");
    }

    #[tokio::test]
    async fn one_on_which_a_key_was_proven_stays() {
        let (mut client, mut connection) = pair().await;
        connection.connect_info().set();
        let mut heard = [0; 4];
        assert!(tokio::time::timeout(PATIENCE * 3, connection.read(&mut heard)).await.is_err(), "nothing was said");
        client.write_all(b"beat").await.unwrap();
        assert_eq!(connection.read(&mut heard).await.unwrap(), 4);
    }
}
