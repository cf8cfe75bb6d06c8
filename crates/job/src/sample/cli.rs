use super::{Image, ImageError, Rect, SampleScene, SceneError, decode_png, encode_png, render, tile_count, tiles};

/// `gridwell sample …`, parsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SampleCommand {
    /// `gridwell sample render`
    Render(Render),
    /// `gridwell sample assemble`
    Assemble(Assemble),
}

/// `gridwell sample render --scene FILE --frame N --output FILE.png [--size WxH] [--tile X,Y,W,H | --tile-index I --side S]`
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Render {
    /// The scene's file.
    pub scene: String,
    /// The frame.
    pub frame: i64,
    /// The PNG to write; with [`Render::tile_index`] the folder in which [`tile_name`] names it.
    pub output: String,
    /// Width and height instead of the scene's.
    pub size: Option<(u32, u32)>,
    /// The part to render.
    pub tile: Option<Rect>,
    /// The part to render as position and side of a square tile.
    pub tile_index: Option<(u64, u32)>,
}

/// `gridwell sample assemble --scene FILE --frame N --side S --tiles DIR --output FILE.png [--size WxH]`
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Assemble {
    /// The scene's file: it says the frame's size.
    pub scene: String,
    /// The frame.
    pub frame: i64,
    /// Side of the tiles in pixels.
    pub side: u32,
    /// Folder with the tiles, named by [`tile_name`].
    pub tiles: String,
    /// The PNG to write.
    pub output: String,
    /// Width and height instead of the scene's.
    pub size: Option<(u32, u32)>,
}

/// Arguments that make no command.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UsageError {
    /// Neither `render` nor `assemble`.
    #[error("'gridwell sample {word}' is not known; there are 'render' and 'assemble'")]
    Command {
        /// What was asked for.
        word: String,
    },
    /// An option that does not exist here.
    #[error("unknown option '{option}' of 'gridwell sample'")]
    Option {
        /// The option.
        option: String,
    },
    /// A value that the option does not take, or none.
    #[error("'{value}' is no value for {option}")]
    Value {
        /// The option.
        option: String,
        /// The value, empty when there was none.
        value: String,
    },
    /// An option that must be there.
    #[error("'gridwell sample' needs {option}")]
    Missing {
        /// The option.
        option: &'static str,
    },
}

/// Why a frame was not made.
#[derive(Debug, thiserror::Error)]
pub enum SampleError {
    /// The scene cannot be used.
    #[error(transparent)]
    Scene(#[from] SceneError),
    /// A picture cannot be written or read.
    #[error(transparent)]
    Image(#[from] ImageError),
    /// A tile that does not lie in the frame.
    #[error("tile {index} is outside a frame of {tiles} tiles")]
    NoSuchTile {
        /// Its position.
        index: u64,
        /// How many there are.
        tiles: u64,
    },
    /// A tile's file could not be read.
    #[error("cannot read tile '{name}': {reason}")]
    Tile {
        /// The file's name.
        name: String,
        /// The system's reason.
        reason: String,
    },
}

/// The file name of a tile: frame and position, so that every tile of a job has its own.
#[must_use]
pub fn tile_name(frame: i64, index: u64) -> String {
    format!("frame_{frame:04}_tile_{index:05}.png")
}

/// Parses what follows `gridwell sample`.
///
/// # Errors
///
/// [`UsageError`] in one line.
pub fn parse_arguments<S: AsRef<str>>(arguments: &[S]) -> Result<SampleCommand, UsageError> {
    let mut words = arguments.iter().map(AsRef::as_ref);
    let command = words.next().unwrap_or_default();
    let mut options = Options::default();
    while let Some(option) = words.next() {
        options.set(option, words.next().unwrap_or_default())?;
    }
    match command {
        "render" => options.render().map(SampleCommand::Render),
        "assemble" => options.assemble().map(SampleCommand::Assemble),
        word => Err(UsageError::Command { word: word.to_owned() }),
    }
}

#[derive(Default)]
struct Options {
    scene: Option<String>,
    frame: Option<i64>,
    output: Option<String>,
    tiles: Option<String>,
    side: Option<u32>,
    tile_index: Option<u64>,
    size: Option<(u32, u32)>,
    tile: Option<Rect>,
}

impl Options {
    fn set(&mut self, option: &str, value: &str) -> Result<(), UsageError> {
        let refuse = || UsageError::Value { option: option.to_owned(), value: value.to_owned() };
        let numbers = |separator| value.split(separator).map(|part| part.parse().ok()).collect::<Option<Vec<u32>>>();
        let text = || if value.is_empty() { Err(refuse()) } else { Ok(Some(value.to_owned())) };
        match option {
            "--scene" => self.scene = text()?,
            "--output" => self.output = text()?,
            "--tiles" => self.tiles = text()?,
            "--frame" => self.frame = Some(value.parse().map_err(|_| refuse())?),
            "--tile-index" => self.tile_index = Some(value.parse().map_err(|_| refuse())?),
            "--side" => {
                self.side = Some(value.parse().ok().filter(|side| (1..=16_384).contains(side)).ok_or_else(refuse)?);
            }
            "--size" => match numbers('x').as_deref() {
                Some(&[width @ 1..=16_384, height @ 1..=16_384]) => self.size = Some((width, height)),
                _ => return Err(refuse()),
            },
            "--tile" => match numbers(',').as_deref() {
                Some(&[x, y, width, height]) if width > 0 && height > 0 => {
                    self.tile = Some(Rect { x, y, width, height });
                }
                _ => return Err(refuse()),
            },
            _ => return Err(UsageError::Option { option: option.to_owned() }),
        }
        Ok(())
    }

    fn render(self) -> Result<Render, UsageError> {
        let tile_index = match (self.tile_index, self.side) {
            (Some(index), Some(side)) => Some((index, side)),
            (Some(_), None) => return Err(UsageError::Missing { option: "--side" }),
            (None, _) => None,
        };
        Ok(Render {
            scene: self.scene.ok_or(UsageError::Missing { option: "--scene" })?,
            frame: self.frame.ok_or(UsageError::Missing { option: "--frame" })?,
            output: self.output.ok_or(UsageError::Missing { option: "--output" })?,
            size: self.size,
            tile: self.tile,
            tile_index,
        })
    }

    fn assemble(self) -> Result<Assemble, UsageError> {
        Ok(Assemble {
            scene: self.scene.ok_or(UsageError::Missing { option: "--scene" })?,
            frame: self.frame.ok_or(UsageError::Missing { option: "--frame" })?,
            side: self.side.ok_or(UsageError::Missing { option: "--side" })?,
            tiles: self.tiles.ok_or(UsageError::Missing { option: "--tiles" })?,
            output: self.output.ok_or(UsageError::Missing { option: "--output" })?,
            size: self.size,
        })
    }
}

impl Render {
    /// Renders and encodes: the scene's text in, the PNG's bytes out.
    ///
    /// # Errors
    ///
    /// [`SampleError`] if the scene is wrong or the tile is outside it.
    pub fn run(&self, scene: &str) -> Result<Vec<u8>, SampleError> {
        let scene = SampleScene::parse(scene)?;
        let (width, height) = self.size.unwrap_or((scene.width, scene.height));
        let tile = match self.tile_index {
            Some((index, side)) => {
                let outside = || SampleError::NoSuchTile { index, tiles: tile_count(width, height, side) };
                Some(super::tiles::tile(width, height, side, index).ok_or_else(outside)?)
            }
            None => self.tile,
        };
        Ok(encode_png(&render(&scene, self.frame, width, height, tile))?)
    }
}

/// Puts a frame together from its tiles: the scene's text in, the PNG's bytes out. `read` gets a tile's file name (below
/// the folder that [`Assemble::tiles`] names) and returns its bytes.
///
/// # Errors
///
/// [`SampleError`] naming the tile that is missing or of the wrong size.
pub fn assemble_files<E: std::fmt::Display>(
    command: &Assemble,
    scene: &str,
    mut read: impl FnMut(&str) -> Result<Vec<u8>, E>,
) -> Result<Vec<u8>, SampleError> {
    let scene = SampleScene::parse(scene)?;
    let (width, height) = command.size.unwrap_or((scene.width, scene.height));
    let mut image = Image::black(width, height);
    for (index, rect) in (0_u64..).zip(tiles(width, height, command.side)) {
        let name = tile_name(command.frame, index);
        let bytes = read(&name).map_err(|error| SampleError::Tile { name, reason: error.to_string() })?;
        let tile = decode_png(&bytes, rect.width, rect.height)?;
        // The size was checked while decoding and the place comes from the same table.
        let _fits = image.put(&tile, rect);
    }
    Ok(encode_png(&image)?)
}
