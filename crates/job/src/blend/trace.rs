use std::{collections::BTreeSet, io::Read};

use super::{
    BlendError, BlendLimits,
    card::until_zero,
    dna::{Struct, StructTable},
    header::{Block, Layout, read_block, read_header},
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
    /// An Alembic or USD cache.
    Cache,
    /// A volume (OpenVDB).
    Volume,
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
}

/// Blocks whose file references are looked up: code, kind.
const KINDS: [([u8; 4], ReferenceKind); 7] = [
    (*b"IM\0\0", ReferenceKind::Image),
    (*b"LI\0\0", ReferenceKind::Library),
    (*b"SO\0\0", ReferenceKind::Sound),
    (*b"VF\0\0", ReferenceKind::Font),
    (*b"MC\0\0", ReferenceKind::MovieClip),
    (*b"CF\0\0", ReferenceKind::Cache),
    (*b"VO\0\0", ReferenceKind::Volume),
];

/// Lists the outside files that the data blocks of a .blend name, each once, sorted; packed ones are left out.
///
/// Walks the whole file, so it also finds out whether the file is complete. Uses the struct table that every .blend
/// carries. Not found: strips of the video sequencer, point caches and simulation folders, files that scripts open.
///
/// # Errors
///
/// A [`BlendError`], as for [`super::card`]; never panics.
pub fn references<R: Read>(source: R, size_bytes: u64, limits: BlendLimits) -> Result<Vec<Reference>, BlendError> {
    let mut content = Content::open(source, size_bytes, limits)?;
    let (layout, _) = read_header(&mut content)?;
    let mut kept = Vec::new();
    let mut kept_bytes = 0_u64;
    let mut table = None;
    for _ in 0..limits.blocks {
        let at = content.offset();
        let Some(block) = read_block(&mut content, layout)? else {
            let table = table.ok_or(BlendError::Damaged { offset: at, what: "the struct table is missing" })?;
            return Ok(find(&kept, &table, layout));
        };
        let kind = KINDS.iter().find(|(code, _)| *code == block.code).map(|(_, kind)| *kind);
        if kind.is_none() && &block.code != b"DNA1" {
            content.skip(block.len)?;
            continue;
        }
        kept_bytes = kept_bytes.saturating_add(block.len);
        if kept_bytes > limits.kept_bytes {
            return Err(BlendError::OverLimit { limit: "its data blocks, in bytes,", allowed: limits.kept_bytes });
        }
        let data = content.take(block.len)?;
        match kind {
            Some(kind) => kept.push((kind, block, data)),
            None => {
                let parsed = StructTable::parse(&data, layout);
                table = Some(parsed.ok_or(BlendError::Damaged { offset: at, what: "the struct table is broken" })?);
            }
        }
    }
    Err(BlendError::OverLimit { limit: "its number of blocks", allowed: limits.blocks })
}

fn find(kept: &[(ReferenceKind, Block, Vec<u8>)], table: &StructTable, layout: Layout) -> Vec<Reference> {
    let mut found = BTreeSet::new();
    for (kind, block, data) in kept {
        if let Some(reference) = table.get(block.struct_index).and_then(|form| reference(*kind, form, data, layout)) {
            found.insert(reference);
        }
    }
    found.into_iter().collect()
}

/// Shortest array that Blender uses for a path; shorter ones are names.
const PATH_BYTES: usize = 160;

fn reference(kind: ReferenceKind, form: &Struct, data: &[u8], layout: Layout) -> Option<Reference> {
    let bytes_of = |name: &str| {
        let field = form.fields.iter().find(|field| field.name == name)?;
        Some((field, data.get(field.offset..field.offset.checked_add(field.size)?)?))
    };
    let is_packed = ["packedfile", "newpackedfile", "packedfiles"].iter().any(|name| {
        // `packedfiles` is a list: its first pointer tells whether it is empty.
        bytes_of(name).is_some_and(|(_, bytes)| bytes.iter().take(layout.pointer_bytes as usize).any(|byte| *byte != 0))
    });
    let is_path = |name: &str| {
        let (field, bytes) = bytes_of(name)?;
        (field.type_name == "char" && !field.pointer && field.size >= PATH_BYTES).then(|| until_zero(bytes).to_vec())
    };
    // The path as written is called `name` or, in newer tables, `filepath`; a second `filepath` is the resolved one.
    let path = is_path("name").or_else(|| is_path("filepath")).filter(|path| !path.is_empty())?;
    let source = bytes_of("source").and_then(|(_, bytes)| Some(layout.u16(*bytes.first_chunk()?)));
    let spread = match (kind, source) {
        // Generated pictures and render results keep a path that means nothing.
        (ReferenceKind::Image, Some(4 | 5)) => return None,
        (ReferenceKind::Image, Some(6)) => Spread::Tiles,
        (ReferenceKind::Image, Some(2)) | (ReferenceKind::MovieClip, Some(1)) => Spread::Sequence,
        _ => Spread::One,
    };
    let built_in = kind == ReferenceKind::Font && path == b"<builtin>";
    (!is_packed && !built_in && form.type_name != "ID").then_some(Reference { kind, path, spread })
}
