use std::collections::BTreeMap;

use gridwell_model::{PeerId, ShareId, ShareName};
use gridwell_store::SharedFolder;

use super::JOBS;

/// What is at the top of the tree: machines, and what each of them shares.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Roots {
    machines: BTreeMap<String, RootMachine>,
}

/// A machine that shares something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RootMachine {
    pub(crate) peer: PeerId,
    /// What people call it.
    pub(crate) name: String,
    pub(crate) online: bool,
    /// By name.
    pub(crate) shares: BTreeMap<String, RootShare>,
}

/// A share in the tree.
#[derive(Debug, Clone)]
pub(crate) struct RootShare {
    pub(crate) id: ShareId,
    /// Its folder, where it is one of this machine.
    pub(crate) folder: Option<SharedFolder>,
}

impl PartialEq for RootShare {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl Eq for RootShare {}

impl RootShare {
    pub(crate) fn here(id: ShareId, folder: &SharedFolder) -> Self {
        Self { id, folder: Some(folder.clone()) }
    }

    pub(crate) const fn there(id: ShareId) -> Self {
        Self { id, folder: None }
    }
}

impl Roots {
    /// Gives each machine a name of its own in the tree: its name, and where several are called so, the beginning of its key as
    /// well. Names that differ only in capitals count as the same: some file systems see no difference.
    pub(crate) fn of(machines: impl Iterator<Item = RootMachine>) -> Self {
        let machines: Vec<_> = machines.collect();
        // The folder of all jobs stands beside the machines.
        let mut called: BTreeMap<String, usize> = BTreeMap::from([(JOBS.to_owned(), 1)]);
        for machine in &machines {
            *called.entry(plain(&machine.name).to_lowercase()).or_default() += 1;
        }
        let mut named = BTreeMap::new();
        for machine in machines {
            let name = plain(&machine.name);
            let alone = called.get(&name.to_lowercase()) == Some(&1);
            let name = if alone { name } else { format!("{name} ({})", machine.peer.short()) };
            // Somebody may be called just so.
            let name = if named.contains_key(&name) { format!("{name} ({})", machine.peer) } else { name };
            named.insert(name, machine);
        }
        Self { machines: named }
    }

    /// Machines by their name in the tree.
    pub(crate) fn machines(&self) -> impl Iterator<Item = (&String, &RootMachine)> {
        self.machines.iter()
    }

    /// What people call a machine.
    pub(crate) fn name_of(&self, peer: PeerId) -> String {
        let machine = self.machines.values().find(|machine| machine.peer == peer);
        machine.map_or_else(|| peer.short(), |machine| machine.name.clone())
    }

    /// True if a machine can be reached.
    pub(crate) fn is_online(&self, peer: PeerId) -> bool {
        self.machines.values().any(|machine| machine.peer == peer && machine.online)
    }

    pub(crate) fn machine(&self, name: &str) -> Option<&RootMachine> {
        self.machines.get(name)
    }
}

/// The name of a machine as one part of a path: its owner may have called it anything.
fn plain(name: &str) -> String {
    let safe = |letter: char| if ShareName::takes(letter) { letter } else { '-' };
    let name: String = name.chars().map(safe).collect();
    let name = name.trim_matches([' ', '.']);
    if name.is_empty() { "machine".to_owned() } else { name.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine(number: u8, name: &str) -> RootMachine {
        RootMachine { peer: PeerId([number; 32]), name: name.into(), online: true, shares: BTreeMap::new() }
    }

    #[test]
    fn machines_of_the_same_name_are_told_apart() {
        let all = [
            machine(6, "Jobs"),
            machine(1, "mill"),
            machine(2, "Mill"),
            machine(3, "quarry"),
            machine(4, "../etc"),
            machine(5, ".."),
        ];
        let roots = Roots::of(all.into_iter());
        let names: Vec<_> = roots.machines().map(|(name, machine)| (name.as_str(), machine.peer.0[0])).collect();
        let (one, two) = (PeerId([1; 32]).short(), PeerId([2; 32]).short());
        let (one, two) = (format!("mill ({one})"), format!("Mill ({two})"));
        let six = format!("Jobs ({})", PeerId([6; 32]).short());
        assert_eq!(
            names,
            [("-etc", 4), (six.as_str(), 6), (two.as_str(), 2), ("machine", 5), (one.as_str(), 1), ("quarry", 3)]
        );
    }
}
