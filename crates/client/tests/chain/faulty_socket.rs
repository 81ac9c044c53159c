//! A WebSocket endpoint that is not as it should be, in front of a network that is.

use std::sync::{Arc, Mutex};

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_tungstenite::tungstenite::Message;

/// What is wrong with it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Fault {
    #[default]
    None,
    /// Refuses connections and ends those there are.
    Down,
    /// Tells slots and no accounts.
    LosesAccounts,
    /// Tells nothing any more and keeps the connection.
    Silent,
    /// Leaves out slots, and the accounts that changed meanwhile.
    LosesSlots,
    /// Names this slot with every account.
    NamesSlot(u64),
}

/// A proxy on a port of its own. Stops with the test's runtime.
#[derive(Clone)]
pub struct FaultySocket {
    url: String,
    upstream: String,
    fault: Arc<Mutex<Fault>>,
    cut: watch::Sender<u64>,
}

impl FaultySocket {
    pub async fn before(upstream: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("ws://{}", listener.local_addr().unwrap());
        let proxy = Self { url, upstream, fault: Arc::default(), cut: watch::Sender::new(0) };
        let accepting = proxy.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                if accepting.fault() != Fault::Down {
                    let (proxy, mut cut) = (accepting.clone(), accepting.cut.subscribe());
                    tokio::spawn(async move {
                        tokio::select! {
                            _ = cut.changed() => {}
                            () = proxy.pass(client) => {}
                        }
                    });
                }
            }
        });
        proxy
    }

    pub fn url(&self) -> String {
        self.url.clone()
    }

    /// From here on it is like that.
    pub fn set(&self, fault: Fault) {
        *self.fault.lock().unwrap() = fault;
        if fault == Fault::Down {
            self.cut.send_modify(|n_cuts| *n_cuts += 1);
        }
    }

    fn fault(&self) -> Fault {
        *self.fault.lock().unwrap()
    }

    async fn pass(self, client: TcpStream) {
        let client = tokio_tungstenite::accept_async(client).await.unwrap();
        let (network, _) = tokio_tungstenite::connect_async(&self.upstream).await.unwrap();
        let (mut to_client, mut from_client) = client.split();
        let (mut to_network, mut from_network) = network.split();
        loop {
            tokio::select! {
                Some(Ok(message)) = from_client.next() => {
                    if to_network.send(message).await.is_err() {
                        return;
                    }
                }
                Some(Ok(message)) = from_network.next() => {
                    if let Some(message) = self.bend(message) && to_client.send(message).await.is_err() {
                        return;
                    }
                }
                else => return,
            }
        }
    }

    fn bend(&self, message: Message) -> Option<Message> {
        let Message::Text(text) = &message else { return Some(message) };
        let mut said: Value = serde_json::from_str(text).unwrap();
        let is_account = matches!(said["method"].as_str(), Some("programNotification" | "accountNotification"));
        let is_slot = said["method"] == "slotNotification";
        match self.fault() {
            Fault::None | Fault::Down => Some(message),
            Fault::LosesAccounts => (!is_account).then_some(message),
            Fault::Silent => None,
            Fault::LosesSlots => (!is_account && !is_slot).then_some(message),
            Fault::NamesSlot(slot) if is_account => {
                said["params"]["result"]["context"]["slot"] = json!(slot);
                Some(Message::Text(said.to_string().into()))
            }
            Fault::NamesSlot(_) => Some(message),
        }
    }
}
