//! Writes small .blend files in every form, and damages them.

use std::io::Write as _;

/// The forms of a file's header and blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Classic4 { big: bool },
    Classic8 { big: bool },
    Large,
}

pub(crate) const FORMS: [Form; 5] = [
    Form::Classic4 { big: false },
    Form::Classic4 { big: true },
    Form::Classic8 { big: false },
    Form::Classic8 { big: true },
    Form::Large,
];

/// A .blend being written.
#[derive(Debug, Clone)]
pub(crate) struct Writer {
    form: Form,
    pub(crate) bytes: Vec<u8>,
}

impl Writer {
    pub(crate) fn new(form: Form) -> Self {
        let header: &[u8] = match form {
            Form::Classic4 { big: false } => b"BLENDER_v304",
            Form::Classic4 { big: true } => b"BLENDER_V279",
            Form::Classic8 { big: false } => b"BLENDER-v304",
            Form::Classic8 { big: true } => b"BLENDER-V280",
            Form::Large => b"BLENDER17-01v0500",
        };
        Self { form, bytes: header.to_vec() }
    }

    fn big(&self) -> bool {
        matches!(self.form, Form::Classic4 { big: true } | Form::Classic8 { big: true })
    }

    pub(crate) fn i32(&self, value: i32) -> [u8; 4] {
        if self.big() { value.to_be_bytes() } else { value.to_le_bytes() }
    }

    fn u16(&self, value: u16) -> [u8; 2] {
        if self.big() { value.to_be_bytes() } else { value.to_le_bytes() }
    }

    pub(crate) fn header(&mut self, code: &[u8; 4], len: i64, index: i32) {
        self.header_at(code, len, index, 0x1111);
    }

    fn header_at(&mut self, code: &[u8; 4], len: i64, index: i32, address: i64) {
        self.bytes.extend(code);
        match self.form {
            Form::Classic4 { .. } => {
                for word in [len as i32, address as i32, index, 1] {
                    self.bytes.extend(self.i32(word));
                }
            }
            Form::Classic8 { .. } => {
                self.bytes.extend(self.i32(len as i32));
                self.bytes.extend(self.pointer(address));
                for word in [index, 1] {
                    self.bytes.extend(self.i32(word));
                }
            }
            Form::Large => {
                self.bytes.extend(index.to_le_bytes());
                for word in [address, len, 1] {
                    self.bytes.extend(word.to_le_bytes());
                }
            }
        }
    }

    fn pointer(&self, address: i64) -> Vec<u8> {
        match self.form {
            Form::Classic4 { .. } => self.i32(address as i32).to_vec(),
            _ if self.big() => address.to_be_bytes().to_vec(),
            _ => address.to_le_bytes().to_vec(),
        }
    }

    pub(crate) fn block(mut self, code: &[u8; 4], data: &[u8]) -> Self {
        self.header(code, data.len() as i64, 0);
        self.bytes.extend(data);
        self
    }

    pub(crate) fn scene(self, name: &[u8], start: i32, end: i32) -> Self {
        let mut data = [self.i32(start), self.i32(end)].concat();
        data.extend(name.iter().chain(std::iter::repeat(&0)).take(64));
        self.block(b"REND", &data)
    }

    pub(crate) fn thumbnail(self, width: i32, height: i32, pixels: &[u8]) -> Self {
        let mut data = [self.i32(width), self.i32(height)].concat();
        data.extend(pixels);
        self.block(b"TEST", &data)
    }

    /// A picture's block; `source` says whether it is one file, a sequence, tiles, …
    pub(crate) fn image(self, path: &[u8], packed: bool, source: i32) -> Self {
        let packed = Value::Number(i64::from(packed));
        let fields = [("name", Value::Text(path)), ("packedfile", packed), ("source", Value::Number(source.into()))];
        self.structs(b"IM\0\0", "Image", 0x2222, &[&fields])
    }

    /// A library's block.
    pub(crate) fn library(self, path: &[u8]) -> Self {
        self.structs(b"LI\0\0", "Library", 0x3333, &[&[("name", Value::Text(path))]])
    }

    /// A block of structs that lay at `address`; fields that are not named are zero.
    pub(crate) fn structs(
        mut self,
        code: &[u8; 4],
        holder: &str,
        address: i64,
        elements: &[&[(&str, Value<'_>)]],
    ) -> Self {
        let index = SCHEMA.iter().position(|(name, _)| *name == holder).unwrap();
        let mut data = Vec::new();
        for values in elements {
            for (kind, declared) in SCHEMA[index].1 {
                let value = values.iter().find(|(name, _)| *name == plain(declared)).map(|(_, value)| value);
                let bytes = match value {
                    None => Vec::new(),
                    Some(Value::Text(text)) => text.to_vec(),
                    Some(Value::Number(address)) if declared.starts_with('*') => self.pointer(*address),
                    Some(Value::Number(number)) if *kind == "short" => self.u16(*number as u16).to_vec(),
                    Some(Value::Number(number)) if *kind == "char" => vec![*number as u8],
                    Some(Value::Number(number)) if *kind == "int" => self.i32(*number as i32).to_vec(),
                    Some(Value::Number(address)) => self.pointer(*address),
                };
                let size = self.size(kind, declared);
                data.extend(bytes.into_iter().chain(std::iter::repeat(0)).take(size));
            }
        }
        self.header_at(code, data.len() as i64, index as i32, address);
        self.bytes.extend(data);
        self
    }

    /// A block without a struct, as the characters behind a pointer.
    pub(crate) fn raw(mut self, address: i64, data: &[u8]) -> Self {
        self.header_at(b"DATA", data.len() as i64, 0, address);
        self.bytes.extend(data);
        self
    }

    fn size(&self, kind: &str, declared: &str) -> usize {
        let one = if declared.starts_with('*') { self.pointer(0).len() } else { self.length(kind).into() };
        declared.split_once('[').map_or(1, |(_, count)| count.trim_end_matches(']').parse().unwrap()) * one
    }

    fn length(&self, kind: &str) -> u16 {
        match kind {
            "char" => 1,
            "short" => 2,
            "int" => 4,
            "ID" => 8,
            "ListBase" => 2 * self.pointer(0).len() as u16,
            _ => 0,
        }
    }

    /// The struct table and the end.
    pub(crate) fn end(self) -> Vec<u8> {
        let mut names: Vec<_> = SCHEMA.iter().flat_map(|(_, fields)| fields.iter().map(|field| field.1)).collect();
        names.sort_unstable();
        names.dedup();
        let mut types: Vec<_> = SCHEMA.iter().flat_map(|(_, fields)| fields.iter().map(|field| field.0)).collect();
        types.extend(SCHEMA.iter().map(|(name, _)| *name));
        types.sort_unstable();
        types.dedup();
        let mut dna = b"SDNANAME".to_vec();
        let text = |dna: &mut Vec<u8>, words: &[&str]| {
            dna.extend(self.i32(words.len() as i32));
            for word in words {
                dna.extend(word.as_bytes());
                dna.push(0);
            }
            dna.resize(dna.len().next_multiple_of(4), 0);
        };
        text(&mut dna, &names);
        dna.extend(b"TYPE");
        text(&mut dna, &types);
        dna.extend(b"TLEN");
        for kind in &types {
            dna.extend(self.u16(self.length(kind)));
        }
        dna.resize(dna.len().next_multiple_of(4), 0);
        dna.extend(b"STRC");
        dna.extend(self.i32(SCHEMA.len() as i32));
        let place = |words: &[&str], word| self.u16(words.binary_search(&word).unwrap() as u16);
        for (holder, fields) in SCHEMA {
            dna.extend(place(&types, holder));
            dna.extend(self.u16(fields.len() as u16));
            for (kind, declared) in *fields {
                dna.extend(place(&types, kind));
                dna.extend(place(&names, declared));
            }
        }
        let mut file = self.block(b"DNA1", &dna);
        file.header(b"ENDB", 0, 0);
        file.bytes
    }
}

/// What a field holds.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Value<'a> {
    Text(&'a [u8]),
    /// An integer, or where a pointer or list leads.
    Number(i64),
}

type Declared = (&'static str, &'static str);

/// Structs with the fields that matter, as the table declares them: type, name.
const SCHEMA: &[(&str, &[Declared])] = &[
    ("ID", &[("char", "id[8]")]),
    (
        "Image",
        &[("ID", "id"), ("char", "name[200]"), ("PackedFile", "*packedfile"), ("short", "source"), ("short", "pad")],
    ),
    ("Library", &[("ID", "id"), ("char", "name[200]"), ("PackedFile", "*packedfile")]),
    ("VFont", &[("ID", "id"), ("char", "name[200]"), ("PackedFile", "*packedfile")]),
    ("Volume", &[("ID", "id"), ("char", "filepath[200]"), ("char", "is_sequence"), ("char", "pad[3]")]),
    ("Text", &[("ID", "id"), ("char", "*name"), ("int", "flags"), ("int", "pad"), ("ListBase", "lines")]),
    ("Strip", &[("StripElem", "*stripdata"), ("char", "dir[200]")]),
    ("StripElem", &[("char", "name[80]"), ("int", "size[2]")]),
    ("FluidDomainSettings", &[("char", "cache_directory[200]"), ("int", "cache_flag")]),
    ("PointCache", &[("PointCache", "*next"), ("int", "flag"), ("char", "path[200]")]),
    ("NodesModifierData", &[("char", "*simulation_bake_directory"), ("void", "(*free)()")]),
];

fn plain(declared: &str) -> &str {
    declared.trim_start_matches('*').split('[').next().unwrap()
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Zstandard as Blender writes it: frames of `frame_bytes`, then a skippable frame.
pub(crate) fn zstd(bytes: &[u8], frame_bytes: usize) -> Vec<u8> {
    let mut packed = Vec::new();
    for part in bytes.chunks(frame_bytes) {
        packed.extend(ruzstd::encoding::compress_to_vec(part, ruzstd::encoding::CompressionLevel::Fastest));
    }
    packed.extend([0x5e, 0x2a, 0x4d, 0x18, 5, 0, 0, 0, 1, 2, 3, 4, 5]);
    packed
}
