//! Checks that no test can miss, each with its reason.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result};

const LIST: &str = "tools/mutants/survivors.toml";

/// Reasons by a check's file and text, or by its text alone.
pub fn read(root: &Path) -> Result<BTreeMap<String, String>> {
    let text = std::fs::read_to_string(root.join(LIST)).context(LIST)?;
    toml::from_str(&text).context(LIST)
}
