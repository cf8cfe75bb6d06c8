//! Checks what Tauri needs at build time and writes the rights of the commands.

fn main() {
    println!("cargo:rerun-if-changed=../ui/dist");
    assert!(
        std::path::Path::new("../ui/dist/index.html").is_file(),
        "ui/dist is missing: build the window first with 'cargo xtask ui'"
    );
    let commands = tauri_build::AppManifest::new().commands(&[
        "ask",
        "listen",
        "unlisten",
        "start",
        "appearance",
        "ready",
        "open_results",
        "sample",
        "save_copy",
        "painted",
        "quit",
        "own_settings",
        "set_own_settings",
    ]);
    tauri_build::try_build(tauri_build::Attributes::new().app_manifest(commands)).expect("tauri.conf.json is valid");
}
