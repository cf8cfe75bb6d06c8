//! What Blender itself says that a scene refers to. Source: `docs/decisions/0004-probe-starts-programs.md`.

use std::{io, path::Path, process::Command, time::Duration};

use crate::ask::{Output, answer};

/// Most of Blender's answer that is read: 100,000 long paths.
const ANSWER_BYTES: u64 = 16 << 20;

/// What stands before the answer; Blender and its add-ons write other lines too.
const MARK: &str = "gridwell-refers:";

/// Prints one line of JSON; nothing if the scene could not be opened, for Blender then goes on with an empty one.
const EXPRESSION: &str = "\
import bpy, json
if bpy.data.filepath:
    paths = bpy.utils.blend_paths(absolute=True, packed=False, local=False)
    print('gridwell-refers:' + json.dumps([path.encode('utf-8', 'replace').decode() for path in paths]))
";

/// Asks the program `blender` which outside files the scene at the absolute path `scene` and its libraries refer to.
///
/// Returns absolute paths as Blender has them, packed files left out; sequences and tiles are one path each. Scripts in
/// the scene do not run, and the person's own set-up is not loaded.
///
/// # Errors
///
/// What keeps Blender from starting; [`io::ErrorKind::TimedOut`] if it takes longer than `patience`;
/// [`io::ErrorKind::Interrupted`] once `wanted` says no; [`io::ErrorKind::InvalidData`] if it does not open the scene.
pub fn scene_refers(
    blender: &Path,
    scene: &Path,
    patience: Duration,
    wanted: &dyn Fn() -> bool,
) -> io::Result<Vec<String>> {
    let mut command = Command::new(blender);
    command.args(["--background", "--factory-startup", "--disable-autoexec"]).arg(scene);
    command.args(["--python-expr", EXPRESSION]).current_dir("/");
    let answer = answer(command, Output::Standard, patience, ANSWER_BYTES, wanted)?;
    paths(&answer).ok_or_else(|| io::ErrorKind::InvalidData.into())
}

fn paths(answer: &[u8]) -> Option<Vec<String>> {
    let lines = answer.split(|byte| *byte == b'\n');
    let told = lines.filter_map(|line| line.strip_prefix(MARK.as_bytes())).next_back()?;
    serde_json::from_slice(told).ok()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// Far longer than Blender takes to start on a busy machine.
    const PATIENCE: Duration = Duration::from_secs(120);

    #[test]
    fn an_answer_stands_among_other_lines() {
        let answer = b"Blender 3.4.1\ngridwell-refers:[\"/s/a.png\", \"/s/\\u00fc.png\"]\n\nBlender quit\n";
        assert_eq!(paths(answer).unwrap(), ["/s/a.png", "/s/\u{fc}.png"]);
        assert!(paths(b"Blender quit\n").is_none() && paths(b"gridwell-refers:[1").is_none());
    }

    #[test]
    #[cfg(unix)]
    fn an_answer_that_nobody_waits_for_is_not_waited_for() {
        let temp = tempfile::tempdir().unwrap();
        let program = temp.path().join("blender");
        fs::write(&program, "#!/bin/sh\nsleep 1000\n").unwrap();
        fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
        let given_up = scene_refers(&program, Path::new("/a.blend"), PATIENCE, &|| false).unwrap_err();
        assert_eq!(given_up.kind(), io::ErrorKind::Interrupted);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn blender_tells_what_a_scene_refers_to_and_runs_no_script_in_it() {
        let temp = tempfile::tempdir().unwrap();
        let (scene, trace) = (temp.path().join("a.blend"), temp.path().join("ran"));
        let made = Command::new("blender")
            .args(["-b", "--factory-startup", "--python-exit-code", "1", "--python-expr"])
            .arg(
                "import bpy, sys\n\
                 scene, trace = sys.argv[-2:]\n\
                 text = bpy.data.texts.new('run.py'); text.write(f\"open({trace!r}, 'w')\"); text.use_module = True\n\
                 image = bpy.data.images.new('a', 4, 4); image.source = 'FILE'; image.filepath = '//tex/a.png'\n\
                 image.use_fake_user = True\n\
                 bpy.ops.wm.save_as_mainfile(filepath=scene)",
            )
            .arg("--")
            .args([&scene, &trace])
            .output()
            .expect("Blender is installed: cargo xtask test does it");
        assert!(made.status.success(), "{made:?}");
        let told = scene_refers(Path::new("blender"), &scene, PATIENCE, &|| true).unwrap();
        assert_eq!(told, [temp.path().join("tex/a.png").to_str().unwrap()]);
        assert!(!trace.exists());

        fs::write(&scene, "garbage").unwrap();
        let refused = scene_refers(Path::new("blender"), &scene, PATIENCE, &|| true).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::InvalidData);
    }
}
