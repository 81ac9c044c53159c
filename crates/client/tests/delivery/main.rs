//! The sender against a scripted RPC, for what a healthy network does not do on demand. The script
//! is strict: a method it does not know fails the test.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use millrace_client::accounts::JobAccount;
use millrace_client::instructions::expire_job;
use millrace_client::{Client, Endpoints, Error, Keypair, Sender, SenderOptions, Signature, Watcher, WatcherOptions};
use millrace_protocol::Address;
use serde_json::{Value, json};

/// What the network behind the script is like.
#[derive(Clone, Copy, PartialEq)]
enum Network {
    /// Takes transactions and forgets the first one it was given.
    LosesTheFirst,
    /// Takes transactions and answers the sender with an error.
    AnswersFalsely,
    /// Takes transactions and never puts them into a block.
    Stands,
    /// Puts transactions into a block in which they fail, other than in the simulation.
    Refuses,
    /// Two machines behind one address: one tells the height, the other, which is behind, the status.
    IsTwo,
}

struct Script {
    network: Network,
    /// Transactions as they were sent, in base64.
    sent: Vec<String>,
    n_blockhashes: u64,
    n_heights: u64,
    /// What others paid per compute unit, in micro-lamports.
    fees: Vec<u64>,
    unexpected: Vec<String>,
}

type Shared = Arc<Mutex<Script>>;

async fn answer(State(script): State<Shared>, Json(request): Json<Value>) -> (StatusCode, Json<Value>) {
    let mut script = script.lock().unwrap();
    let context = json!({ "slot": 7 });
    let result = match request["method"].as_str().unwrap() {
        "getRecentPrioritizationFees" => {
            let fee = |fee| json!({ "slot": 6, "prioritizationFee": fee });
            Value::Array(script.fees.iter().map(fee).collect())
        }
        "simulateTransaction" => json!({
            "context": context,
            "value": { "err": null, "logs": [], "accounts": null, "unitsConsumed": 5_000, "returnData": null },
        }),
        "getLatestBlockhash" => {
            script.n_blockhashes += 1;
            // Any 32 bytes in base58 are a blockhash.
            let blockhash = Address([u8::try_from(script.n_blockhashes).unwrap(); 32]).to_string();
            json!({ "context": context, "value": {
                "blockhash": blockhash, "lastValidBlockHeight": script.n_blockhashes * 10,
            } })
        }
        "sendTransaction" => {
            script.sent.push(request["params"][0].as_str().unwrap().to_owned());
            if script.network == Network::AnswersFalsely {
                return (StatusCode::BAD_GATEWAY, Json(Value::Null));
            }
            json!(signature_of(request["params"][0].as_str().unwrap()))
        }
        "getEpochInfo" => {
            assert_eq!(request["params"][0]["commitment"], "finalized", "only what is final proves an end");
            script.n_heights += 1;
            // The first blockhash dies at the third look, the second lives.
            let is_past = match script.network {
                Network::LosesTheFirst => script.n_heights > 2,
                Network::IsTwo => true,
                Network::AnswersFalsely | Network::Stands | Network::Refuses => false,
            };
            let slot = if script.network == Network::IsTwo { 8 } else { 7 };
            json!({
                "absoluteSlot": slot, "blockHeight": if is_past { 11 } else { 1 }, "epoch": 0, "slotIndex": slot,
                "slotsInEpoch": 432_000, "transactionCount": 1,
            })
        }
        "getSignatureStatuses" => {
            let asked = request["params"][0][0].as_str().unwrap().to_owned();
            let is_first = script.sent.first().is_some_and(|first| signature_of(first) == asked);
            let landed = match script.network {
                Network::LosesTheFirst => !is_first,
                Network::AnswersFalsely | Network::Refuses => true,
                Network::Stands | Network::IsTwo => false,
            };
            // The instruction behind the compute limit, with the program's number for an early deadline.
            let failure = json!({ "InstructionError": [1, { "Custom": 6_025 }] });
            let (status, err) = if script.network == Network::Refuses {
                (json!({ "Err": failure }), failure)
            } else {
                (json!({ "Ok": null }), Value::Null)
            };
            let status = json!({
                "slot": 6, "confirmations": 1, "status": status, "err": err, "confirmationStatus": "confirmed",
            });
            json!({ "context": context, "value": [if landed { status } else { Value::Null }] })
        }
        // Asked for the logs of what failed; an endpoint need not have them.
        "getTransaction" if script.network == Network::Refuses => Value::Null,
        method => {
            script.unexpected.push(method.to_owned());
            Value::Null
        }
    };
    (StatusCode::OK, Json(json!({ "jsonrpc": "2.0", "id": request["id"], "result": result })))
}

/// The first signature of a transaction in base64: 64 bytes behind their count.
fn signature_of(transaction: &str) -> String {
    let bytes = BASE64_STANDARD.decode(transaction).unwrap();
    Signature::try_from(&bytes[1..65]).unwrap().to_string()
}

async fn start(network: Network) -> (Sender, Shared) {
    let script =
        Script { network, sent: Vec::new(), n_blockhashes: 0, n_heights: 0, fees: Vec::new(), unexpected: Vec::new() };
    let script = Arc::new(Mutex::new(script));
    let router = Router::new().route("/", post(answer)).with_state(script.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    let options = SenderOptions {
        poll_every: Duration::from_millis(5),
        resend_every: Duration::from_millis(20),
        give_up_after: Duration::from_secs(5),
        ..SenderOptions::default()
    };
    let client = Client::new(Endpoints { rpc: vec![url], ws: Vec::new() });
    (Sender::with_options(client, Arc::new(Keypair::new()), options), script)
}

#[tokio::test]
async fn the_same_bytes_are_sent_until_they_are_dead_and_only_then_others() {
    let (sender, script) = start(Network::LosesTheFirst).await;
    let receipt = sender.send(&expire_job(Address([1; 32])), &[]).await.unwrap();
    let script = script.lock().unwrap();
    assert!(script.unexpected.is_empty(), "{:?}", script.unexpected);
    let first = script.sent.iter().take_while(|sent| *sent == &script.sent[0]).count();
    assert!(first >= 2, "sent again");
    assert!(script.sent[first..].iter().all(|sent| signature_of(sent) == receipt.signature.to_string()));
    assert_ne!(signature_of(&script.sent[0]), receipt.signature.to_string());
    assert_eq!(script.n_blockhashes, 2);
}

#[tokio::test]
async fn limit_and_price_come_from_the_simulation_and_from_what_others_pay() {
    let (sender, script) = start(Network::LosesTheFirst).await;
    script.lock().unwrap().fees = vec![0, 700, 900, 100];
    sender.send(&expire_job(Address([1; 32])), &[]).await.unwrap();
    let script = script.lock().unwrap();
    let budget = |transaction: &str| {
        let bytes = BASE64_STANDARD.decode(transaction).unwrap();
        // By the compute budget program's own tags: the limit is 2, the price 3.
        let limit = [&[5, 2][..], &(5_000_u32 + 1_000 + 2_000).to_le_bytes()].concat();
        let price = |price: u64| [&[9, 3][..], &price.to_le_bytes()].concat();
        let holds = |part: &[u8]| bytes.windows(part.len()).any(|window| window == part);
        (holds(&limit), holds(&price(900)), holds(&price(2_000)))
    };
    assert_eq!(budget(&script.sent[0]), (true, true, false));
    assert_eq!(budget(script.sent.last().unwrap()), (true, false, true), "what expired had bid too little");
}

#[tokio::test]
async fn a_status_of_a_shorter_chain_proves_no_end() {
    let (sender, script) = start(Network::IsTwo).await;
    let options = SenderOptions {
        poll_every: Duration::from_millis(5),
        resend_every: Duration::from_millis(5),
        give_up_after: Duration::from_millis(200),
        ..SenderOptions::default()
    };
    let sender = Sender::with_options(sender.client().clone(), Arc::new(Keypair::new()), options);
    let error = sender.send(&expire_job(Address([1; 32])), &[]).await.unwrap_err();
    assert!(matches!(error, Error::Unconfirmed { .. }), "{error:?}");
    let script = script.lock().unwrap();
    assert!(script.n_heights > 2 && script.n_blockhashes == 1);
}

#[tokio::test]
async fn a_call_that_gave_up_is_taken_up_by_the_next_one() {
    let (sender, script) = start(Network::Stands).await;
    let options = SenderOptions { give_up_after: Duration::from_millis(50), ..SenderOptions::default() };
    let sender = Sender::with_options(sender.client().clone(), Arc::new(Keypair::new()), options);
    let instructions = expire_job(Address([1; 32]));
    let error = sender.send(&instructions, &[]).await.unwrap_err();
    let Error::Unconfirmed { signature, .. } = error else { panic!("{error:?}") };
    script.lock().unwrap().network = Network::AnswersFalsely;
    let receipt = sender.clone().send(&instructions, &[]).await.unwrap();
    assert_eq!(receipt.signature, signature);
    assert_eq!(script.lock().unwrap().n_blockhashes, 1);
    // Its fate is known; the same again is another transaction.
    let again = sender.send(&instructions, &[]).await.unwrap();
    assert_ne!(again.signature, signature);
}

#[tokio::test]
async fn a_cosigned_transaction_that_expires_is_known_to_be_dead() {
    let (sender, script) = start(Network::LosesTheFirst).await;
    let prepared = sender.prepare(&expire_job(Address([1; 32])), &[]).await.unwrap();
    let fate = sender.submit_signed(&prepared.transaction, prepared.last_valid_block_height).await;
    let Err(Error::Expired { signature }) = fate else { panic!("{fate:?}") };
    let script = script.lock().unwrap();
    assert!(script.sent.iter().all(|sent| signature_of(sent) == signature.to_string()));
    assert_eq!(script.n_blockhashes, 1, "nobody here can sign it anew");
}

#[tokio::test]
async fn what_landed_is_a_success_whatever_the_endpoint_answered() {
    let (sender, script) = start(Network::AnswersFalsely).await;
    let receipt = sender.send(&expire_job(Address([1; 32])), &[]).await.unwrap();
    let script = script.lock().unwrap();
    assert_eq!((receipt.slot, script.n_blockhashes), (6, 1), "not signed a second time");
    assert_eq!(signature_of(&script.sent[0]), receipt.signature.to_string());
}

#[tokio::test]
async fn what_fails_in_its_block_comes_back_as_the_programs_reason() {
    let (sender, script) = start(Network::Refuses).await;
    let error = sender.send(&expire_job(Address([1; 32])), &[]).await.unwrap_err();
    assert_eq!(error.rule(), Some(millrace_protocol::Error::DeadlineNotPassed), "{error:?}");
    assert!(matches!(error, Error::Refused { instruction: "expire_job", .. }));
    assert_eq!(script.lock().unwrap().n_blockhashes, 1);
}

#[tokio::test]
async fn an_open_fate_is_told_as_open() {
    let (sender, script) = start(Network::Stands).await;
    let options = SenderOptions {
        poll_every: Duration::from_millis(5),
        give_up_after: Duration::from_millis(100),
        ..SenderOptions::default()
    };
    let sender = Sender::with_options(sender.client().clone(), Arc::new(Keypair::new()), options);
    let error = sender.send(&expire_job(Address([1; 32])), &[]).await.unwrap_err();
    assert!(matches!(error, Error::Unconfirmed { .. }), "{error:?}");
    assert_eq!(script.lock().unwrap().n_blockhashes, 1, "never two alive at a time");
}

#[tokio::test]
async fn every_call_can_be_spawned() {
    fn check<F: Future + Send + 'static>(_: F) {}
    let place = Address([1; 32]);
    let client = Client::new(Endpoints { rpc: Vec::new(), ws: Vec::new() });
    let sender = Sender::new(client.clone(), Arc::new(Keypair::new()));
    let shared = client.clone();
    check(async move { shared.job_history(place).await });
    let shared = client.clone();
    check(async move { shared.fetch_all::<JobAccount>().await });
    let shared = client.clone();
    check(async move { (shared.config().await, shared.chain_clock().await, shared.usdc_balance(place, place).await) });
    check(async move {
        let key = Keypair::new();
        let instructions = expire_job(place);
        let prepared = sender.prepare(&instructions, &[&key]).await?;
        sender.submit_signed(&prepared.transaction, prepared.last_valid_block_height).await?;
        sender.send(&instructions, &[&key]).await
    });
    let mut watcher = Watcher::start(client, WatcherOptions::default());
    check(async move { watcher.next().await });
}
