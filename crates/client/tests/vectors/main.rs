//! Golden vectors that this SDK and the TypeScript one are both held to, in `tests/vectors`, and the
//! lists of errors and names that the TypeScript one is made from. `MILLRACE_WRITE_VECTORS=1` writes them anew.

mod accounts;
mod addresses;
mod authorization;
mod catalogue;
mod errors;
mod money;
mod sealed;
mod specs;
mod vouchers;

use std::path::PathBuf;

use serde_json::Value;

/// Compares with what is committed, or writes it.
fn check(path: &str, found: &Value) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..").join(path);
    let text = format!("{found:#}\n");
    if std::env::var_os("MILLRACE_WRITE_VECTORS").is_some() {
        std::fs::write(&path, text).unwrap();
        return;
    }
    let committed = std::fs::read_to_string(&path).unwrap();
    assert_eq!(committed, text, "{} is stale: run this test with MILLRACE_WRITE_VECTORS=1", path.display());
}
