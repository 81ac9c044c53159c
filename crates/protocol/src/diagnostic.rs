/// An error a person can act on: a stable code, a cause (its `Display`) and a hint.
pub trait Diagnostic: std::error::Error {
    /// Stable kebab-case identifier, fit for scripts and for searching the documentation.
    fn code(&self) -> &'static str;

    /// What to do about it, as one sentence without a final period.
    fn hint(&self) -> String;
}
