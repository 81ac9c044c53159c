/// Where a cluster is reached.
///
/// Name several that are run by different people: transactions go to all of them, what is read is the
/// newest of their answers, and one that is dead, slow, behind or wrong about the slot does no harm. All
/// must belong to the same cluster.
///
/// ```
/// use millrace_client::Endpoints;
///
/// let own = Endpoints::from_rpc("http://127.0.0.1:8899");
/// assert_eq!(own.ws, ["ws://127.0.0.1:8900"]);
/// let both = own.and(Endpoints::new("https://rpc.example.org", "wss://rpc.example.org"));
/// assert_eq!(both.rpc.len(), 2);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoints {
    /// JSON-RPC URLs, preferred first.
    pub rpc: Vec<String>,
    /// WebSocket URLs; all are listened to at once.
    pub ws: Vec<String>,
}

impl Endpoints {
    /// One endpoint of each kind.
    pub fn new(rpc: impl Into<String>, ws: impl Into<String>) -> Self {
        Self { rpc: vec![rpc.into()], ws: vec![ws.into()] }
    }

    /// One endpoint, with the WebSocket where Solana's tools expect it: the same host, on the next
    /// port where the URL names one.
    pub fn from_rpc(rpc: impl Into<String>) -> Self {
        let rpc = rpc.into();
        let ws = websocket_of(&rpc);
        Self { rpc: vec![rpc], ws: vec![ws] }
    }

    /// These, and others of the same cluster.
    #[must_use]
    pub fn and(mut self, others: Self) -> Self {
        self.rpc.extend(others.rpc);
        self.ws.extend(others.ws);
        self
    }
}

fn websocket_of(rpc: &str) -> String {
    let swapped = match rpc.strip_prefix("https") {
        Some(rest) => format!("wss{rest}"),
        None => rpc.strip_prefix("http").map_or_else(|| rpc.to_owned(), |rest| format!("ws{rest}")),
    };
    let authority = swapped.find("://").map_or(0, |at| at + 3);
    let end = swapped[authority..].find('/').map_or(swapped.len(), |at| authority + at);
    let port = swapped[authority..end].rsplit_once(':').and_then(|(_, port)| port.parse::<u16>().ok());
    match port.and_then(|port| port.checked_add(1).map(|next| (port, next))) {
        Some((port, next)) => {
            let digits = end - port.to_string().len();
            format!("{}{next}{}", &swapped[..digits], &swapped[end..])
        }
        None => swapped,
    }
}

/// An endpoint as people are told of it: without what may be a secret: many endpoints are paid for by a key in the path or the query, or before the host.
pub fn place_of(url: &str) -> &str {
    if url.contains('@') {
        return "the endpoint";
    }
    let rest = url.find("://").map_or(0, |at| at + 3);
    let end = url[rest..].find(['/', '?', '#']).map_or(url.len(), |at| rest + at);
    &url[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_websocket_is_where_solana_tools_expect_it() {
        for (rpc, ws) in [
            ("http://127.0.0.1:8899", "ws://127.0.0.1:8900"),
            ("http://localhost:8899/", "ws://localhost:8900/"),
            ("https://api.devnet.solana.com", "wss://api.devnet.solana.com"),
            ("https://example.org/rpc?key=a:b", "wss://example.org/rpc?key=a:b"),
        ] {
            assert_eq!(Endpoints::from_rpc(rpc).ws, [ws]);
        }
    }
}
