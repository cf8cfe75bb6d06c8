use std::io::{self, Read};

use ruzstd::decoding::{
    BlockDecodingStrategy, FrameDecoder,
    errors::{FrameDecoderError, ReadFrameHeaderError},
};

/// Decodes a sequence of Zstandard frames, reading over skippable ones; one block (at most 128 KiB) at a time.
pub(super) struct ZstdFrames<S> {
    source: S,
    decoder: FrameDecoder,
    in_frame: bool,
    window_refused: bool,
}

impl<S> std::fmt::Debug for ZstdFrames<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ZstdFrames").field("in_frame", &self.in_frame).finish_non_exhaustive()
    }
}

impl<S: io::BufRead> ZstdFrames<S> {
    pub(super) fn new(source: S, window_bytes: u64) -> Self {
        let mut decoder = FrameDecoder::new();
        decoder.set_max_window_size(window_bytes);
        Self { source, decoder, in_frame: false, window_refused: false }
    }

    /// Opens the next frame with content; false at the end of the file.
    fn next_frame(&mut self) -> io::Result<bool> {
        while !self.source.fill_buf()?.is_empty() {
            match self.decoder.reset(&mut self.source) {
                Ok(()) => {
                    self.in_frame = true;
                    return Ok(true);
                }
                Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame { length, .. })) => {
                    let skipped = io::copy(&mut (&mut self.source).take(u64::from(length)), &mut io::sink())?;
                    if skipped < u64::from(length) {
                        return Err(io::ErrorKind::UnexpectedEof.into());
                    }
                }
                Err(error) => {
                    self.window_refused = matches!(error, FrameDecoderError::WindowSizeTooBig { .. });
                    return Err(io::Error::other(error));
                }
            }
        }
        Ok(false)
    }
}

impl<S> ZstdFrames<S> {
    pub(super) const fn source(&self) -> &S {
        &self.source
    }

    /// True once a frame asked for a larger window than allowed.
    pub(super) const fn window_refused(&self) -> bool {
        self.window_refused
    }
}

impl<S: io::BufRead> Read for ZstdFrames<S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        loop {
            if self.in_frame && self.decoder.can_collect() > 0 {
                return self.decoder.read(buffer);
            }
            if !self.in_frame || self.decoder.is_finished() {
                self.in_frame = false;
                if !self.next_frame()? {
                    return Ok(0);
                }
                continue;
            }
            self.decoder
                .decode_blocks(&mut self.source, BlockDecodingStrategy::UptoBlocks(1))
                .map_err(io::Error::other)?;
        }
    }
}
