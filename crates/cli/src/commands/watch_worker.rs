use std::io::IsTerminal;

use millrace_protocol::Diagnostic;
use millrace_worker::control::{self, Ask};
use ratatui::crossterm::event;
use thiserror::Error;
use tokio::sync::mpsc::unbounded_channel;

use crate::args::AskWorker;
use crate::context::Context;
use crate::errors::Failure;
use crate::rigs;
use crate::top::{self, Screen};

/// Why there is nothing to draw on.
#[derive(Debug, Error)]
enum NoTerminal {
    #[error("stdout is no terminal")]
    NotOne,
    #[error("the terminal cannot be drawn on")]
    Broken(#[source] std::io::Error),
}

impl Diagnostic for NoTerminal {
    fn code(&self) -> &'static str {
        "terminal-missing"
    }

    fn hint(&self) -> String {
        "`millrace worker status` says the same once, and with `--json` to programs".to_owned()
    }
}

/// Shows the worker on the whole terminal until somebody leaves.
///
/// # Errors
/// No worker on the data folder, one of another user's, one that does not answer; no terminal.
pub async fn run(context: &Context<'_>, args: AskWorker) -> Result<(), Failure> {
    let data_dir = rigs::data_dir(args.data_dir, &context.settings.worker);
    // A program wants values, and one look has to work before the screen is taken.
    if !std::io::stdout().is_terminal() || !context.output.draws() {
        return Err(Failure::usage(&NoTerminal::NotOne));
    }
    let status = control::ask(&data_dir, Ask::Status).await?;
    let (keys, mut heard) = unbounded_channel();
    // Reading keys blocks, and ends with the process.
    std::thread::spawn(move || {
        while let Ok(event) = event::read() {
            if keys.send(event).is_err() {
                return;
            }
        }
    });
    let mut terminal = ratatui::try_init().map_err(|error| Failure::refused(&NoTerminal::Broken(error)))?;
    let shown = top::run(&mut terminal, &data_dir, Screen::new(status), &mut heard).await;
    ratatui::restore();
    shown.map_err(|error| Failure::refused(&NoTerminal::Broken(error)))
}
