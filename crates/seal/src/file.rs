use std::io::{self, Read, Write};
use std::iter;

use age::stream::{StreamReader, StreamWriter};
use age::{DecryptError, Decryptor, Encryptor};
use millrace_spec::{ObjectRef, Sha256};
use sha2::Digest;

use crate::{Error, Identity, Recipient};

/// Bytes moved at a time; age's own pieces have as many.
const PIECE: usize = 64 * 1024;

/// Encrypts a stream of any length, to its end: of a file that others write to, the caller gives as much as it had when
/// somebody looked. Returns what went in and what came out.
///
/// # Errors
/// [`Error::File`].
pub fn encrypt(to: &Recipient, plain: impl Read, sealed: impl Write) -> Result<(ObjectRef, ObjectRef), Error> {
    let mut plain = Hashing::new(plain);
    let mut writer = writer(to, Hashing::new(sealed))?;
    io::copy(&mut plain, &mut writer)?;
    let mut sealed = writer.finish()?;
    sealed.inner.flush()?;
    Ok((plain.object(), sealed.object()))
}

/// Decrypts a stream of any length, piece by piece: each is whole and genuine before it is written, and one that
/// was broken off is noticed at its end. Returns what came out.
///
/// # Errors
/// [`Error::OtherKey`], [`Error::Damaged`], [`Error::File`] where `plain` cannot be written.
pub fn decrypt(identity: &Identity, sealed: impl Read, plain: impl Write) -> Result<ObjectRef, Error> {
    let mut reader = reader(identity, sealed)?;
    let (mut plain, mut piece) = (Hashing::new(plain), vec![0; PIECE]);
    loop {
        let read = match reader.read(&mut piece) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(damaged_or(error)),
        };
        plain.write_all(&piece[..read])?;
    }
    plain.inner.flush()?;
    Ok(plain.object())
}

pub(crate) fn writer<W: Write>(to: &Recipient, output: W) -> Result<StreamWriter<W>, Error> {
    let encryptor = Encryptor::with_recipients(iter::once(&to.0 as &dyn age::Recipient));
    Ok(encryptor.expect("one recipient goes well with itself").wrap_output(output)?)
}

pub(crate) fn reader<R: Read>(identity: &Identity, sealed: R) -> Result<StreamReader<R>, Error> {
    let opened =
        Decryptor::new(sealed).and_then(|sealed| sealed.decrypt(iter::once(&identity.0 as &dyn age::Identity)));
    opened.map_err(|error| match error {
        DecryptError::NoMatchingKeys => Error::OtherKey,
        DecryptError::Io(error) => damaged_or(error),
        _ => Error::Damaged,
    })
}

/// What age says of bytes that are not what was written, and of an end too early.
fn damaged_or(error: io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof => Error::Damaged,
        _ => Error::File(error),
    }
}

/// Hashes and counts what goes through.
struct Hashing<T> {
    inner: T,
    hasher: sha2::Sha256,
    size: u64,
}

impl<T> Hashing<T> {
    fn new(inner: T) -> Self {
        Self { inner, hasher: sha2::Sha256::new(), size: 0 }
    }

    fn note(&mut self, bytes: &[u8]) {
        self.hasher.update(bytes);
        self.size += bytes.len() as u64;
    }

    fn object(self) -> ObjectRef {
        ObjectRef { sha256: Sha256(self.hasher.finalize().into()), size: self.size }
    }
}

impl<T: Read> Read for Hashing<T> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.note(&buffer[..read]);
        Ok(read)
    }
}

impl<T: Write> Write for Hashing<T> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(buffer)?;
        self.note(&buffer[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

#[cfg(test)]
mod tests {
    use ed25519_dalek::SigningKey;
    use millrace_spec::sha256;

    use super::*;

    fn identity(seed: u8) -> Identity {
        Identity::of_key(&SigningKey::from_bytes(&[seed; 32]))
    }

    fn sealed(plain: &[u8]) -> Vec<u8> {
        let mut sealed = Vec::new();
        let (before, after) = encrypt(&identity(1).recipient(), plain, &mut sealed).unwrap();
        assert_eq!(before, ObjectRef { sha256: sha256(plain), size: plain.len() as u64 });
        assert_eq!(after, ObjectRef { sha256: sha256(&sealed), size: sealed.len() as u64 });
        sealed
    }

    #[test]
    fn what_went_in_comes_out_at_every_size_around_a_piece() {
        for size in [0, 1, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE + 5] {
            let plain: Vec<u8> = (0..size).map(|at| (at % 251) as u8).collect();
            let (sealed, mut back) = (sealed(&plain), Vec::new());
            let object = decrypt(&identity(1), &sealed[..], &mut back).unwrap();
            assert_eq!((back, object.sha256), (plain.clone(), sha256(&plain)), "{size}");
        }
    }

    #[test]
    fn a_changed_byte_a_missing_end_and_another_key_are_noticed() {
        let plain = vec![7; 2 * PIECE];
        let whole = sealed(&plain);
        for at in [0, 30, 200, PIECE, whole.len() - 1] {
            let mut changed = whole.clone();
            changed[at] ^= 1;
            assert!(matches!(decrypt(&identity(1), &changed[..], io::sink()), Err(Error::Damaged | Error::OtherKey)));
        }
        // Also exactly between two pieces.
        let header = whole.len() - 2 * (PIECE + 16);
        for length in [0, 10, header, header + PIECE + 16, whole.len() - 1] {
            assert!(matches!(decrypt(&identity(1), &whole[..length], io::sink()), Err(Error::Damaged)), "{length}");
        }
        assert!(matches!(decrypt(&identity(2), &whole[..], io::sink()), Err(Error::OtherKey)));
        assert!(matches!(decrypt(&identity(1), &plain[..], io::sink()), Err(Error::Damaged)));
    }

    #[test]
    fn a_full_disk_is_not_taken_for_a_forgery() {
        struct Full;
        impl Write for Full {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::StorageFull.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let result = decrypt(&identity(1), &sealed(b"scene")[..], Full);
        assert!(matches!(result, Err(Error::File(error)) if error.kind() == io::ErrorKind::StorageFull));
    }
}
