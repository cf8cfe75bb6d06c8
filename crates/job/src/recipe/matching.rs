/// What matching looks at; cheap to find out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seen {
    /// The last part of the path.
    pub name: String,
    /// The first bytes of a file, at most [`Seen::FIRST_BYTES`]; empty for a folder.
    pub first_bytes: Vec<u8>,
    /// The names inside a folder; `None` for a file.
    pub entries: Option<Vec<String>>,
}

impl Seen {
    /// How many bytes of a file recipes may look at.
    pub const FIRST_BYTES: usize = 32;

    /// The name's extension in lower case, without the dot.
    #[must_use]
    pub fn extension(&self) -> Option<String> {
        let (stem, extension) = self.name.rsplit_once('.')?;
        (!stem.is_empty() && !extension.is_empty()).then(|| extension.to_lowercase())
    }
}

/// What a recipe asks for: any of these is enough.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Matches {
    /// Lower case, without the dot.
    pub(crate) extensions: Vec<String>,
    /// First bytes of files whose extension no recipe needs to know.
    pub(crate) magic: Vec<Vec<u8>>,
    /// A folder with any of these names in it.
    pub(crate) folder_markers: Vec<String>,
}

impl Matches {
    pub(crate) fn fit(&self, seen: &Seen) -> bool {
        if let Some(entries) = &seen.entries {
            return self.folder_markers.iter().any(|marker| entries.contains(marker));
        }
        let name = seen.name.to_lowercase();
        // `scene.sample.toml` has the extension `sample.toml`, too.
        let extension = |wanted: &String| {
            name.strip_suffix(wanted.as_str())
                .and_then(|rest| rest.strip_suffix('.'))
                .is_some_and(|stem| !stem.is_empty())
        };
        self.extensions.iter().any(extension) || self.magic.iter().any(|magic| seen.first_bytes.starts_with(magic))
    }
}
