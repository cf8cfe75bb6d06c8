use std::time::Duration;

use gridwell_model::{BlobId, PeerId, Stamp};
use serde::{Deserialize, Serialize};

use crate::identity::{Domain, Identity, Signature, verify};

/// Largest encoded ticket in bytes: two keys, two hashes, a signature, and numbers.
pub const MAX_TICKET_BYTES: usize = 224;

/// The right of a reader to the content of one file, signed by whose file it is: whoever keeps pieces of that content may
/// give them to the reader without asking the owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ticket {
    /// Whose file it is; signs the ticket.
    pub owner: PeerId,
    /// Who may read it.
    pub reader: PeerId,
    /// Hash of the question that the ticket answers, which names the file and its version: no machine on the way can give the ticket
    /// for another file instead.
    pub question: [u8; 32],
    /// Its content.
    pub blob: BlobId,
    /// The size of the content, in bytes.
    pub size_bytes: u64,
    /// When the right ends, by the owner's clock.
    pub until: Stamp,
}

/// Why bytes are not a ticket.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TicketError {
    /// Too long, cut off, or something else.
    #[error("{bytes} bytes are not a ticket")]
    Unfit {
        /// How many.
        bytes: usize,
    },
    /// Not signed by whom it names as the owner.
    #[error("the ticket is not signed by machine {}, which it names", .owner.short())]
    Forged {
        /// Whom it names.
        owner: PeerId,
    },
}

impl Ticket {
    /// How long a ticket counts: an owner who shows a file no more waits no longer until others do not give it either.
    pub const LIFE: Duration = Duration::from_mins(5);
    /// How far the clocks of two machines may be apart; one that promises more was made by a wrong clock, and does not count.
    pub const SKEW: Duration = Duration::from_mins(5);

    /// True if it counts at `now`, by the clock of whoever is shown it.
    #[must_use]
    pub fn counts(&self, now: Stamp) -> bool {
        now < self.until && self.until <= now + Self::LIFE + Self::SKEW
    }
}

/// Signs a ticket; `owner` is the key of the machine that it names.
#[must_use]
pub fn seal_ticket(ticket: Ticket, owner: &Identity) -> Vec<u8> {
    let signature = owner.sign(Domain::Ticket, &message(&ticket));
    postcard::to_stdvec(&(ticket, signature)).expect("plain data always encodes")
}

/// Reads a ticket and checks that its owner signed it; not when it ends, nor who shows it.
///
/// # Errors
///
/// See [`TicketError`].
pub fn open_ticket(bytes: &[u8]) -> Result<Ticket, TicketError> {
    let unfit = TicketError::Unfit { bytes: bytes.len() };
    if bytes.len() > MAX_TICKET_BYTES {
        return Err(unfit);
    }
    let Ok(((ticket, signature), [])) = postcard::take_from_bytes::<(Ticket, Signature)>(bytes) else {
        return Err(unfit);
    };
    match verify(ticket.owner, Domain::Ticket, &message(&ticket), &signature) {
        true => Ok(ticket),
        false => Err(TicketError::Forged { owner: ticket.owner }),
    }
}

fn message(ticket: &Ticket) -> Vec<u8> {
    postcard::to_stdvec(ticket).expect("plain data always encodes")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: Stamp = Stamp(1_800_000_000_000);

    fn ann() -> Identity {
        Identity::from_seed(&mut [1; 32])
    }

    fn a_ticket() -> Ticket {
        let (owner, reader, question, blob) = (ann().peer(), PeerId([2; 32]), [4; 32], BlobId([3; 32]));
        Ticket { owner, reader, question, blob, size_bytes: 70_000, until: NOW + Ticket::LIFE }
    }

    #[test]
    fn what_its_owner_signed_is_read_back() {
        let largest = Ticket { size_bytes: u64::MAX, until: Stamp(u64::MAX), ..a_ticket() };
        for ticket in [a_ticket(), largest] {
            let bytes = seal_ticket(ticket, &ann());
            assert!(bytes.len() <= MAX_TICKET_BYTES, "{}", bytes.len());
            assert_eq!(open_ticket(&bytes), Ok(ticket));
        }
    }

    #[test]
    fn every_changed_byte_and_another_signer_are_noticed() {
        let bytes = seal_ticket(a_ticket(), &ann());
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            assert!(open_ticket(&changed).is_err(), "byte {at}");
            assert!(open_ticket(&bytes[..at]).is_err(), "cut at {at}");
        }
        let forged = seal_ticket(a_ticket(), &Identity::from_seed(&mut [9; 32]));
        assert_eq!(open_ticket(&forged), Err(TicketError::Forged { owner: ann().peer() }));
        assert_eq!(open_ticket(&[bytes.as_slice(), &[0]].concat()), Err(TicketError::Unfit { bytes: bytes.len() + 1 }));
        let elsewhere = ann().sign(Domain::Letter, &message(&a_ticket()));
        let elsewhere = postcard::to_stdvec(&(a_ticket(), elsewhere)).unwrap();
        assert!(open_ticket(&elsewhere).is_err(), "signed for another purpose");
    }

    #[test]
    fn it_counts_for_its_time_and_no_wrong_clock_makes_it_longer() {
        let ticket = a_ticket();
        assert!(ticket.counts(NOW) && ticket.counts(Stamp(ticket.until.0 - 1)));
        assert!(!ticket.counts(ticket.until));
        let skew = Ticket::SKEW.as_millis() as u64;
        assert!(ticket.counts(Stamp(NOW.0 - skew)) && !ticket.counts(Stamp(NOW.0 - skew - 1)));
    }

    proptest! {
        #[test]
        fn hostile_bytes_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            prop_assert!(open_ticket(&bytes).is_err());
        }
    }
}
