use std::io::IsTerminal;

use crate::environment;

/// Colors or none. Nothing is told by color alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    color: bool,
}

impl Style {
    pub fn plain() -> Self {
        Self { color: false }
    }

    pub fn colored() -> Self {
        Self { color: true }
    }

    /// Color on a terminal, unless `NO_COLOR` is set.
    pub fn of_stream(stream: &dyn IsTerminalDyn) -> Self {
        Self { color: stream.terminal() && environment::of_process(environment::NO_COLOR).is_none() }
    }

    pub fn error(self, text: &str) -> String {
        self.paint("1;31", text)
    }

    pub fn good(self, text: &str) -> String {
        self.paint("32", text)
    }

    pub fn warn(self, text: &str) -> String {
        self.paint("33", text)
    }

    pub fn accent(self, text: &str) -> String {
        self.paint("1;36", text)
    }

    pub fn strong(self, text: &str) -> String {
        self.paint("1", text)
    }

    pub fn dim(self, text: &str) -> String {
        self.paint("2", text)
    }

    fn paint(self, code: &str, text: &str) -> String {
        if self.color { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}

/// [`IsTerminal`] as an object.
pub trait IsTerminalDyn {
    fn terminal(&self) -> bool;
}

impl<T: IsTerminal> IsTerminalDyn for T {
    fn terminal(&self) -> bool {
        self.is_terminal()
    }
}
