//! Picks the paths out of a file's blocks, once its struct table is known.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    BlendError, BlendLimits,
    dna::{Record, StructTable},
    header::{Block, Layout},
    places::{ENTRY, PathField, Place, is_packed, place},
    trace::Reference,
};

/// Longer ones, in bytes, are no paths: Blender itself keeps 1,024.
const MAX_PATH_BYTES: usize = 2_048;

/// Looks through blocks, in the file's order.
pub(super) struct Search<'a> {
    table: &'a StructTable<'a>,
    layout: Layout,
    limits: BlendLimits,
    found: BTreeSet<Reference>,
    /// Blocks with a path that pointers of the current data block lead to, by address.
    awaited: BTreeMap<u64, Awaited>,
}

/// What a block that a pointer leads to will complete.
struct Awaited {
    reference: Reference,
    /// True if the block lists names of files in the folder that the reference's path is so far.
    names: bool,
}

impl<'a> Search<'a> {
    pub(super) const fn new(table: &'a StructTable<'a>, layout: Layout, limits: BlendLimits) -> Self {
        Self { table, layout, limits, found: BTreeSet::new(), awaited: BTreeMap::new() }
    }

    /// What was found, each once, sorted.
    pub(super) fn found(self) -> Vec<Reference> {
        self.found.into_iter().collect()
    }

    /// True if the block that comes next has a path; every block is asked about.
    pub(super) fn wants(&mut self, block: &Block) -> bool {
        // Addresses are used again; those of one data block lead to what follows it.
        if &block.code != b"DATA" {
            self.awaited.clear();
        }
        let form = self.table.get(block.struct_index);
        match self.awaited.get(&block.address) {
            Some(Awaited { names: true, .. }) => form.is_some_and(|form| form.type_name == ENTRY),
            Some(Awaited { names: false, .. }) => block.len <= MAX_PATH_BYTES as u64,
            None => form.is_some_and(|form| place(form).is_some()),
        }
    }

    /// Reads a block that is wanted.
    pub(super) fn look(&mut self, block: &Block, data: &[u8]) -> Result<(), BlendError> {
        let form = self.table.get(block.struct_index);
        let layout = self.layout;
        let records = form
            .filter(|form| form.size > 0)
            .into_iter()
            .flat_map(|form| data.chunks_exact(form.size).map(move |bytes| Record { form, bytes, layout }));
        match self.awaited.remove(&block.address) {
            Some(Awaited { reference, names: true }) => {
                for record in records {
                    let path = inside(&reference.path, record.text("name").unwrap_or_default());
                    self.keep(Reference { path, ..reference.clone() })?;
                }
            }
            Some(Awaited { reference, names: false }) => {
                let path = data.split(|byte| *byte == 0).next().unwrap_or_default().to_vec();
                self.keep(Reference { path, ..reference })?;
            }
            None => {
                for (record, place) in records.filter_map(|record| Some((record, place(record.form)?))) {
                    self.read(place, &record)?;
                }
            }
        }
        Ok(())
    }

    fn read(&mut self, place: &Place, record: &Record<'_>) -> Result<(), BlendError> {
        let Some(spread) = (place.spread)(record) else {
            return Ok(());
        };
        // Cut before it is copied for each of many entries.
        let short = |text: &[u8]| text[..text.len().min(MAX_PATH_BYTES)].to_vec();
        let text = |names: &[&str]| names.iter().find_map(|name| record.text(name)).map(short).unwrap_or_default();
        let reference = |path| Reference { kind: place.kind, path, spread, packed: is_packed(record) };
        let (pointer, path, names) = match place.path {
            PathField::Text(fields) => return self.keep(reference(text(fields))),
            PathField::Pointer(field) => (field, Vec::new(), false),
            PathField::Folder { folder, entries } => (entries, text(folder), true),
        };
        if let Some(address) = record.address(pointer).filter(|address| *address != 0) {
            self.awaited.insert(address, Awaited { reference: reference(path), names });
        }
        self.check_count()
    }

    fn keep(&mut self, reference: Reference) -> Result<(), BlendError> {
        if (1..MAX_PATH_BYTES).contains(&reference.path.len()) {
            self.found.insert(reference);
        }
        self.check_count()
    }

    fn check_count(&self) -> Result<(), BlendError> {
        if self.found.len() + self.awaited.len() > self.limits.references {
            let allowed = self.limits.references as u64;
            return Err(BlendError::OverLimit { limit: "the number of files it refers to", allowed });
        }
        Ok(())
    }
}

/// A file's path in a folder; empty if either is.
fn inside(folder: &[u8], name: &[u8]) -> Vec<u8> {
    if folder.is_empty() || name.is_empty() {
        return Vec::new();
    }
    let apart: &[u8] = if folder.ends_with(b"/") || folder.ends_with(b"\\") { b"" } else { b"/" };
    [folder, apart, name].concat()
}
