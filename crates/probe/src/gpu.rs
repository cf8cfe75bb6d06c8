use std::{
    fs::{self, OpenOptions},
    path::Path,
};

use gridwell_model::Gpu;
use nvml_wrapper::Nvml;

use crate::bounded::{read, read_number};

/// Most cards told about; more are a fault of the source.
pub(crate) const MAX_GPUS: usize = 64;

/// Longest card name kept, in bytes.
const NAME_BYTES: usize = 128;

/// Every card that programs can compute on: NVIDIA through its driver's library, AMD and Intel through the kernel.
pub(crate) fn find_all() -> Vec<Gpu> {
    let mut found = nvidia();
    found.extend(drm(Path::new("/sys/class/drm"), Path::new("/dev/dri")));
    found.truncate(MAX_GPUS);
    found
}

/// Without an NVIDIA driver its library is not there, which means no cards.
fn nvidia() -> Vec<Gpu> {
    let Ok(library) = Nvml::init() else { return Vec::new() };
    let count = library.device_count().unwrap_or(0).min(MAX_GPUS as u32);
    let cards = (0..count).filter_map(|index| {
        let card = library.device_by_index(index).ok()?;
        let name = shorten(card.name().unwrap_or_else(|_| "NVIDIA".to_owned()));
        Some(Gpu {
            name,
            vendor: "nvidia".to_owned(),
            memory_bytes: card.memory_info().map_or(0, |memory| memory.total),
        })
    });
    cards.collect()
}

/// Cards below `class` (`/sys/class/drm`) whose render node in `nodes` (`/dev/dri`) this user may open.
///
/// Intel's processor graphics, which have no memory of their own, and virtual cards are left out: nothing computes there.
fn drm(class: &Path, nodes: &Path) -> Vec<Gpu> {
    let Ok(entries) = fs::read_dir(class) else { return Vec::new() };
    let mut names: Vec<String> = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.retain(|name| is_card(name));
    names.sort_by_key(|name| (name.len(), name.clone()));
    let cards = names.iter().take(MAX_GPUS).map(|name| class.join(name).join("device"));
    cards.filter(|device| may_render(device, nodes)).filter_map(|device| card(&device)).collect()
}

/// `card0` is a card; `card0-HDMI-A-1` is one of its sockets.
fn is_card(name: &str) -> bool {
    name.strip_prefix("card").is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit()))
}

fn may_render(device: &Path, nodes: &Path) -> bool {
    let Ok(entries) = fs::read_dir(device.join("drm")) else { return false };
    let mut render = entries.flatten().filter(|entry| entry.file_name().to_string_lossy().starts_with("renderD"));
    render.any(|entry| OpenOptions::new().read(true).write(true).open(nodes.join(entry.file_name())).is_ok())
}

fn card(device: &Path) -> Option<Gpu> {
    let (vendor, word) = match read(&device.join("vendor"))?.trim() {
        "0x1002" => ("amd", "AMD"),
        "0x8086" => ("intel", "Intel"),
        _ => return None,
    };
    let memory = ["mem_info_vram_total", "lmem_total_bytes"].iter().find_map(|file| read_number(&device.join(file)));
    let memory_bytes = memory.unwrap_or(0);
    if vendor == "intel" && memory_bytes == 0 {
        return None;
    }
    let product = read(&device.join("product_name")).map(|name| name.trim().to_owned()).filter(|name| !name.is_empty());
    let name = product.unwrap_or_else(|| {
        let id = read(&device.join("device")).unwrap_or_default();
        format!("{word} graphics {}", id.trim().trim_start_matches("0x")).trim_end().to_owned()
    });
    Some(Gpu { name: shorten(name), vendor: vendor.to_owned(), memory_bytes })
}

fn shorten(mut name: String) -> String {
    name.truncate(name.floor_char_boundary(NAME_BYTES));
    name
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    /// Lays out a card as the kernel does.
    fn lay(root: &Path, card: &str, render: &str, files: &[(&str, &str)]) {
        let device = root.join("class").join(card).join("device");
        fs::create_dir_all(device.join("drm").join(render)).unwrap();
        files.iter().for_each(|(name, text)| fs::write(device.join(name), text).unwrap());
    }

    fn found(root: &Path) -> Vec<(String, String, u64)> {
        let cards = drm(&root.join("class"), &root.join("dri"));
        cards.into_iter().map(|gpu| (gpu.name, gpu.vendor, gpu.memory_bytes)).collect()
    }

    fn with_nodes(nodes: &[&str]) -> (tempfile::TempDir, PathBuf) {
        let temp = tempfile::tempdir().unwrap();
        let root = temp.path().to_owned();
        fs::create_dir_all(root.join("dri")).unwrap();
        nodes.iter().for_each(|node| fs::write(root.join("dri").join(node), "").unwrap());
        (temp, root)
    }

    #[test]
    fn amd_and_discrete_intel_cards_are_found_and_others_are_not() {
        let (_temp, root) = with_nodes(&["renderD128", "renderD129", "renderD130", "renderD131"]);
        let amd = [("vendor", "0x1002\n"), ("device", "0x73bf\n"), ("mem_info_vram_total", "17163091968\n")];
        lay(&root, "card10", "renderD128", &amd);
        lay(
            &root,
            "card2",
            "renderD129",
            &[("vendor", "0x8086\n"), ("lmem_total_bytes", "8522825728\n"), ("product_name", "Arc A750\n")],
        );
        lay(&root, "card0", "renderD130", &[("vendor", "0x8086\n"), ("device", "0x9a49\n")]);
        lay(&root, "card1", "renderD131", &[("vendor", "0x1234\n")]);
        lay(&root, "card2-HDMI-A-1", "renderD129", &[("vendor", "0x1002\n")]);
        let expected = [("Arc A750", "intel", 8_522_825_728), ("AMD graphics 73bf", "amd", 17_163_091_968)];
        assert_eq!(found(&root), expected.map(|(name, vendor, bytes)| (name.to_owned(), vendor.to_owned(), bytes)));
    }

    #[test]
    fn a_card_whose_node_cannot_be_opened_does_not_count() {
        let (_temp, root) = with_nodes(&[]);
        lay(&root, "card0", "renderD128", &[("vendor", "0x1002\n"), ("mem_info_vram_total", "1\n")]);
        assert_eq!(found(&root), []);
    }

    #[test]
    fn nonsense_in_the_files_is_unknown_and_not_a_failure() {
        let (_temp, root) = with_nodes(&["renderD128"]);
        lay(
            &root,
            "card0",
            "renderD128",
            &[("vendor", "0x1002\n"), ("mem_info_vram_total", "lots"), ("product_name", "\n")],
        );
        assert_eq!(found(&root), [("AMD graphics".to_owned(), "amd".to_owned(), 0)]);
        assert_eq!(drm(Path::new("/no/such/folder"), Path::new("/dev/dri")), []);
    }
}
