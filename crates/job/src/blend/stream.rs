use std::io::{self, BufReader, Read};

use flate2::bufread::MultiGzDecoder;

use super::{BlendError, BlendLimits, zstd::ZstdFrames};

/// Most bytes skipped or read in one go: what one step may allocate.
const STEP_BYTES: usize = 64 << 10;

/// A reader that counts, ends at its limit and remembers why it ended.
#[derive(Debug)]
pub(super) struct Metered<R> {
    source: R,
    /// Bytes already read to recognise the compression, still to be handed on.
    ahead: Vec<u8>,
    read_bytes: u64,
    limit_bytes: u64,
    /// Set when somebody wanted more than there was.
    ended: bool,
    stopped: Option<Stop>,
}

#[derive(Debug)]
enum Stop {
    Limit,
    Failed(String),
}

impl<R: Read> Read for Metered<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if !self.ahead.is_empty() {
            let count = buffer.len().min(self.ahead.len());
            buffer[..count].copy_from_slice(&self.ahead[..count]);
            self.ahead.drain(..count);
            return Ok(count);
        }
        let left = self.limit_bytes.saturating_sub(self.read_bytes);
        if left == 0 && !buffer.is_empty() {
            self.stopped = Some(Stop::Limit);
            return Err(io::Error::other("limit"));
        }
        let wanted = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        match self.source.read(&mut buffer[..wanted]) {
            Ok(count) => {
                let count = count.min(wanted);
                self.read_bytes += count as u64;
                self.ended |= count == 0 && wanted > 0;
                Ok(count)
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Err(error),
            Err(error) => {
                self.stopped = Some(Stop::Failed(error.to_string()));
                Err(error)
            }
        }
    }
}

/// A buffered, metered source: what the decoders read from.
pub(super) type Source<R> = BufReader<Metered<R>>;

#[derive(Debug)]
enum Layer<R: Read> {
    Plain(Source<R>),
    Gzip(Box<MultiGzDecoder<Source<R>>>),
    Zstd(Box<ZstdFrames<Source<R>>>),
}

/// The uncompressed content of a .blend, read forward only and within limits.
#[derive(Debug)]
pub(super) struct Content<R: Read> {
    layer: Layer<R>,
    limits: BlendLimits,
    offset: u64,
    /// Size of the content when it is known: that of an uncompressed file.
    size: Option<u64>,
}

impl<R: Read> Content<R> {
    /// Recognises the compression by its first bytes.
    pub(super) fn open(source: R, size_bytes: u64, limits: BlendLimits) -> Result<Self, BlendError> {
        let mut metered = Metered {
            source,
            ahead: Vec::new(),
            read_bytes: 0,
            limit_bytes: limits.disk_bytes,
            ended: false,
            stopped: None,
        };
        let start = metered.look_ahead(8)?;
        let source = BufReader::with_capacity(32 << 10, metered);
        let (layer, size) = match start.as_slice() {
            // A cut-off `BLENDER` is a damaged .blend, not something else.
            [b'B', rest @ ..] if b"LENDER".starts_with(&rest[..rest.len().min(6)]) => {
                (Layer::Plain(source), Some(size_bytes))
            }
            [0x1f, 0x8b, ..] => (Layer::Gzip(Box::new(MultiGzDecoder::new(source))), None),
            [0x28, 0xb5, 0x2f, 0xfd, ..] => (Layer::Zstd(Box::new(ZstdFrames::new(source, limits.window_bytes))), None),
            _ => return Err(BlendError::NotABlend { start: printable(&start) }),
        };
        Ok(Self { layer, limits, offset: 0, size })
    }

    /// Position in the uncompressed content, in bytes.
    pub(super) const fn offset(&self) -> u64 {
        self.offset
    }

    /// True if `len` more bytes cannot exist, as far as that is known.
    pub(super) fn ends_within(&self, len: u64) -> bool {
        self.size.is_some_and(|size| self.offset.checked_add(len).is_none_or(|end| end > size))
    }

    /// Reads up to `buffer.len()` bytes; fewer only at the end of the file.
    pub(super) fn read_some(&mut self, buffer: &mut [u8]) -> Result<usize, BlendError> {
        let mut filled = 0;
        while filled < buffer.len() {
            let left = self.limits.inflated_bytes.saturating_sub(self.offset);
            if left == 0 {
                return Err(BlendError::OverLimit {
                    limit: "its size when unpacked, in bytes,",
                    allowed: self.limits.inflated_bytes,
                });
            }
            let end = buffer.len().min(filled.saturating_add(usize::try_from(left).unwrap_or(usize::MAX)));
            let read = match &mut self.layer {
                Layer::Plain(source) => source.read(&mut buffer[filled..end]),
                Layer::Gzip(source) => source.read(&mut buffer[filled..end]),
                Layer::Zstd(source) => source.read(&mut buffer[filled..end]),
            };
            match read {
                Ok(0) => break,
                Ok(count) => {
                    filled += count;
                    self.offset += count as u64;
                    self.check_ratio()?;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(self.reason(&error)),
            }
        }
        Ok(filled)
    }

    /// Fills `buffer`.
    pub(super) fn read_exact(&mut self, buffer: &mut [u8]) -> Result<(), BlendError> {
        if self.read_some(buffer)? < buffer.len() {
            return Err(BlendError::Damaged { offset: self.offset, what: "the file ends too early" });
        }
        Ok(())
    }

    /// Reads `len` bytes, which the caller has checked against a limit of its own.
    pub(super) fn take(&mut self, len: u64) -> Result<Vec<u8>, BlendError> {
        let mut taken = Vec::new();
        while (taken.len() as u64) < len {
            let at = taken.len();
            let step = usize::try_from(len - at as u64).unwrap_or(STEP_BYTES).min(STEP_BYTES);
            taken.resize(at + step, 0);
            self.read_exact(&mut taken[at..])?;
        }
        Ok(taken)
    }

    /// Reads over `len` bytes.
    pub(super) fn skip(&mut self, len: u64) -> Result<(), BlendError> {
        let mut step = vec![0; STEP_BYTES.min(usize::try_from(len).unwrap_or(STEP_BYTES))];
        let mut left = len;
        while left > 0 {
            let count = step.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            self.read_exact(&mut step[..count])?;
            left -= count as u64;
        }
        Ok(())
    }

    fn meter(&self) -> &Metered<R> {
        match &self.layer {
            Layer::Plain(source) => source.get_ref(),
            Layer::Gzip(source) => source.get_ref().get_ref(),
            Layer::Zstd(source) => source.source().get_ref(),
        }
    }

    fn check_ratio(&self) -> Result<(), BlendError> {
        let counted = self.offset.saturating_sub(BlendLimits::RATIO_SLACK_BYTES);
        if counted > self.meter().read_bytes.saturating_mul(self.limits.ratio) {
            return Err(BlendError::OverLimit { limit: "its compression ratio", allowed: self.limits.ratio });
        }
        Ok(())
    }

    fn reason(&self, error: &io::Error) -> BlendError {
        if let Layer::Zstd(frames) = &self.layer
            && frames.window_refused()
        {
            return BlendError::OverLimit {
                limit: "the memory its compression asks for, in bytes,",
                allowed: self.limits.window_bytes,
            };
        }
        self.meter().reason(error, self.meter().read_bytes)
    }
}

impl<R: Read> Metered<R> {
    /// Reads the first `count` bytes without using them up; fewer only when there are no more.
    fn look_ahead(&mut self, count: usize) -> Result<Vec<u8>, BlendError> {
        let mut start = vec![0; count];
        let mut filled = 0;
        while filled < count {
            match self.read(&mut start[filled..]) {
                Ok(0) => break,
                Ok(more) => filled += more,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(self.reason(&error, filled as u64)),
            }
        }
        start.truncate(filled);
        self.ended = false;
        self.ahead.clone_from(&start);
        Ok(start)
    }
}

impl<R> Metered<R> {
    /// What an error that came out of this reader, or of a decoder above it, means.
    fn reason(&self, error: &io::Error, offset: u64) -> BlendError {
        match &self.stopped {
            Some(Stop::Limit) => {
                BlendError::OverLimit { limit: "the part of it to be read, in bytes,", allowed: self.limit_bytes }
            }
            Some(Stop::Failed(reason)) => BlendError::Read { reason: reason.clone() },
            None if self.ended || error.kind() == io::ErrorKind::UnexpectedEof => {
                BlendError::Damaged { offset, what: "the file ends too early" }
            }
            None => BlendError::Damaged { offset, what: "its compression is broken" },
        }
    }
}

/// Shows bytes for people: printable ASCII as it is, everything else as `\xNN`.
pub(super) fn printable(bytes: &[u8]) -> String {
    if bytes.is_empty() {
        return "nothing (the file is empty)".to_owned();
    }
    format!("'{}'", bytes.escape_ascii())
}
