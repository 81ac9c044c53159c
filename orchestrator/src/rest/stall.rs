//! A connection that ends where nobody takes what is written to it: its place is others' then.

use std::io::{ErrorKind, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

pub(super) struct Stalling<S> {
    stream: S,
    /// How long nothing may be taken.
    stall: Duration,
    waiting: bool,
    /// The same timer for every wait: an answer has many, most of them short.
    until: Pin<Box<Sleep>>,
}

impl<S> Stalling<S> {
    pub fn new(stream: S, stall: Duration) -> Self {
        Self { stream, stall, waiting: false, until: Box::pin(tokio::time::sleep(stall)) }
    }

    fn unless_stalled(
        &mut self,
        context: &mut Context<'_>,
        written: Poll<std::io::Result<usize>>,
    ) -> Poll<std::io::Result<usize>> {
        if written.is_ready() {
            self.waiting = false;
            return written;
        }
        if !self.waiting {
            self.waiting = true;
            self.until.as_mut().reset(Instant::now() + self.stall);
        }
        self.until.as_mut().poll(context).map(|()| Err(ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Stalling<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Stalling<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<std::io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.unless_stalled(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<std::io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, bytes);
        self.unless_stalled(context, written)
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

    use super::*;

    #[tokio::test]
    async fn what_nobody_takes_ends_in_time() {
        let stall = Duration::from_millis(50);
        let (_client, stream) = tokio::io::duplex(4);
        let mut stream = Stalling::new(stream, stall);
        let began = Instant::now();
        let ended = stream.write_all(b"more than fits").await.unwrap_err();
        assert_eq!(ended.kind(), ErrorKind::TimedOut);
        assert!(began.elapsed() >= stall);
    }

    #[tokio::test]
    async fn what_is_taken_slowly_goes_on_however_long_all_of_it_takes() {
        let stall = Duration::from_secs(1);
        let (mut client, stream) = tokio::io::duplex(1);
        let mut stream = Stalling::new(stream, stall);
        let began = Instant::now();
        let all = vec![7; 25];
        let reading = async {
            for _ in &all {
                tokio::time::sleep(stall / 20).await;
                assert_eq!(client.read_u8().await.unwrap(), 7);
            }
        };
        let (written, ()) = tokio::join!(stream.write_all(&all), reading);
        written.unwrap();
        assert!(began.elapsed() > stall);
    }
}
