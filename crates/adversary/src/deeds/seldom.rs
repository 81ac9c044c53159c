use arbitrary::{Arbitrary, Unstructured};

/// Of eight bytes one makes something of it, so that most deeds can be done.
#[derive(Clone, Copy, Debug)]
pub struct Seldom<T>(pub Option<T>);

impl<'a, T: Arbitrary<'a>> Arbitrary<'a> for Seldom<T> {
    fn arbitrary(bytes: &mut Unstructured<'a>) -> arbitrary::Result<Self> {
        let some = u8::arbitrary(bytes)? >= 0xe0;
        Ok(Self(some.then(|| bytes.arbitrary()).transpose()?))
    }
}
