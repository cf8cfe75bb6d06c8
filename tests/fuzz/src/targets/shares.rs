//! What machines say of shared files: pages of a folder, and tickets.

use gridwell_model::{BlobId, EntryKind, PeerId, Stamp, TreeEntry};
use gridwell_trust::{Identity, MAX_TICKET_BYTES, Ticket, open_ticket, seal_ticket};
use gridwell_wire::TreePage;

pub(super) fn run(bytes: &[u8]) {
    if let Ok(page) = postcard::from_bytes::<TreePage>(bytes) {
        let said = postcard::to_stdvec(&page).expect("plain data always encodes");
        assert_eq!(postcard::from_bytes(&said), Ok(page));
    }
    if let Ok(ticket) = open_ticket(bytes) {
        // Nobody but its owner makes one, and the only owner here is that of the seeds.
        assert_eq!(ticket.owner, owner().peer());
        assert!(bytes.len() <= MAX_TICKET_BYTES);
    }
}

fn owner() -> Identity {
    Identity::from_seed(&mut [7; 32])
}

pub(super) fn seeds() -> Vec<Vec<u8>> {
    let names: [&[u8]; 4] = [b"a", b"..", b"\0", &[0xff; 300]];
    let entry = |name: &[u8]| TreeEntry { name: name.to_vec(), kind: EntryKind::Folder, modified_ns: -1 };
    let page = TreePage { entries: names.into_iter().map(entry).collect(), more: true };
    let ticket = Ticket {
        owner: owner().peer(),
        reader: PeerId([2; 32]),
        question: [3; 32],
        blob: BlobId([4; 32]),
        size_bytes: 5,
        until: Stamp(6),
    };
    vec![postcard::to_stdvec(&page).expect("plain data always encodes"), seal_ticket(ticket, &owner())]
}
