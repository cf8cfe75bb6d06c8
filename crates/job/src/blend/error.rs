/// Why a .blend could not be read; nothing else can go wrong, whatever the bytes.
#[derive(Debug, thiserror::Error)]
pub enum BlendError {
    /// The first bytes are no .blend and no compressed one.
    #[error("not a .blend: it starts with {start}")]
    NotABlend {
        /// The first bytes, printable ones as they are.
        start: String,
    },
    /// A header this reader does not know; Blender itself may still open it.
    #[error("made by a newer Blender than Gridwell knows (header '{header}')")]
    NewerThanKnown {
        /// The header's first bytes.
        header: String,
    },
    /// The bytes contradict the format.
    #[error("damaged at byte {offset}: {what}")]
    Damaged {
        /// Where, in bytes of the uncompressed content, or of the file when the compression itself is damaged.
        offset: u64,
        /// What is wrong there.
        what: &'static str,
    },
    /// Reading on would cost more than a file from anywhere may.
    #[error("refused: {limit} is over the limit of {allowed}")]
    OverLimit {
        /// Which limit, for people.
        limit: &'static str,
        /// Its value.
        allowed: u64,
    },
    /// The system failed to read, or whoever handed the reader in stopped it.
    #[error("reading stopped: {reason}")]
    Read {
        /// The system's words.
        reason: String,
    },
}

/// What reading a .blend may cost; files arrive from anywhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlendLimits {
    /// Bytes read from disk.
    pub disk_bytes: u64,
    /// Bytes after decompression.
    pub inflated_bytes: u64,
    /// Decompressed bytes per byte read, counted after the first [`BlendLimits::RATIO_SLACK_BYTES`].
    pub ratio: u64,
    /// Window a Zstandard frame may ask for, in bytes: what its decoder allocates.
    pub window_bytes: u64,
    /// Blocks visited.
    pub blocks: u64,
    /// Scenes kept.
    pub scenes: usize,
    /// Width and height of a thumbnail in pixels.
    pub thumbnail_side: u32,
    /// Bytes kept until the struct table says which of them matter; with more, a file is walked through twice.
    pub kept_bytes: u64,
    /// Bytes of one block that matters.
    pub block_bytes: u64,
    /// Bytes of the struct table.
    pub table_bytes: u64,
    /// Files referred to.
    pub references: usize,
}

impl BlendLimits {
    /// An empty thumbnail shrinks a thousandfold in an honest file; a bomb is recognised after this much.
    pub const RATIO_SLACK_BYTES: u64 = 1 << 20;

    /// For the card: scenes and thumbnail stand in the first kilobytes, so these are generous.
    pub const CARD: Self = Self {
        disk_bytes: 8 << 20,
        inflated_bytes: 16 << 20,
        ratio: 200,
        window_bytes: 8 << 20,
        blocks: 64,
        scenes: 256,
        thumbnail_side: 1_024,
        kept_bytes: 0,
        block_bytes: 0,
        table_bytes: 0,
        references: 0,
    };

    /// For file references, which need a walk through the whole file: larger scenes are submitted without them. The struct
    /// table has about 150 kB; the block of a strip has 264 bytes for each picture.
    pub const TRACE: Self = Self {
        disk_bytes: 1 << 30,
        inflated_bytes: 2 << 30,
        ratio: 200,
        window_bytes: 8 << 20,
        blocks: 4_000_000,
        scenes: 256,
        thumbnail_side: 1_024,
        kept_bytes: 32 << 20,
        block_bytes: 32 << 20,
        table_bytes: 4 << 20,
        references: 100_000,
    };
}
