//! What the rig is registered as. It is kept for a start while no endpoint of the chain answers: what the rig holds does
//! not wait for one.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use millrace_agent::Held;
use millrace_client::accounts::NodeAccount;
use millrace_protocol::{Address, Hardware, PricePerGpuHour};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc::UnboundedSender;
use tokio::time::sleep;

use crate::chain::Chain;
use crate::error::Foreign;
use crate::{Error, journal, whole_file};

/// In the data folder.
const FILE: &str = "registration.json";
/// Between two questions to a chain that does not answer.
const ASK_AGAIN: Duration = Duration::from_secs(10);

/// The part of the node's account that a worker works by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Registration {
    pub node: Address,
    node_key: Address,
    pub hardware: Hardware,
    pub price: PricePerGpuHour,
    /// For spot leases, if it takes any.
    pub spot_price: Option<PricePerGpuHour>,
}

impl Registration {
    fn of(account: &NodeAccount) -> Self {
        Self {
            node: account.address,
            node_key: account.node_key,
            hardware: account.node.hardware,
            price: account.node.price,
            spot_price: account.node.posted_price(true),
        }
    }

    /// For the next start.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn keep(&self, folder: &Path) -> io::Result<()> {
        whole_file::replace(&folder.join(FILE), &serde_json::to_vec(self)?)
    }
}

/// As which node the last worker on a data folder worked.
#[derive(Debug, Deserialize)]
pub struct Registered {
    pub node: Address,
    pub node_key: Address,
}

/// `None` where none has since workers keep it.
pub fn registered(data_dir: &Path) -> Option<Registered> {
    read(data_dir)
}

fn read<T: DeserializeOwned>(folder: &Path) -> Option<T> {
    serde_json::from_slice(&fs::read(folder.join(FILE)).ok()?).ok()
}

/// As the chain has it, or as it had it at the last start where an endpoint does not answer, or does not know of it, and
/// something is at stake; then also why.
///
/// # Errors
/// [`Error::DataDirForeign`] where that is at stake for another node; [`Error::NodeUnknown`], [`Error::Chain`].
pub(crate) async fn find(
    chain: &dyn Chain,
    key: Address,
    folder: &Path,
) -> Result<(Registration, Option<Error>), Error> {
    let at_stake = || journal::read(folder).is_ok_and(|records| Held::of(&records).at_stake);
    let kept = || read::<Registration>(folder).filter(|_| at_stake());
    let error = match chain.node().await {
        Ok(Some(account)) => {
            let found = Registration::of(&account);
            // By the node: its key may be another one since.
            return match kept().filter(|kept| kept.node != found.node) {
                None => Ok((found, None)),
                Some(kept) => {
                    let found = Foreign::AtStake { kept: kept.node, own: found.node };
                    Err(Error::DataDirForeign { path: folder.to_owned(), found })
                }
            };
        }
        // An endpoint may be behind, or keep no accounts by program.
        Ok(None) => Error::NodeUnknown { key },
        Err(error) => error.into(),
    };
    match kept().filter(|kept| kept.node_key == key) {
        Some(kept) => Ok((kept, Some(error))),
        None => Err(error),
    }
}

/// Tells once the chain says the same. What it says otherwise only a new start goes by, which comes once nothing is at
/// stake.
pub(crate) async fn confirm(chain: Arc<dyn Chain>, kept: Registration, confirmed: UnboundedSender<()>) {
    let asked = async {
        let mut is_told = false;
        loop {
            sleep(ASK_AGAIN).await;
            match chain.node().await.map(|account| account.map(|account| Registration::of(&account))) {
                Ok(Some(found)) if found == kept => return,
                Ok(found) if !is_told => {
                    is_told = true;
                    tracing::warn!(?found, ?kept, "the chain has the rig registered otherwise: it takes no lease yet");
                }
                _ => {}
            }
        }
    };
    tokio::select! {
        () = asked => {
            let _ = confirmed.send(());
        }
        () = confirmed.closed() => {}
    }
}
