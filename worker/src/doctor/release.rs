/// A version's first three numbers; what comes behind them is a packager's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Release(pub u32, pub u32, pub u32);

impl Release {
    /// The first version in a text such as `NVIDIA Container Toolkit CLI version 1.17.8`.
    pub fn find(text: &str) -> Option<Self> {
        text.split(|letter: char| !letter.is_ascii_digit() && letter != '.').find_map(|word| {
            let mut numbers = word.split('.').map(str::parse);
            let (Some(Ok(major)), Some(Ok(minor))) = (numbers.next(), numbers.next()) else { return None };
            Some(Self(major, minor, numbers.next().and_then(Result::ok).unwrap_or(0)))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_version_in_a_text_is_found() {
        for (text, release) in [
            ("1.1.5+ds1-1+deb12u1", Some(Release(1, 1, 5))),
            ("v1.2.8-0-geeb7e60", Some(Release(1, 2, 8))),
            ("20.10.24+dfsg1", Some(Release(20, 10, 24))),
            ("28.0", Some(Release(28, 0, 0))),
            ("NVIDIA Container Toolkit CLI version 1.17.8\ncommit: 1234567", Some(Release(1, 17, 8))),
            ("f3e4deb6", None),
            ("", None),
            ("1.99999999999.1", None),
        ] {
            assert_eq!(Release::find(text), release, "{text}");
        }
        assert!(Release(1, 10, 0) > Release(1, 9, 9));
    }
}
