//! Changes of a source file, all at once.

use std::ops::Range;

/// What stands in the place of some bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    pub bytes: Range<usize>,
    pub text: String,
}

impl Edit {
    pub fn replace(bytes: Range<usize>, text: impl Into<String>) -> Self {
        Self { bytes, text: text.into() }
    }

    pub fn insert(at: usize, text: impl Into<String>) -> Self {
        Self::replace(at..at, text)
    }

    pub fn around(bytes: Range<usize>, before: impl Into<String>, after: impl Into<String>) -> Vec<Self> {
        vec![Self::insert(bytes.start, before), Self::insert(bytes.end, after)]
    }
}

/// The source with every edit done.
///
/// # Panics
/// When two edits overlap.
pub fn applied<'a>(source: &str, edits: impl IntoIterator<Item = &'a Edit>) -> String {
    let mut edits: Vec<_> = edits.into_iter().collect();
    edits.sort_by_key(|edit| (edit.bytes.start, edit.bytes.end));
    let mut result = String::new();
    let mut done = 0;
    for edit in edits {
        assert!(edit.bytes.start >= done, "two edits of the same place: {edit:?}");
        result += &source[done..edit.bytes.start];
        result += &edit.text;
        done = edit.bytes.end;
    }
    result + &source[done..]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edits_keep_their_places_whatever_their_order() {
        let mut edits = Edit::around(2..4, "(", ")");
        edits.insert(0, Edit::replace(5..6, ""));
        edits.push(Edit::insert(0, "!"));
        assert_eq!(applied("a bc d", &edits), "!a (bc) ");
    }

    #[test]
    #[should_panic(expected = "two edits of the same place")]
    fn edits_that_overlap_are_a_mistake_of_the_finder() {
        applied("abc", &[Edit::replace(0..2, ""), Edit::replace(1..3, "")]);
    }
}
