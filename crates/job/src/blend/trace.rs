use std::{
    collections::{BTreeMap, BTreeSet},
    io::{self, Read},
};

use super::{
    BlendError, BlendLimits,
    dna::{Record, Struct, StructTable},
    header::{Block, Layout, read_block, read_header},
    places::{ENTRY_NAME, PLACES, PathField, Place, is_packed},
    stream::Content,
};

/// What a reference leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ReferenceKind {
    /// A picture or movie used as a texture or background.
    Image,
    /// Another .blend whose contents are linked in.
    Library,
    /// A sound.
    Sound,
    /// A font.
    Font,
    /// A clip for tracking.
    MovieClip,
    /// A picture, film or sound of the video sequencer.
    Strip,
    /// Shapes over time: Alembic, USD, or points of a mesh.
    Cache,
    /// A volume (OpenVDB).
    Volume,
    /// A script or shader.
    Text,
    /// How a lamp spreads its light (IES).
    Light,
    /// What a simulation has computed.
    Simulation,
    /// Only Blender itself knows.
    Other,
}

impl ReferenceKind {
    /// One word for people.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Library => "library",
            Self::Sound => "sound",
            Self::Font => "font",
            Self::MovieClip => "clip",
            Self::Strip => "strip",
            Self::Cache => "cache",
            Self::Volume => "volume",
            Self::Text => "text",
            Self::Light => "light",
            Self::Simulation => "simulation",
            Self::Other => "file",
        }
    }
}

/// How many files a path stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Spread {
    /// The one it names.
    One,
    /// Every file that differs from it in the last number of its name only.
    Sequence,
    /// `<UDIM>` or `<UVTILE>` stands for a tile number.
    Tiles,
    /// Everything below the folder it names.
    Folder {
        /// Whether Blender says that it has written it: only then it is missed when it is not there.
        made: bool,
    },
}

/// A file outside that a scene reads.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reference {
    /// What it is.
    pub kind: ReferenceKind,
    /// As written: absolute, or `//` for the .blend's own folder; not always UTF-8.
    pub path: Vec<u8>,
    /// Whether it is one file or many.
    pub spread: Spread,
    /// True when its content lies in the .blend, so that the file itself is not read.
    pub packed: bool,
}

/// Lists the outside files that a .blend names, each once, sorted.
///
/// Walks through the whole file twice, so it also finds out whether the file is complete: `open` begins it anew each
/// time. The struct table, which says where the paths are, stands at the end. `size_bytes` is the file's size. Not found:
/// files that scripts open, and caches of points in the file's own folder of caches.
///
/// # Errors
///
/// A [`BlendError`], as for [`super::card`]; [`BlendError::Read`] if `open` fails. Never panics.
///
/// Source: `docs/recipes.md`, "Reading a .blend".
pub fn references<R: Read>(
    mut open: impl FnMut() -> io::Result<R>,
    size_bytes: u64,
    limits: BlendLimits,
) -> Result<Vec<Reference>, BlendError> {
    let mut begin = || {
        let source = open().map_err(|error| BlendError::Read { reason: error.to_string() })?;
        Content::open(source, size_bytes, limits)
    };
    let mut content = begin()?;
    let (layout, _) = read_header(&mut content)?;
    let (at, table) = read_table(&mut content, layout, limits)?;
    let table = StructTable::parse(&table, layout)
        .ok_or(BlendError::Damaged { offset: at, what: "the struct table is broken" })?;
    let mut content = begin()?;
    let (layout, _) = read_header(&mut content)?;
    let mut search = Search { table: &table, layout, limits, found: BTreeSet::new(), awaited: BTreeMap::new() };
    while let Some(block) = read_block(&mut content, layout)? {
        search.look(&mut content, block)?;
    }
    Ok(search.found.into_iter().collect())
}

/// The content of the struct table's block, and where it begins.
fn read_table<R: Read>(
    content: &mut Content<R>,
    layout: Layout,
    limits: BlendLimits,
) -> Result<(u64, Vec<u8>), BlendError> {
    let mut table = None;
    for _ in 0..limits.blocks {
        let at = content.offset();
        let Some(block) = read_block(content, layout)? else {
            return table.ok_or(BlendError::Damaged { offset: at, what: "the struct table is missing" });
        };
        if &block.code != b"DNA1" {
            content.skip(block.len)?;
        } else if block.len > limits.table_bytes {
            return Err(BlendError::OverLimit { limit: "its struct table, in bytes,", allowed: limits.table_bytes });
        } else {
            table = Some((at, content.take(block.len)?));
        }
    }
    Err(BlendError::OverLimit { limit: "its number of blocks", allowed: limits.blocks })
}

/// Longest path in bytes; Blender itself keeps 1,024.
const MAX_PATH_BYTES: u64 = 4_096;

/// Largest struct that is looked into, in bytes; the largest with a path has about 5,000.
const MAX_RECORD_BYTES: usize = 1 << 16;

/// The second walk.
struct Search<'a> {
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

impl Search<'_> {
    /// Reads a block, or over it.
    fn look<R: Read>(&mut self, content: &mut Content<R>, block: Block) -> Result<(), BlendError> {
        // Addresses are used again; those of one data block lead to what follows it.
        if &block.code != b"DATA" {
            self.awaited.clear();
        }
        let form = self.table.get(block.struct_index);
        let place = form.and_then(|form| PLACES.iter().find(|place| place.holder == form.type_name));
        match (self.awaited.remove(&block.address), form, place) {
            (Some(Awaited { reference, names: true }), Some(form), _) => {
                self.each(content, form, block.len, |it, record| {
                    let name = ENTRY_NAME.iter().find_map(|field| record.text(field)).unwrap_or_default();
                    let path = inside(&reference.path, name);
                    it.keep(Reference { path, ..reference.clone() })
                })
            }
            (Some(Awaited { reference, names: false }), ..) if block.len <= MAX_PATH_BYTES => {
                let text = content.take(block.len)?;
                let path = text.split(|byte| *byte == 0).next().unwrap_or_default().to_vec();
                self.keep(Reference { path, ..reference })
            }
            (_, Some(form), Some(place)) => self.each(content, form, block.len, |it, record| it.read(place, record)),
            _ => content.skip(block.len),
        }
    }

    /// Hands each element of a block of structs on.
    fn each<R: Read>(
        &mut self,
        content: &mut Content<R>,
        form: &Struct<'_>,
        len: u64,
        mut with: impl FnMut(&mut Self, &Record<'_>) -> Result<(), BlendError>,
    ) -> Result<(), BlendError> {
        let mut left = len;
        if (1..=MAX_RECORD_BYTES).contains(&form.size) {
            let mut bytes = vec![0; form.size];
            while left >= form.size as u64 {
                content.read_exact(&mut bytes)?;
                left -= form.size as u64;
                with(self, &Record { form, bytes: &bytes, layout: self.layout })?;
            }
        }
        content.skip(left)
    }

    fn read(&mut self, place: &Place, record: &Record<'_>) -> Result<(), BlendError> {
        let Some(spread) = (place.spread)(record) else {
            return Ok(());
        };
        let text = |names: &[&str]| names.iter().find_map(|name| record.text(name)).unwrap_or_default().to_vec();
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
        if !reference.path.is_empty() {
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
