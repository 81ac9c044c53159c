//! An RPC endpoint that is not as it should be, in front of a network that is.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use serde_json::{Value, json};

/// What is wrong with it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Fault {
    #[default]
    None,
    /// Breaks off every request.
    Drops,
    /// Takes this long before it passes a request on.
    Slow(Duration),
    /// Answers every request with this JSON-RPC error.
    Errors(i64),
    /// Answers as of its first fault: later accounts and transactions are unknown to it.
    Stale,
    /// Names slots that are this much higher, and is stale.
    Ahead(u64),
    /// Leaves accounts out of its answers.
    ShortensAnswers,
    /// Keeps no old transactions.
    Forgets,
    /// Takes transactions and passes them on to nobody.
    Swallows,
    /// The same with the first transaction it was ever given, however often that comes.
    SwallowsTheFirst,
    /// Passes transactions on and answers that it did not.
    Denies,
    /// Says of every transaction that it is long on the chain.
    LiesAboutLandings,
    /// Says that the chain is long past every transaction's end, and knows none of them.
    LiesAboutHeight,
    /// Offers a blockhash of no chain, good for ever.
    ForgesBlockhashes,
}

#[derive(Default)]
struct Stage {
    fault: Fault,
    /// Answers from before the first fault.
    memory: HashMap<String, Value>,
    /// Methods asked for, in order.
    asked: Vec<String>,
    sent: Vec<String>,
}

/// A proxy on a port of its own. Stops with the test's runtime.
#[derive(Clone)]
pub struct FaultyRpc {
    url: String,
    upstream: String,
    http: reqwest::Client,
    stage: Arc<Mutex<Stage>>,
}

impl FaultyRpc {
    pub async fn before(upstream: String) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let proxy = Self { url, upstream, http: reqwest::Client::new(), stage: Arc::default() };
        let router = Router::new().route("/", post(answer)).with_state(proxy.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        proxy
    }

    pub fn url(&self) -> String {
        self.url.clone()
    }

    /// From here on it is like that.
    pub async fn set(&self, fault: Fault) {
        let mut memory = self.stage.lock().unwrap().memory.clone();
        for method in ["getSlot", "getEpochInfo", "getLatestBlockhash"] {
            if memory.contains_key(method) {
                continue;
            }
            let commitment = json!([{ "commitment": "confirmed" }]);
            let answer =
                self.forward(&json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": commitment })).await;
            memory.insert(method.to_owned(), answer["result"].clone());
        }
        let mut stage = self.stage.lock().unwrap();
        (stage.fault, stage.memory) = (fault, memory);
    }

    /// How often a method was asked for.
    pub fn asked(&self, method: &str) -> usize {
        self.stage.lock().unwrap().asked.iter().filter(|asked| *asked == method).count()
    }

    /// Transactions it was given, in base64 and in order.
    pub fn sent(&self) -> Vec<String> {
        self.stage.lock().unwrap().sent.clone()
    }

    async fn forward(&self, request: &Value) -> Value {
        let answer = self.http.post(&self.upstream).json(request).send().await.unwrap();
        answer.json().await.unwrap()
    }
}

async fn answer(State(proxy): State<FaultyRpc>, Json(request): Json<Value>) -> Response {
    let method = request["method"].as_str().unwrap().to_owned();
    let (fault, memory, is_first) = {
        let mut stage = proxy.stage.lock().unwrap();
        stage.asked.push(method.clone());
        if method == "sendTransaction" {
            stage.sent.push(request["params"][0].as_str().unwrap().to_owned());
        }
        let is_first = stage.sent.first() == stage.sent.last();
        (stage.fault, stage.memory.clone(), is_first)
    };
    let fake = match fault {
        Fault::None => None,
        Fault::Drops => return StatusCode::BAD_GATEWAY.into_response(),
        Fault::Slow(delay) => {
            tokio::time::sleep(delay).await;
            None
        }
        Fault::Errors(code) => {
            let error = json!({ "code": code, "message": "not today" });
            return Json(json!({ "jsonrpc": "2.0", "id": request["id"], "error": error })).into_response();
        }
        Fault::Stale => stale(&method, &request["params"], &memory, 0),
        Fault::Ahead(slots) => stale(&method, &request["params"], &memory, slots),
        Fault::ShortensAnswers => {
            (method == "getMultipleAccounts").then(|| json!({ "context": { "slot": memory["getSlot"] }, "value": [] }))
        }
        Fault::Forgets => (method == "getSignaturesForAddress").then(|| json!([])),
        Fault::Swallows => (method == "sendTransaction").then(|| json!(signature(&request["params"]))),
        Fault::SwallowsTheFirst => {
            (method == "sendTransaction" && is_first).then(|| json!(signature(&request["params"])))
        }
        Fault::Denies => {
            if method == "sendTransaction" {
                proxy.forward(&request).await;
                return StatusCode::BAD_GATEWAY.into_response();
            }
            None
        }
        Fault::LiesAboutLandings => (method == "getSignatureStatuses").then(|| {
            let slot = memory["getSlot"].as_u64().unwrap();
            let landed = json!({
                "slot": slot, "confirmations": null, "status": { "Ok": null }, "err": null,
                "confirmationStatus": "finalized",
            });
            json!({ "context": { "slot": slot }, "value": [landed] })
        }),
        Fault::LiesAboutHeight => match method.as_str() {
            "getEpochInfo" => Some(far(&memory["getEpochInfo"])),
            "getSignatureStatuses" => Some(json!({ "context": { "slot": memory["getSlot"] }, "value": [null] })),
            _ => None,
        },
        Fault::ForgesBlockhashes => (method == "getLatestBlockhash").then(|| {
            let slot = memory["getSlot"].as_u64().unwrap();
            let value = json!({ "blockhash": "11111111111111111111111111111112", "lastValidBlockHeight": u64::MAX });
            json!({ "context": { "slot": slot }, "value": value })
        }),
    };
    let whole = match fake {
        Some(result) => json!({ "jsonrpc": "2.0", "id": request["id"], "result": result }),
        None => proxy.forward(&request).await,
    };
    Json(whole).into_response()
}

/// What an endpoint says that has seen nothing since, and names slots `ahead` of what it has seen.
fn stale(method: &str, params: &Value, memory: &HashMap<String, Value>, ahead: u64) -> Option<Value> {
    let slot = memory["getSlot"].as_u64().unwrap().saturating_add(ahead);
    let context = json!({ "slot": slot });
    let nothing = |n: usize| json!({ "context": context, "value": vec![Value::Null; n] });
    match method {
        "getSlot" => Some(json!(slot)),
        "getLatestBlockhash" => {
            let mut answer = memory[method].clone();
            answer["context"] = context;
            Some(answer)
        }
        "getEpochInfo" => Some(memory[method].clone()),
        "getMultipleAccounts" => Some(nothing(params[0].as_array().unwrap().len())),
        "getSignatureStatuses" => Some(nothing(1)),
        "getProgramAccounts" => Some(json!([])),
        "isBlockhashValid" => Some(json!({ "context": context, "value": false })),
        "simulateTransaction" => {
            let value = json!({
                "err": "AccountNotFound", "logs": [], "accounts": null, "unitsConsumed": 0, "returnData": null,
            });
            Some(json!({ "context": context, "value": value }))
        }
        // It is too far behind to have any use for a transaction.
        "sendTransaction" => Some(json!(signature(params))),
        _ => None,
    }
}

fn far(epoch_info: &Value) -> Value {
    let mut answer = epoch_info.clone();
    answer["blockHeight"] = json!(u64::MAX);
    answer["absoluteSlot"] = json!(0);
    answer
}

/// The first signature of a transaction in base64: 64 bytes behind their count.
pub fn signature(params: &Value) -> String {
    use base64::Engine;
    let bytes = base64::prelude::BASE64_STANDARD.decode(params[0].as_str().unwrap()).unwrap();
    millrace_client::Signature::try_from(&bytes[1..65]).unwrap().to_string()
}
