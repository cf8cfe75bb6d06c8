use std::collections::{BTreeMap, BTreeSet};

use gridwell_model::{GridId, PeerId, Stamp};

use crate::{
    identity::{Identity, Signature},
    record::{MemberRecord, Origin, Record, RecordError, grid_id},
};

/// Most records kept, about 1 MB. Design §1 speaks of thousands of machines.
pub const MAX_RECORDS: usize = 8_192;
/// Most records kept whose author is not known (yet): they come in any order, but not from nowhere for long.
const MAX_UNROOTED: usize = 64;
/// What a member may do unless said otherwise.
const ROLES: [&str; 5] = ["admin", "compute", "relay", "store", "submit"];

/// Why a peer was not admitted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AdmitError {
    /// Only members admit others.
    #[error("machine {} is not a member and cannot admit others", .by.short())]
    NotAMember {
        /// Who tried.
        by: PeerId,
    },
    /// The grid is as large as it can be.
    #[error("the grid has {MAX_RECORDS} membership records, which is the most it can have")]
    Full,
}

/// What a merge changed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Merged {
    /// Records that were new, to be stored and passed on.
    pub new: Vec<Vec<u8>>,
    /// Peers that became members by it.
    pub joined: BTreeSet<PeerId>,
    /// What was refused, in the order it came.
    pub refused: Vec<RecordError>,
}

/// The membership records of one grid, and who is a member by them.
///
/// A peer is a member if a record about it is written by a member, back to the founder. Merging is a set union:
/// the order of records and how often each comes makes no difference (up to the limits on their number).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grid {
    id: GridId,
    /// Every well-signed record of this grid, by content.
    records: BTreeMap<[u8; 32], Record>,
    /// Members, with the record that speaks for them now.
    members: BTreeMap<PeerId, [u8; 32]>,
}

impl Grid {
    /// Makes a grid whose first member is `founder`. `nonce` is random.
    #[must_use]
    pub fn found(founder: &Identity, name: &str, addresses: &[String], nonce: [u8; 16], now: Stamp) -> Self {
        let mut grid = Self::of(grid_id(founder.peer(), &nonce));
        let origin = Origin::Founder { nonce };
        grid.write(founder, founder.peer(), name, addresses, origin, now);
        grid
    }

    /// A grid of which only the id is known, from an invite or a file; members come by [`Grid::merge`].
    #[must_use]
    pub const fn of(id: GridId) -> Self {
        Self { id, records: BTreeMap::new(), members: BTreeMap::new() }
    }

    /// Its id.
    #[must_use]
    pub const fn id(&self) -> GridId {
        self.id
    }

    /// True if `peer` is a member.
    #[must_use]
    pub fn is_member(&self, peer: PeerId) -> bool {
        self.members.contains_key(&peer)
    }

    /// The ids of all members, for the gate of the net.
    #[must_use]
    pub fn peers(&self) -> BTreeSet<PeerId> {
        self.members.keys().copied().collect()
    }

    /// All members, by id, each with the newest record about it.
    pub fn members(&self) -> impl Iterator<Item = &MemberRecord> {
        self.members.values().filter_map(|digest| self.record(digest))
    }

    /// The newest record about `peer`, if it is a member.
    #[must_use]
    pub fn member(&self, peer: PeerId) -> Option<&MemberRecord> {
        self.record(self.members.get(&peer)?)
    }

    /// Every record, encoded: to store, and to send to a peer that joins or links.
    #[must_use]
    pub fn encoded(&self) -> Vec<Vec<u8>> {
        self.records.values().map(Record::encode).collect()
    }

    /// Adds a member, or renews what is said about one.
    ///
    /// # Errors
    ///
    /// See [`AdmitError`].
    pub fn admit(
        &mut self,
        author: &Identity,
        peer: PeerId,
        name: &str,
        addresses: &[String],
        now: Stamp,
    ) -> Result<MemberRecord, AdmitError> {
        let by = author.peer();
        if !self.is_member(by) {
            return Err(AdmitError::NotAMember { by });
        }
        if self.records.len() >= MAX_RECORDS {
            return Err(AdmitError::Full);
        }
        Ok(self.write(author, peer, name, addresses, Origin::Added { by }, now))
    }

    /// Takes records in as they came from a store or a peer.
    pub fn merge<B: AsRef<[u8]>>(&mut self, encoded: impl IntoIterator<Item = B>) -> Merged {
        let mut merged = Merged::default();
        let before = self.peers();
        for bytes in encoded {
            match Record::decode(bytes.as_ref()).and_then(|record| self.take(record)) {
                Ok(Some(record)) => merged.new.push(record),
                Ok(None) => {}
                Err(error) => merged.refused.push(error),
            }
        }
        if !merged.new.is_empty() {
            self.derive_members();
            merged.joined = self.members.keys().filter(|peer| !before.contains(peer)).copied().collect();
        }
        merged
    }

    fn take(&mut self, record: Record) -> Result<Option<Vec<u8>>, RecordError> {
        let Record::Member(member) = &record;
        if member.grid != self.id {
            return Err(RecordError::OtherGrid { theirs: member.grid });
        }
        let digest = record.digest();
        if self.records.contains_key(&digest) || self.records.len() >= MAX_RECORDS {
            return Ok(None);
        }
        let bytes = record.encode();
        self.records.insert(digest, record);
        Ok(Some(bytes))
    }

    fn write(
        &mut self,
        author: &Identity,
        peer: PeerId,
        name: &str,
        addresses: &[String],
        origin: Origin,
        now: Stamp,
    ) -> MemberRecord {
        let member = MemberRecord {
            grid: self.id,
            peer,
            name: name.to_owned(),
            addresses: addresses.to_vec(),
            roles: ROLES.map(str::to_owned).into(),
            origin,
            added_at: now,
            signature: Signature([0; 64]),
        }
        .sign(author);
        let record = Record::Member(member.clone());
        self.records.insert(record.digest(), record);
        self.derive_members();
        member
    }

    fn record(&self, digest: &[u8; 32]) -> Option<&MemberRecord> {
        self.records.get(digest).map(|Record::Member(member)| member)
    }

    /// Follows the authors from the founder on, then drops what is too much of the rest.
    fn derive_members(&mut self) {
        let mut by_author: BTreeMap<PeerId, Vec<([u8; 32], &MemberRecord)>> = BTreeMap::new();
        let mut rooted = Vec::new();
        for (digest, Record::Member(member)) in &self.records {
            match member.origin {
                Origin::Founder { .. } => rooted.push((*digest, member)),
                Origin::Added { by } => by_author.entry(by).or_default().push((*digest, member)),
            }
        }
        let mut newest: BTreeMap<PeerId, (Stamp, [u8; 32])> = BTreeMap::new();
        while let Some((digest, member)) = rooted.pop() {
            let claim = (member.added_at, digest);
            newest.entry(member.peer).and_modify(|held| *held = claim.max(*held)).or_insert(claim);
            // Taken out, so that each author's records are followed once, circles included.
            rooted.extend(by_author.remove(&member.peer).unwrap_or_default());
        }
        let unrooted: Vec<_> = by_author.into_values().flatten().map(|(digest, _)| digest).collect();
        self.members = newest.into_iter().map(|(peer, (_, digest))| (peer, digest)).collect();
        for digest in unrooted.into_iter().skip(MAX_UNROOTED) {
            self.records.remove(&digest);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn identity(number: u8) -> Identity {
        Identity::from_seed(&mut [number; 32])
    }

    fn admit(grid: &mut Grid, by: u8, peer: u8, at: u64) -> MemberRecord {
        grid.admit(&identity(by), identity(peer).peer(), &format!("machine {peer}"), &[], Stamp(at)).unwrap()
    }

    /// Founder 1 admits 2, 2 admits 3, 3 admits 4 and renews itself.
    fn a_chain() -> Grid {
        let mut grid = Grid::found(&identity(1), "ann", &[], [7; 16], Stamp(1));
        admit(&mut grid, 1, 2, 2);
        admit(&mut grid, 2, 3, 3);
        admit(&mut grid, 3, 4, 4);
        admit(&mut grid, 3, 3, 5);
        grid
    }

    #[test]
    fn a_chain_of_adders_leads_to_the_founder() {
        let grid = a_chain();
        let mut other = Grid::of(grid.id());
        let merged = other.merge(grid.encoded());
        assert_eq!(other, grid);
        assert_eq!(merged.joined.len(), 4);
        assert_eq!(other.member(identity(3).peer()).unwrap().added_at, Stamp(5));
        assert_eq!(other.member(identity(4).peer()).unwrap().name, "machine 4");
    }

    #[test]
    fn a_broken_chain_makes_no_member_until_it_is_whole() {
        let grid = a_chain();
        let missing = grid.encoded().into_iter().filter(|bytes| {
            let Record::Member(member) = Record::decode(bytes).unwrap();
            member.peer != identity(2).peer()
        });
        let mut other = Grid::of(grid.id());
        other.merge(missing);
        assert_eq!(other.peers(), BTreeSet::from([identity(1).peer()]));
        let joined = other.merge(grid.encoded()).joined;
        assert_eq!(joined.len(), 3);
    }

    #[test]
    fn strangers_cannot_admit_each_other() {
        let mut grid = Grid::found(&identity(1), "ann", &[], [7; 16], Stamp(1));
        let refused = grid.admit(&identity(8), identity(9).peer(), "mallory", &[], Stamp(2));
        assert_eq!(refused, Err(AdmitError::NotAMember { by: identity(8).peer() }));
        let mut theirs = grid.clone();
        let circle = |by: u8, peer: u8, grid: &mut Grid| {
            let origin = Origin::Added { by: identity(by).peer() };
            grid.write(&identity(by), identity(peer).peer(), "mallory", &[], origin, Stamp(3));
        };
        circle(8, 9, &mut theirs);
        circle(9, 8, &mut theirs);
        assert_eq!(grid.merge(theirs.encoded()).joined, BTreeSet::new());
        assert_eq!(grid.peers(), BTreeSet::from([identity(1).peer()]));
    }

    #[test]
    fn records_of_another_grid_are_refused() {
        let mut grid = Grid::found(&identity(1), "ann", &[], [7; 16], Stamp(1));
        let other = Grid::found(&identity(1), "ann", &[], [8; 16], Stamp(1));
        let merged = grid.merge(other.encoded());
        assert_eq!(merged.refused, [RecordError::OtherGrid { theirs: other.id() }]);
        assert!(merged.new.is_empty());
    }

    #[test]
    fn records_from_nowhere_are_bounded() {
        let mut grid = Grid::found(&identity(1), "ann", &[], [7; 16], Stamp(1));
        let mut theirs = grid.clone();
        for at in 0..(MAX_UNROOTED as u64 + 20) {
            let origin = Origin::Added { by: identity(8).peer() };
            theirs.write(&identity(8), identity(9).peer(), "mallory", &[], origin, Stamp(at));
        }
        grid.merge(theirs.encoded());
        assert!(grid.records.len() <= MAX_UNROOTED + 1);
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

        #[test]
        fn merging_is_a_set_union(order in Just((0..5_usize).collect::<Vec<_>>()).prop_shuffle(), cut in 0..5_usize) {
            let grid = a_chain();
            let records = grid.encoded();
            let shuffled: Vec<_> = order.iter().map(|at| records[*at].clone()).collect();
            let mut other = Grid::of(grid.id());
            other.merge(&shuffled[..cut]);
            other.merge(&shuffled);
            other.merge(&shuffled[cut..]);
            prop_assert_eq!(&other, &grid);
            prop_assert_eq!(other.merge(&records), Merged::default());
        }
    }
}
