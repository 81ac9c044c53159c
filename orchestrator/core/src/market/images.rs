use std::collections::BTreeMap;

/// An image reference that some node has, by number.
pub(super) type ImageId = u32;

/// Names of images, each kept once however many nodes have it.
#[derive(Clone, Debug, Default)]
pub(super) struct Images {
    /// With how many nodes have it.
    numbers: BTreeMap<String, (ImageId, u32)>,
    names: BTreeMap<ImageId, String>,
    next: ImageId,
}

impl Images {
    /// Replaces what a node has; returns the numbers, sorted.
    pub(super) fn exchange<'a>(
        &mut self,
        before: &[ImageId],
        images: impl IntoIterator<Item = &'a str>,
    ) -> Box<[ImageId]> {
        let mut numbers: Vec<ImageId> = images.into_iter().map(|image| self.number(image)).collect();
        numbers.sort_unstable();
        numbers.dedup();
        for image in &numbers {
            self.count(*image, 1);
        }
        for image in before {
            self.count(*image, -1);
        }
        numbers.into_boxed_slice()
    }

    /// None for an image that no node has.
    pub(super) fn find(&self, image: &str) -> Option<ImageId> {
        self.numbers.get(image).map(|(number, _)| *number)
    }

    fn number(&mut self, image: &str) -> ImageId {
        if let Some(number) = self.find(image) {
            return number;
        }
        let number = self.next;
        self.next += 1;
        self.numbers.insert(image.to_owned(), (number, 0));
        self.names.insert(number, image.to_owned());
        number
    }

    fn count(&mut self, image: ImageId, more: i32) {
        let Some(name) = self.names.get(&image) else { return };
        let Some((_, holders)) = self.numbers.get_mut(name) else { return };
        *holders = holders.saturating_add_signed(more);
        if *holders == 0 {
            self.numbers.remove(name);
            self.names.remove(&image);
        }
    }
}

/// One of 64 bits; several images share one.
pub(super) fn bit(image: ImageId) -> u64 {
    1 << (image % 64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_kept_as_long_as_a_node_has_it() {
        let mut images = Images::default();
        let first = images.exchange(&[], ["b", "a", "b"]);
        let second = images.exchange(&[], ["a"]);
        assert_eq!((first.len(), Some(second[0])), (2, images.find("a")));
        images.exchange(&first, ["a"]);
        assert_eq!((images.find("b"), images.find("a")), (None, Some(second[0])));
        images.exchange(&second, []);
        images.exchange(&second, []);
        assert!(images.names.is_empty() && images.numbers.is_empty());
    }
}
