//! A resolver that knows one address (RFC 1035, section 4.1), no name under `nowhere`, and keeps silent about
//! those under `silent`.

use std::net::{Ipv4Addr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::neighbour::inside;

const A: [u8; 2] = [0, 1];

pub struct Resolver {
    stopped: Arc<AtomicBool>,
}

impl Drop for Resolver {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::SeqCst);
    }
}

/// At `address` of a namespace; answers every question for an address with its own.
pub fn answer(namespace: &str, address: Ipv4Addr) -> Resolver {
    let stopped = Arc::new(AtomicBool::new(false));
    let stop = stopped.clone();
    inside(Some(format!("/run/netns/{namespace}")), move |ready| {
        let socket = UdpSocket::bind((address, 53)).unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
        ready.send(()).unwrap();
        let mut query = [0; 512];
        while !stop.load(Ordering::SeqCst) {
            if let Ok((length, from)) = socket.recv_from(&mut query)
                && let Some(reply) = reply(&query[..length], address)
            {
                let _ = socket.send_to(&reply, from);
            }
        }
    });
    Resolver { stopped }
}

fn reply(query: &[u8], address: Ipv4Addr) -> Option<Vec<u8>> {
    let name_ends = 12 + query[12..].iter().position(|byte| *byte == 0).unwrap() + 1;
    let question = &query[12..name_ends + 4];
    let is_under = |label: &str| question.windows(label.len()).any(|part| part.eq_ignore_ascii_case(label.as_bytes()));
    if is_under("silent") {
        return None;
    }
    // Of the last byte the lower half says what went wrong; 3: there is no such name.
    let outcome = if is_under("nowhere") { 0x83 } else { 0x80 };
    let known = outcome == 0x80 && question[question.len() - 4..][..2] == A;
    // Identifier; a response, recursion available; one question, one answer or none.
    let mut reply = [&query[..2], &[0x81, outcome, 0, 1, 0, u8::from(known), 0, 0, 0, 0], question].concat();
    if known {
        // The name at offset 12, type A, class IN, 60 seconds, four bytes.
        reply.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4]);
        reply.extend(address.octets());
    }
    Some(reply)
}
