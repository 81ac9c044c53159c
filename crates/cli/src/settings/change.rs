//! Writing what a rig was told into the config file, without touching what else is in it.

use std::fs::{self, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use super::{Error, Found, Source, parse_config};
use crate::args::RigOptions;

/// What the config file is to say of a rig.
#[derive(Clone, Debug, Default)]
pub struct Told {
    /// Under `[worker]`, whether the table is there or not.
    pub rig: RigOptions,
    /// [`RigOptions::run_dir`] of a table that is not there.
    pub run_dir: Option<PathBuf>,
    /// The engine's socket, of a table that is not there and where `rig` names none.
    pub docker_host: Option<String>,
    /// Those that no flag named stand where the file says none.
    pub rpc_url: Option<Found<String>>,
    pub ws_url: Option<Found<String>>,
}

/// A change of the config file with all done but for the last step, which hardly fails.
#[derive(Debug)]
pub struct Change {
    path: PathBuf,
    /// `None` where the file says it already.
    next: Option<Next>,
}

#[derive(Debug)]
struct Next {
    file: NamedTempFile,
    /// Where the path leads: a link stays one.
    target: PathBuf,
    /// What is replaced, where there is something.
    before: Option<Vec<u8>>,
}

impl Change {
    /// Looks at the file and lays its next text beside it; the file itself stays as it is.
    ///
    /// # Errors
    /// [`Error::Differs`], [`Error::EndpointDiffers`], [`Error::Unreadable`], [`Error::Malformed`],
    /// [`Error::Unwritable`].
    pub fn prepare(path: &Path, told: &Told) -> Result<Self, Error> {
        let unwritable = |source| Error::Unwritable { path: path.to_owned(), source };
        let before = match fs::read_to_string(path) {
            Ok(text) => Some(text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(source) => return Err(Error::Unreadable { path: path.to_owned(), source }),
        };
        let file = parse_config(path, before.as_deref().unwrap_or_default())?;
        let mut text = String::new();
        let differs = |found: &Option<String>, told: &Option<Found<String>>| {
            told.as_ref().is_some_and(|told| found.as_ref().is_some_and(|found| *found != told.value))
        };
        // Else it would stand beside an RPC endpoint of another chain.
        let has_another_chain = differs(&file.rpc_url, &told.rpc_url);
        let ws_url = told.ws_url.clone().filter(|told| told.source == Source::Flag || !has_another_chain);
        // Before all tables, where it is of none.
        for (key, found, told) in [("rpc_url", &file.rpc_url, &told.rpc_url), ("ws_url", &file.ws_url, &ws_url)] {
            match told {
                Some(told) if found.is_none() => text.push_str(&format!("{key} = {}\n", written(&told.value))),
                Some(Found { source: Source::Flag, .. }) if differs(found, told) => {
                    return Err(Error::EndpointDiffers { path: path.to_owned(), key });
                }
                _ => {}
            }
        }
        // An endpoint may have a key in it.
        let kept_mode = if text.is_empty() { 0o7777 } else { 0o700 };
        text.push_str(before.as_deref().unwrap_or_default());
        match file.worker {
            Some(table) => {
                let told = lines(&told.rig).map_err(unwritable)?;
                check_same(path, &table, told).map_err(|error| *error)?;
            }
            None => {
                let docker_host = told.rig.docker_host.clone().or_else(|| told.docker_host.clone());
                let rig = RigOptions { run_dir: told.run_dir.clone(), docker_host, ..told.rig.clone() };
                if !text.is_empty() {
                    text.push_str(if text.ends_with('\n') { "\n" } else { "\n\n" });
                }
                text.push_str("[worker]\n");
                for (key, value) in lines(&rig).map_err(unwritable)? {
                    text.push_str(&format!("{key} = {value}\n"));
                }
            }
        }
        if before.as_ref() == Some(&text) {
            return Ok(Self { path: path.to_owned(), next: None });
        }
        // A byte order mark, for one, may stand only at the beginning.
        parse_config(path, &text)?;
        let next = Next::lay(path, &text, before, kept_mode).map_err(unwritable)?;
        Ok(Self { path: path.to_owned(), next: Some(next) })
    }

    /// Makes the change, whole or not at all. Says whether there was one to make.
    ///
    /// # Errors
    /// [`Error::Unwritable`], also where somebody else has written into the file meanwhile.
    pub fn make(self) -> Result<bool, Error> {
        match self.next {
            None => Ok(false),
            Some(next) => match next.put() {
                Ok(()) => Ok(true),
                Err(source) => Err(Error::Unwritable { path: self.path, source }),
            },
        }
    }
}

impl Next {
    fn lay(path: &Path, text: &str, before: Option<String>, kept_mode: u32) -> io::Result<Self> {
        let target = if before.is_some() { fs::canonicalize(path)? } else { std::path::absolute(path)? };
        let folder = target.parent().unwrap_or(Path::new("/"));
        fs::create_dir_all(folder)?;
        let mut file = NamedTempFile::new_in(folder)?;
        if before.is_some() {
            let was = fs::metadata(&target)?;
            let is = file.as_file().metadata()?;
            if (was.uid(), was.gid()) != (is.uid(), is.gid()) {
                chown(file.path(), Some(was.uid()), Some(was.gid()))?;
            }
            file.as_file().set_permissions(Permissions::from_mode(was.mode() & kept_mode))?;
        }
        file.write_all(text.as_bytes())?;
        file.as_file().sync_all()?;
        Ok(Self { file, target, before: before.map(String::into_bytes) })
    }

    fn put(self) -> io::Result<()> {
        match self.before {
            None => self.file.persist_noclobber(&self.target)?,
            Some(before) => {
                if fs::read(&self.target)? != before {
                    return Err(io::Error::other("somebody has written into it meanwhile"));
                }
                self.file.persist(&self.target)?
            }
        };
        Ok(())
    }
}

/// What `worker init` may be told, as the table has it; paths do not depend on where one stands.
fn lines(told: &RigOptions) -> io::Result<Vec<(&'static str, String)>> {
    let path = |path: &Option<PathBuf>| match path {
        None => Ok(None),
        Some(path) => match std::path::absolute(path)?.into_os_string().into_string() {
            Ok(path) => Ok(Some(path)),
            Err(_) => Err(io::Error::new(io::ErrorKind::InvalidData, format!("{} is not UTF-8", path.display()))),
        },
    };
    let all = [
        ("node_key", path(&told.node_key)?),
        ("data_dir", path(&told.data_dir)?),
        ("run_dir", path(&told.run_dir)?),
        ("orchestrator", told.orchestrator.clone()),
        ("docker_host", told.docker_host.clone()),
        ("disk_reserve", told.disk_reserve.map(|mebibytes| format!("{mebibytes}MiB"))),
    ];
    Ok(all.into_iter().filter_map(|(key, text)| text.map(|text| (key, written(&text)))).collect())
}

/// A text as TOML has it.
fn written(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

/// Fails where something was told that the table does not say. What else the table says is its owner's.
fn check_same(path: &Path, table: &RigOptions, told: Vec<(&'static str, String)>) -> Result<(), Box<Error>> {
    let table = lines(table).map_err(|source| Error::Unwritable { path: path.to_owned(), source })?;
    for (key, told) in told {
        let found = table.iter().find(|(name, _)| *name == key).map(|(_, value)| value);
        if found != Some(&told) {
            return Err(Box::new(Error::Differs { path: path.to_owned(), key, found: found.cloned(), told }));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
