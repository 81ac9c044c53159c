use std::path::Path;
use std::process::{Command, Stdio};

/// Runs the binary in `folder` with nothing of this machine's configuration, and returns everything
/// it said, with the folder's own path replaced.
pub fn millrace(folder: &Path, arguments: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_millrace"));
    command.args(arguments).current_dir(folder).env("HOME", folder).stdin(Stdio::null());
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("MILLRACE_")) {
        command.env_remove(name);
    }
    let output = command.output().unwrap();
    let text = |bytes: &[u8]| {
        let text = String::from_utf8_lossy(bytes).replace(&folder.display().to_string(), "[FOLDER]");
        // Clap pads some lines.
        text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
    };
    format!(
        "status {}\n--- stdout\n{}\n--- stderr\n{}",
        output.status.code().unwrap_or(-1),
        text(&output.stdout),
        text(&output.stderr)
    )
}
