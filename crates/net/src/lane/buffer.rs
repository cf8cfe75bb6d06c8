use std::ops::Range;

/// Bytes on their way, one behind the other: written at the back, taken from the front.
#[derive(Debug, Default)]
pub(super) struct Buffer {
    /// All of it is ready to be written to.
    room: Vec<u8>,
    held: Range<usize>,
}

impl Buffer {
    pub(super) fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    pub(super) fn held(&self) -> &[u8] {
        &self.room[self.held.clone()]
    }

    pub(super) fn held_mut(&mut self) -> &mut [u8] {
        &mut self.room[self.held.clone()]
    }

    /// Room for `bytes` bytes at least behind what is held.
    pub(super) fn room(&mut self, bytes: usize) -> &mut [u8] {
        if self.is_empty() {
            self.held = 0..0;
        } else if self.room.len() < self.held.end + bytes {
            self.room.copy_within(self.held.clone(), 0);
            self.held = 0..self.held.len();
        }
        let needed = self.held.end + bytes;
        if self.room.len() < needed {
            self.room.resize(needed, 0);
        }
        &mut self.room[self.held.end..]
    }

    /// The front of what [`Buffer::room`] gave was written to.
    pub(super) fn filled(&mut self, bytes: usize) {
        self.held.end = self.room.len().min(self.held.end + bytes);
    }

    /// Lets go of bytes at the front.
    pub(super) fn take(&mut self, bytes: usize) {
        self.held.start = self.held.end.min(self.held.start + bytes);
    }

    pub(super) fn extend(&mut self, bytes: &[u8]) {
        self.room(bytes.len())[..bytes.len()].copy_from_slice(bytes);
        self.filled(bytes.len());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_out_as_they_went_in_and_the_room_stays_small() {
        let (mut buffer, mut sent, mut came, mut most) = (Buffer::default(), 0_u8, 0_u8, 0);
        for step in 0..1_000_usize {
            for _ in 0..step % 23 {
                buffer.extend(&[sent]);
                sent = sent.wrapping_add(1);
            }
            most = most.max(buffer.held().len());
            let taken = buffer.held().len().min(step % 29);
            for byte in &buffer.held()[..taken] {
                assert_eq!(*byte, came);
                came = came.wrapping_add(1);
            }
            buffer.take(taken);
        }
        assert_eq!(buffer.room.len(), most, "it takes no more than was held at once");
    }
}
