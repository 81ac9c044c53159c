use anchor_lang::Discriminator;
use millrace::events::JobOpened;
use millrace_protocol::MicroUsdc;
use serde_json::{Value, json};

use super::*;

const JOB: Address = Address([5; 32]);

/// A transaction without signers' words, in which a key out of a lookup table is called with a job's opening.
fn transaction(inner: &Value, looked_up: &Value) -> EncodedConfirmedTransactionWithStatusMeta {
    let bytes = [&[1][..], &[0; 64], &[1, 0, 0, 1], &[7; 32], &[0; 32], &[0]].concat();
    serde_json::from_value(json!({
        "slot": 1,
        "blockTime": null,
        "transaction": [bs58::encode(bytes).into_string(), "base58"],
        "meta": {
            "err": null, "status": { "Ok": null }, "fee": 0, "preBalances": [], "postBalances": [],
            "innerInstructions": inner,
            "loadedAddresses": looked_up,
        },
    }))
    .unwrap()
}

fn opening() -> Value {
    let data = [EVENT_IX_TAG_LE, JobOpened::DISCRIMINATOR, &JOB.0, &[0; 257]].concat();
    let call =
        json!({ "programIdIndex": 2, "accounts": [], "data": bs58::encode(data).into_string(), "stackHeight": 2 });
    json!([{ "index": 0, "instructions": [call] }])
}

fn entry(event: JobEvent) -> Entry {
    Entry { signature: Signature::default(), slot: 1, time: None, event }
}

#[test]
fn a_transaction_that_is_kept_without_its_calls_is_not_one_without_events() {
    let tables = json!({ "writable": [JOB.to_string()], "readonly": [millrace::ID.to_string()] });
    let found = events_of(&transaction(&opening(), &tables)).unwrap();
    assert!(matches!(found[..], [(JOB, JobEvent::Opened { .. })]), "{found:?}");
    assert_eq!(events_of(&transaction(&json!([]), &tables)), Some(Vec::new()));
    assert_eq!(events_of(&transaction(&Value::Null, &tables)), None);
    let mut without = transaction(&opening(), &tables);
    without.transaction.meta = None;
    assert_eq!(events_of(&without), None);
}

#[test]
fn a_history_that_does_not_begin_with_the_opening_is_no_whole_one() {
    let tables = json!({ "writable": [JOB.to_string()], "readonly": [millrace::ID.to_string()] });
    let (_, opened) = events_of(&transaction(&opening(), &tables)).unwrap()[0];
    let extended = JobEvent::Extended {
        added: MicroUsdc::ZERO,
        vault_before: MicroUsdc::ZERO,
        vault_after: MicroUsdc::ZERO,
        at: UnixSeconds(1),
    };
    let history = |events: &[JobEvent]| JobHistory { job: JOB, entries: events.iter().copied().map(entry).collect() };
    assert_eq!(history(&[opened, extended]).from_opening().unwrap().entries.len(), 2);
    for kept in [&[][..], &[extended]] {
        let error = history(kept).from_opening().unwrap_err();
        assert!(matches!(error, Error::HistoryIncomplete { job: JOB }), "{error:?}");
    }
}
