use ed25519_dalek::SigningKey;
use millrace_link::auth;
use millrace_protocol::UnixSeconds;
use serde_json::json;

use crate::check;

const SECRET: [u8; 32] = [42; 32];

#[test]
fn the_header_that_proves_a_key() {
    let cases = [("GET", "/v1/jobs/x/logs", 0), ("PUT", "/v1/objects/ab", 1_800_000_000), ("PUT", "/", u64::MAX)];
    let cases = cases.map(|(method, path, now)| {
        let header = auth::authorization(&SigningKey::from_bytes(&SECRET), method, path, UnixSeconds(now));
        json!({ "method": method, "path": path, "now": now.to_string(), "header": header })
    });
    check("tests/vectors/authorization.json", &json!({ "secret": hex::encode(SECRET), "cases": cases }));
}
