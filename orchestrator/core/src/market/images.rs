use std::collections::{BTreeMap, BTreeSet};

/// An image reference, by number. 0 stands for any image or none.
pub type ImageId = u32;

/// No image in particular.
pub(super) const ANY: ImageId = 0;

/// Which nodes have which image, and which images a demand asks for. Only those are worth an order of
/// their own in the index.
#[derive(Clone, Debug, Default)]
pub(super) struct Images {
    numbers: BTreeMap<String, ImageId>,
    /// By number, from 1: rigs that have it.
    holders: Vec<BTreeSet<u32>>,
    /// How many demands ask for it.
    wanted: BTreeMap<ImageId, u32>,
}

impl Images {
    fn number(&mut self, image: &str) -> ImageId {
        if let Some(number) = self.numbers.get(image) {
            return *number;
        }
        self.holders.push(BTreeSet::new());
        let number = u32::try_from(self.holders.len()).expect("fewer images than 2^32: each is a name in memory");
        self.numbers.insert(image.to_owned(), number);
        number
    }

    /// Replaces what a rig has; returns the numbers, sorted.
    pub(super) fn exchange<'a>(
        &mut self,
        slot: u32,
        before: &[ImageId],
        images: impl IntoIterator<Item = &'a str>,
    ) -> Vec<ImageId> {
        for image in before {
            self.holders[*image as usize - 1].remove(&slot);
        }
        let mut numbers: Vec<ImageId> = images.into_iter().map(|image| self.number(image)).collect();
        numbers.sort_unstable();
        numbers.dedup();
        numbers.shrink_to_fit();
        for image in &numbers {
            self.holders[*image as usize - 1].insert(slot);
        }
        numbers
    }

    /// A demand asks for the image. True where it is the first.
    pub(super) fn want(&mut self, image: &str) -> (ImageId, bool) {
        let number = self.number(image);
        let count = self.wanted.entry(number).or_default();
        *count += 1;
        (number, *count == 1)
    }

    /// One demand less asks for it. True where it was the last.
    pub(super) fn drop_wish(&mut self, image: &str) -> Option<ImageId> {
        let number = *self.numbers.get(image)?;
        let count = self.wanted.get_mut(&number)?;
        *count -= 1;
        if *count > 0 {
            return None;
        }
        self.wanted.remove(&number);
        Some(number)
    }

    pub(super) fn is_wanted(&self, image: ImageId) -> bool {
        self.wanted.contains_key(&image)
    }

    /// The image's number, where a demand asks for it.
    pub(super) fn wanted(&self, image: &str) -> Option<ImageId> {
        self.numbers.get(image).copied().filter(|number| self.is_wanted(*number))
    }

    pub(super) fn number_of(&self, image: &str) -> Option<ImageId> {
        self.numbers.get(image).copied()
    }

    pub(super) fn holders(&self, image: ImageId) -> impl Iterator<Item = u32> {
        self.holders[image as usize - 1].iter().copied()
    }
}
