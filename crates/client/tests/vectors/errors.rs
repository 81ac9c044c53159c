use millrace::MarketError;
use millrace_protocol::Diagnostic;
use serde_json::{Value, json};

use crate::check;

/// The IDL has numbers and causes; codes and hints are nowhere but in Rust.
#[test]
fn errors_of_the_program() {
    let rows: Vec<Value> = MarketError::ALL
        .iter()
        .map(|error| {
            json!({
                "number": u32::from(*error),
                "code": error.code(),
                "cause": error.to_string(),
                "hint": error.hint(),
            })
        })
        .collect();
    check("app/client/errors.json", &rows.into());
}
