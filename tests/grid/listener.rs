//! A listener of a node's events: as much of a WebSocket as reading text takes (RFC 6455).

use std::{
    collections::VecDeque,
    io::{Read as _, Write as _},
    os::unix::net::UnixStream,
    time::Duration,
};

use serde_json::Value;

use crate::support::Peer;

/// How long the next event may take that a test waits for; only a failure takes that long.
const PATIENCE: Duration = Duration::from_secs(90);

const TEXT: u8 = 1;
const CLOSE: u8 = 8;
/// Any 16 bytes in base64: it only shows that the other side answers this request.
const KEY: &str = "Z3JpZHdlbGxncmlkd2VsbA==";

pub(crate) struct Listener {
    door: UnixStream,
    /// Events of a message that came whole.
    heard: VecDeque<Value>,
}

impl Listener {
    /// Listens from now on.
    pub(crate) fn new(peer: &Peer) -> Self {
        let mut door = UnixStream::connect(peer.data.join("node.sock")).expect("the door is open");
        door.set_read_timeout(Some(PATIENCE)).expect("a socket takes a limit");
        let request = format!(
            "GET /v1/events HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY}\r\n\r\n"
        );
        door.write_all(request.as_bytes()).expect("the door listens");
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(read::<1>(&mut door)[0]);
        }
        assert!(head.starts_with(b"HTTP/1.1 101"), "{}", String::from_utf8_lossy(&head));
        Self { door, heard: VecDeque::new() }
    }

    /// Takes events until `look` sees something in one.
    pub(crate) fn until<T>(&mut self, what: &str, mut look: impl FnMut(&Value) -> Option<T>) -> T {
        loop {
            while let Some(event) = self.heard.pop_front() {
                if let Some(seen) = look(&event) {
                    return seen;
                }
            }
            self.hear(what);
        }
    }

    /// Takes the next message: some events.
    fn hear(&mut self, what: &str) {
        let [first, second] = read(&mut self.door);
        let length = match second {
            126 => u64::from(u16::from_be_bytes(read(&mut self.door))),
            127 => u64::from_be_bytes(read(&mut self.door)),
            short => u64::from(short),
        };
        let mut payload = vec![0; usize::try_from(length).expect("a frame fits memory")];
        self.door.read_exact(&mut payload).expect("a whole frame");
        match first & 0x0F {
            TEXT => self.heard.extend(serde_json::from_slice::<Vec<Value>>(&payload).expect("events are JSON")),
            CLOSE => panic!("the events ended without {what}"),
            _ => {}
        }
    }
}

fn read<const N: usize>(door: &mut UnixStream) -> [u8; N] {
    let mut bytes = [0; N];
    door.read_exact(&mut bytes).expect("the node goes on");
    bytes
}
