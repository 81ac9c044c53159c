//! A worker's status on the whole terminal, drawn anew each second.

mod draw;

use std::path::Path;
use std::time::Duration;

use millrace_protocol::Diagnostic;
use millrace_worker::control::{self, Ask, Error};
use millrace_worker::status::Status;
use ratatui::DefaultTerminal;
use ratatui::crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers};
use tokio::sync::mpsc::UnboundedReceiver;

pub use draw::draw;

/// From one look at the worker to the next.
const LOOK: Duration = Duration::from_secs(1);

/// What is on the screen.
pub struct Screen {
    /// The last that was heard; stays while the worker is away.
    pub status: Option<Status>,
    /// Why nothing was heard now.
    pub trouble: Option<String>,
    /// The first line of leases and tasks that is shown.
    pub scroll: u16,
}

impl Screen {
    pub fn new(status: Status) -> Self {
        Self { status: Some(status), trouble: None, scroll: 0 }
    }

    fn hear(&mut self, answer: Result<Status, Error>) {
        match answer {
            Ok(status) => (self.status, self.trouble) = (Some(status), None),
            Err(error) => self.trouble = Some(format!("[{}] {error}", error.code())),
        }
    }
}

/// What a key asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    Leave,
    Scroll(i16),
    Nothing,
}

/// `q`, Escape or Ctrl-C leave; arrows, page keys, `j` and `k` scroll.
pub fn wish(key: KeyEvent) -> Wish {
    match (key.code, key.modifiers) {
        (KeyCode::Char('c'), KeyModifiers::CONTROL) | (KeyCode::Char('q') | KeyCode::Esc, _) => Wish::Leave,
        (KeyCode::Up | KeyCode::Char('k'), _) => Wish::Scroll(-1),
        (KeyCode::Down | KeyCode::Char('j'), _) => Wish::Scroll(1),
        (KeyCode::PageUp, _) => Wish::Scroll(-10),
        (KeyCode::PageDown, _) => Wish::Scroll(10),
        _ => Wish::Nothing,
    }
}

/// Until somebody leaves. The worker may go and come back meanwhile.
///
/// # Errors
/// Those of the terminal.
pub async fn run(
    terminal: &mut DefaultTerminal,
    data_dir: &Path,
    mut screen: Screen,
    keys: &mut UnboundedReceiver<Event>,
) -> std::io::Result<()> {
    let mut looks = tokio::time::interval(LOOK);
    loop {
        terminal.draw(|frame| draw(frame, &screen))?;
        tokio::select! {
            _ = looks.tick() => screen.hear(control::ask(data_dir, Ask::Status).await),
            event = keys.recv() => match event {
                Some(Event::Key(key)) => match wish(key) {
                    Wish::Leave => return Ok(()),
                    Wish::Scroll(by) => screen.scroll = screen.scroll.saturating_add_signed(by),
                    Wish::Nothing => {}
                },
                // Drawn anew in its new size.
                Some(_) => {}
                None => return Ok(()),
            },
        }
    }
}

#[cfg(test)]
mod tests;
