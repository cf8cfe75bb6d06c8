use super::*;
use crate::recipe::Recipes;

fn read(recipe: &str, tasks: u32, lines: &[&str]) -> Vec<Option<Progress>> {
    let recipes = Recipes::builtin();
    let mut reader = LineReader::new(Arc::clone(&recipes.get(recipe).unwrap().lines), tasks);
    lines.iter().map(|line| reader.line(line.as_bytes())).collect()
}

fn percents(recipe: &str, tasks: u32, lines: &[&str]) -> Vec<Option<f32>> {
    read(recipe, tasks, lines).into_iter().map(|said| said.and_then(|said| said.percent)).collect()
}

#[test]
fn cycles_tells_samples_and_tiles() {
    let old = "Fra:1 Mem:15.55M (Peak 15.56M) | Time:00:00.15 | Remaining:00:01.20 | Mem:0.50M, Peak:0.50M | Scene, ViewLayer | Sample 16/64";
    let tiles = "Fra:1 Mem:9M (Peak 9M) | Time:00:00.20 | Mem:0.5M, Peak:0.5M | Scene, ViewLayer | Rendered 1/2 Tiles, Sample 32/64";
    let new = "Fra: 1 | Remaining: 00:00.20 | Mem: 14M | Sample 48/64 (Using optimized kernels)";
    assert_eq!(percents("blender", 1, &[old, tiles]), [Some(25.0), Some(75.0)]);
    assert_eq!(percents("blender", 1, &[new]), [Some(75.0)]);
}

#[test]
fn eevee_tells_samples() {
    assert_eq!(
        percents("blender", 1, &["Fra:3 Mem:1M (Peak 1M) | Time:00:01.00 | Rendering 16 / 64 samples"]),
        [Some(25.0)]
    );
}

#[test]
fn other_lines_of_blender_tell_what_it_does() {
    let said = read(
        "blender",
        1,
        &[
            "Fra:1 Mem:15.18M (Peak 15.20M) | Time:00:00.00 | Mem:0.00M, Peak:0.00M | Scene, ViewLayer | Synchronizing object | Cube",
        ],
    );
    let said = said[0].clone().unwrap();
    assert_eq!(said.status.as_deref().map(str::trim), Some("Synchronizing object | Cube"));
    assert_eq!(said.percent, None);
}

#[test]
fn each_saved_frame_ends_a_task_of_the_chunk() {
    let lines =
        ["Saved: '/out/frame_0001.png'", "Fra:2 Mem:1M | Sample 32/64", "Saved: '/out/it's 2.png'", "Blender quit"];
    let said = read("blender", 2, &lines);
    assert_eq!(said[0].as_ref().unwrap().saved.as_deref(), Some("/out/frame_0001.png"));
    assert_eq!(said[0].as_ref().unwrap().percent, Some(50.0));
    assert_eq!(said[1].as_ref().unwrap().percent, Some(75.0));
    assert_eq!(said[2].as_ref().unwrap().saved.as_deref(), Some("/out/it's 2.png"));
    assert_eq!(said[2].as_ref().unwrap().percent, Some(100.0));
    assert_eq!(said[3], None);
}

#[test]
fn failures_are_told_in_words_people_can_use() {
    for (recipe, line, words) in [
        ("blender", "Build without OpenImageDenoiser", "denoiser"),
        ("blender", "Error: Cannot read file '/x.blend': Permission denied", "could not open"),
        ("blender", "Error: No camera found in scene \"Scene\" (Operator)", "No camera found"),
        ("povray", "File '/s.pov' line 3: Parse Error: Missing { in box", "Missing { in box"),
        ("film", "in.mp4: Invalid data found when processing input", "Invalid data"),
        ("python", "ModuleNotFoundError: No module named 'x'", "No module named 'x'"),
    ] {
        let failure = read(recipe, 1, &[line])[0].clone().and_then(|said| said.failure);
        assert!(failure.as_ref().is_some_and(|failure| failure.contains(words)), "{line}: {failure:?}");
    }
}

#[test]
fn pov_ray_and_ffmpeg_tell_percents() {
    assert_eq!(percents("povray", 1, &["Rendered 51200 of 230400 pixels (22%)"]), [Some(22.0)]);
    let lines = [
        "  Duration: 00:01:40.00, start: 0.000000, bitrate: 100 kb/s",
        "frame=  120 fps=30 q=28.0 size=     256kB time=00:00:25.00 bitrate= 83.9kbits/s speed=1.2x",
    ];
    assert_eq!(percents("film", 1, &lines), [None, Some(25.0)]);
}

#[test]
fn progress_never_falls_within_a_run() {
    assert_eq!(
        percents(
            "povray",
            1,
            &["(1) Rendered 5 of 10 pixels (50%)", "Rendered 1 of 10 pixels (10%)", "Rendered 9 of 10 pixels (900%)"]
        ),
        [Some(50.0), None, Some(100.0)]
    );
}

#[test]
fn hostile_lines_are_cut_and_cleaned() {
    let mut long = b"Saved: '".to_vec();
    long.extend(vec![b'x'; 1 << 20]);
    let recipes = Recipes::builtin();
    let mut reader = LineReader::new(Arc::clone(&recipes.get("blender").unwrap().lines), 1);
    assert_eq!(reader.line(&long), None, "the end of the pattern lies beyond what is looked at");
    let said = reader.line(b"Saved: '/a\x1b[31m\xff.png'").unwrap();
    assert_eq!(said.saved.as_deref(), Some("/a[31m\u{fffd}.png"));
    assert_eq!(reader.line(b""), None);
}

#[test]
fn a_pattern_that_is_none_or_too_large_is_refused() {
    assert!(LineRule::new("(", None).is_err());
    assert!(LineRule::new(r"(\w{1000}){1000}", None).is_err());
}
