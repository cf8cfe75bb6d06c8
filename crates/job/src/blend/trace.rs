use std::{
    collections::BTreeSet,
    io::{self, Read},
    ops::Range,
};

use super::{
    BlendError, BlendLimits,
    dna::StructTable,
    header::{Block, Layout, read_block, read_header},
    places::matters,
    search::Search,
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
/// Walks through the whole file, so it also finds out whether the file is complete. The struct table, which says where the
/// paths are, stands at its end: small blocks are kept until then, and the file is walked through again only if those
/// were too many, or one that matters was large. `open` begins it anew each time. `size_bytes` is the file's size. Not
/// found: files that scripts open, and caches of points in the file's own folder of caches.
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
        let mut content = Content::open(source, size_bytes, limits)?;
        let (layout, _) = read_header(&mut content)?;
        Ok::<_, BlendError>((content, layout))
    };
    let (mut content, layout) = begin()?;
    let (kept, at, table) = walk(&mut content, layout, limits)?;
    let table = StructTable::parse(&table, layout)
        .ok_or(BlendError::Damaged { offset: at, what: "the struct table is broken" })?;
    let mut search = Search::new(&table, layout, limits);
    if kept.is_enough(&table) {
        for (block, range) in kept.blocks {
            if search.wants(&block) {
                search.look(&block, &kept.bytes[range])?;
            }
        }
    } else {
        drop(kept);
        let (mut content, layout) = begin()?;
        while let Some(block) = read_block(&mut content, layout)? {
            if !search.wants(&block) {
                content.skip(block.len)?;
            } else if block.len > limits.block_bytes {
                return Err(BlendError::OverLimit { limit: "a block of it, in bytes,", allowed: limits.block_bytes });
            } else {
                search.look(&block, &content.take(block.len)?)?;
            }
        }
    }
    Ok(search.found())
}

/// Largest block that is kept before it is known whether it matters, in bytes; structs with a path have up to 5,000.
const SMALL_BYTES: u64 = 16 << 10;

/// What the first walk keeps.
#[derive(Default)]
struct Kept {
    blocks: Vec<(Block, Range<usize>)>,
    bytes: Vec<u8>,
    /// Structs of larger blocks.
    left: BTreeSet<u32>,
    /// True once there were too many small ones.
    full: bool,
}

impl Kept {
    const fn size_bytes(&self) -> u64 {
        (self.bytes.len() + self.blocks.len() * size_of::<(Block, Range<usize>)>()) as u64
    }

    /// True if nothing that was left out can matter.
    fn is_enough(&self, table: &StructTable<'_>) -> bool {
        !self.full && !self.left.iter().any(|index| table.get(*index).is_some_and(matters))
    }
}

/// Walks to the end: what is kept, where the struct table begins, and its content.
fn walk<R: Read>(
    content: &mut Content<R>,
    layout: Layout,
    limits: BlendLimits,
) -> Result<(Kept, u64, Vec<u8>), BlendError> {
    let mut kept = Kept::default();
    let mut table = None;
    for _ in 0..limits.blocks {
        let at = content.offset();
        let Some(block) = read_block(content, layout)? else {
            let (at, table) = table.ok_or(BlendError::Damaged { offset: at, what: "the struct table is missing" })?;
            return Ok((kept, at, table));
        };
        if &block.code == b"DNA1" {
            if block.len > limits.table_bytes {
                return Err(BlendError::OverLimit {
                    limit: "its struct table, in bytes,",
                    allowed: limits.table_bytes,
                });
            }
            table = Some((at, content.take(block.len)?));
        } else if block.len > SMALL_BYTES {
            // Indices that no table has are not worth keeping.
            kept.left.extend(Some(block.struct_index).filter(|index| *index < 1 << 16));
            content.skip(block.len)?;
        } else if kept.full || kept.size_bytes() + block.len > limits.kept_bytes {
            kept = Kept { full: true, ..Kept::default() };
            content.skip(block.len)?;
        } else {
            let start = kept.bytes.len();
            kept.bytes.extend(content.take(block.len)?);
            kept.blocks.push((block, start..kept.bytes.len()));
        }
    }
    Err(BlendError::OverLimit { limit: "its number of blocks", allowed: limits.blocks })
}
