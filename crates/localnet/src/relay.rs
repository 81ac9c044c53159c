//! The ports that a localnet shows. The network below picks its own at random; this binds the
//! wanted ones first, so that a taken port is an error and not a race, and it can cut every
//! connection, which is how clients are tested against an unreliable RPC.

use std::net::{Ipv4Addr, SocketAddr};

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use crate::Error;

/// One listening port. Dropping it closes the port and all its connections.
pub(crate) struct Relay {
    address: SocketAddr,
    cut: watch::Sender<u64>,
    accepting: JoinHandle<()>,
}

impl Relay {
    /// Listens on `port` (0: a free one); nobody is answered before [`Self::open`].
    pub async fn bind(port: u16) -> Result<TcpListener, Error> {
        TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(|source| Error::Port { port, source })
    }

    /// Passes every connection on to `target`, `host:port`.
    pub fn open(listener: TcpListener, target: String) -> Result<Self, Error> {
        let address = listener.local_addr().map_err(|source| Error::Port { port: 0, source })?;
        let cut = watch::Sender::new(0);
        let accepting = tokio::spawn(accept(listener, target, cut.clone()));
        Ok(Self { address, cut, accepting })
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn cut_connections(&self) {
        self.cut.send_modify(|n_cuts| *n_cuts += 1);
    }

    /// Closes the port and all its connections, and returns when they are closed.
    pub async fn close(mut self) {
        self.accepting.abort();
        let _ = (&mut self.accepting).await;
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, target: String, cut: watch::Sender<u64>) {
    // Owned here, so that they end with this task.
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        match listener.accept().await {
            Ok((client, _)) => {
                let (target, mut cut) = (target.clone(), cut.subscribe());
                connections.spawn(async move {
                    tokio::select! {
                        _ = cut.changed() => {}
                        result = pass(client, target) => {
                            if let Err(error) = result {
                                tracing::trace!(%error, "a connection to the local network ended");
                            }
                        }
                    }
                });
            }
            // Out of file descriptors, most likely: the connections that end free some.
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            }
        }
    }
}

async fn pass(mut client: TcpStream, target: String) -> std::io::Result<()> {
    let mut network = TcpStream::connect(target).await?;
    // Requests and answers are small and waited for.
    client.set_nodelay(true)?;
    network.set_nodelay(true)?;
    copy_bidirectional(&mut client, &mut network).await.map(drop)
}
