//! What a person or a program sees: data on stdout, everything else on stderr.

use serde::Serialize;
use serde_json::Value;

use crate::errors::Failure;

mod human;
mod json;
pub mod progress;
mod rows;
mod stdout;
mod style;
pub mod table;

pub use human::Human;
pub use json::Json;
pub use rows::rows;
pub use style::Style;

/// The result of a command.
pub trait Report {
    /// For programs: the fields of the result.
    fn json(&self) -> Value;

    /// For people: text or a table, without a final line break.
    fn human(&self, style: Style) -> String;

    /// What to do next: a sentence and, mostly, a command.
    fn next(&self) -> Vec<String>;
}

/// The JSON form of a result.
pub fn value<T: Serialize>(result: &T) -> Value {
    serde_json::to_value(result).expect("results have string keys and finite numbers only")
}

/// Where results, notes and failures go.
pub trait Output: Send + Sync {
    /// The result, on stdout.
    fn report(&self, report: &dyn Report);

    /// Raw data on stdout, such as a job's log.
    fn data(&self, bytes: &[u8]);

    /// Whether stdout took all of it.
    ///
    /// # Errors
    /// `output-unwritable`.
    fn finish(&self) -> Result<(), Failure>;

    /// What happens meanwhile, on stderr.
    fn note(&self, text: &str);

    /// Why the command failed, on stderr.
    fn failure(&self, failure: &Failure);

    /// Whether progress may be drawn.
    fn draws(&self) -> bool;

    fn style(&self) -> Style;
}

/// The output asked for. `flags` are those of this command line that the commands it proposes need too.
pub fn choose(json: bool, flags: String) -> Box<dyn Output> {
    if json { Box::new(Json::default()) } else { Box::new(Human::of_process(flags)) }
}
