//! The link's messages over a pipe: each behind its length, four bytes, highest first.

use std::io;

pub use prost::Message;

/// The longest message in bytes: an opening of one GPU, and some room.
pub const LONGEST: u32 = 4 * 1024 * 1024;
/// Bytes before each message.
pub const HEAD: usize = 4;

/// A message with its length before it.
pub fn encode(message: &impl Message) -> Vec<u8> {
    let body = message.encode_to_vec();
    let length = u32::try_from(body.len()).unwrap_or(u32::MAX);
    [length.to_be_bytes().as_slice(), body.as_slice()].concat()
}

/// How long the message behind a head is.
///
/// # Errors
/// `InvalidData` for one that is longer than [`LONGEST`].
pub fn length(head: [u8; HEAD]) -> io::Result<usize> {
    let length = u32::from_be_bytes(head);
    if length > LONGEST {
        return Err(io::Error::new(io::ErrorKind::InvalidData, format!("a message of {length} bytes")));
    }
    Ok(length as usize)
}

/// # Errors
/// `InvalidData` for bytes that are no such message.
pub fn decode<M: Message + Default>(body: &[u8]) -> io::Result<M> {
    M::decode(body).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grpc::OpenTiles;

    #[test]
    fn what_is_written_is_read_and_what_is_too_long_is_refused() {
        let message = OpenTiles { number: 3, gpu: "GPU-1".to_owned(), tiles: vec![1, 2] };
        let bytes = encode(&message);
        let (head, body) = bytes.split_at(HEAD);
        assert_eq!(length(head.try_into().unwrap()).unwrap(), body.len());
        assert_eq!(decode::<OpenTiles>(body).unwrap(), message);
        assert!(decode::<OpenTiles>(&body[1..]).is_err());
        assert!(length((LONGEST + 1).to_be_bytes()).is_err());
    }
}
