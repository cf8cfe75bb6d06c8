use gridwell_model::{GridId, PeerId};
use serde::{Deserialize, Serialize};

use super::pake::MAX_SHARE_BYTES;
use crate::{
    texts::{clean_addresses, clean_name},
    update::MAX_UPDATE_BYTES,
};

/// First byte of everything said while pairing; grows when a message changes its meaning.
const VERSION: u8 = 1;
/// Most bytes of updates in one [`PairMessage::Members`]: they fit into a frame of a link, whose limit is twice that.
pub(crate) const UPDATES_BYTES: usize = 32 * 1024;

/// Why bytes are nothing that is said while pairing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum MessageError {
    #[error("it pairs by version {version}, this machine by {VERSION}")]
    Version { version: u8 },
    #[error("{bytes} bytes are nothing that is said while pairing")]
    Unknown { bytes: usize },
}

/// What the two sides of a pairing say to each other, in this order: `Knock`, `Open`, then `Proof` of a link, or `Share`
/// both ways and `Confirm` of a code, then `Waiting`, `Members`, `Welcome`. The host may say `Refused` at any time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum PairMessage {
    /// Guest: who is there.
    Knock(Knock),
    /// Host: who lives here.
    Open(Open),
    /// Guest: it holds a link.
    Proof {
        /// Which invite.
        invite: [u8; 8],
        /// Its confirmation.
        confirmation: [u8; 32],
    },
    /// One share of the exchange.
    Share(Vec<u8>),
    /// Guest: its confirmation. Only now is a guess made.
    Confirm { confirmation: [u8; 32] },
    /// Host: the guest is right, here is the host's own confirmation, and a person is being asked.
    Waiting {
        confirmation: [u8; 32],
        /// How long that may take.
        secs: u32,
    },
    /// Host: membership updates, some at a time.
    Members(Vec<Vec<u8>>),
    /// Host: this was all of it, and the guest is a member by it.
    Welcome,
    /// Host: no.
    Refused(PairRefusal),
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Knock {
    /// Version of the protocol between members that the guest speaks.
    pub(crate) speaks: u32,
    pub(crate) nonce: [u8; 16],
    pub(crate) name: String,
    pub(crate) addresses: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Open {
    pub(crate) grid: GridId,
    pub(crate) nonce: [u8; 16],
    pub(crate) name: String,
}

/// Why a machine was not let in, as it is told. It learns nothing from it about a code or a link that it does not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[non_exhaustive]
pub enum PairRefusal {
    /// No code is shown there.
    #[error("it shows no code now")]
    NoCode,
    /// The guess was wrong, and the code is not good any more.
    #[error("the code is wrong, and a code allows one guess: it is not good any more")]
    WrongCode,
    /// Somebody else's guess was wrong.
    #[error("a wrong code was tried there, so the code is not good any more")]
    Burnt,
    /// Another machine came with the same code or link.
    #[error("it was used already")]
    Used,
    /// Its time is over.
    #[error("it has expired")]
    Expired,
    /// No such invite, or a wrong proof: the two are not told apart.
    #[error("it does not know this invite")]
    Unknown,
    /// A person took it back.
    #[error("it was taken back")]
    TakenBack,
    /// Too many at once.
    #[error("too many machines ask at once")]
    Busy,
    /// A person there said no.
    #[error("it was rejected")]
    Rejected,
    /// No person there answered.
    #[error("nobody answered there")]
    TimedOut,
    /// The other side's program speaks another version of the protocol.
    #[error("it speaks version {speaks} of the protocol")]
    OtherVersion {
        /// The host's.
        speaks: u32,
    },
    /// What was said made no sense at that point.
    #[error("it did not understand")]
    Confused,
    /// The grid takes no more machines, or the host is no member of it any more.
    #[error("it cannot let anybody in now")]
    Closed,
}

impl PairMessage {
    /// The bytes that [`PairMessage::decode`] reads.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![VERSION];
        bytes.extend(postcard::to_stdvec(self).expect("plain data always encodes"));
        bytes
    }

    /// Reads a message and checks its limits. Postcard reserves no more than the bytes can fill.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, MessageError> {
        let unknown = MessageError::Unknown { bytes: bytes.len() };
        match bytes.split_first() {
            Some((&VERSION, content)) => match postcard::take_from_bytes::<Self>(content) {
                Ok((message, [])) if message.is_fit() => Ok(message),
                _ => Err(unknown),
            },
            Some((&version, _)) => Err(MessageError::Version { version }),
            None => Err(unknown),
        }
    }

    fn is_fit(&self) -> bool {
        // Names and addresses are cleaned by whoever writes them; a name is checked again with the peer it belongs to.
        let is_clean = |name: &str| clean_name(name, PeerId([0; 32])) == name;
        match self {
            Self::Knock(knock) => is_clean(&knock.name) && clean_addresses(&knock.addresses) == knock.addresses,
            Self::Open(open) => is_clean(&open.name),
            Self::Share(share) => share.len() <= MAX_SHARE_BYTES,
            Self::Members(updates) => updates.iter().all(|update| update.len() <= MAX_UPDATE_BYTES),
            _ => true,
        }
    }
}

/// Cuts a log into messages.
pub(crate) fn members(updates: Vec<Vec<u8>>) -> Vec<PairMessage> {
    let (mut messages, mut batch, mut bytes) = (Vec::new(), Vec::new(), 0);
    for update in updates {
        if bytes + update.len() > UPDATES_BYTES {
            messages.push(PairMessage::Members(std::mem::take(&mut batch)));
            bytes = 0;
        }
        bytes += update.len();
        batch.push(update);
    }
    messages.push(PairMessage::Members(batch));
    messages
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn a_knock() -> Knock {
        Knock { speaks: 2, nonce: [1; 16], name: "bob".to_owned(), addresses: vec!["10.0.0.2:7766".to_owned()] }
    }

    #[test]
    fn messages_survive_their_encoding() {
        let open = Open { grid: GridId([1; 16]), nonce: [2; 16], name: "ann".to_owned() };
        for message in [
            PairMessage::Knock(a_knock()),
            PairMessage::Open(open),
            PairMessage::Proof { invite: [1; 8], confirmation: [2; 32] },
            PairMessage::Share(vec![1; MAX_SHARE_BYTES]),
            PairMessage::Confirm { confirmation: [3; 32] },
            PairMessage::Waiting { confirmation: [4; 32], secs: 300 },
            PairMessage::Members(vec![vec![1; MAX_UPDATE_BYTES]]),
            PairMessage::Welcome,
            PairMessage::Refused(PairRefusal::OtherVersion { speaks: 3 }),
        ] {
            let bytes = message.encode();
            assert_eq!(PairMessage::decode(&bytes), Ok(message.clone()));
            assert_eq!(
                PairMessage::decode(&[bytes.as_slice(), &[0]].concat()),
                Err(MessageError::Unknown { bytes: bytes.len() + 1 }),
                "{message:?}"
            );
        }
    }

    #[test]
    fn another_version_is_named_whatever_follows() {
        assert_eq!(PairMessage::decode(&[9, 1, 2, 3]), Err(MessageError::Version { version: 9 }));
        assert_eq!(PairMessage::decode(&[]), Err(MessageError::Unknown { bytes: 0 }));
    }

    #[test]
    fn what_is_too_long_or_disguised_is_refused() {
        for message in [
            PairMessage::Share(vec![1; MAX_SHARE_BYTES + 1]),
            PairMessage::Members(vec![vec![1; MAX_UPDATE_BYTES + 1]]),
            PairMessage::Knock(Knock { name: "b\u{1b}[2Job".to_owned(), ..a_knock() }),
            PairMessage::Knock(Knock { name: "b".repeat(65), ..a_knock() }),
            PairMessage::Knock(Knock { name: String::new(), ..a_knock() }),
            PairMessage::Knock(Knock { addresses: vec!["x".repeat(129)], ..a_knock() }),
            PairMessage::Knock(Knock { addresses: vec!["x".to_owned(); 9], ..a_knock() }),
        ] {
            assert!(matches!(PairMessage::decode(&message.encode()), Err(MessageError::Unknown { .. })), "{message:?}");
        }
    }

    #[test]
    fn a_long_log_is_cut_into_messages_that_fit() {
        let updates: Vec<_> = (0..200).map(|number| vec![number; 1_000]).collect();
        let messages = members(updates.clone());
        assert!(messages.iter().all(|message| message.encode().len() < 2 * UPDATES_BYTES));
        let joined: Vec<_> = messages
            .into_iter()
            .flat_map(|message| match message {
                PairMessage::Members(updates) => updates,
                _ => Vec::new(),
            })
            .collect();
        assert_eq!(joined, updates);
    }

    proptest! {
        #[test]
        fn hostile_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..3_000)) {
            let _ = PairMessage::decode(&bytes);
            let ours = [&[VERSION], bytes.as_slice()].concat();
            if let Ok(message) = PairMessage::decode(&ours) {
                prop_assert!(message.is_fit());
            }
        }

        #[test]
        fn a_changed_message_is_another_or_none(at in 0..200_usize, bit in 0..8_u8) {
            let message = PairMessage::Knock(a_knock());
            let mut bytes = message.encode();
            let at = at % bytes.len();
            bytes[at] ^= 1 << bit;
            prop_assert_ne!(PairMessage::decode(&bytes).ok(), Some(message));
        }
    }
}
