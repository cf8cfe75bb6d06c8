use super::header::Layout;

/// Most structs, names or types one file may declare: Blender has about 1,000, 6,000 and 1,100.
const MAX_ENTRIES: usize = 65_536;

/// Where the few fields lie that file references need: the file's own struct table, cut down.
#[derive(Debug, Default)]
pub(super) struct StructTable {
    structs: Vec<Struct>,
}

/// One struct of the file.
#[derive(Debug)]
pub(super) struct Struct {
    pub(super) type_name: String,
    pub(super) fields: Vec<Field>,
}

/// One field: its plain name, offset and size in bytes, and whether it is a pointer.
#[derive(Debug)]
pub(super) struct Field {
    pub(super) name: String,
    pub(super) type_name: String,
    pub(super) offset: usize,
    pub(super) size: usize,
    pub(super) pointer: bool,
}

impl StructTable {
    pub(super) fn get(&self, index: u32) -> Option<&Struct> {
        self.structs.get(index as usize)
    }

    /// Reads the content of a `DNA1` block; `None` when it is damaged.
    pub(super) fn parse(bytes: &[u8], layout: Layout) -> Option<Self> {
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

fn read_struct(at: &mut Cursor<'_>, names: &[&[u8]], types: &[&[u8]], lengths: &[u16]) -> Option<Struct> {
    let type_name = String::from_utf8_lossy(types.get(usize::from(at.u16()?))?).into_owned();
    let mut fields = Vec::new();
    let mut offset = 0_usize;
    for _ in 0..at.u16()? {
        let kind = usize::from(at.u16()?);
        let name = String::from_utf8_lossy(names.get(usize::from(at.u16()?))?).into_owned();
        let pointer = name.starts_with('*') || name.starts_with("(*");
        let one = if pointer { at.layout.pointer_bytes as usize } else { usize::from(*lengths.get(kind)?) };
        let size = one.checked_mul(array_count(&name)?)?;
        let plain = name.trim_start_matches(['*', '(']).split(['[', ')']).next().unwrap_or_default().to_owned();
        let type_name = String::from_utf8_lossy(types.get(kind)?).into_owned();
        fields.push(Field { name: plain, type_name, offset, size, pointer });
        offset = offset.checked_add(size)?;
    }
    Some(Struct { type_name, fields })
}

/// `mat[4][4]` has 16 elements.
fn array_count(name: &str) -> Option<usize> {
    name.split('[').skip(1).try_fold(1_usize, |count, part| {
        let digits = part.split(']').next()?;
        count.checked_mul(digits.parse().ok()?)
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
