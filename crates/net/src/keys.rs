use gridwell_model::PeerId;
use libp2p::{PeerId as Libp2pPeerId, identity::Keypair};

/// Multihash "identity" of a protobuf-encoded Ed25519 key. Source: libp2p specs, peer-ids.md.
const PREFIX: [u8; 6] = [0x00, 0x24, 0x08, 0x01, 0x12, 0x20];

/// The peer id that libp2p uses for `peer`.
pub(crate) fn to_libp2p(peer: PeerId) -> Libp2pPeerId {
    let bytes: Vec<u8> = PREFIX.iter().chain(&peer.0).copied().collect();
    Libp2pPeerId::from_bytes(&bytes).expect("an identity multihash of 36 bytes is a peer id")
}

/// The public key within a libp2p peer id, if it is an Ed25519 one.
pub(crate) fn from_libp2p(peer: Libp2pPeerId) -> Option<PeerId> {
    let bytes = peer.to_bytes();
    let key = bytes.strip_prefix(PREFIX.as_slice())?;
    key.try_into().ok().map(PeerId)
}

/// The key pair of a seed.
pub(crate) fn keypair(mut seed: [u8; 32]) -> Keypair {
    Keypair::ed25519_from_bytes(&mut seed).expect("any 32 bytes are an Ed25519 seed")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peer_ids_survive_both_ways() {
        let theirs = keypair([7; 32]).public().to_peer_id();
        let ours = from_libp2p(theirs).unwrap();
        assert_eq!(to_libp2p(ours), theirs);
    }
}
