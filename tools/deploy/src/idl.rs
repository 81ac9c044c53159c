//! The program's IDL, by Anchor's own builder: the same file `anchor idl build` gives.

use std::fs;
use std::path::Path;

use anchor_lang_idl::build::IdlBuilder;

use crate::Error;

pub(crate) fn write(workspace: &Path, out: &Path) -> Result<(), Error> {
    let idl = IdlBuilder::new().program_path(workspace.join("programs/millrace")).build().map_err(Error::Idl)?;
    let text = serde_json::to_string_pretty(&idl).map_err(|error| Error::Idl(error.into()))? + "\n";
    fs::write(out, text).map_err(|source| Error::Write { path: out.to_owned(), source })
}
