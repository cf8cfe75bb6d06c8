//! Where this machine hears packets that wake it.

use std::net::IpAddr;

use gridwell_model::WakePoint;

/// This machine's network devices that have an address of their own and one in a subnet; what cannot be found out is left out.
#[must_use]
pub fn wake_points() -> Vec<WakePoint> {
    let Ok(networks) = sysinfo::Networks::new_with_refreshed_list() else { return Vec::new() };
    let mut points: Vec<WakePoint> = networks
        .values()
        .flat_map(|device| device.ip_networks().iter().map(|network| (device.mac_address().0, network)))
        .filter_map(|(mac, network)| match network.addr {
            IpAddr::V4(address) if mac != [0; 6] && !address.is_loopback() => {
                Some(WakePoint { mac, address: address.octets(), prefix: network.prefix })
            }
            _ => None,
        })
        .collect();
    points.sort_by_key(|point| (point.address, point.mac));
    points.truncate(WakePoint::MAX);
    points
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_said_of_devices_that_reach_nobody() {
        for point in wake_points() {
            assert!(point.mac != [0; 6] && point.address[0] != 127, "{point:?}");
        }
    }
}
