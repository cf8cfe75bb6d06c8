use serde::{Deserialize, Serialize};

/// Where a sleeping machine hears the packet that wakes it: one of its network devices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct WakePoint {
    /// Address of the device on its own wire.
    pub mac: [u8; 6],
    /// Its address in the subnet (IPv4).
    pub address: [u8; 4],
    /// How many leading bits of the address name the subnet; 32 at most.
    pub prefix: u8,
}

impl WakePoint {
    /// Most of one machine: wired, wireless, and some to spare.
    pub const MAX: usize = 8;
    /// Bytes of the packet.
    pub const PACKET_BYTES: usize = 102;
    /// The port to which it goes: devices look at the bytes, not at the port; 9 is where nobody answers.
    pub const PORT: u16 = 9;

    /// The address that everybody in the subnet hears.
    #[must_use]
    pub fn broadcast(&self) -> [u8; 4] {
        (self.bits() | !self.mask()).to_be_bytes()
    }

    /// True if both are devices in one subnet, so that one hears what the other sends to all.
    #[must_use]
    pub fn is_beside(&self, other: &Self) -> bool {
        self.prefix == other.prefix && self.bits() & self.mask() == other.bits() & self.mask()
    }

    /// The packet that wakes the device: six bytes of ones, then its address sixteen times.
    ///
    /// Source: AMD, "Magic Packet Technology", publication 20213.
    #[must_use]
    pub fn packet(&self) -> [u8; Self::PACKET_BYTES] {
        let mut packet = [0xFF; Self::PACKET_BYTES];
        packet[6..].chunks_exact_mut(6).for_each(|place| place.copy_from_slice(&self.mac));
        packet
    }

    fn bits(&self) -> u32 {
        u32::from_be_bytes(self.address)
    }

    fn mask(&self) -> u32 {
        u32::MAX.checked_shl(32 - u32::from(self.prefix.min(32))).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(address: [u8; 4], prefix: u8) -> WakePoint {
        WakePoint { mac: [1, 2, 3, 4, 5, 6], address, prefix }
    }

    #[test]
    fn a_packet_is_six_bytes_of_ones_and_the_address_sixteen_times() {
        let packet = point([10, 0, 0, 1], 24).packet();
        assert_eq!(packet[..6], [0xFF; 6]);
        assert_eq!(packet[6..], [1, 2, 3, 4, 5, 6].repeat(16));
    }

    #[test]
    fn a_subnet_is_what_the_prefix_says() {
        let here = point([10, 1, 2, 3], 24);
        assert_eq!(here.broadcast(), [10, 1, 2, 255]);
        assert!(here.is_beside(&point([10, 1, 2, 200], 24)));
        assert!(!here.is_beside(&point([10, 1, 3, 3], 24)));
        assert!(!here.is_beside(&point([10, 1, 2, 200], 16)));
        assert_eq!(point([10, 1, 2, 3], 0).broadcast(), [255; 4]);
        assert_eq!(point([10, 1, 2, 3], 255).broadcast(), [10, 1, 2, 3]);
    }
}
