//! Where Blender's structs keep paths of files that they read: names in the file's own struct table, which stay when
//! Blender renames a field in its source. Found by saving files with Blender 3.4 and 5.0 and reading their tables.

use super::{
    dna::{Record, Struct},
    trace::{ReferenceKind as Kind, Spread},
};

/// A struct that refers to files.
#[derive(Debug)]
pub(super) struct Place {
    /// The struct's name.
    pub(super) holder: &'static [u8],
    pub(super) path: PathField,
    pub(super) kind: Kind,
    /// How many files the path stands for; `None` where it is kept but not read.
    pub(super) spread: fn(&Record<'_>) -> Option<Spread>,
}

/// Which of a struct's fields has the path.
#[derive(Debug)]
pub(super) enum PathField {
    /// An array of characters, by the names it has in different versions.
    Text(&'static [&'static str]),
    /// A pointer to characters.
    Pointer(&'static str),
    /// A folder, and a pointer to structs that each name a file in it.
    Folder { folder: &'static [&'static str], entries: &'static str },
}

/// The struct behind [`PathField::Folder`]'s pointer; its `name` is that of a file.
pub(super) const ENTRY: &[u8] = b"StripElem";

const PLACES: [Place; 19] = [
    Place { holder: b"Image", path: NAME, kind: Kind::Image, spread: image },
    Place { holder: b"MovieClip", path: NAME, kind: Kind::MovieClip, spread: |it| sequence_if(it, "source", 1) },
    Place { holder: b"bSound", path: NAME, kind: Kind::Sound, spread: one },
    Place { holder: b"VFont", path: NAME, kind: Kind::Font, spread: font },
    Place { holder: b"Library", path: NAME, kind: Kind::Library, spread: library },
    Place { holder: b"CacheFile", path: FILE, kind: Kind::Cache, spread: |it| sequence_if(it, "is_sequence", 1) },
    Place { holder: b"CacheFileLayer", path: FILE, kind: Kind::Cache, spread: one },
    Place { holder: b"MeshCacheModifierData", path: FILE, kind: Kind::Cache, spread: one },
    Place { holder: b"CustomDataExternal", path: PathField::Text(&["filename"]), kind: Kind::Cache, spread: one },
    Place { holder: b"Volume", path: FILE, kind: Kind::Volume, spread: |it| sequence_if(it, "is_sequence", 1) },
    Place { holder: b"Text", path: PathField::Pointer("name"), kind: Kind::Text, spread: one },
    Place { holder: b"NodeShaderScript", path: FILE, kind: Kind::Text, spread: |it| if_bits(it, "mode", 1) },
    Place { holder: b"NodeShaderTexIES", path: FILE, kind: Kind::Light, spread: |it| if_bits(it, "mode", 1) },
    Place {
        holder: b"Strip",
        path: PathField::Folder { folder: &["dir", "dirpath"], entries: "stripdata" },
        kind: Kind::Strip,
        spread: one,
    },
    // Blender fills this folder while it plays; the bits say that a kind of it is finished.
    Place {
        holder: b"FluidDomainSettings",
        path: PathField::Text(&["cache_directory"]),
        kind: Kind::Simulation,
        spread: |it| folder(it, "cache_flag", 0b10_1010_1010),
    },
    Place {
        holder: b"OceanModifierData",
        path: PathField::Text(&["cachepath"]),
        kind: Kind::Simulation,
        spread: |it| folder(it, "cached", 1),
    },
    // Other caches of points lie in the file or in its own folder of caches.
    Place {
        holder: b"PointCache",
        path: PathField::Text(&["path"]),
        kind: Kind::Simulation,
        spread: |it| if_bits(it, "flag", 1 << 9).and(Some(Spread::Folder { made: true })),
    },
    Place {
        holder: b"NodesModifierData",
        path: PathField::Pointer("simulation_bake_directory"),
        kind: Kind::Simulation,
        spread: |_| Some(Spread::Folder { made: false }),
    },
    Place {
        holder: b"NodesModifierBake",
        path: PathField::Pointer("directory"),
        kind: Kind::Simulation,
        spread: |_| Some(Spread::Folder { made: false }),
    },
];

pub(super) fn place(form: &Struct<'_>) -> Option<&'static Place> {
    PLACES.iter().find(|place| place.holder == form.type_name)
}

/// True for structs with a path or a part of one.
pub(super) fn matters(form: &Struct<'_>) -> bool {
    form.type_name == ENTRY || place(form).is_some()
}

const NAME: PathField = PathField::Text(&["name", "filepath"]);
const FILE: PathField = PathField::Text(&["filepath"]);

/// Pointers that say, when they lead anywhere, that the file's content lies in the .blend. Of texts it always does; the
/// file itself is read again only when a person asks for it.
const PACKED: [&str; 4] = ["packedfile", "newpackedfile", "packedfiles", "lines"];

pub(super) fn is_packed(record: &Record<'_>) -> bool {
    PACKED.iter().any(|name| record.address(name).is_some_and(|address| address != 0))
}

fn one(_: &Record<'_>) -> Option<Spread> {
    Some(Spread::One)
}

fn image(record: &Record<'_>) -> Option<Spread> {
    match record.number("source") {
        Some(2) => Some(Spread::Sequence),
        // Generated pictures and render results keep a path that means nothing.
        Some(4 | 5) => None,
        Some(6) => Some(Spread::Tiles),
        _ => Some(Spread::One),
    }
}

fn font(record: &Record<'_>) -> Option<Spread> {
    (record.text("name") != Some(b"<builtin>")).then_some(Spread::One)
}

fn library(record: &Record<'_>) -> Option<Spread> {
    (!record.text("name").is_some_and(is_own_asset)).then_some(Spread::One)
}

/// True for what Blender brings along itself, as its brushes: it is on every machine that has Blender.
pub(crate) fn is_own_asset(path: &[u8]) -> bool {
    const FOLDER: &[u8] = b"/datafiles/assets/";
    path.windows(FOLDER.len()).any(|part| part == FOLDER)
}

fn sequence_if(record: &Record<'_>, field: &str, value: u64) -> Option<Spread> {
    Some(if record.number(field) == Some(value) { Spread::Sequence } else { Spread::One })
}

fn if_bits(record: &Record<'_>, field: &str, bits: u64) -> Option<Spread> {
    (record.number(field)? & bits != 0).then_some(Spread::One)
}

fn folder(record: &Record<'_>, field: &str, made: u64) -> Option<Spread> {
    Some(Spread::Folder { made: record.number(field).is_some_and(|flags| flags & made != 0) })
}
