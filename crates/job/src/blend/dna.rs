use super::header::Layout;

/// Most structs, names or types one file may declare: Blender has about 1,000, 6,000 and 1,100.
const MAX_ENTRIES: usize = 65_536;

/// How the structs of one file are laid out: its own table, so that any version of Blender can be read.
#[derive(Debug, Default)]
pub(super) struct StructTable<'a> {
    structs: Vec<Struct<'a>>,
}

/// One struct of the file.
#[derive(Debug)]
pub(super) struct Struct<'a> {
    pub(super) type_name: &'a [u8],
    /// Bytes of one element.
    pub(super) size: usize,
    fields: Vec<Field<'a>>,
}

/// One field: its plain name, offset and size in bytes, and whether it is a pointer.
#[derive(Debug)]
struct Field<'a> {
    name: &'a [u8],
    type_name: &'a [u8],
    offset: usize,
    size: usize,
    pointer: bool,
}

/// One element of a struct: its fields by name.
#[derive(Debug, Clone, Copy)]
pub(super) struct Record<'a> {
    pub(super) form: &'a Struct<'a>,
    pub(super) bytes: &'a [u8],
    pub(super) layout: Layout,
}

impl<'a> Record<'a> {
    /// The text in an array of characters, up to its first zero; `None` for any other field.
    pub(super) fn text(&self, name: &str) -> Option<&'a [u8]> {
        let (field, bytes) = self.field(name)?;
        let is_text = field.type_name == b"char" && !field.pointer && field.size > 1;
        is_text.then(|| bytes.split(|byte| *byte == 0).next().unwrap_or_default())
    }

    /// The address a pointer held when the file was written, or that of the first entry of a list; zero leads nowhere.
    pub(super) fn address(&self, name: &str) -> Option<u64> {
        let (field, bytes) = self.field(name)?;
        let is_address = field.pointer || field.type_name == b"ListBase";
        is_address.then(|| self.layout.number(bytes.get(..self.layout.pointer_bytes)?)).flatten()
    }

    /// An integer of any width, taken as unsigned.
    pub(super) fn number(&self, name: &str) -> Option<u64> {
        let (field, bytes) = self.field(name)?;
        (!field.pointer).then(|| self.layout.number(bytes)).flatten()
    }

    fn field(&self, name: &str) -> Option<(&'a Field<'a>, &'a [u8])> {
        let field = self.form.fields.iter().find(|field| field.name == name.as_bytes())?;
        Some((field, self.bytes.get(field.offset..field.offset.checked_add(field.size)?)?))
    }
}

impl<'a> StructTable<'a> {
    pub(super) fn get(&self, index: u32) -> Option<&Struct<'a>> {
        self.structs.get(index as usize)
    }

    /// Reads the content of a `DNA1` block; `None` when it is damaged.
    pub(super) fn parse(bytes: &'a [u8], layout: Layout) -> Option<Self> {
        let mut at = Cursor { bytes, at: 0, layout };
        at.tag(b"SDNA")?;
        at.tag(b"NAME")?;
        let names = at.strings()?;
        at.tag(b"TYPE")?;
        let types = at.strings()?;
        at.tag(b"TLEN")?;
        let lengths = (0..types.len()).map(|_| at.u16()).collect::<Option<Vec<_>>>()?;
        at.align();
        at.tag(b"STRC")?;
        let count = at.count()?;
        let structs = (0..count).map(|_| read_struct(&mut at, &names, &types, &lengths)).collect::<Option<_>>()?;
        Some(Self { structs })
    }
}

fn read_struct<'a>(at: &mut Cursor<'a>, names: &[&'a [u8]], types: &[&'a [u8]], lengths: &[u16]) -> Option<Struct<'a>> {
    let type_name = *types.get(usize::from(at.u16()?))?;
    let mut fields = Vec::new();
    let mut offset = 0_usize;
    for _ in 0..at.u16()? {
        let kind = usize::from(at.u16()?);
        let declared = *names.get(usize::from(at.u16()?))?;
        let pointer = declared.starts_with(b"*") || declared.starts_with(b"(*");
        let one = if pointer { at.layout.pointer_bytes } else { usize::from(*lengths.get(kind)?) };
        let size = one.checked_mul(array_count(declared)?)?;
        fields.push(Field { name: plain(declared), type_name: types.get(kind)?, offset, size, pointer });
        offset = offset.checked_add(size)?;
    }
    Some(Struct { type_name, size: offset, fields })
}

/// `*mat[4]` and `(*mat)()` are called `mat`.
fn plain(declared: &[u8]) -> &[u8] {
    let start = declared.iter().position(|byte| !b"*(".contains(byte)).unwrap_or(declared.len());
    declared[start..].split(|byte| b"[)".contains(byte)).next().unwrap_or_default()
}

/// `mat[4][4]` has 16 elements.
fn array_count(declared: &[u8]) -> Option<usize> {
    declared.split(|byte| *byte == b'[').skip(1).try_fold(1_usize, |count, part| {
        let digits = part.split(|byte| *byte == b']').next()?;
        count.checked_mul(std::str::from_utf8(digits).ok()?.parse().ok()?)
    })
}

struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
    layout: Layout,
}

impl<'a> Cursor<'a> {
    fn tag(&mut self, tag: &[u8; 4]) -> Option<()> {
        let found = self.bytes.get(self.at..)?.first_chunk::<4>()?;
        self.at += 4;
        (found == tag).then_some(())
    }

    fn u16(&mut self) -> Option<u16> {
        let found = self.bytes.get(self.at..)?.first_chunk::<2>()?;
        self.at += 2;
        Some(self.layout.u16(*found))
    }

    fn count(&mut self) -> Option<usize> {
        let found = self.layout.i32_at(self.bytes, self.at)?;
        self.at += 4;
        usize::try_from(found).ok().filter(|count| *count <= MAX_ENTRIES)
    }

    /// Sections start at multiples of four.
    fn align(&mut self) {
        self.at = self.at.next_multiple_of(4);
    }

    fn strings(&mut self) -> Option<Vec<&'a [u8]>> {
        let count = self.count()?;
        let mut strings = Vec::new();
        for _ in 0..count {
            let rest = self.bytes.get(self.at..)?;
            let len = rest.iter().position(|byte| *byte == 0)?;
            strings.push(&rest[..len]);
            self.at += len + 1;
        }
        self.align();
        Some(strings)
    }
}
