use std::ops::{Index, IndexMut};

use crate::container::StandardStream;

/// One for each of a container's streams.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct PerStream<T>([T; 2]);

impl<T> Index<StandardStream> for PerStream<T> {
    type Output = T;

    fn index(&self, stream: StandardStream) -> &T {
        &self.0[stream as usize]
    }
}

impl<T> IndexMut<StandardStream> for PerStream<T> {
    fn index_mut(&mut self, stream: StandardStream) -> &mut T {
        &mut self.0[stream as usize]
    }
}
