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
        self.bytes.extend(code);
        match self.form {
            Form::Classic4 { .. } => {
                for word in [len as i32, 0x1111, index, 1] {
                    self.bytes.extend(self.i32(word));
                }
            }
            Form::Classic8 { .. } => {
                for word in [len as i32, 0x1111, 0x2222, index, 1] {
                    self.bytes.extend(self.i32(word));
                }
            }
            Form::Large => {
                self.bytes.extend(index.to_le_bytes());
                for word in [0x1111, len, 1] {
                    self.bytes.extend(word.to_le_bytes());
                }
            }
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

    /// A data block that refers to a file; struct number `index` is that of [`Writer::end`]'s table.
    pub(crate) fn reference(mut self, code: &[u8; 4], index: i32, path: &[u8], packed: bool, source: u16) -> Self {
        let mut data = vec![7; 8];
        data.extend(path.iter().chain(std::iter::repeat(&0)).take(200));
        let pointer = if matches!(self.form, Form::Classic4 { .. }) { 4 } else { 8 };
        data.extend(std::iter::repeat_n(u8::from(packed), pointer));
        data.extend(self.u16(source));
        data.extend([0; 2]);
        self.header(code, data.len() as i64, index);
        self.bytes.extend(data);
        self
    }

    /// The struct table (struct 1 has a file path) and the end.
    pub(crate) fn end(self) -> Vec<u8> {
        let names = ["id[8]", "name[200]", "*packedfile", "source", "pad"];
        let types = [("char", 1), ("short", 2), ("PackedFile", 0), ("ID", 8), ("Image", 0)];
        let mut dna = b"SDNANAME".to_vec();
        let text = |dna: &mut Vec<u8>, words: &[&str]| {
            for word in words {
                dna.extend(word.as_bytes());
                dna.push(0);
            }
            dna.resize(dna.len().next_multiple_of(4), 0);
        };
        dna.extend(self.i32(names.len() as i32));
        text(&mut dna, &names);
        dna.extend(b"TYPE");
        dna.extend(self.i32(types.len() as i32));
        text(&mut dna, &types.map(|(name, _)| name));
        dna.extend(b"TLEN");
        for (_, size) in types {
            dna.extend(self.u16(size));
        }
        dna.resize(dna.len().next_multiple_of(4), 0);
        dna.extend(b"STRC");
        dna.extend(self.i32(2));
        // ID { char id[8] }; Image { char id[8]; char name[200]; PackedFile *packedfile; short source; short pad }
        for word in [3, 1, 0, 0, 4, 5, 0, 0, 0, 1, 2, 2, 1, 3, 1, 4] {
            dna.extend(self.u16(word));
        }
        let mut file = self.block(b"DNA1", &dna);
        file.header(b"ENDB", 0, 0);
        file.bytes
    }
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
