use proptest::prelude::*;

use super::*;

fn scene(more: &str) -> SampleScene {
    SampleScene::parse(&format!("gridwell_sample = 1\n{more}")).unwrap()
}

/// A hash (FNV-1a) that pins pixels down.
fn hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

#[test]
fn the_table_of_tile_counts_holds() {
    for (width, height, side, count) in [(101, 67, 2, 1_734), (64, 64, 10, 49), (100, 100, 3, 1_156)] {
        assert_eq!(tile_count(width, height, side), count);
        assert_eq!(tiles(width, height, side).count() as u64, count);
    }
    assert_eq!(tile_count(10, 10, 0), 0);
    assert_eq!(tile_count(u32::MAX, u32::MAX, 1), u64::from(u32::MAX) * u64::from(u32::MAX));
}

proptest! {
    #[test]
    fn tiles_cover_every_pixel_exactly_once(width in 1_u32..70, height in 1_u32..70, side in 1_u32..80) {
        let mut covered = vec![0_u8; (width * height) as usize];
        for tile in tiles(width, height, side) {
            for y in tile.y..tile.y + tile.height {
                for x in tile.x..tile.x + tile.width {
                    covered[(y * width + x) as usize] += 1;
                }
            }
        }
        prop_assert!(covered.iter().all(|count| *count == 1));
    }

    #[test]
    fn any_text_is_a_scene_or_refused(text in "[a-z_= 0-9.\\[\\]\n\"-]{0,80}") {
        let _scene = SampleScene::parse(&text);
    }
}

#[test]
fn pixels_are_the_same_everywhere() {
    let image = render(&scene(""), 7, 48, 27, None);
    assert_eq!(image.rgb.len(), 48 * 27 * 3);
    assert_eq!(hash(&image.rgb), EXPECTED, "the picture of frame 7 changed");
}

/// Hash of frame 7 of the default scene at 48 × 27.
const EXPECTED: u64 = 6_187_110_021_277_074_133;

#[test]
fn tiles_put_together_are_the_whole_frame() {
    let text = "gridwell_sample = 1\nwidth = 41\nheight = 23\n";
    let options = ["--scene", "s", "--frame", "3", "--output", "o.png"];
    let run = |more: &[&str]| match parse_arguments(&[&["render"], options.as_slice(), more].concat()).unwrap() {
        SampleCommand::Render(render) => render.run(text).unwrap(),
        SampleCommand::Assemble(_) => unreachable!("asked for render"),
    };
    let whole = run(&[]);
    let count = tile_count(41, 23, 10);
    let parts: std::collections::BTreeMap<String, Vec<u8>> = (0..count)
        .map(|index| (tile_name(3, index), run(&["--side", "10", "--tile-index", &index.to_string()])))
        .collect();
    let command = [["assemble"].as_slice(), &options, &["--side", "10", "--tiles", "t"]].concat();
    let SampleCommand::Assemble(assemble) = parse_arguments(&command).unwrap() else {
        unreachable!("asked for assemble")
    };
    let read = |name: &str| parts.get(name).cloned().ok_or("missing");
    assert_eq!(assemble_files(&assemble, text, read).unwrap(), whole, "bit for bit");
    let error = assemble_files(&assemble, text, |_| Err::<Vec<u8>, _>("gone")).unwrap_err();
    assert_eq!(error.to_string(), "cannot read tile 'frame_0003_tile_00000.png': gone");
    let rect = run(&["--tile", "10,0,10,10"]);
    assert_eq!(rect, parts[&tile_name(3, 1)]);
}

#[test]
fn the_camera_moves_with_the_frame() {
    let scene = scene("samples = 1\nshadow_rays = 1");
    let frame = |frame| render(&scene, frame, 16, 9, None).rgb;
    assert_ne!(frame(1), frame(2));
    assert_ne!(frame(-3), frame(3));
    assert_eq!(frame(5), frame(5));
}

#[test]
fn sine_and_cosine_are_close_to_the_true_ones() {
    for step in -300..300 {
        let turns = f64::from(step) / 100.0;
        let (sin, cos) = math::sin_cos_turns(turns);
        let (true_sin, true_cos) = (turns * std::f64::consts::TAU).sin_cos();
        assert!((sin - true_sin).abs() < 1e-8 && (cos - true_cos).abs() < 1e-7, "{turns}: {sin} {cos}");
    }
}

#[test]
fn scenes_out_of_bounds_are_named() {
    for (text, words) in [
        ("", "missing field `gridwell_sample`"),
        ("gridwell_sample = 2", "gridwell_sample is 2"),
        ("gridwell_sample = 1\nwidht = 3", "line 2: unknown field `widht`"),
        ("gridwell_sample = 1\nsamples = 1000", "samples is 1000"),
        ("gridwell_sample = 1\nlight = [nan, 0.0, 0.0]", "light"),
        ("gridwell_sample = 1\nframes = \"9-1\"", "is empty"),
        (
            "gridwell_sample = 1\n[[spheres]]\ncenter = [0.0, 0.0, 0.0]\nradius = 0.0\ncolor = [1.0, 1.0, 1.0]",
            "radius is 0",
        ),
    ] {
        let error = SampleScene::parse(text).unwrap_err().to_string();
        assert!(error.contains(words) && !error.contains('\n'), "{error}");
    }
}

#[test]
fn arguments_that_make_no_command_are_named() {
    for (arguments, words) in [
        (vec![], "'gridwell sample ' is not known"),
        (vec!["draw"], "'gridwell sample draw'"),
        (vec!["render", "--scene", "s", "--frame", "1"], "needs --output"),
        (vec!["render", "--frame", "x"], "'x' is no value for --frame"),
        (vec!["render", "--scene"], "'' is no value for --scene"),
        (vec!["render", "--tile", "1,2,0,4"], "'1,2,0,4' is no value for --tile"),
        (vec!["render", "--colour", "1"], "unknown option '--colour'"),
        (vec!["render", "--scene", "s", "--frame", "1", "--output", "o", "--tile-index", "1"], "needs --side"),
    ] {
        let error = parse_arguments(&arguments).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }
}

#[test]
fn a_tile_of_the_wrong_size_or_kind_is_refused() {
    let png = encode_png(&Image::black(3, 2)).unwrap();
    assert_eq!(decode_png(&png, 3, 2).unwrap(), Image::black(3, 2));
    assert!(matches!(decode_png(&png, 2, 3), Err(ImageError::Unexpected { .. })));
    assert!(matches!(decode_png(b"no", 2, 3), Err(ImageError::Decode(_))));
    assert!(!Image::black(2, 2).put(&Image::black(2, 2), Rect { x: 1, y: 0, width: 2, height: 2 }));
}
